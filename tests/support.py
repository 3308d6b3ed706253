"""What several test modules need."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

import pycom_tx as pycom
from pycom_tx.testing import MemoryNetwork
from pycom_tx.zerojson.messages import CANCEL, decode_response, encode_request
from pycom_tx.zerojson.server import Server


class Caller:
    """Calls a handler through a server, as a client that keeps the replies.

    :param limits: what else the server takes.
    """

    sender = "192.168.10.1"

    def __init__(self, handler: Any, clock: Clock, **limits: Any) -> None:
        self.server = Server(handler, clock, **limits)
        self.replies: list[pycom.Response] = []

    def call(self, interface: str, method: str, **options: Any) -> None:
        """Send a request."""
        self._send(*encode_request(pycom.Request(interface, method, **options)))

    def cancel(self) -> None:
        """Give it up."""
        self._send(CANCEL, b"{}")

    def send(self, frames: list[bytes]) -> None:
        """The server's: send a reply."""
        self.replies.append(decode_response(frames[3:]))

    def _send(self, *frames: bytes) -> None:
        self.server.message_received(self, [b"peer", b"id", b"", *frames])


class MemoryCase(SynchronousTestCase):
    """Hosts and contexts on one clock and one network in memory.

    At the end everything is closed, and neither the clock nor the network may hold
    anything.
    """

    address: tuple[str, ...] = ("tcp://127.0.0.1:2012",)
    """What contexts of clients are given by position."""

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
        self.addCleanup(self.assertNothingLeft)
        self.addCleanup(self.close, self.nameserver.stopService)
        self.context = self.client_context()
        self.proxies = pycom.ProxyContext(self.context)
        self.addCleanup(self.context.close)

    def open_network(self) -> MemoryNetwork:
        """What the test's hosts and contexts share."""
        return MemoryNetwork(self.clock)

    @property
    def options(self) -> dict[str, Any]:
        """And what by name."""
        return {"reactor": self.clock, "network": self.network}

    def client_context(self, *address: str, **options: Any) -> pycom.Context:
        """A context of a client."""
        return pycom.Context(*address or self.address, **{**self.options, **options})

    def at(self, host: Any, *, named: bool = False) -> str:
        """The address that a client sees a host at.

        :param named: whether the client has asked for that one by its path.
        """
        return host.address

    def open(self, opener: Any, host: Any, interface: str, *, others: bool = False) -> Any:
        """Open a component of an interface of a host.

        :param opener: a context, or one of proxies.
        :param others: whether others provide it as well.
        """
        return opener.connect(host.address, interface)

    def wait(self, seconds: float) -> None:
        """Let so much time pass."""
        self.clock.advance(seconds)

    def settle(self) -> None:
        """Let everything happen that does now."""
        self.clock.advance(0)

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
        self.settle()
        return self.successResultOf(deferred)

    def failure(self, deferred: Any, *kinds: type[BaseException]) -> BaseException:
        """The error that *deferred* fails with, in the clock's next turn at the latest."""
        self.settle()
        return self.failureResultOf(deferred, *kinds).value

    def assertNothingLeft(self) -> None:
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.network.bound, {})
