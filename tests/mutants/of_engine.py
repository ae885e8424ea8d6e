"""Planted bugs in drivers, the door of effects, the journal, the lease and the stop switch of one host."""

from tests.mutants.mutant import Mutant

EFFECTS, JOURNAL, LEASE = (f"reconciler/engine/{name}.py" for name in ("effects", "journal", "lease"))
SWITCH, EARLIER = (f"reconciler/engine/{name}.py" for name in ("switch", "earlier"))
WALKING, ATTENDING = (f"reconciler/engine/durable/{name}.py" for name in ("walking", "attending"))
DOOR = ("tests/engine/test_effects.py",)
HOST = ("tests/engine/test_host_things.py",)


def port(test: str) -> tuple[str, ...]:
    return (f"tests/engine/test_the_engine_port.py::test_{test}",)


MUTANTS = (
    Mutant(
        EFFECTS, "return self._objection(change, request, plan) or self._begun(change, request.call, plan)",
        "return self._begun(change, request.call, plan)", "no gate is asked before a write", DOOR,
    ),
    Mutant(
        EFFECTS, "        why = self.switch.stopped()\n        return Halt(why) if why else None",
        "        return None", "the stop switch is looked at between changes only, not before each write", DOOR,
    ),
    Mutant(
        EFFECTS, "            self.journal.record(Intent(request.intent, plan, change.to_json(), self.clock.now()))\n", "",
        "intents are not written down", port("each_intent_is_on_record_before_its_effect"),
    ),
    Mutant(
        ATTENDING, "INTERRUPTED if interrupts.count else site.effects.stopped()",
        "INTERRUPTED if interrupts.count else \"\"", "a thrown stop switch does not end the walk", port("the_stop_switch_is_honoured_before_each_effect"),
    ),
    Mutant(
        WALKING, "            return Broken(bug(error))", "            return Broken(\"\")", "an error of ours while a request is carried out is told without its words",
        port("an_exception_in_one_change_is_that_changes_failure"),
    ),
    Mutant(
        ATTENDING, "        except Exception as error:  # kept and raised at the end: the other shards go on\n"
        "            self.errors.append(error)\n", "        except Exception:\n",
        "a version that could not be published is not told of", port("a_version_that_cannot_be_published_does_not_keep_other_shards_from_being_applied"),
    ),
    Mutant(
        EARLIER, "return f\"an earlier run was cut off here at {intents[-1].at:%Y-%m-%d %H:%M:%S} UTC\" if intents else \"\"",
        "return \"\"", "nobody hears that an earlier run was cut off here", port("a_second_interrupt_leaves_and_a_re_run_finds_what_went_on"),
    ),
    Mutant(
        EARLIER, "if end not in _OPEN and (end is not None or looked_at):", "if False:",
        "intents of a run that was cut off stay open for ever", port("a_second_interrupt_leaves_and_a_re_run_finds_what_went_on"),
    ),
    Mutant(
        SWITCH, "            return f\"the stop switch {self._file} cannot be read ({error.strerror}), which counts as thrown\"",
        "            return \"\"", "a stop switch that cannot be read counts as go", HOST,
    ),
    Mutant(
        SWITCH, "        reason = \" \".join(text.split()) or \"no reason given\"\n", "        reason = \" \".join(text.split())\n        if not reason:\n            return \"\"\n",
        "a STOP file without a reason stops nothing", HOST,
    ),
    Mutant(
        JOURNAL, "            self._append({\"record\": _to_json(intent)}, sync=True)\n            intents[intent.id] = intent",
        "            intents[intent.id] = intent", "intents are kept in memory only", HOST,
    ),
    Mutant(
        JOURNAL, "            self._open = None  # a line may be torn: read what is there before writing again\n"
        "            raise self._unwritable(error) from error", "            return",
        "an intent that cannot be written does not stop the effect", HOST,
    ),
    Mutant(
        JOURNAL, "                self._append({\"close\": intent_id}, sync=False)\n", "",
        "a closed intent is open again after a restart", HOST,
    ),
    Mutant(
        JOURNAL, "            if sync:\n                os.fsync(self._handle)\n", "",
        "an intent may be lost with the power", HOST,
    ),
    Mutant(JOURNAL, "            break  # torn: a crash while it was written", "            raise ValueError(\"torn\")",
        "a torn last line damages the whole journal", HOST,
    ),
    Mutant(LEASE, "fcntl.LOCK_EX | fcntl.LOCK_NB", "fcntl.LOCK_SH | fcntl.LOCK_NB", "two applies at once on one host", HOST),
)  # fmt: skip
