"""What several test modules need."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

import pycom_tx as pycom
from pycom_tx.testing import MemoryNetwork


class MemoryCase(SynchronousTestCase):
    """Hosts and contexts on one clock and one network in memory.

    At the end everything is closed, and neither the clock nor the network may hold
    anything.
    """

    def setUp(self):
        super().setUp()
        self.clock = Clock()
        self.network = self.open_network()
        self.nameserver = self.host(
            pycom.NameServer(reactor=self.clock),
            address="tcp://127.0.0.1:2012",
            nameserver="local",
            service="/org/pycom/nameserver",
        )
        self.context = pycom.Context(reactor=self.clock, network=self.network)
        self.proxies = pycom.ProxyContext(self.context)
        self.addCleanup(self.assertNothingLeft)
        self.addCleanup(self.close, self.nameserver.stopService)
        self.addCleanup(self.context.close)

    def open_network(self) -> MemoryNetwork:
        """What the test's hosts and contexts share."""
        return MemoryNetwork(self.clock)

    def host(self, *components: Any, address: str = "tcp://127.0.0.1:*", **options: Any):
        """A host of *components* that runs until the test ends, registered.

        It waits for no calls when it stops, unless it is told to.
        """
        options = {"reactor": self.clock, "network": self.network, "drain": 0, **options}
        host = pycom.ComponentHost(components, address, **options)
        host.startService()
        self.clock.advance(0)
        if hasattr(self, "nameserver"):
            self.addCleanup(self.close, host.stopService)
        return host

    def close(self, stop: Any) -> None:
        """Stop a service and let it finish."""
        self.result(stop())

    def result(self, deferred: Any) -> Any:
        """What *deferred* fires with, in the clock's next turn at the latest."""
        self.clock.advance(0)
        return self.successResultOf(deferred)

    def failure(self, deferred: Any, *kinds: type[BaseException]) -> BaseException:
        """The error that *deferred* fails with, in the clock's next turn at the latest."""
        self.clock.advance(0)
        return self.failureResultOf(deferred, *kinds).value

    def assertNothingLeft(self) -> None:
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.network.bound, {})
