"""The door of `serve --listen`: what comes in, what is told, and that nobody holds a place for nothing."""

import logging
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.actions.apply import Applied
from reconciler.actions.plan import PlanRequest, make
from reconciler.daemon import door as door_module
from reconciler.daemon import listening
from reconciler.daemon.desk import Desk
from reconciler.daemon.door import MOST_BODY
from reconciler.daemon.front import Listen
from reconciler.daemon.health import FETCHED, RESTING, WORKING
from reconciler.daemon.inbox import FILE
from reconciler.daemon.listening import place
from reconciler.daemon.serve import Reported
from reconciler.forge.signatures import Delivery, Provider
from reconciler.model.errors import AipressError, ForbiddenError, HistoryUnreachableError, RefusedError, UsageError
from reconciler.model.ids import Scope
from reconciler.model.outcome import Outcome
from tests.cycle.small_world import SmallWorld
from tests.daemon.doors import KEYS, LOOPBACK, Opened, front_door
from tests.forge.signing import AT, SECRET, bitbucket, delivery, git, git_push, github, github_push, gitlab, hexed

TENANT = github_push()
FLEET = github_push("Agency/Fleet")
DELIVERIES = "aipress_webhook_deliveries_total"


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Opened]:
    with front_door(tmp_path) as opened:
        yield opened


# --- webhooks -------------------------------------------------------------------------------------------------------


def test_a_push_of_a_tenants_repository_waits_to_be_looked_after(door: Opened) -> None:
    told = door.post(github(TENANT))
    assert (told.status, told.text) == (202, "accepted\n")
    [waiting] = door.waiting()
    assert (waiting.hint.repository, waiting.hint.ref) == ("agency-north/acme-bakery", "refs/heads/main")
    assert not door.bell.answered()
    assert "[+]inbox ok: 1 waiting" in door.ask("GET", "/readyz?verbose").text
    assert door.metric('workqueue_depth{name="webhooks"}') == 1


def test_a_push_of_the_fleet_rings_and_a_pull_request_of_it_waits(door: Opened) -> None:
    assert door.post(github(FLEET)).status == 202
    assert door.bell.answered() and door.waiting() == ()
    asked = {**FLEET, "number": 3, "pull_request": {"head": {"sha": "a" * 40}}}
    assert door.post(github(asked, "pull_request", identity="d-2")).status == 202
    assert not door.bell.answered()
    assert [w.hint.ref for w in door.waiting()] == ["refs/pull/3/head"]


def test_every_provider_is_heard(door: Opened) -> None:
    project = {"id": 1, "path_with_namespace": "a/b"}
    said = [
        github(TENANT),
        gitlab({"object_kind": "push", "project": project, "ref": "refs/heads/x"}),
        git(git_push("shop")),
        bitbucket({"repository": {"full_name": "c/d"}, "push": {"changes": [{"new": {"type": "tag", "name": "v"}}]}}),
    ]  # fmt: skip
    assert [door.post(one).text for one in said] == ["accepted\n"] * 4
    assert {w.hint.provider for w in door.waiting()} == set(Provider)


def test_the_same_delivery_counts_once(door: Opened) -> None:
    assert door.post(github(FLEET)).text == "accepted\n"
    assert door.bell.answered()
    for again in (github(FLEET), github(FLEET, identity="another id, which nobody signed")):
        told = door.post(again)
        assert (told.status, told.text) == (202, "duplicate\n")
        assert not door.bell.answered(), "a replay sets nothing off"
    assert door.metric(DELIVERIES + '{event="push",outcome="duplicate",provider="github"}') == 2


def test_what_is_not_about_us_is_thanked_for(door: Opened) -> None:
    told = door.post(github({"zen": "Design for failure."}, "ping"))
    assert (told.status, told.text) == (202, "ignored\n")
    assert door.metric(DELIVERIES + '{event="other",outcome="ignored",provider="github"}') == 1


def test_every_refusal_is_the_same_answer(door: Opened) -> None:
    good = github(TENANT)
    forged: list[Delivery] = [
        replace(good, headers=[]), replace(good, body=good.body + b" "), github(TENANT, secret="x" * 32),
        delivery(Provider.GITHUB, [("x-hub-signature-256", "sha256=nonsense")], b"{"),
        github(b"not json", secret="y" * 32),
        delivery(Provider.GITHUB, [("x-hub-signature", hexed(good.body))], good.body), gitlab(TENANT, at=str(AT - 301)),
        delivery(Provider.GITLAB, [("x-gitlab-token", "a-static-token-of-gitlab")], good.body),
        bitbucket(TENANT, secret="z" * 32), git(git_push(), secret="w" * 32),
    ]  # fmt: skip
    told = [door.post(one) for one in forged]
    for one in told:
        one.headers.pop("date")  # type: ignore[attr-defined]
    assert all(one == told[0] for one in told)
    assert (told[0].status, told[0].text, told[0].headers["connection"]) == (401, "not authenticated\n", "close")
    assert door.waiting() == () and not door.bell.answered()
    assert door.metric(DELIVERIES + '{event="",outcome="bad_signature",provider="github"}') == 6


def test_a_full_inbox_says_come_again_and_takes_it_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from reconciler.daemon import front as front_module

    monkeypatch.setattr(front_module, "Inbox", lambda folder: door_inbox(folder, 1))
    with front_door(tmp_path) as door:
        assert door.post(github(TENANT)).status == 202
        other = github(github_push(ref="refs/heads/develop"), identity="d-2")
        told = door.post(other)
        assert (told.status, told.headers["retry-after"]) == (503, "30")
        assert door.post(github(FLEET, identity="d-3")).status == 202, "the fleet's own pushes need no room"
        assert door.post(other).status == 503, "it was not kept, so it is no duplicate"


def door_inbox(folder: Path, most: int):
    from reconciler.daemon.inbox import Inbox

    return Inbox(folder, most)


def test_an_inbox_that_cannot_be_written_is_told_and_the_fleet_is_looked_at_all_the_same(door: Opened) -> None:
    with sqlite3.connect(door.state / FILE) as at:
        at.execute("DROP TABLE hints")
        at.execute("DROP TABLE marks")
    assert door.post(github(FLEET)).status == 503
    assert door.bell.answered()
    assert "[-]inbox failed: the inbox of webhooks" in door.ask("GET", "/readyz?verbose").text
    assert door.ask("GET", "/metrics").status == 200


def test_a_provider_without_a_secret_has_no_door(tmp_path: Path) -> None:
    with front_door(tmp_path, {Provider.GITHUB: KEYS[Provider.GITHUB]}) as door:
        assert door.post(git(git_push())).status == 404
        assert door.post(github(TENANT)).status == 202


def test_other_methods_and_paths(door: Opened) -> None:
    told = door.ask("GET", "/webhooks/github")
    assert (told.status, told.headers["allow"]) == (405, "POST")
    told = door.ask("POST", "/metrics", b"")
    assert (told.status, told.headers["allow"]) == (405, "GET, HEAD")
    for path in ("/", "/webhooks", "/webhooks/", "/webhooks/github/", "/webhooks/../metrics", "/livez/x", "/%2e"):
        assert door.ask("GET", path).status == 404, path
    head = door.ask("HEAD", "/livez")
    assert (head.status, head.text) == (200, "")


# --- limits ---------------------------------------------------------------------------------------------------------

HEAD = b"POST /webhooks/github HTTP/1.1\r\nHost: x\r\n"


def test_a_length_is_needed_and_bounded_before_anything_is_read(door: Opened) -> None:
    assert door.raw(HEAD + b"Content-Length: %d\r\n\r\n" % (MOST_BODY + 1)).startswith(b"HTTP/1.1 413 ")
    assert door.raw(HEAD + b"Content-Length: 999999999999999999999\r\n\r\n").split()[1] in (b"400", b"413")
    assert door.raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n").startswith(b"HTTP/1.1 411 ")
    assert door.raw(HEAD + b"\r\n").startswith(b"HTTP/1.1 411 ")
    big = github({**TENANT, "filler": "x" * (MOST_BODY - 200)})
    assert len(big.body) <= MOST_BODY
    assert door.post(big).status == 202
    assert door.metric(DELIVERIES + '{event="",outcome="too_large",provider="github"}') >= 1


@pytest.mark.parametrize(
    "broken",
    [b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x00" * 100,
     b"POST http://a/ HTTP/1.1\r\n\r\n",
     HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", HEAD + b"Content-Length: -1\r\n\r\n",
     HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n", HEAD + b"a b: c\r\n\r\n",
     HEAD + b"X: \x00\r\n\r\n"],
)  # fmt: skip
def test_what_is_no_http_is_refused_and_fills_no_log(
    door: Opened, broken: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    said = door.raw(broken)
    assert said.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 411 "))
    assert not caplog.records
    assert door.ask("GET", "/livez").status == 200


def test_a_head_is_bounded(door: Opened) -> None:
    assert b" 431 " in door.raw(b"GET /livez HTTP/1.1\r\n" + b"x: y\r\n" * 5000 + b"\r\n")[:20]
    assert b" 431 " in door.raw(b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n")[:20]


@pytest.mark.parametrize(
    "slowly",
    [[b""], [b"P"], [b"\r\n"], [HEAD], [HEAD + b"Content-Length: 10\r\n\r\n", b"12345"],
     [b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", b"\r\n", b"\r\n"],
     [b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n" + HEAD + b"Content-Length: 10\r\n\r\n123"]],
)  # fmt: skip
def test_whoever_is_slow_is_cut_off(door: Opened, slowly: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "DEADLINE", 0.3)
    begun = time.monotonic()
    with socket.create_connection(door.address, timeout=10) as talk:
        for part in slowly:
            talk.sendall(part)
        ended = False
        while not ended and time.monotonic() - begun < 8:
            talk.settimeout(0.05)
            try:
                ended = not talk.recv(4096) or ended
            except TimeoutError:
                talk.sendall(b"\r\n" if len(slowly) > 2 else b"")  # a byte now and then does not help
            except OSError:
                ended = True
    assert ended and time.monotonic() - begun < 8


def test_idle_connections_give_way(door: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "MOST_CONNECTIONS", 8)
    monkeypatch.setattr(listening, "SLOW", 0.0)
    idle = [socket.create_connection(door.address, timeout=10) for _ in range(8)]
    try:
        for n in range(40):
            assert door.post(github(TENANT, identity=f"d-{n}")).status == 202
    finally:
        for one in idle:
            one.close()


def test_when_nobody_gives_way_a_new_one_is_told_to_come_again(door: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "MOST_CONNECTIONS", 4)
    monkeypatch.setattr(listening, "SLOW", 60.0)
    young = [socket.create_connection(door.address, timeout=10) for _ in range(4)]
    for one in young:
        one.sendall(b"P")
    try:
        answers = {door.raw(b"")[:13] for _ in range(3)}
        assert answers == {b"HTTP/1.1 503 "}
    finally:
        for one in young:
            one.close()
    for _ in range(50):
        if door.raw(b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").startswith(b"HTTP/1.1 200"):
            break
    else:
        pytest.fail("it does not recover")


def test_who_has_sent_everything_is_not_ended_for_another(door: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "MOST_CONNECTIONS", 1)
    monkeypatch.setattr(listening, "SLOW", 0.0)
    entered, go_on = threading.Event(), threading.Event()
    take = Desk.take

    def slowly(desk: Desk, one: Delivery) -> object:
        entered.set()
        assert go_on.wait(20)
        return take(desk, one)

    monkeypatch.setattr(Desk, "take", slowly)
    told: list[int] = []
    sender = threading.Thread(target=lambda: told.append(door.post(github(TENANT)).status))
    sender.start()
    assert entered.wait(20)
    assert door.raw(b"").startswith(b"HTTP/1.1 503 ")
    go_on.set()
    sender.join(20)
    assert told == [202]


def test_a_bound_of_the_head_is_of_each_request(door: Opened) -> None:
    one = b"GET /livez HTTP/1.1\r\nhost: x\r\ny: " + b"z" * 9000 + b"\r\n"
    said = door.raw((one + b"\r\n") * 3 + one + b"connection: close\r\n\r\n")
    assert said.count(b"HTTP/1.1 200 ") == 4


def test_bodies_that_are_being_read_are_bounded_together(door: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door_module, "MOST_AT_ONCE", 3000)
    with socket.create_connection(door.address, timeout=10) as slow:
        slow.sendall(HEAD + b"Content-Length: 2900\r\nExpect: 100-continue\r\n\r\n")
        assert slow.recv(100).startswith(b"HTTP/1.1 100 "), "it is being read"
        told = door.post(github(TENANT))
        assert (told.status, told.headers["retry-after"]) == (503, "30")
    for _ in range(100):
        if door.post(github(TENANT)).status == 202:
            break
    else:
        pytest.fail("the room was not given back")


# --- health and metrics ---------------------------------------------------------------------------------------------


def cycle(error: AipressError | None = None) -> Reported:
    return Reported(1, "start", "a" * 40, None, error)


def test_livez_asks_for_nothing_but_the_loop(door: Opened) -> None:
    assert door.ask("GET", "/livez").status == 200
    door.front.tick(working=False)
    door.clock.at += RESTING
    assert door.ask("GET", "/livez").status == 200
    door.clock.at += timedelta(seconds=1)
    told = door.ask("GET", "/livez")
    assert (told.status, told.text) == (503, "the loop was last seen 2 min ago, at rest\n")
    door.front.tick(working=True)
    door.clock.at += WORKING
    assert door.ask("GET", "/livez").status == 200
    door.clock.at += timedelta(seconds=1)
    assert door.ask("GET", "/livez").status == 503
    door.front.told(cycle(AipressError("everything is wrong")))
    door.front.tick(working=False)
    assert door.ask("GET", "/livez").status == 200, "a restart heals nothing of that"


def test_readyz_tells_what_is_wrong(door: Opened) -> None:
    def told() -> tuple[int, list[str]]:
        found = door.ask("GET", "/readyz?verbose")
        assert door.ask("GET", "/readyz").text == found.text.splitlines()[-1] + "\n"
        return found.status, found.text.splitlines()

    assert told() == (
        503,
        ["[+]shutdown ok", "[-]history failed: the first cycle is not over", "[+]inbox ok", "readyz: not ready"],
    )
    door.front.told(cycle())
    assert told() == (
        200,
        [
            "[+]shutdown ok",
            "[+]history ok",
            "[+]access ok",
            "[+]cycle ok: cycle 1 (start)",
            "[+]inbox ok",
            "readyz: ok",
        ],
    )
    door.front.told(cycle(HistoryUnreachableError("no\nroute")))
    assert told()[0] == 503 and "[-]history failed: no route" in told()[1]
    door.front.told(cycle(ForbiddenError("403")))
    assert told()[0] == 503 and "[-]access failed: 403" in told()[1]
    door.front.told(cycle(AipressError("a disk")))
    assert told()[0] == 503 and "[-]cycle failed: cycle 1 (start) ended with: a disk" in told()[1]
    door.front.told(cycle(RefusedError("another apply runs")))
    assert told()[0] == 200, "that is no reason to lose deliveries"
    door.front.fetched("no answer")
    assert "[+]git-fetch ok: the last one failed: no answer" in told()[1]
    door.clock.at += FETCHED + timedelta(seconds=1)
    assert told()[0] == 503 and "[-]git-fetch failed: last done 10 min ago: no answer" in told()[1]
    door.front.fetched("")
    door.clock.at += timedelta(hours=2)
    assert told()[0] == 200, "an interval may be long"
    door.front.tick(working=False)
    door.bell.stop()
    assert told()[0] == 503 and "[-]shutdown failed: it was told to stop" in told()[1]
    assert door.ask("GET", "/livez").status == 200
    assert door.post(github(TENANT)).status == 202, "what comes meanwhile is kept for who comes next"


def test_metrics_are_prometheus_text(door: Opened) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    door.front.told(cycle(RefusedError("no")))
    door.front.fetched("")
    door.front.fetched("no answer")
    door.post(github(TENANT))
    told = door.ask("GET", "/metrics")
    assert told.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = {s.name: s for family in text_string_to_metric_families(told.text) for s in family.samples}
    for name in (
        "aipress_reconcile_total", "aipress_reconcile_errors_total", "aipress_reconcile_duration_seconds_bucket",
        "aipress_git_fetch_timestamp_seconds", "aipress_git_fetch_errors_total", "aipress_build_info",
        "aipress_webhook_deliveries_total", "workqueue_depth", "aipress_door_connections",
    ):  # fmt: skip
        assert name in found, name
    assert not [name for name in found if name.endswith("_created")]
    assert found["aipress_reconcile_errors_total"].labels == {"kind": "fleet", "reason": "refused", "terminal": "true"}
    assert found["aipress_git_fetch_timestamp_seconds"].value == AT
    assert found["aipress_door_connections"].value >= 1


def test_drift_is_what_the_last_look_at_everything_saw(door: Opened, tmp_path: Path) -> None:
    plan = make(SmallWorld(tmp_path / "small").world(), PlanRequest())
    drifted = tuple(replace(change, drift=True) for change in plan.changes if change.shard == "eu-001")[:3]
    assert len(drifted) == 3
    for changes, scope in ((drifted, Scope()), ((), Scope(fleet=False))):
        seen = Applied(replace(plan, changes=changes, guards=()), Outcome({}))
        door.front.told(Reported(1, "interval", "", seen, None, scope, 2.0))
        assert door.metric('aipress_drift_objects{severity="high",shard="eu-001"}') == 3
    door.front.told(Reported(2, "interval", "", Applied(replace(plan, changes=()), Outcome({})), None))
    assert door.metric('aipress_drift_objects{shard="eu-001"}') == 0
    assert door.metric('aipress_reconcile_total{kind="fleet",result="noop"}') == 2
    assert door.metric('aipress_resource_last_success_timestamp_seconds{kind="fleet",name="fleet"}') == AT


def test_health_and_metrics_have_a_place_of_their_own(tmp_path: Path) -> None:
    with front_door(tmp_path, private=LOOPBACK) as door:
        public, private = door.ports
        assert {door.ask("GET", path).status for path in ("/livez", "/readyz", "/metrics")} == {404}
        assert door.ask("GET", "/livez", port=private).status == 200
        assert door.ask("POST", "/webhooks/github", b"{}", port=private).status == 404
        assert door.post(github(TENANT)).status == 202
        assert public != private


def test_nothing_says_a_secret(door: Opened, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    door.post(github(TENANT))
    door.post(github(TENANT, secret="x" * 32))
    pages = [door.ask("GET", path).text for path in ("/metrics", "/readyz?verbose", "/livez")]
    listen = Listen(LOOPBACK, None, KEYS, frozenset(), tmp_path)
    assert SECRET not in " ".join([*pages, *door.said, caplog.text, repr(listen), repr(KEYS)])
    assert SECRET.encode() not in (tmp_path / FILE).read_bytes()


@pytest.mark.parametrize(
    ("text", "found"),
    [("127.0.0.1:8090", ("127.0.0.1", 8090)), ("[::1]:0", ("::1", 0)), ("localhost:1", ("127.0.0.1", 1)),
     ("0.0.0.0:9", ("0.0.0.0", 9))],
)  # fmt: skip
def test_places(text: str, found: tuple[str, int]) -> None:
    assert place(text, "listen") == found
    assert place(":80", "listen")[1] == 80


@pytest.mark.parametrize(
    "text", ["8090", "host:", "127.0.0.1:65536", "127.0.0.1:-1", "example.org:80", "", "1.2.3:80", "a\x1b:80"]
)
def test_what_is_no_place(text: str) -> None:
    with pytest.raises(UsageError, match="it is HOST:PORT"):
        place(text, "listen")


def test_a_place_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AipressError, match=f"127.0.0.1:{port} cannot be listened at"):
            listening.listener("127.0.0.1", port)
