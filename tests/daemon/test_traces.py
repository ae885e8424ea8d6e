"""Traces of `serve`: a commit as a tree of spans, at a collector on loopback, and at one that is dead."""

import gzip
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.assemble import settings
from reconciler.assemble.observing import traces as assembled
from reconciler.daemon.beside import Company, Several
from reconciler.daemon.observers import Observers
from reconciler.daemon.serve import Begun, Reported, Watch, once
from reconciler.daemon.traces import MOST_READS, Span, Traces
from reconciler.daemon.waking import Bell
from reconciler.engine.effects import Effects
from reconciler.gcp.observed import ObservedCloud
from reconciler.model.errors import UsageError
from reconciler.model.ids import Scope
from reconciler.model.observing import CloudCall
from reconciler.model.trace import change_span, span_of, trace_of, traceparent
from reconciler.report.redact import Seam
from reconciler.source.git import GitRepository
from tests.cycle.small_world import SmallWorld
from tests.daemon.receiver import receiver
from tests.engine.threads import ThreadEngine

ACME = "shards/eu-001/tenants/acme-bakery/tenant.yaml"


class Traced:
    """A small world whose cloud tells an observer of calls, and what came of it."""

    def __init__(self, small: SmallWorld) -> None:
        self.small, self.spans = small, list[Span]()
        self.traces = Traces("demo", lambda _c: small.clock.at - timedelta(minutes=9), small.clock, self.spans.append)
        self.observers = Observers()
        self.observers.add(self.traces)
        self.number = 0

    def world(self) -> Any:
        world = self.small.world()
        cloud = ObservedCloud(_Calling(world.cloud, self), self.observers, self.small.clock)  # type: ignore[arg-type]
        effects: Effects = world.engine.effects  # type: ignore[attr-defined]
        engine = ThreadEngine(replace(effects, cloud=cloud, observer=self.observers), 4)
        return replace(world, cloud=cloud, engine=engine, observer=self.observers)

    def cycle(self) -> Reported:
        told: list[Reported] = []
        beside = Company(None, Several([self.traces]), lambda _text: None)
        watch = Watch(None, 60, beside.before(lambda _event: None), beside.then(told.append), beside=beside)
        once(self.world(), watch)
        return told[0]

    def edit(self) -> None:
        self.small.write(ACME, self.small.read(ACME).replace("displayName:", "displayName: The"))


class _Calling:
    """A Cloud, each of whose methods is one call over HTTP."""

    def __init__(self, inner: Any, traced: Traced) -> None:
        self._inner, self._traced = inner, traced

    @property
    def identity(self) -> str:
        return str(self._inner.identity)

    def __getattr__(self, name: str) -> Any:
        def called(*given: Any) -> Any:
            answer = getattr(self._inner, name)(*given)
            verb = str(given[0].action) if name == "begin" else name
            kind = given[0].kind if name == "begin" else given[0]
            call = CloudCall("api", f"{kind}.{verb}", 200, 0.5, self._traced.small.clock.now())
            self._traced.observers.called(call)
            return answer

        return called


@pytest.fixture
def traced(tmp_path: Path) -> Traced:
    return Traced(SmallWorld(tmp_path))


def chain(spans: list[Span], leaf: Span) -> list[str]:
    """The names from a span up to its root."""
    by_id = {span.id: span for span in spans}
    names = [leaf.name]
    while leaf.parent:
        leaf = by_id[leaf.parent]
        names.append(leaf.name)
    return names


def test_a_commit_is_a_tree_from_its_making_to_the_last_operation(traced: Traced) -> None:
    traced.cycle()
    traced.spans.clear()
    traced.edit()
    commit = traced.cycle().commit
    assert {span.trace for span in traced.spans} == {commit[:32]} == {trace_of(commit)}
    assert len({span.id for span in traced.spans}) == len(traced.spans)
    roots = [span for span in traced.spans if not span.parent]
    assert [root.name for root in roots] == [f"commit {commit[:12]}"]
    assert (roots[0].ended - roots[0].began) == timedelta(minutes=9)
    write = next(span for span in traced.spans if span.name.endswith(".update"))
    change = next(span for span in traced.spans if span.id == write.parent)
    assert (
        change.attributes["aipress.target"] == "tenant/acme-bakery" and change.attributes["aipress.shard"] == "eu-001"
    )
    assert chain(traced.spans, write)[1:] == [change.name, "plan", "cycle 1 (once)", f"commit {commit[:12]}"]
    read = next(span for span in traced.spans if span.name.endswith(".list"))
    assert chain(traced.spans, read)[1:3] == ["look", "plan"]
    cycle = next(span for span in traced.spans if span.name == "cycle 1 (once)")
    assert cycle.attributes["cicd.pipeline.result"] == "success" and cycle.attributes["vcs.ref.head.revision"] == commit
    assert change.id == change_span(cycle.id, change.attributes["aipress.resource"]), "as the log has it"


def test_an_operation_hangs_below_the_call_that_began_it_and_its_polls_below_it(traced: Traced) -> None:
    traced.cycle()
    traced.spans.clear()
    traced.small.cloud.polls = 2
    traced.edit()
    traced.cycle()
    operations = [span for span in traced.spans if span.name.startswith("operation ")]
    assert operations
    for operation in operations:
        kind = operation.name.removeprefix("operation ")
        assert chain(traced.spans, operation)[1].startswith(f"{kind}.")
        assert [s for s in traced.spans if s.parent == operation.id and s.name == f"{kind}.poll"]


def test_a_cycle_with_nothing_to_do_makes_no_span(traced: Traced) -> None:
    traced.cycle()
    traced.spans.clear()
    traced.cycle()
    assert not traced.spans


def test_a_look_at_everything_makes_only_so_many_spans(traced: Traced) -> None:
    traced.traces.begins(Begun(1, "interval", "a" * 40, Scope(), traced.small.clock.now()))
    for _ in range(MOST_READS + 500):
        traced.traces.called(CloudCall("run", "run.service.list", 500, 0.1, traced.small.clock.now()))
    traced.traces.told(Reported(1, "interval", "a" * 40, None, error_of()))
    assert len(traced.spans) == MOST_READS + 2
    assert traced.spans[-1].attributes["aipress.spans_left_out"] == 500
    assert traced.spans[0].error == "HTTP 500"


def error_of() -> Any:
    from reconciler.model.errors import AipressError

    return AipressError("the history broke")


def test_ids_are_those_of_the_w3c_and_follow_from_the_commit() -> None:
    commit = "272991ff8ca174f3eb8ba65ebab33f687f2dd1bf"
    assert trace_of(commit) == "272991ff8ca174f3eb8ba65ebab33f68"
    assert trace_of("0" * 40) == trace_of("HEAD") == trace_of("") == ""
    assert traceparent(trace_of(commit), span_of("x")) == f"00-{trace_of(commit)}-{span_of('x')}-01"
    assert span_of("x") != span_of("y") and len(span_of("x")) == 16


# --- the collector ----------------------------------------------------------------------------------------------------


@contextmanager
def collecting(url: str) -> Iterator[Any]:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    from reconciler.daemon.otlp import Collector

    collector = Collector(url, "demo", Seam(["planted-secret"]))
    with collector.opened(Bell()):
        yield collector


def received(bodies: list[Any]) -> list[Any]:
    """(resource attributes, span) of what came, by OpenTelemetry's own protocol."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    found = []
    for came in bodies:
        body = gzip.decompress(came.body) if came.headers.get("content-encoding") == "gzip" else came.body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            named = {a.key: a.value.string_value for a in resource.resource.attributes}
            found += [(named, span) for scope in resource.scope_spans for span in scope.spans]
    return found


def test_one_cycle_arrives_at_a_collector_as_one_tree(traced: Traced) -> None:
    traced.cycle()
    traced.edit()
    with receiver() as there, collecting(there.url) as collector:
        traced.traces._export = collector.take
        commit = traced.cycle().commit
    assert {came.path for came in there.came} == {"/v1/traces"}
    spans = received(there.came)
    resource = spans[0][0]
    assert resource["service.name"] == "aipress" and resource["aipress.fleet"] == "demo"
    assert {span.trace_id.hex() for _, span in spans} == {commit[:32]}
    children = defaultdict(list)
    for _, span in spans:
        children[span.parent_span_id].append(span)
    [root] = children[b""]

    def below(span: Any) -> list[Any]:
        return [span, *(inner for child in children[span.span_id] for inner in below(child))]

    assert len(below(root)) == len(spans), "every span hangs somewhere below the commit"
    [cycle] = children[root.span_id]
    [plan] = children[cycle.span_id]
    assert (cycle.name, plan.name) == ("cycle 1 (once)", "plan")
    assert all(span.start_time_unix_nano <= span.end_time_unix_nano for _, span in spans)


@pytest.mark.parametrize("answer", [-1, 0, 500])
def test_a_collector_that_is_dead_stops_neither_a_cycle_nor_the_end(
    traced: Traced, answer: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    from reconciler.daemon import otlp

    monkeypatch.setattr(otlp, "FAREWELL", 0.05)
    monkeypatch.setattr(otlp, "MOST_WAITING", 600)
    with receiver(answer) as there, collecting(there.url) as collector:
        traced.traces._export = collector.take
        assert traced.cycle().error is None
        for _ in range(3000):
            collector.take(Span("x", "a" * 32, "b" * 16, "", traced.small.clock.now(), traced.small.clock.now()))


def test_nothing_is_traced_where_no_collector_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = SmallWorld(tmp_path)
    for variable in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "AIPRESS_OTLP_ENDPOINT"):
        monkeypatch.delenv(variable, raising=False)

    def made() -> object:
        fleet = GitRepository.discover(small.fleet)
        return assembled(settings({"directory": tmp_path}), fleet, small.clock, "demo", Seam())

    assert made() is None
    monkeypatch.setenv("AIPRESS_OTLP_ENDPOINT", "file:///etc/passwd")
    with pytest.raises(UsageError, match="no http"):
        made()


def test_no_secret_goes_to_a_collector(traced: Traced) -> None:
    now = traced.small.clock.now()
    with receiver() as there, collecting(there.url) as collector:
        collector.take(
            Span("a planted-secret", "a" * 32, "b" * 16, "", now, now, "planted-secret", {"k": "planted-secret"})
        )
    assert there.came and b"planted-secret" not in there.came[0].body
    [(_, span)] = received(there.came)
    assert span.name == "a (secret)"
