"""A gateway in memory, and clients of HTTP that say exactly what a test wants them to."""

import io
import json
from email import message_from_bytes
from email.policy import HTTP
from http.client import HTTPResponse

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

import pycom_tx as pycom
from pycom_tx.gateway.service import Gateway
from tests.support import MemoryCase


@pycom.interface("com.foo.example")
class Example(pycom.Service):
    """An example."""

    def __init__(self):
        self.requests = []
        self.waiting = []
        self.cancelled = []

    @pycom.method
    def echo(self, request):
        """What came."""
        self.requests.append(request)
        return request.args

    @pycom.method
    def add(self, request, a: int, b: int = 1) -> int:
        """A sum."""
        return a + b

    @pycom.method(attachments=("blob", "blob"), results=("size", "blob"))
    def mirror(self, request, blob: bytes, note: str = "") -> tuple[int, bytes]:
        """The same bytes."""
        self.requests.append(request)
        return len(blob), blob

    @pycom.method
    def fail(self, request, code: int, text: str = "it failed"):
        """An error."""
        raise pycom.RemoteError(text, code)

    @pycom.method
    async def wait(self, request):
        """Wait until the test answers."""
        answer = Deferred(self.cancelled.append)
        self.waiting.append(answer)
        return await answer


class Connection:
    """A connection to a gateway.

    :param site: what it connects to.
    :param clock: what moves things on.
    :param at: the address that it is made to, one that is no loopback if left out.
    """

    def __init__(self, site, clock, at=None):
        self._clock = clock
        self.transport = Transport(at)
        self.protocol = site.buildProtocol(None)
        self.transport.protocol = self.protocol
        self.protocol.makeConnection(self.transport)

    def send(self, data):
        """Send bytes; what is sent behind the end of the connection is lost."""
        if not self.transport.lost:
            self.protocol.dataReceived(data)
        self.settle()

    def ask(self, method, path, body=None, headers=()):
        """Send a whole request."""
        lines = [f"{method} {path} HTTP/1.1"]
        headers = {"Host": "gateway", **dict(headers)}
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b""))

    def hang_up(self):
        """Close it, as a client does."""
        self.transport.lose()
        self.settle()

    def settle(self):
        """Let everything happen that does now."""
        self._clock.pump([0] * 20)

    @property
    def received(self):
        """All bytes that came and were not read."""
        return self.transport.value()

    def read(self, method="GET"):
        """The next answer, whole."""
        stream = _Stream(self.received)
        response = HTTPResponse(stream, method=method)
        response.begin()
        response.body = response.read()
        self.transport.clear()
        self.transport.write(stream.getvalue()[stream.at :])
        return response


class Transport(StringTransport):
    """A connection in memory, which closes when it is told to.

    .. attribute:: slow

        Whether its client takes nothing but what :meth:`take_all` takes.

    .. attribute:: held_up

        Whether what was written waits for the reactor, and so does the end.
    """

    lost = slow = held_up = False
    full = False

    def write(self, data):
        super().write(data)
        if self.slow and not self.full and self.producer is not None:
            self.full = True
            self.producer.pauseProducing()

    def writeSequence(self, data):
        self.write(b"".join(data))

    def take_all(self):
        """Take all that there is, in pieces."""
        while self.full:
            self.full = False
            self.producer.resumeProducing()

    def loseConnection(self):
        super().loseConnection()
        if not self.held_up or self.disconnected:
            self.lose()

    def lose(self):
        if not self.lost:
            self.lost = True
            self.protocol.connectionLost(Failure(ConnectionDone()))


class _Stream(io.BytesIO):
    """Bytes in the place of a socket, which remember how far they were read."""

    def makefile(self, mode):
        return self

    def close(self):
        self.at = self.tell()


class GatewayCase(MemoryCase):
    """A gateway in memory; at the end nothing of it may be left."""

    def setUp(self):
        super().setUp()
        self.example = Example()
        self.service = self.host(self.example, service="/com/foo/one")

    def gateway(self, **options):
        """A gateway that runs until the test ends."""
        options = {"reactor": self.clock, "network": self.network, "drain": 0, **options}
        gateway = Gateway("tcp://127.0.0.1:2012", **options)
        gateway.startService()
        self.addCleanup(self.stop, gateway)
        self.settle()
        return gateway

    def stop(self, gateway):
        """Stop a gateway and let it finish."""
        if gateway.running:
            stopped = gateway.stopService()
            self.clock.pump([0, 1, 0])
            self.successResultOf(stopped)

    def settle(self):
        self.clock.pump([0] * 20)

    def connect(self, gateway):
        return Connection(gateway.site, self.clock)

    def ask(self, gateway, method, path, body=None, headers=(), *, at=None):
        """The answer to a request on a connection of its own."""
        connection = Connection(gateway.site, self.clock, at)
        connection.ask(method, path, body, headers)
        response = connection.read(method)
        connection.hang_up()
        return response

    def call(self, gateway, method, args=None, headers=(), interface="com.foo.example"):
        """The answer to a call whose arguments are JSON."""
        body = b"" if args is None else json.dumps(args).encode()
        headers = {"Content-Type": "application/json", **dict(headers)}
        return self.ask(gateway, "POST", f"/call/{interface}/{method}", body, headers)

    def result(self, deferred):
        """What a Deferred fires with, or the JSON of an answer that is right."""
        if not isinstance(deferred, HTTPResponse):
            return super().result(deferred)
        self.assertEqual(deferred.status, 200, deferred.body)
        self.assertEqual(deferred.headers["Content-Type"], "application/json")
        return json.loads(deferred.body)

    def problem(self, response, status, **members):
        """What an answer says is wrong."""
        self.assertEqual(response.status, status, response.body)
        self.assertEqual(response.headers["Content-Type"], "application/problem+json")
        problem = json.loads(response.body)
        self.assertEqual((problem["type"], problem["status"]), ("about:blank", status))
        self.assertTrue(problem["title"])
        for name, value in members.items():
            self.assertEqual(problem.get(name), value, problem)
        return problem["detail"]


def parts(response):
    """The parts of a form that was answered: their types and bytes, by their names."""
    head = f"Content-Type: {response.headers['Content-Type']}\r\n\r\n".encode()
    message = message_from_bytes(head + response.body, policy=HTTP)
    return {
        part.get_param("name", header="content-disposition"): (
            part.get_content_type(),
            part.get_payload(decode=True),
        )
        for part in message.iter_parts()
    }


def form(*given):
    """A form of parts, each a name and bytes, and its type."""
    body = b"".join(
        b'--xyz\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (name.encode(), data)
        for name, data in given
    )
    return body + b"--xyz--\r\n", {"Content-Type": "multipart/form-data; boundary=xyz"}
