"""Planted bugs in what is told of the daemon: secrets that come out, forged lines, floods, and receivers that hold up."""

from tests.mutants.mutant import Mutant

COMMITS, MEASURES, TRACES, OTLP = (
    "reconciler/daemon/commits.py", "reconciler/daemon/measures.py", "reconciler/daemon/traces.py",
    "reconciler/daemon/otlp.py",
)  # fmt: skip
SEAM, LOG, REPEATS, MESSAGES, NOTIFY, POSTING, BESIDE, OBSERVED = (
    "reconciler/report/redact.py", "reconciler/report/cloud_logging.py", "reconciler/report/repeats.py",
    "reconciler/report/messages.py", "reconciler/daemon/notify.py", "reconciler/daemon/posting.py",
    "reconciler/daemon/beside.py", "reconciler/gcp/observed.py",
)  # fmt: skip
COUNTED, TRACED = ("tests/daemon/test_measures.py",), ("tests/daemon/test_traces.py",)
KEPT_IN, TOLD, SENT, HEARD = (
    ("tests/report/test_redact.py",), ("tests/daemon/test_the_log.py",), ("tests/daemon/test_messages.py",),
    ("tests/gcp/test_observed.py",),
)  # fmt: skip

MUTANTS = (
    Mutant(SEAM, "            text = self._known.sub(HIDDEN, text)", "            pass", "a known secret comes out in an error", KEPT_IN),
    Mutant(SEAM, 'text = _URL.sub(rf"\\1{HIDDEN}@", text)', "pass", "the password in a URL is logged", KEPT_IN),
    Mutant(SEAM, "cut(self.hidden(text), SHOWN)", "self.hidden(cut(text, SHOWN))", "a cut leaves half a secret, which nobody knows any more", KEPT_IN),
    Mutant(SEAM, "return plain(cut(", "return (cut(", "hostile text forges a line of the text log", KEPT_IN),
    Mutant(LOG, "if len(line) > LONGEST:", "if False:", "an entry is larger than Cloud Logging takes, and is lost", KEPT_IN),
    Mutant(REPEATS, "if now - known.told < self._again:", "if False:", "what fails each minute is told each minute", TOLD),
    Mutant(MESSAGES, '.replace("<", "&lt;")', "", "a tenant's name calls the whole channel", SENT),
    Mutant(MESSAGES, '.replace("`", "ˋ")', "", "a tenant's text ends the code it stands in", SENT),
    Mutant(NOTIFY, "if len(self._waiting) >= MOST_WAITING:", "if False:", "messages for a dead receiver pile up without end", SENT),
    Mutant(NOTIFY, "if not sent.again or attempt == TRIES or", "if attempt == TRIES or", "a message that is refused is sent again and again", SENT),
    Mutant(NOTIFY, "                if (known := ", "                if False and (known := ", "an event is told twice", SENT),
    Mutant(POSTING, ".build_opener(_Stay())", ".build_opener()", "a redirect takes a message to another host", SENT),
    Mutant(POSTING, 'parts.scheme == "https" or', 'parts.scheme != "x" or', "messages go in the clear", SENT),
    Mutant(BESIDE, "            except Exception as error:\n                _LOG", "            except KeyError as error:\n                _LOG", "who cannot write a log ends the loop", TOLD),
    Mutant(OBSERVED, "        again = isinstance(answer, Failed)", "        again = False and isinstance(answer, Failed)", "an operation that is asked after again counts as over", HEARD),
    Mutant(COMMITS, "        if self._first is None:\n            self._first = cycle.commit\n        elif cycle", "        if cycle", "a daemon that starts on an old commit says that it took weeks", COUNTED),
    Mutant(COMMITS, "applied.exit_code == 0 and ", "", "a commit that failed at some tenants counts as live", COUNTED),
    Mutant(MEASURES, "ordered[:NAMED]", "ordered", "50,000 sick tenants make 50,000 series", COUNTED),
    Mutant(MEASURES, 'self._first_drift.get(str(change.address), (now, ""))[0]', "now", "drift never grows old, and nobody is woken", COUNTED),
    Mutant(MEASURES, 'self._breakers.labels(shard or "fleet").set(0)', 'self._breakers.labels(shard or "fleet").set(1)', "a breaker that closed is told as open for ever", COUNTED),
    Mutant(MEASURES, "            self._failures.set(0)", "            pass", "one bad night keeps the alert on", COUNTED),
    Mutant(TRACES, "if cycle.reads > MOST_READS:", "if False:", "a look at a thousand projects makes twenty thousand spans", TRACED),
    Mutant(TRACES, "        elif cycle.loud:", "        elif True:", "a cycle with nothing to do fills the trace of its commit", TRACED),
    Mutant(TRACES, "if address and polls and address in cycle.writes:", "if False:", "polls hang beside their operation", TRACED),
    Mutant(OTLP, "            told.line(span.name), context", "            span.name, context", "a secret in a span's name goes to the collector", TRACED),
)  # fmt: skip
