"""Takes spans to a collector, as OpenTelemetry's protocol over HTTP. Needs the extra `otel`.

The exporter has a thread and a bounded queue of its own: a collector that is slow, dead or away costs spans, and never
a moment of the loop.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from reconciler import __version__
from reconciler.daemon.beside import Hearer
from reconciler.daemon.traces import Span
from reconciler.daemon.waking import Bell
from reconciler.report.redact import Seam

PATIENCE = 5.0
"""Seconds for one export, its repeats included."""
FAREWELL = 3.0
"""Seconds that the end of the daemon waits for what is not exported yet."""
MOST_WAITING, BATCH, EVERY = 8192, 512, 2000
"""Spans that wait, spans of one export, and milliseconds between two."""
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class Collector(Hearer):
    """`endpoint`: the base URL ("" : what OTEL_EXPORTER_OTLP_ENDPOINT says). Its other variables count too."""

    def __init__(self, endpoint: str, fleet: str, seam: Seam) -> None:
        logging.getLogger("opentelemetry.sdk._shared_internal").setLevel(logging.ERROR)  # one line for each lost span
        where = f"{endpoint.rstrip('/')}/v1/traces" if endpoint else None
        self._seam = seam
        self._sender = BatchSpanProcessor(
            OTLPSpanExporter(endpoint=where, timeout=PATIENCE), max_queue_size=MOST_WAITING,
            schedule_delay_millis=EVERY, max_export_batch_size=BATCH,
        )  # fmt: skip
        named = {"service.name": "aipress", "service.version": __version__, "aipress.fleet": seam.line(fleet)}
        self._resource = Resource(named)
        self._scope = InstrumentationScope("aipress", __version__)

    def take(self, span: Span) -> None:
        """Never waits."""
        self._sender.on_end(self._readable(span))

    @contextmanager
    def opened(self, bell: Bell) -> Iterator[None]:  # noqa: ARG002
        try:
            yield
        finally:
            ending = threading.Thread(target=self._sender.shutdown, name="otlp-end", daemon=True)
            ending.start()
            ending.join(FAREWELL)

    def _readable(self, span: Span) -> ReadableSpan:
        trace, told = int(span.trace, 16), self._seam
        context = SpanContext(trace, int(span.id, 16), is_remote=False, trace_flags=_SAMPLED)
        parent = (
            SpanContext(trace, int(span.parent, 16), is_remote=False, trace_flags=_SAMPLED) if span.parent else None
        )
        status = Status(StatusCode.ERROR, told.line(span.error)) if span.error else Status(StatusCode.OK)
        return ReadableSpan(
            told.line(span.name), context, parent, self._resource,
            {name: told.line(value) if isinstance(value, str) else value for name, value in span.attributes.items()},
            kind=SpanKind.CLIENT if "rpc.method" in span.attributes else SpanKind.INTERNAL, status=status,
            start_time=int(span.began.timestamp() * 1e9), end_time=int(span.ended.timestamp() * 1e9),
            instrumentation_scope=self._scope,
        )  # fmt: skip
