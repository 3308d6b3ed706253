"""Metrics over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client.exposition import choose_encoder
from twisted.web.resource import Resource

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from twisted.web.server import Request

ALLOWED: Final = "GET, HEAD"
"""What can be done with metrics."""


def exposition(registry: CollectorRegistry, request: Request) -> tuple[bytes, str]:
    """What a registry holds, as a request wants it, and the type of that."""
    accepted = b",".join(request.requestHeaders.getRawHeaders(b"accept", []))
    try:
        encode, content_type = choose_encoder(accepted.decode("utf-8", "replace"))
    except (TypeError, ValueError):  # of a version that is no number
        encode, content_type = choose_encoder("")
    names = [name.decode("utf-8", "replace") for name in request.args.get(b"name[]", [])]
    return encode(registry.restricted_registry(names) if names else registry), content_type


class MetricsResource(Resource):
    """Answers ``GET`` with what a registry holds, in the reactor's thread.

    In the format that the client asks for: that of OpenMetrics, or the text that Prometheus
    has always understood. ``?name[]=…`` gives only the metrics of these names.

    :param registry: what is shown.
    """

    isLeaf = True

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__()
        self._registry = registry

    def render(self, request: Request) -> bytes:
        if request.method not in (b"GET", b"HEAD"):
            request.setResponseCode(405)
            request.setHeader("Allow", ALLOWED)
            request.setHeader("Content-Type", "text/plain; charset=utf-8")
            method = request.method.decode("ascii", "backslashreplace")
            return f"Metrics are for {ALLOWED}, got {method:.60}\n".encode("ascii")
        body, content_type = exposition(self._registry, request)
        request.setHeader("Content-Type", content_type)
        return body if request.method == b"GET" else b""
