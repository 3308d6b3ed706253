"""How late a reactor is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from prometheus_client import Gauge, Histogram
from twisted.application.service import Service

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from twisted.internet.interfaces import IDelayedCall

INTERVAL: Final = 0.5
"""Seconds from one look to the next."""

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class ReactorLag(Service):
    """Measures how late the reactor does what it is to do at a moment: as late as all else.

    While it runs, twice a second.

    :param registry: where the metrics belong.
    :param reactor: what is measured; the installed one, if left out.
    """

    def __init__(self, registry: CollectorRegistry, reactor: Any = None) -> None:
        if reactor is None:
            from twisted.internet import reactor
        self._reactor = reactor
        self._timer: IDelayedCall | None = None
        self._due = 0.0
        self._lags = Histogram(
            "pycom_reactor_lag_seconds",
            "How late the reactor ran what was due, looked at twice a second.",
            buckets=BUCKETS,
            registry=registry,
        )
        self._last = Gauge(
            "pycom_reactor_last_lag_seconds",
            "How late the reactor was when that was last looked at.",
            registry=registry,
        )

    def startService(self) -> None:
        super().startService()
        if self._timer is None:
            self._look_later()

    def stopService(self) -> None:
        super().stopService()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_later(self) -> None:
        self._due = self._reactor.seconds() + INTERVAL
        self._timer = self._reactor.callLater(INTERVAL, self._look)

    def _look(self) -> None:
        lag = self._reactor.seconds() - self._due
        self._lags.observe(lag)
        self._last.set(lag)
        self._look_later()
