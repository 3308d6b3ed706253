"""Which pages of browsers may call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from pycom_tx.gateway.answers import Answer
from pycom_tx.gateway.headers import last
from pycom_tx.gateway.problems import Problem

if TYPE_CHECKING:
    from twisted.web.http_headers import Headers

TOLD: Final = "PyCOM-Extensions, PyCOM-Session, PyCOM-Result, Retry-After, ETag, WWW-Authenticate"
"""Headers of answers that a page may read, beside those that it always may."""

TAKEN: Final = (
    "Accept, Authorization, Content-Type, If-None-Match, PyCOM-Args, "
    "PyCOM-Extensions, PyCOM-Service, PyCOM-Session, PyCOM-Timeout, traceparent, tracestate"
)
"""Headers of requests that it may set."""

REMEMBERED: Final = 600
"""Seconds that a browser need not ask again."""

_HARMLESS: Final = (b"GET", b"HEAD", b"OPTIONS")


class Origins:
    """Where pages may come from, beside the gateway itself.

    :param allowed: origins, like ``https://app.example.com``; ``*`` for all there are.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = frozenset(origin.lower() for origin in allowed)

    def check(self, request: Any) -> None:
        """Say that a page may read the answer, if it may.

        :raises Problem: it may not even ask: a browser would keep the answer from it, but the
            call would have been made.
        """
        origin = last(request.requestHeaders, "Origin")
        everywhere = "*" in self._allowed
        if self._allowed and not everywhere:
            request.responseHeaders.addRawHeader("Vary", "Origin")
        if origin is None:
            return
        if everywhere or origin.lower() in self._allowed:
            request.setHeader("Access-Control-Allow-Origin", "*" if everywhere else origin)
            request.setHeader("Access-Control-Expose-Headers", TOLD)
        elif request.method not in _HARMLESS and not _same(origin, request.requestHeaders):
            raise Problem(403, f"Pages from {origin!r:.100} may not call here", not_started=True)

    def preflight(self, request: Any) -> Answer | None:
        """What answers a browser that asks whether a page may ask; None if it is no such."""
        origin = last(request.requestHeaders, "Origin")
        asked = last(request.requestHeaders, "Access-Control-Request-Method")
        if request.method != b"OPTIONS" or asked is None or origin is None:
            return None
        if not request.responseHeaders.hasHeader("Access-Control-Allow-Origin"):
            raise Problem(403, f"Pages from {origin!r:.100} may not call here")
        headers = {
            "Access-Control-Allow-Methods": "GET, HEAD, POST",
            "Access-Control-Allow-Headers": TAKEN,
            "Access-Control-Max-Age": str(REMEMBERED),
        }
        return Answer(status=204, content_type=None, headers=headers)


def checked(origin: str) -> str:
    """Give back an origin.

    :raises ValueError: it is none.
    """
    parts = urlsplit(origin)
    if origin != "*" and (
        not parts.scheme or not parts.netloc or origin != f"{parts.scheme}://{parts.netloc}"
    ):
        msg = f"an origin is like https://app.example.com, or *, got {origin!r:.100}"
        raise ValueError(msg)
    return origin


def _same(origin: str, headers: Headers) -> bool:
    """Whether a page is from here. (In front there may be something that speaks TLS for us.)"""
    host = last(headers, "Host")
    return host is not None and origin.partition("://")[2].lower() == host.lower()
