"""A visitor of the sites' public URLs: one GET each, no redirect followed, nothing sent that signs in."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from reconciler.model.ports import Clock
from reconciler.model.visit import Visit

PARALLEL = 32
PATIENCE = 3
"""Time-outs that all visits together may take; who was not asked by then is silent."""
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_HEADERS = {"User-Agent": "aipress-health-check", "Cache-Control": "no-cache"}


class HttpVisitor:
    """`local`: of a local cloud, whose sites are on loopback or nowhere: nobody else is ever asked."""

    def __init__(self, clock: Clock, *, local: bool) -> None:
        self._clock = clock
        self._local = local

    def visit(self, urls: Sequence[str], seconds: float) -> Sequence[Visit]:
        """What each URL answers, in their order; `seconds`: for one answer. Never raises for what a site does."""
        until = self._clock.now() + timedelta(seconds=PATIENCE * seconds)
        pool = ThreadPoolExecutor(PARALLEL, thread_name_prefix="visit")
        try:
            asked = [pool.submit(self._one, url, seconds, until) for url in urls]
            wait(asked, timeout=(PATIENCE + 1) * seconds)
            late = "no whole answer in time"
            return [one.result() if one.done() else Visit(url, why=late) for one, url in zip(asked, urls, strict=True)]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _one(self, url: str, seconds: float, until: datetime) -> Visit:
        import requests

        if refused := self._refused(url):
            return Visit(url, why=refused)
        if self._clock.now() > until:
            return Visit(url, why="the other sites took too long to answer")
        try:
            with requests.Session() as session:
                session.trust_env = not self._local
                with session.get(url, headers=_HEADERS, timeout=seconds, allow_redirects=False, stream=True) as answer:
                    return Visit(url, answer.status_code)
        except (requests.RequestException, OSError, ValueError) as error:
            return Visit(url, why=_words(error))

    def _refused(self, url: str) -> str:
        """Why a URL is not asked at all."""
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
        except ValueError:
            return "it is no URL"
        if self._local:
            loopback = host in _LOOPBACK or host.endswith(".localhost")
            return "" if loopback and parts.scheme == "http" else "the local cloud runs no site there"
        return "" if parts.scheme == "https" and host else "it is not https"


def _words(error: Exception) -> str:
    """What went wrong, without the library's nesting of itself."""
    import requests

    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate does not hold"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return " ".join(str(error).split())[:100] or type(error).__name__
