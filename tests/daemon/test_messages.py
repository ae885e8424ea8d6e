"""Messages to people and programs: what they say, that each comes once, and that no receiver holds up the loop."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.assemble import seam, settings
from reconciler.assemble.observing import notifier
from reconciler.daemon import notify, posting
from reconciler.daemon.beside import Company, Several
from reconciler.daemon.notices import Scene
from reconciler.daemon.notify import BURST, KINDS, MOST_WAITING, TRIES, WINDOW, Courier, Notifier, Target
from reconciler.daemon.posting import Sent, checked, post
from reconciler.daemon.serve import Watch, once
from reconciler.daemon.telling import Telling
from reconciler.daemon.waking import Bell
from reconciler.model.errors import Failure, InputError, Next, UsageError
from reconciler.model.notice import Grade, Notice
from reconciler.report.messages import MOST_TEXT, cloud_event, identity, slack
from reconciler.report.redact import Seam
from tests.cycle.small_world import SmallWorld, SteadyClock
from tests.daemon.receiver import receiver
from tests.daemon.test_the_log import NOTHING
from tests.doubles import Script

AT = datetime(2026, 11, 27, 9, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(b"a key of thirty-two bytes......!").decode()
PLAIN = Seam()
FAILED = Notice(
    "apply.failed", Grade.ERROR, AT, "12 changes of 12 targets failed", why="quota", fix="aipress why tenant/acme",
    who="aipress serve on h", subject="tenant/acme", cause="quota", trace="a" * 32, span="b" * 16,
    more={"plan": "sha256:1"}, labels={"fleet": "f", "shard": ""},
)  # fmt: skip


class Posts:
    """A `post` in memory: answers in turn (the last for ever), and remembers."""

    def __init__(self, *answers: Sent) -> None:
        self.answers, self.came = list(answers) or [Sent(200)], list[tuple[str, Mapping[str, str], bytes]]()

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Sent:
        self.came.append((url, headers, body))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    @property
    def whats(self) -> list[str]:
        return [json.loads(body)["data"]["what"] for _, _, body in self.came]


class Sending:
    """A notifier with one courier whose pauses take no time."""

    def __init__(self, post: posting.Post, form: str = "cloudevents", url: str = "https://x.example/") -> None:
        self.clock = SteadyClock(AT)
        self.pauses: list[float] = []
        self.ends: list[str] = []
        self.courier = Courier(Target("notify_webhook", url, form, SECRET), "f", PLAIN, self.clock, post)
        self.courier.rest = self._rest
        self.courier.counted = lambda _name, how: self.ends.append(how)
        self.notifier = Notifier([self.courier])

    def _rest(self, seconds: float) -> bool:
        self.pauses.append(seconds)
        return False

    @contextmanager
    def working(self) -> Iterator[Notifier]:
        """Everything that was taken is sent when this ends."""
        with self.notifier.opened(Bell()):
            yield self.notifier


# --- what they say ----------------------------------------------------------------------------------------------------


def test_a_cloud_event_is_one_by_the_specification() -> None:
    row = cloud_event(FAILED, "f", PLAIN)
    assert {"id", "source", "specversion", "type"} <= row.keys() and row["specversion"] == "1.0"
    assert row["type"] == "dev.aipress.apply.failed.v1" and row["source"] == "//aipress/fleets/f"
    assert all(name.isalnum() and name.islower() for name in row), "attribute names: a-z and 0-9 alone"
    assert (row["subject"], row["time"]) == ("tenant/acme", "2026-11-27T09:00:00.000Z")
    assert row["traceparent"] == f"00-{'a' * 32}-{'b' * 16}-01"
    data = row["data"]
    assert (data["who"], data["why"], data["fix"], data["severity"]) == (
        "aipress serve on h", "quota", "aipress why tenant/acme", "ERROR",
    )  # fmt: skip


def test_the_same_event_has_the_same_id_on_every_host_and_another_one_another() -> None:
    live = replace(FAILED, kind="commit.converged", once="c" * 40)
    assert identity(live, "f") == identity(replace(live, at=AT + timedelta(days=1), who="another"), "f")
    others = [replace(live, once="d"), replace(live, kind="x"), replace(live, subject="fleet"), FAILED]
    assert len({identity(one, "f") for one in [live, *others]} | {identity(live, "g")}) == 6


@pytest.mark.parametrize(
    "hostile",
    [
        "<!channel> <@U1> <https://evil.example|click>",
        "`*bold*` _i_ ~s~ ```block```",
        "a\n*Fix:* run evil",
        "&lt;!here&gt;",
        "@channel \u202e\x1b[",
    ],
)
def test_tenant_text_in_slack_is_neither_mention_nor_link_nor_format(hostile: str) -> None:
    notice = replace(FAILED, what=hostile, why=hostile, subject=hostile, examples=(hostile,), count=3)
    told = slack(notice, hostile, PLAIN)
    text = told["text"]
    assert "<" not in text and ">" not in text
    assert text.count("`") % 2 == 0 and "```" not in text
    outside = "".join(text.split("`")[::2])
    assert not [w for w in ("channel", "here", "evil", "bold", "U1") if w in outside], "all of it stands in code"
    assert [line[:6] for line in text.split("\n")[1:]] == ["*What:", "*Why:*", "*Fix:*", "*Who:*", "*Of th"]
    assert (told["unfurl_links"], told["link_names"]) == (False, False)


def test_a_slack_message_is_no_longer_than_a_block_and_no_escape_is_cut() -> None:
    text = slack(replace(FAILED, what="<" * 9999, why="&" * 9999, fix="`" * 999), "f", PLAIN)["text"]
    assert len(text) <= MOST_TEXT and text.count("`") % 2 == 0
    assert not text.replace("&lt;", "").replace("&gt;", "").replace("&amp;", "").count("&")


# --- once, and not too many -------------------------------------------------------------------------------------------


def test_each_event_is_sent_once_and_each_trouble_once_an_hour_with_its_count() -> None:
    posts = Posts()
    sending = Sending(posts)
    with sending.working() as notifier:
        for minute in range(61):
            notifier.take(replace(FAILED, at=AT + timedelta(minutes=minute), what=f"at {minute}"))
            notifier.take(replace(FAILED, kind="commit.converged", once="c", at=AT + timedelta(minutes=minute)))
            notifier.take(replace(FAILED, kind="cycle.finished"))
    assert sorted(posts.whats) == ["12 changes of 12 targets failed", "at 0", "at 60 (and 59 more times since 09:00Z)"]


def test_beyond_the_limit_the_rest_is_one_message_and_the_queue_is_bounded() -> None:
    posts, gate = Posts(), threading.Event()

    def slow(url: str, headers: Mapping[str, str], body: bytes) -> Sent:
        gate.wait(20)
        return posts(url, headers, body)

    sending = Sending(slow)
    with sending.working() as notifier:
        for n in range(MOST_WAITING * 3):
            notifier.take(replace(FAILED, subject=f"tenant/t{n}", what=f"n{n}"))
        gate.set()
    assert len(posts.came) <= BURST
    told = " ".join(posts.whats)
    assert "more messages, too many to send one by one" in told and "× apply.failed" in told
    counted = sum(json.loads(body)["data"]["count"] for _, _, body in posts.came)
    assert counted == MOST_WAITING * 3, "every one of them is counted somewhere"


def test_when_the_time_is_over_messages_go_one_by_one_again() -> None:
    posts = Posts()
    sending = Sending(posts)
    for n in range(BURST):
        sending.courier.put(replace(FAILED, subject=f"tenant/t{n}"))
    sending.clock.at += WINDOW
    with sending.working():
        pass
    assert len(posts.came) == BURST


def test_five_thousand_tenants_that_fail_are_one_message(small: SmallWorld) -> None:
    posts = Posts()
    sending = Sending(posts)
    failure = Failure(Next.PERSON, "the image of acme-bakery is not there", 400)
    small.cloud.script(Script("begin", kind="run.service", failure=failure, times=10**6))
    telling = Telling(Scene("demo", "serve"), NOTHING, small.clock, [sending.notifier.take])
    beside = Company(None, Several([sending.notifier, telling]), lambda _text: None)
    watch = Watch(None, 60, beside.before(lambda _event: None), beside.then(lambda _told: None), beside=beside)
    reported = once(small.world(), watch)
    assert reported.applied is not None
    failed = [json.loads(b)["data"] for _, _, b in posts.came if b"apply.failed" in b]
    assert len(failed) == 1 and failed[0]["count"] > 1
    assert failed[0]["fix"].startswith("aipress why")


# --- receivers --------------------------------------------------------------------------------------------------------


def test_a_delivery_is_signed_as_standard_webhooks_say_and_arrives_whole() -> None:
    with receiver() as there:
        sending = Sending(post, url=there.url + "/hook")
        with sending.working() as notifier:
            notifier.take(FAILED)
    [came] = there.came
    assert came.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert came.headers["webhook-id"] == json.loads(came.body)["id"]
    signed = f"{came.headers['webhook-id']}.{came.headers['webhook-timestamp']}.".encode() + came.body
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    mac = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert came.headers["webhook-signature"] == f"v1,{mac}"
    assert sending.ends == ["sent"]


def test_a_receiver_that_fails_is_asked_again_with_growing_pauses_and_as_long_as_it_asks_for() -> None:
    with receiver(500, 0, (429, {"retry-after": "77"}), 503, 200) as there:
        sending = Sending(post, url=there.url)
        with sending.working() as notifier:
            notifier.take(FAILED)
    assert len(there.came) == 5 and len({came.body for came in there.came}) == 1
    assert sending.pauses == [2.0, 4.0, 77.0, 16.0] and sending.ends == ["sent"]


def test_one_that_never_takes_it_is_given_up_and_the_next_message_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    posts = Posts(*[Sent(0, "no answer")] * TRIES, Sent(400, "it answers 400"), Sent(200))
    sending = Sending(posts, url="https://hooks.example/very-secret-path")
    with sending.working() as notifier:
        for n in range(3):
            notifier.take(replace(FAILED, subject=f"tenant/{n}"))
    assert len(posts.came) == TRIES + 2, "a 400 is not tried again"
    assert sending.ends == ["failed", "failed", "sent"]
    assert "notify_webhook" in caplog.text and "very-secret-path" not in caplog.text


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_never_followed(status: int) -> None:
    with receiver() as elsewhere, receiver((status, {"location": elsewhere.url})) as there:
        sent = post(there.url, {}, b"{}")
    assert (sent.status, sent.again) == (status, False) and "redirect" in sent.why
    assert elsewhere.came == [] and len(there.came) == 1


def test_a_receiver_that_hangs_holds_up_neither_the_loop_nor_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify, "FAREWELL", 0.05)
    with receiver(-1) as there:
        sending = Sending(post, url=there.url)
        with sending.working() as notifier:
            for n in range(MOST_WAITING + 50):
                notifier.take(replace(FAILED, subject=f"tenant/{n}"))
            assert len(sending.courier._waiting) <= MOST_WAITING
        assert sending.courier._thread.is_alive(), "it still waits, and nobody waits for it"


def test_a_silent_receiver_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "PATIENCE", 0.05)
    with receiver(-1) as there:
        sent = post(there.url, {}, b"{}")
    assert (sent.status, sent.why, sent.again) == (0, "no answer in time", True)


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/x",
        "ftp://x",
        "file:///etc/passwd",
        "https://",
        "https://[::1",
        "https://a b",
        "javascript:1",
        "http://127.0.0.1.evil.example/",
        "https://x:99999/",
    ],
)
def test_messages_go_over_https_or_stay_on_this_host(url: str) -> None:
    with pytest.raises(UsageError) as refused:
        checked(url, "notify_slack")
    assert url not in str(refused.value) or len(url) < 9
    assert (
        checked("https://hooks.example/a?b=c", "x")
        and checked("http://127.0.0.1:9/", "x")
        and checked("http://[::1]:9/", "x")
    )


def test_the_settings_say_where_the_secret_url_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "aipress.toml").write_text('notify_slack = "env:SLACK_AT"\nnotify_webhook = "file:hook"\n')
    (tmp_path / "hook").write_text("https://hooks.example/a\nhttps://hooks.example/b\n")
    monkeypatch.setenv("SLACK_AT", "https://hooks.slack.com/services/T/B/abcdefgh")
    chosen = settings({"directory": tmp_path})
    made = notifier(chosen, "f", PLAIN)
    assert made is not None
    assert [(c.target.name, c.target.form) for c in made.couriers] == [
        ("notify_webhook", "cloudevents"), ("notify_webhook", "cloudevents"), ("notify_slack", "slack"),
    ]  # fmt: skip
    assert "abcdefgh" not in seam(chosen).line("https://hooks.slack.com/services/T/B/abcdefgh")
    monkeypatch.delenv("SLACK_AT")
    with pytest.raises(InputError, match="notify_slack"):
        notifier(chosen, "f", PLAIN)


def test_nothing_is_sent_where_nothing_is_set(tmp_path: Path) -> None:
    assert notifier(settings({"directory": tmp_path}), "f", PLAIN) is None


def test_what_is_worth_a_message() -> None:
    assert {"apply.failed", "guard.refused", "drift.found", "drift.undone", "waves.paused", "waves.aborted",
            "tenant.quarantined", "commit.converged", "stop.thrown", "daemon.took_over"} <= KINDS  # fmt: skip


@pytest.fixture
def small(tmp_path: Path) -> SmallWorld:
    return SmallWorld(tmp_path)
