"""What strangers can do to a server of metrics: not much."""

from prometheus_client import CollectorRegistry, Gauge
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pycom_tx.metrics import MetricsServer
from pycom_tx.metrics.server import MAX_CONNECTIONS, MOST
from tests.gateway import Connection

GET = b"GET /metrics HTTP/1.1\r\nHost: here\r\n"


class Listening:
    """An endpoint that shows what is listening."""

    def listen(self, factory):
        self.factory = factory
        return Deferred()


class StrangerTests(SynchronousTestCase):
    def setUp(self):
        registry = CollectorRegistry()
        Gauge("level", "How high it is.", registry=registry).set(1.5)
        self.clock = Clock()
        endpoint = Listening()
        server = MetricsServer(registry, endpoint, reactor=self.clock)
        server.startService()
        self.factory = endpoint.factory
        self.addCleanup(self.assertNothingLeft)
        self.addCleanup(server.stopService)

    def assertNothingLeft(self):
        self.assertEqual(self.factory.protocols, {})
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def connect(self):
        return Connection(self.factory, self.clock)

    def test_once(self):
        """A connection has one request, also where more was sent at once."""
        connection = self.connect()
        connection.send((GET + b"Content-Length: 0\r\n\r\n") * 3)
        response = connection.read()
        self.assertEqual((response.status, response.headers["Connection"]), (200, "close"))
        self.assertIn(b"level 1.5", response.body)
        self.assertEqual(connection.received, b"")
        self.assertTrue(connection.transport.lost)

    def test_bodies(self):
        """A body is refused before it comes, whatever its size, and no more of it is taken."""
        for verb in b"GET", b"POST":
            for header in (
                b"Content-Length: 1",
                b"content-length:2000000000",
                b"Content-Length: " + b"9" * 5000,
                b"Transfer-Encoding: chunked",
            ):
                connection = self.connect()
                head = GET.replace(b"GET", verb) + header + b"\r\nExpect: 100-continue\r\n"
                connection.send(head + b"\r\n1\r\na\r\n0\r\n\r\n" + GET + b"\r\n")
                self.assertEqual(connection.read().status, 413)
                self.assertEqual(connection.received, b"")
                self.assertTrue(connection.transport.lost)

    def test_goes_on(self):
        """Who is refused and goes on sending is not listened to."""
        connection = self.connect()
        connection.transport.loseConnection = lambda: None  # TLS waits for its client
        connection.send(GET + b"Transfer-Encoding: chunked\r\n\r\n")
        connection.send(b"1\r\na\r\n0\r\n\r\n" + GET + b"\r\n")
        self.assertEqual(connection.received.count(b"HTTP/1.1"), 1)
        del connection.transport.loseConnection
        self.clock.advance(MOST)
        self.assertTrue(connection.transport.lost)

    def test_slow(self):
        """A connection is cut after a while, also while something comes on it."""
        silent, slow = self.connect(), self.connect()
        slow.send(GET)
        for _ in range(int(MOST) - 1):
            self.clock.advance(1)
            slow.send(b"X: y\r\n")
        self.assertFalse(slow.transport.lost or silent.transport.lost)
        self.clock.advance(1)
        self.assertTrue(slow.transport.lost and silent.transport.lost)

    def test_many(self):
        """There are so many connections and no more, until one of them has ended."""
        connections = [self.connect() for _ in range(MAX_CONNECTIONS)]
        self.assertIs(self.factory.buildProtocol(None), None)
        connections.pop().hang_up()
        connections.append(self.connect())
        connections[-1].send(GET + b"\r\n")
        self.assertEqual(connections.pop().read().status, 200)
        for connection in connections:
            connection.hang_up()
