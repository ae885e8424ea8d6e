"""The few shapes that every part of the local cloud shares: JSON objects, requests, responses, times."""

from __future__ import annotations

import base64
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """One HTTP request. `path` is raw (still percent-encoded) and without the query; header names are lower case.

    Two faults travel with it: the operation it starts fails half-way (`half_finish` says with what), or ends
    `operation_delay` seconds late (infinity: never).
    """

    verb: str
    path: str
    query: Mapping[str, list[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    half_finish: str = ""
    operation_delay: float = 0.0


@dataclass(frozen=True)
class Response:
    """One HTTP response; `body` is a JSON value, raw bytes, or None for an empty body."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@lru_cache(maxsize=64)
def timestamp(now: float) -> str:
    """RFC 3339 in UTC with microseconds, as Google's JSON prints it."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@lru_cache(maxsize=64)
def milliseconds(now: float) -> str:
    """RFC 3339 in UTC with milliseconds, as Cloud SQL and Cloud Storage print it."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def seconds_of(text: str) -> float:
    """The inverse of `timestamp`; nanosecond digits are dropped. Raises ValueError on anything else."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def digits(rng: random.Random, count: int) -> str:
    """A number of exactly `count` decimal digits."""
    return str(rng.randrange(10 ** (count - 1), 10**count))


def hexadecimal(rng: random.Random, count: int) -> str:
    return f"{rng.getrandbits(count * 4):0{count}x}"


def uuid_like(rng: random.Random) -> str:
    text = hexadecimal(rng, 32)
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def etag_like(rng: random.Random, size: int = 8) -> str:
    return base64.b64encode(rng.randbytes(size)).decode()
