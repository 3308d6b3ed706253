"""What a host is like at the moment, read when somebody wants to know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from twisted.logger import Logger

from pycom_tx.components.declare import Service

if TYPE_CHECKING:
    from prometheus_client import Metric

    from pycom_tx.metrics.traffic import Traffic

_DIRECTIONS: Final = (
    ("pycom_received_messages", "Messages that were received.", "received_messages"),
    ("pycom_received_bytes", "Bytes of the messages that were received.", "received_bytes"),
    ("pycom_sent_messages", "Messages that were sent.", "sent_messages"),
    ("pycom_sent_bytes", "Bytes of the messages that were sent.", "sent_bytes"),
)


class _Nothing:
    """What stands for each part of a host that is not open."""

    waiting = undelivered = connections = accepted = busy = limit = 0
    registered = False
    refused: Final = {"overloaded": 0, "stopping": 0}

    def __len__(self) -> int:
        return 0


NOTHING: Final = _Nothing()


class HostState:
    """The parts of a host while it is open: a collector of what can be read off them.

    :param bound: what goes through the channels that it listens at,
    :param connected: and through those that it is a client with.

    .. attribute:: server
    .. attribute:: sessions
    .. attribute:: registration
    .. attribute:: threads
    .. attribute:: network

        What there is now: :data:`NOTHING` while it is closed, and in the place of a network
        that does not count connections.
    """

    def __init__(self, bound: Traffic, connected: Traffic) -> None:
        self._traffic = {"server": bound, "client": connected}
        self.server: Any = NOTHING
        self.sessions: Any = NOTHING
        self.registration: Any = NOTHING
        self.threads: Any = NOTHING
        self.network: Any = NOTHING

    def clear(self) -> None:
        """The host is closed."""
        self.server = self.sessions = self.registration = NOTHING
        self.threads = self.network = NOTHING

    def describe(self) -> Iterator[Metric]:
        """The same, for the registry, which wants to know the names."""
        return self.collect()

    def collect(self) -> Iterator[Metric]:
        """The metrics, as they are now."""
        services = len(self._traffic["client"].channels)
        connections = self.network.connections
        for name, text, value in (
            ("pycom_calls_waiting", "Calls that wait for their turn.", self.server.waiting),
            ("pycom_sessions", "Sessions that are open.", len(self.sessions)),
            ("pycom_connections", "Connections of clients that are open.", connections),
            ("pycom_client_connections", "Addresses that it is a client of.", services),
            ("pycom_registered", "1 if the nameserver knows it.", self.registration.registered),
            ("pycom_threads_busy", "Threads in which methods that block run.", self.threads.busy),
            ("pycom_threads_limit", "Threads that there may be for them.", self.threads.limit),
        ):
            yield GaugeMetricFamily(name, text, value)
        yield from self._counted()
        yield from self._moved()

    def _counted(self) -> Iterator[Metric]:
        for name, text, value in (
            ("pycom_accepted_connections", "Connections of clients, ever.", self.network.accepted),
            (
                "pycom_undelivered_replies",
                "Replies that were dropped: their clients were gone, or did not take them.",
                self.server.undelivered,
            ),
        ):
            yield CounterMetricFamily(name, text, value)
        refused = CounterMetricFamily(
            "pycom_refused_calls", "Calls that were refused, by the reason.", labels=["reason"]
        )
        for reason, value in self.server.refused.items():
            refused.add_metric([reason], value)
        yield refused

    def _moved(self) -> Iterator[Metric]:
        queued = GaugeMetricFamily(
            "pycom_queued_messages",
            "Messages that wait until their peers take more.",
            labels=["side"],
        )
        for side, traffic in self._traffic.items():
            queued.add_metric([side], traffic.queued)
        yield queued
        for name, text, attribute in _DIRECTIONS:
            family = CounterMetricFamily(name, text, labels=["side"])
            for side, traffic in self._traffic.items():
                family.add_metric([side], getattr(traffic, attribute))
            yield family


class Figures:
    """What a component measures of itself, as a collector.

    :param component: a component.
    """

    _log = Logger()

    def __init__(self, component: Service) -> None:
        self._component = component

    @staticmethod
    def has(component: Any) -> bool:
        """Whether a component measures itself: a method of that name may be for clients."""
        return isinstance(component, Service) and not hasattr(component.figures, "__method__")

    def describe(self) -> list[Metric]:
        """The same, for the registry, which wants to know the names."""
        return self.collect()

    def collect(self) -> list[Metric]:
        """The metrics, as they are now; none where the component fails to tell."""
        try:
            return list(self._component.figures())
        except Exception:
            self._log.failure("{component!r}.figures() failed", component=self._component)
            return []
