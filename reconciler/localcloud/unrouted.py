"""Requests that no API has a method for, and that a service answers all the same: objects by their own address."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from reconciler.localcloud.api.discovery import Library
from reconciler.localcloud.call import Moment
from reconciler.localcloud.services.storage import xml
from reconciler.localcloud.values import Request, Response


def found(request: Request, library: Library) -> Callable[[Moment], Response] | None:
    """What answers the request, or nothing."""
    api = library.api("storage", "v1") if xml.claims(request) else None
    return partial(xml.answer, request=request, api=api) if api is not None else None
