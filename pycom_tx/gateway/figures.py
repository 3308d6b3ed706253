"""What is measured of a gateway."""

from __future__ import annotations

from collections.abc import Iterator, Sized
from typing import TYPE_CHECKING, Any

from prometheus_client import Counter
from prometheus_client.core import GaugeMetricFamily

from pycom_tx.gateway.answers import Answer
from pycom_tx.gateway.pages import Page
from pycom_tx.metrics import ClientCalls
from pycom_tx.metrics.resource import exposition

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Metric
    from twisted.internet.interfaces import IReactorTime


class Figures:
    """Measures a gateway: its requests, and the calls that it makes.

    :param registry: where the metrics belong.
    :param clock: what tells how long calls take.

    .. attribute:: calls

        What observes the calls.

    .. attribute:: page

        What shows all metrics of the registry.
    """

    def __init__(self, registry: CollectorRegistry, clock: IReactorTime) -> None:
        self.calls = ClientCalls(registry, clock)
        self.page = _Metrics(registry)
        self._requests = Counter(
            "pycom_http_requests",
            "Requests of HTTP, by the status of their answers; gone where the client was.",
            ["status"],
            registry=registry,
        )
        self._connections: Sized = ()
        self._streams: Sized = ()
        registry.register(self)

    def opened(self, connections: Sized, streams: Sized) -> None:
        """The gateway is open, and has these; none when it is closed."""
        self._connections, self._streams = connections, streams

    def ended(self, status: str) -> None:
        """A request has ended: with a status, or ``gone`` if its client hung up."""
        self._requests.labels(status).inc()

    def describe(self) -> Iterator[Metric]:
        """For the registry, which wants to know the names."""
        return self.collect()

    def collect(self) -> Iterator[Metric]:
        """What there is now."""
        for name, text, there in (
            ("pycom_http_connections", "Connections of HTTP.", self._connections),
            ("pycom_http_event_streams", "Streams of events.", self._streams),
        ):
            yield GaugeMetricFamily(name, text, len(there))


class _Metrics(Page):
    """``GET /metrics``.

    :param registry: what is shown.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__()
        self._registry = registry

    async def answer(self, request: Any) -> Answer:
        body, content_type = exposition(self._registry, request)
        return Answer(body, content_type=content_type, headers={"Cache-Control": "no-store"})
