"""Ids of traces and spans, derived from what they are about: whoever knows the commit knows its trace.

The shapes are W3C Trace Context's: 32 and 16 lower-case hexadecimal digits, never all zero.
"""

import hashlib
import re

_HEX = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def trace_of(commit: str) -> str:
    """The trace of a fleet commit: the first 32 digits of its id. "" for what is no commit id."""
    found = commit[:32] if _HEX.fullmatch(commit) else ""
    return found if found.strip("0") else ""


def span_of(*parts: object) -> str:
    """The span of a thing within a trace: always the same for the same words."""
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:16]


def cycle_span(trace: str, number: int, begun: float) -> str:
    """`begun`: epoch seconds; two daemons, or one that was started again, count from one."""
    return span_of(trace, "cycle", number, f"{begun:.3f}")


def change_span(cycle: str, address: object) -> str:
    """`cycle`: the span of the cycle that it is a part of."""
    return span_of(cycle, "change", address)


def traceparent(trace: str, span: str) -> str:
    """W3C's header: "00-TRACE-SPAN-01"."""
    return f"00-{trace}-{span}-01"
