"""Clients over HTTP, between real processes: over TCP and TLS."""

import os
import socket
import sys
from itertools import count, cycle

from twisted.internet import reactor, ssl
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.endpoints import TCP4ServerEndpoint, serverFromString
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.utils import getProcessOutputAndValue
from twisted.logger import capturedLogs, formatEvent
from twisted.protocols.portforward import ProxyFactory
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool

import pycom_tx as pycom
from pycom_tx.client.over_http.agent import HEADERS, KEEPALIVE
from pycom_tx.tracing import trace_context
from tests.live import test_gateway
from tests.live.certificates import write_certificate
from tests.live.test_documents import ROOT, blocks_of
from tests.live.test_tracing import INNER, OUTER, TRACED
from tests.live.test_twistd import ANY
from tests.over_http import told_differences

SERVICE = (
    test_gateway.SERVICE
    + '''

@pycom.interface("com.foo.odd")
class Odd(pycom.Service):
    """Fails in every way there is."""

    @pycom.method
    def fail(self, request, code: int, text: str):
        raise pycom.RemoteError(text, code)

    @pycom.method
    def crash(self, request):
        import os

        os._exit(1)

    @pycom.method
    def extensions(self, request):
        told = request.extensions
        return pycom.Response(sorted(told), extensions={"com.foo.back": told.get("com.foo.there")})
'''
)

TLS = "ssl:{port}:interface=127.0.0.1:privateKey=key.pem:certKey=certificate.pem"

# Calls through a gateway, in a process of its own. It stops when its calls were started.
CLIENT = """
import sys
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

import pycom_tx as pycom


async def main():
    context = pycom.Context(gateway=sys.argv[1])
    component = await context.locate("com.foo.busy")
    print(await component.invoke("echo", 7), flush=True)
    if "stop" in sys.argv:
        names = ["a", "b", "c"]
        calls = [component.invoke("wait", {"name": name}, timeout=60) for name in names]
        while not all(Path(f"{name}.started").exists() for name in names):
            await deferLater(reactor, 0.02)
        reactor.stop()
        for call in calls:
            try:
                await call
            except pycom.ServiceNotAvailable as error:
                print(type(error).__name__, error.not_started, error, flush=True)
    else:
        await context.close()
        left = [reader for reader in reactor.getReaders() if "Waker" not in type(reader).__name__]
        print(left, reactor.getDelayedCalls(), flush=True)
        reactor.stop()


def failed(failure):
    print(type(failure.value).__name__, failure.value, flush=True)
    reactor.stop()


reactor.callWhenRunning(lambda: Deferred.fromCoroutine(main()).addErrback(failed))
reactor.run()
"""


class Turns(ProxyFactory):
    """Passes connections on to ports, to each in its turn."""

    def __init__(self, ports):
        super().__init__("127.0.0.1", None)
        self.turns = cycle(map(int, ports))
        self.taken = []

    def buildProtocol(self, address):
        self.port = next(self.turns)
        self.taken.append(self.port)
        return super().buildProtocol(address)


class HTTPClientCase(test_gateway.GatewayCase):
    """A service and a gateway in processes; a nameserver and clients in this one."""

    async def start(self, *options, endpoint="tcp:0:interface=127.0.0.1"):
        self.write_module("busy", SERVICE)
        self.where = self.nameserver_here()
        service, self.address = await self.service("/com/foo/busy")
        gateway = await self.gateway(*options, endpoint=endpoint)
        return service, gateway

    def context(self, url=None, **options):
        """A context that is closed at the end, and leaves nothing behind."""
        context = pycom.Context(gateway=url or self.url, **options)
        self.addCleanup(context.close)
        return context

    async def run_client(self, *arguments, **environment):
        """What a client in a process of its own prints."""
        self.write_module("client", CLIENT)
        out, err, status = await getProcessOutputAndValue(
            sys.executable,
            ["client.py", *arguments],
            path=str(self.folder),
            env={**os.environ, **environment},
        )
        self.assertEqual((err, status), (b"", 0), out)
        return out.decode()

    async def failure(self, deferred, kind):
        """The error that *deferred* fails with."""
        try:
            result = await deferred
        except pycom.Error as error:
            self.assertIs(type(error), kind, error)
            return error
        raise AssertionError(f"There was no {kind.__name__} but {result!r:.100}")

    async def check_all(self, context):
        async with context.locate("com.foo.busy") as busy:
            for value in None, {"a": [1, "\u00f6", 2**100]}, "x" * 1_000_000:
                self.assertEqual(await busy.invoke("echo", value), value)
            for size in 0, 1, 8 * 1024 * 1024:
                blob = os.urandom(size)
                result, back = await busy.invoke("mirror", {}, attachment=blob)
                self.assertEqual((result, back == blob), ({"size": size}, True))
        await self.check_sessions(context)
        await self.check_errors(context)
        await self.check_extensions(context)

    async def check_sessions(self, context):
        async with (
            context.locate("com.foo.basket") as first,
            pycom.ProxyContext(context).locate("com.foo.basket") as second,
        ):
            for number in range(3):
                chosen = [str(known) for known in range(number + 1)]
                self.assertEqual(await first.invoke("put", {"title": str(number)}), chosen)
            self.assertEqual(await second.put("a"), ["a"])

    async def check_errors(self, context):
        async with context.locate("com.foo.odd") as odd:
            for code, kind in (
                (1, pycom.RemoteError),
                (2, pycom.MethodNotFound),
                (3, pycom.ServiceNotFound),
                (4, pycom.BadRequest),
                (5, pycom.AccessDenied),
                (6, pycom.SessionExpired),
                (77, pycom.RemoteError),
            ):
                call = odd.invoke("fail", {"code": code, "text": "Zo\u00eb says no"})
                error = await self.failure(call, kind)
                self.assertEqual((error.code, str(error)), (code, "Zo\u00eb says no"))
            await self.failure(odd.invoke("nope"), pycom.MethodNotFound)
            await self.failure(odd.invoke("fail", {"code": "x"}), pycom.BadRequest)
        await self.failure(context.locate("com.foo.nope"), pycom.ServiceNotFound)

    async def check_extensions(self, context):
        seen = []

        def mark(component, request):
            request.extensions["com.foo.there"] = [1]
            return request

        context.prehooks.append(mark)
        context.posthooks.append(lambda _, response: seen.append(response.extensions) or response)
        async with context.locate("com.foo.odd") as odd:
            self.assertIn("com.foo.there", await odd.invoke("extensions"))
        self.assertEqual(seen, [{"com.foo.back": [1]}])


class CallTests(HTTPClientCase):
    async def test_everything(self):
        """Values, attachments, sessions, errors and hooks; a clean end of all processes."""
        processes = await self.start()
        await self.check_all(self.context())
        for process in reversed(processes):
            self.assertStopped(process, await process.stop())

    async def test_load(self):
        """Two thousand calls, fifty at a time, without one error, on fifty connections."""
        _, gateway = await self.start()
        numbers = count()
        context = self.context()
        async with context.locate("com.foo.busy") as busy:

            async def calls():
                right = 0
                while (number := next(numbers)) < 2_000:
                    right += await busy.invoke("echo", number) == number
                return right

            workers = [Deferred.fromCoroutine(calls()) for _ in range(50)]
            self.assertEqual(sum(await gatherResults(workers)), 2_000)
            self.assertLessEqual(len(context._gateway._own._open), 50)
        await context.close()
        self.assertEqual(context._gateway._own._open, {})
        self.assertCleanLog(gateway)

    async def test_two_contexts(self):
        """Contexts have nothing in common, and leave each other alone."""
        await self.start()
        first, second = self.context(), self.context(timeout=30)
        async with first.locate("com.foo.busy") as busy, second.locate("com.foo.busy") as other:
            await busy.invoke("echo")
            call = other.invoke("echo", 5)
            await first.close()
            self.assertEqual(await call, 5)
            error = await self.failure(busy.invoke("echo"), pycom.ConnectionClosed)
            self.assertIs(error.not_started, True)

    async def test_environment(self):
        """The proxies that an environment names are not used."""
        await self.start()
        nowhere = f"http://127.0.0.1:{self.reserve_port()}"
        out = await self.run_client(self.url, http_proxy=nowhere, HTTP_PROXY=nowhere)
        self.assertEqual(out, "7\n[] []\n")


class EndingTests(HTTPClientCase):
    async def test_cancel(self):
        """A call that is cancelled is cancelled in its method, and its connection closed."""
        await self.start()
        context = self.context()
        async with context.locate("com.foo.busy") as busy:
            call = busy.invoke("wait", {"name": "first"}, timeout=60)
            await self.file("first.started")
            call.cancel()
            with self.assertRaises(CancelledError):
                await call
            await self.file("first.cancelled")
            self.assertEqual(await busy.invoke("echo", 5), 5)

    async def test_timeout(self):
        """One whose time is over ends, here and there."""
        await self.start("--max-timeout", "3")
        async with self.context().locate("com.foo.busy") as busy:
            # The gateway is told the time as well: either of them may be the first to see it over.
            for name, timeout, said in (
                ("a", 2, "within 2 s|no answer in time"),
                ("b", 60, "no answer in time"),
            ):
                call = busy.invoke("wait", {"name": name}, timeout=timeout)
                error = await self.failure(call, pycom.CallTimeout)
                self.assertRegex(str(error), said)
                self.assertIs(error.not_started, False)
                await self.file(f"{name}.cancelled")

    async def test_gateway_restarted(self):
        """When a gateway is killed, calls on their way fail; when it is back, all goes on."""
        endpoint = f"tcp:{self.reserve_port()}:interface=127.0.0.1"
        _, gateway = await self.start(endpoint=endpoint)
        async with (
            self.context().locate("com.foo.busy") as busy,
            self.context().locate("com.foo.basket") as basket,
        ):
            await basket.invoke("put", {"title": "Roots"})
            call = busy.invoke("wait", {"name": "first"}, timeout=60)
            await self.file("first.started")
            await gateway.kill()
            error = await self.failure(call, pycom.ServiceNotAvailable)
            self.assertIs(error.not_started, False)
            self.assertIn("com.foo.busy.wait may have been executed", str(error))
            error = await self.failure(busy.invoke("echo"), pycom.ServiceNotAvailable)
            self.assertIs(error.not_started, True)
            self.assertIn(f"Nothing answers at {self.url}", str(error))
            await self.gateway(endpoint=endpoint)
            self.assertEqual(await busy.invoke("echo", 5), 5)
            self.assertEqual(await basket.invoke("put", {"title": "Sun"}), ["Roots", "Sun"])

    async def test_two_gateways(self):
        """A session goes on at each gateway of those that share a URL."""
        await self.start()
        await self.service("/com/foo/other")
        ports = [self.port]
        await self.gateway()
        ports.append(self.port)
        turns = Turns(ports)
        shared = reactor.listenTCP(0, turns, interface="127.0.0.1")
        self.addCleanup(shared.stopListening)
        url = f"http://127.0.0.1:{shared.getHost().port}"
        # An agent that keeps no connection: each call has its turn.
        async with (
            pycom.ProxyContext(gateway=url, agent=Agent(reactor)) as context,
            context.locate("com.foo.basket") as basket,
        ):
            for number in range(1, 7):
                self.assertEqual(await basket.put("Roots"), ["Roots"] * number)
        self.assertEqual(len({*turns.taken[-6:]}), 2)

    async def test_gateway_stopped(self):
        """A gateway that is stopped answers the calls in progress, and refuses others."""
        _, gateway = await self.start()
        async with self.context().locate("com.foo.busy") as busy:
            call = busy.invoke("wait", {"name": "first"}, timeout=60)
            await self.file("first.started")
            stopped = Deferred.fromCoroutine(gateway.stop())
            await gateway.wait_for("waits for 1 calls")
            await self.failure(busy.invoke("echo"), pycom.ServiceNotAvailable)
            (self.folder / "first").touch()
            self.assertEqual(await call, "first")
            self.assertStopped(gateway, await stopped)

    async def test_absent(self):
        """Where no gateway is, nothing can be found; who waits for it gets it."""
        self.write_module("busy", SERVICE)
        self.where = self.nameserver_here()
        await self.service("/com/foo/busy")
        port = self.reserve_port()
        context = self.context(f"http://127.0.0.1:{port}")
        error = await self.failure(context.locate("com.foo.busy"), pycom.ServiceNotAvailable)
        self.assertIs(error.not_started, True)
        self.assertIn("Connection was refused", str(error))
        waiting = context.wait_for("com.foo.busy", timeout=30)
        await self.gateway(endpoint=f"tcp:{port}:interface=127.0.0.1")
        async with waiting as busy:
            self.assertEqual(await busy.invoke("echo", 5), 5)

    async def test_service_dies(self):
        """A service that dies while it is called may have done what it was asked to."""
        await self.start()
        async with self.context().locate("com.foo.odd") as odd:
            error = await self.failure(odd.invoke("crash"), pycom.ServiceNotAvailable)
            self.assertIs(error.not_started, False)
            self.assertIn("The connection to the service broke", str(error))

    async def test_reactor_stops(self):
        """When the reactor stops, calls on their way fail, and the process ends."""
        await self.start()
        out = await self.run_client(self.url, "stop")
        lines = out.splitlines()
        self.assertEqual(lines[0], "7")
        self.assertEqual(len(lines), 4, out)
        for line in lines[1:]:
            told = "ConnectionClosed False The reactor stopped; com.foo.busy.wait may have been"
            self.assertEqual(line, f"{told} executed")


class TraceTests(HTTPClientCase):
    async def test_many_at_once(self):
        """Each of many calls at once keeps its own trace, through the gateway and the service
        that it calls to the one behind that; with spans on the way, and without."""
        self.where = self.nameserver_here()
        for name, source in ("inner", INNER), ("outer", TRACED.format(name="outer") + OUTER):
            self.write_module(name, source)
            await self.registered("pycom-service", "-a", ANY, "-n", self.where, name)
        await self.gateway()
        ids = [f"{number:032x}" for number in range(1, 201)]
        for interface, method, spans in ("com.foo.inner", "tell", 1), ("com.foo.outer", "ask", 200):
            async with self.context().locate(interface) as component:
                calls = []
                for name in ids:
                    token = trace_context.set({"traceparent": f"00-{name}-00000000000000ff-01"})
                    calls.append(component.invoke(method))
                    trace_context.reset(token)
                told = [carried["traceparent"].split("-") for carried in await gatherResults(calls)]
            self.assertEqual([trace for _, trace, _, _ in told], ids)
            self.assertEqual(len({span for _, _, span, _ in told}), spans)


class TLSTests(HTTPClientCase):
    async def serve(self, port=0):
        write_certificate(self.folder)
        processes = await self.start(endpoint=TLS.format(port=port))
        self.secure = f"https://localhost:{self.port}"
        return processes

    def trusting(self):
        """An agent that trusts the certificate of the gateway."""
        certificate = ssl.Certificate.loadPEM((self.folder / "certificate.pem").read_bytes())
        pool = HTTPConnectionPool(reactor)
        pool.maxPersistentPerHost = 100
        self.addCleanup(pool.closeCachedConnections)
        policy = BrowserLikePolicyForHTTPS(ssl.trustRootFromCertificates([certificate]))
        return Agent(reactor, policy, pool=pool)

    async def test_everything(self):
        """All of it over TLS, with an authority of one's own."""
        _, gateway = await self.serve()
        await self.check_all(self.context(self.secure, agent=self.trusting()))
        self.assertCleanLog(gateway)

    async def test_documented(self):
        """What the documentation shows is what trusts it."""
        write_certificate(self.folder)
        for page, name in ("gateway.rst", "photos.py"), ("http_clients.rst", "trusting.py"):
            blocks = dict(blocks_of((ROOT / "docs" / page).read_text("utf-8")))
            (self.folder / name).write_text(blocks[name], "utf-8")
        self.where = self.nameserver_here()
        await self.registered(
            "pycom-service", "-a", ANY, "-n", self.where, "-s", "/com/foo/photos", "photos"
        )
        await self.gateway(endpoint=TLS.format(port=0))
        program = (self.folder / "trusting.py").read_text("utf-8")
        self.assertIn("https://localhost:8443", program)
        self.write_module("trusting", program.replace("8443", self.port))
        out, err, status = await getProcessOutputAndValue(
            sys.executable, ["trusting.py"], path=str(self.folder), env=os.environ
        )
        self.assertEqual((out.decode(), err, status), ("['hello Frida']\n", b"", 0))

    async def test_system(self):
        """What the system trusts is trusted, and nothing else."""
        await self.serve()
        out = await self.run_client(self.secure, SSL_CERT_FILE="certificate.pem")
        self.assertEqual(out, "7\n[] []\n")
        out = await self.run_client(self.secure)
        self.assertIn(f"What answers at {self.secure} is not trusted: ", out)
        self.assertIn("certificate verify failed", out)

    async def test_distrust(self):
        """A call to who is not trusted was not started: nothing was said to him."""
        await self.serve()
        component = self.context(self.secure)._at(self.secure, "com.foo.busy")
        error = await self.failure(component.invoke("echo", "secret"), pycom.ServiceNotAvailable)
        self.assertIs(error.not_started, True)
        self.assertIn("is not trusted", str(error))
        other = f"https://127.0.0.1:{self.port}"
        context = self.context(other, agent=self.trusting())
        error = await self.failure(
            context._at(other, "com.foo.busy").invoke("echo"), pycom.ServiceNotAvailable
        )
        self.assertIs(error.not_started, True)
        self.assertIn(f"What answers at {other} is not trusted", str(error))

    async def test_no_tls(self):
        """Where one side speaks TLS and the other does not, a call fails."""
        await self.serve()
        for url in f"http://localhost:{self.port}", self.secure.replace("localhost", "127.0.0.1"):
            await self.failure(self.context(url).locate("com.foo.busy"), pycom.ServiceNotAvailable)

    async def test_restarted(self):
        """When it is back, all goes on."""
        _, gateway = await self.serve(self.reserve_port())
        context = self.context(self.secure, agent=self.trusting())
        async with context.locate("com.foo.busy") as busy:
            await busy.invoke("echo")
            await gateway.kill()
            await self.gateway(endpoint=TLS.format(port=self.port))
            self.assertEqual(await busy.invoke("echo", 5, timeout=20), 5)


class Hasty(Protocol):
    """Answers before it was asked all, reads no more, and does not hang up."""

    def connectionMade(self):
        self.factory.connections.append(self.transport)

    def dataReceived(self, data):
        body = b'{"detail":"too large"}'
        head = b"HTTP/1.1 413 No\r\nContent-Type: application/problem+json\r\nContent-Length: %d"
        self.transport.write(head % len(body) + b"\r\n\r\n" + body)
        self.transport.pauseProducing()


class Stranger(Protocol):
    """Says its name and waits."""

    def connectionMade(self):
        self.transport.write(self.factory.name)


class Endless(Protocol):
    """Answers with the same again and again, as long as there is somebody who takes it."""

    def dataReceived(self, data):
        if not self.transport.disconnecting:
            self.transport.write(self.factory.first)
            self.transport.registerProducer(self, False)

    def resumeProducing(self):
        self.transport.write(self.factory.more)

    def stopProducing(self):
        self.factory.stopped.callback(None)


class Terse(Protocol):
    """Answers with many headers and nothing else."""

    def dataReceived(self, data):
        self.factory.connections.add(self)
        line = b"X-Filler: " + b"x" * 15_000 + b"\r\n"
        self.transport.write(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n" + 4 * line + b"\r\n")


class StrangerTests(HTTPClientCase):
    async def listen(self, protocol, endpoint="tcp:0:interface=127.0.0.1"):
        """A factory of servers, and the port that it has."""
        factory = Factory.forProtocol(protocol)
        factory.noisy = False
        port = await serverFromString(reactor, endpoint).listen(factory)
        self.addCleanup(port.stopListening)
        return factory, port.getHost().port

    async def endless(self, first, more, **listen):
        """Who answers so, and its port."""
        factory, port = await self.listen(Endless, **listen)
        factory.first, factory.more, factory.stopped = first, more, Deferred()
        return factory, port

    async def test_endless_headers(self):
        """Who answers with headers that do not end is not listened to for long."""
        for first, more in (
            (b"HTTP/1.1 200 OK\r\n", b"X-Filler: aaaa\r\n" * 500),
            (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500),
        ):
            factory, port = await self.endless(first, more)
            url = f"http://127.0.0.1:{port}"
            context = self.context(url)
            call = context._at(url, "com.foo").invoke("echo", timeout=60)
            error = await self.failure(call, pycom.InvalidReply)
            said = f"What answers at {url} is no gateway: its headers have {HEADERS} bytes or more"
            self.assertIn(said, str(error))
            self.assertIs(error.not_started, False)
            await factory.stopped

    async def test_endless_headers_in_tls(self):
        """So it is over TLS."""
        write_certificate(self.folder)
        first, more = b"HTTP/1.1 200 OK\r\n", b"X-Filler: aaaa\r\n" * 500
        endpoint = TLS.format(port=0).replace("=key", f"={self.folder}/key")
        endpoint = endpoint.replace("=certificate", f"={self.folder}/certificate")
        factory, port = await self.endless(first, more, endpoint=endpoint)
        out = await self.run_client(f"https://localhost:{port}", SSL_CERT_FILE="certificate.pem")
        self.assertIn(f"is no gateway: its headers have {HEADERS} bytes or more", out)
        await factory.stopped

    async def test_many_headers(self):
        """Each answer may have many headers, also where all come on one connection."""
        factory, port = await self.listen(Terse)
        factory.connections = set()
        url = f"http://127.0.0.1:{port}"
        component = self.context(url)._at(url, "com.foo")
        for _ in range(5):
            error = await self.failure(component.invoke("echo"), pycom.InvalidReply)
            self.assertIn("404 Not Found", str(error))
        self.assertEqual(len(factory.connections), 1)

    async def serve(self, name):
        """The port of somebody who speaks something else."""
        factory, port = await self.listen(Stranger)
        factory.name = name
        return f"127.0.0.1:{port}"

    async def test_no_http(self):
        """What speaks something else than HTTP is named at once, by what it began with."""
        nameserver = self.nameserver_here().removeprefix("tcp://")
        for where, said in (
            (await self.serve(b"HTTQ"), "it speaks no HTTP, b'HTTQ'"),
            (await self.serve(b"* OK IMAP"), "it speaks no HTTP, b'* OK IMAP'"),
            (await self.serve(b"\x15\3\1\0\2"), "it speaks TLS, b'\\x15\\x03"),
            (nameserver, "it speaks 0MQ, b'\\xff\\x00"),
        ):
            url = f"http://{where}"
            context = self.context(url, timeout=60)
            calls = context.locate("com.foo"), context._at(url, "com.foo").invoke("echo")
            for call in calls:
                error = await self.failure(call, pycom.InvalidReply)
                self.assertIn(f"What answers at {url} is no gateway: {said}", str(error))
            await context.close()

    async def test_no_tls(self):
        """So is what speaks no TLS where it should."""
        await self.start()
        for where in await self.serve(b"* OK IMAP"), f"127.0.0.1:{self.port}":
            url = f"https://{where}"
            for call in (
                self.context(url).locate("com.foo"),
                self.context(url)._at(url, "a").invoke("b"),
            ):
                error = await self.failure(call, pycom.ServiceNotAvailable)
                self.assertIn(f"What answers at {url} speaks no TLS", str(error))


class ConnectionTests(HTTPClientCase):
    async def test_kept(self):
        """Connections are kept, and would tell if nobody were there any more."""
        self.assertIn("silence", told_differences())
        await self.start()
        context = self.context()
        async with context.locate("com.foo.busy") as busy:
            for number in range(5):
                await busy.invoke("echo", number)
        (connection,) = context._gateway._own._open
        self.assertTrue(connection.getTcpKeepAlive())
        self.assertTrue(connection.getTcpNoDelay())
        for name, value in KEEPALIVE:
            told = connection.getHandle().getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
            self.assertEqual(told, value)

    async def test_quiet(self):
        """Connections that come and go are nothing for the log."""
        await self.start()
        with capturedLogs() as events:
            context = pycom.Context(gateway=self.url)
            async with context.locate("com.foo.busy") as busy:
                await busy.invoke("echo")
            await context.close()
        lines = [formatEvent(event) for event in events]
        self.assertEqual([line for line in lines if "factory" in line], [])

    async def test_close(self):
        """Closing a context closes all connections, also those that take their time."""
        self.assertIn("close", told_differences())
        factory = Factory.forProtocol(Hasty)
        factory.noisy = False
        factory.connections = []
        port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
        self.addCleanup(port.stopListening)
        context = pycom.Context(gateway=f"http://127.0.0.1:{port.getHost().port}")
        component = context._at(context.nameserver_address, "com.foo.busy")
        call = component.invoke("echo", attachment=bytes(50_000_000))
        await self.failure(call, pycom.BadRequest)
        self.assertEqual(len(context._gateway._own._open), 1)
        await context.close()
        self.assertEqual(context._gateway._own._open, {})
        for connection in factory.connections:
            connection.abortConnection()
