"""HTTP in memory: what tests of clients reach a gateway through."""

import re
from pathlib import Path

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectError, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IStreamClientEndpoint, ITransport
from twisted.python.failure import Failure
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from pycom_tx.gateway.service import Gateway

URL = "http://gateway"
ALL = ("com.*", "org.pycom.*")
PAGE = Path(__file__).parents[1] / "docs" / "http_clients.rst"
WHERE = IPv4Address("TCP", "10.0.0.1", 8080)


def told_differences():
    """What the page on clients over HTTP says is different there."""
    text = PAGE.read_text("utf-8").partition("What is different\n")[2]
    return re.findall(r"^   \* - (.+)", text, re.MULTILINE)[1:]


@implementer(ITransport)
class End:
    """One end of a connection in memory: what is written arrives in the clock's next turn."""

    def __init__(self, clock):
        self._clock = clock
        self._producer = None
        self.disconnecting = False
        self.disconnected = False

    def join(self, other, protocol):
        self.other, self.protocol = other, protocol

    def write(self, data):
        if not self.disconnecting:
            self._clock.callLater(0, self.other.arrived, data)

    def writeSequence(self, data):
        self.write(b"".join(data))

    def arrived(self, data):
        if not self.disconnected:
            self.protocol.dataReceived(data)

    def loseConnection(self):
        if not self.disconnecting:
            self.disconnecting = True
            for end in self, self.other:
                self._clock.callLater(0, end.lose, ConnectionDone())

    def abortConnection(self):
        self.disconnecting = True
        for end in self, self.other:
            self._clock.callLater(0, end.lose, ConnectionLost())

    def lose(self, reason):
        if not self.disconnected:
            self.disconnecting = self.disconnected = True
            if self._producer is not None:
                self._producer.stopProducing()
            self.protocol.connectionLost(Failure(reason))

    def registerProducer(self, producer, streaming):
        self._producer = producer

    def unregisterProducer(self):
        self._producer = None

    def pauseProducing(self):
        """What arrives is taken all the same."""

    resumeProducing = stopProducing = pauseProducing

    def getPeer(self):
        return WHERE

    getHost = getPeer


@implementer(IAgentEndpointFactory, IStreamClientEndpoint)
class Wires:
    """Connects to whatever listens, in memory.

    :param clock: what moves things on.

    :ivar site: what listens, a protocol factory; None for nothing.
    :ivar ends: the clients' ends of the connections that there were.
    """

    def __init__(self, clock, site=None):
        self.clock = clock
        self.site = site
        self.ends = []
        self.pool = HTTPConnectionPool(clock)
        self.pool.maxPersistentPerHost = 100
        self.agent = Agent.usingEndpointFactory(clock, self, self.pool)

    def endpointForURI(self, uri):
        return self

    def connect(self, factory):
        if self.site is None:
            return fail(ConnectError(string="nobody listens"))
        here, there = End(self.clock), End(self.clock)
        client, server = factory.buildProtocol(WHERE), self.site.buildProtocol(WHERE)
        here.join(there, client)
        there.join(here, server)
        self.ends.append(here)
        server.makeConnection(there)
        client.makeConnection(here)

        def give_up(_):
            soon.cancel()
            here.abortConnection()

        connected = Deferred(give_up)
        soon = self.clock.callLater(0, connected.callback, client)
        return connected

    @property
    def open(self):
        """How many connections are open."""
        return sum(not end.disconnected for end in self.ends)

    def cut(self):
        """Cut all connections."""
        for end in self.ends:
            end.abortConnection()

    def close(self):
        """Close those that nothing is asked on."""
        self.pool.closeCachedConnections()
        self.clock.pump([0] * 3)


class OverHTTP:
    """A :class:`tests.support.MemoryCase` whose clients reach services through a gateway."""

    address = ()
    expose = ()

    @property
    def options(self):
        return {"gateway": URL, "agent": self.wires.agent, "reactor": self.clock}

    def client_context(self, *address, **options):
        if not hasattr(self, "wires"):
            self.gateway = Gateway(
                "tcp://127.0.0.1:2012",
                reactor=self.clock,
                network=self.network,
                **{"expose": self.expose, "drain": 0, "max_timeout": 1e9, **self.gateway_options()},
            )
            self.gateway.startService()
            self.addCleanup(self.stop_gateway)
            self.wires = Wires(self.clock, self.gateway.site)
            self.addCleanup(self.wires.close)
        self.settle()
        return super().client_context(*address, **options)

    def gateway_options(self):
        """What the gateway is set up with, where that matters."""
        return {}

    def stop_gateway(self):
        if self.gateway.running:
            stopped = self.gateway.stopService()
            self.clock.pump([0] * 5 + [1])
            self.successResultOf(stopped)

    def host(self, *components, **options):
        host = super().host(*components, **options)
        self.learn()
        return host

    def learn(self):
        """Let the gateway learn what has changed."""
        if hasattr(self, "wires"):
            self.clock.pump([0] * 10 + [0.25] + [0] * 20)

    def settle(self):
        self.clock.pump([0] * 40)

    def wait(self, seconds):
        # In steps, as nothing else lives through it: hosts renew their registrations.
        whole, rest = divmod(seconds, 10)
        self.clock.pump([10] * int(whole) + [rest])

    def at(self, host, *, named=False):
        return f"{URL}#{host.service}" if named else URL

    def open(self, opener, host, interface, *, others=False):
        return opener.locate(interface, host.service if others else None)

    def assertAllQuiet(self):
        """No request is under way."""
        self.settle()
        idle = sum(len(known) for known in self.wires.pool._connections.values())
        self.assertEqual(self.wires.open, idle)

    def differs(self, name):
        """Say that a test shows a difference that the documentation tells."""
        self.assertIn(name, told_differences())
