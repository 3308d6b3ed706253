"""Metrics over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.exposition import choose_encoder
from twisted.web.resource import Resource

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from twisted.web.server import Request


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

    def render_HEAD(self, request: Request) -> bytes:
        self.render_GET(request)
        return b""

    def render_GET(self, request: Request) -> bytes:
        accepted = request.requestHeaders.getRawHeaders("accept", [])
        try:
            encode, content_type = choose_encoder(",".join(accepted))
        except (TypeError, ValueError):  # of a version that is no number
            encode, content_type = choose_encoder("")
        request.setHeader("content-type", content_type)
        names = [name.decode("utf-8", "replace") for name in request.args.get(b"name[]", [])]
        return encode(self._registry.restricted_registry(names) if names else self._registry)
