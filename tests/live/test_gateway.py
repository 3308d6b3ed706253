"""The gateway between real processes: curl and others call what runs behind it."""

import itertools
import json
import os
import re
import signal
import tempfile
from pathlib import Path
from unittest import SkipTest

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.protocol import Protocol
from twisted.internet.task import deferLater
from twisted.internet.utils import getProcessOutputAndValue
from twisted.python.procutils import which

from tests.http_load import Client, load
from tests.live.certificates import write_certificate
from tests.live.processes import LOOK_AGAIN, PATIENCE
from tests.live.test_twistd import ANY, CommandCase

SERVICE = '''
import time
from pathlib import Path

import pycom_tx as pycom
from twisted.internet.defer import CancelledError, Deferred


@pycom.interface("com.foo.busy")
class Busy(pycom.Service):
    """Does what tests want it to."""

    @pycom.method
    def echo(self, request):
        return request.args

    @pycom.method(attachments=("blob", "blob"), results=("size", "blob"))
    def mirror(self, request, blob: bytes) -> tuple[int, bytes]:
        return len(blob), blob

    @pycom.method(results=("blob",), attachments=(None, "blob"))
    def grow(self, request, size: int) -> bytes:
        return bytes(size)

    @pycom.method
    async def wait(self, request, name: str, seconds: float = 0):
        """Wait until there is a file of that name, or the call is cancelled.

        For so many seconds, it holds up everything: its client hears nothing from it.
        """
        Path(f"{name}.started").touch()
        time.sleep(seconds)
        try:
            while not Path(name).exists():
                await pause()
        except CancelledError:
            Path(f"{name}.cancelled").touch()
            raise
        return name


@pycom.interface("com.foo.basket", stateful=True)
class Basket(pycom.Service):
    @pycom.method
    def put(self, request, title: str) -> list[str]:
        request.session.setdefault("chosen", []).append(title)
        return request.session["chosen"]


def pause():
    from twisted.internet import reactor
    from twisted.internet.task import deferLater

    return deferLater(reactor, 0.01)
'''


class Talk(Protocol):
    """A connection that keeps what comes."""

    def __init__(self):
        self.received = b""
        self.ended = Deferred()

    def dataReceived(self, data):
        self.received += data

    def connectionLost(self, reason):
        self.ended.callback(None)

    async def until(self, pattern):
        """Wait until a regular expression is found in what came; gives the match."""
        deadline = reactor.seconds() + PATIENCE
        while True:
            match = re.search(pattern, self.received)
            if match is not None:
                return match
            if reactor.seconds() > deadline:
                raise AssertionError(f"{pattern!r} never came: {self.received!r}")
            await deferLater(reactor, LOOK_AGAIN)


class GatewayCase(CommandCase):
    async def serve(self, *options, endpoint="tcp:0:interface=127.0.0.1", **more):
        """A service and a gateway, whose processes it gives, with a nameserver if there is none."""
        if not which("curl"):
            if "CI" in os.environ:
                raise AssertionError("curl is missing")
            raise SkipTest("curl is missing")
        self.write_module("busy", SERVICE)
        if not hasattr(self, "where"):
            self.where = self.nameserver_here()
        service, self.address = await self.service("/com/foo/busy")
        gateway = await self.gateway(*options, endpoint=endpoint, **more)
        return service, gateway

    def service(self, path):
        return self.registered("pycom-service", "-a", ANY, "-n", self.where, "-s", path, "busy")

    async def gateway(self, *options, endpoint="tcp:0:interface=127.0.0.1", **more):
        """A gateway that listens."""
        process = self.twistd(
            "pycom-gateway", "-n", self.where, "--http", endpoint, *options, **more
        )
        found = await process.wait_for(r"HTTP is at (?:.*, port (\d+)|/.*)")
        self.port = found[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return process

    async def curl(self, *arguments):
        """What curl prints."""
        out, err, status = await getProcessOutputAndValue(
            which("curl")[0], ["-sS", *arguments], path=str(self.folder), env=os.environ
        )
        self.assertEqual((status, err), (0, b""), out)
        return out.decode()

    async def connect(self):
        """A connection to the gateway, to say anything on; it is closed at the end."""
        endpoint = HostnameEndpoint(reactor, "127.0.0.1", int(self.port))
        talk = await connectProtocol(endpoint, Talk())
        self.addCleanup(lambda: talk.ended)
        self.addCleanup(talk.transport.abortConnection)
        return talk

    async def waiting(self, name):
        """A call in progress, on a connection of its own."""
        talk = await self.connect()
        body = json.dumps({"name": name}).encode()
        talk.transport.write(
            b"POST /call/com.foo.busy/wait HTTP/1.1\r\nPyCOM-Timeout: 60\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        await self.file(f"{name}.started")
        return talk


class CallTests(GatewayCase):
    async def test_curl(self):
        """Calls, attachments and errors, as curl has them; and a clean end."""
        _, gateway = await self.serve("-v")
        call = f"{self.url}/call/com.foo.busy"
        self.assertEqual(
            await self.curl(f"{call}/echo", "--json", '{"a": [1, "ö"]}'), '{"a":[1,"ö"]}'
        )
        blob = os.urandom(3_000_000)
        (self.folder / "blob").write_bytes(blob)
        await self.curl(f"{call}/mirror", "-F", "attachment=@blob", "-o", "form")
        self.assertIn(blob, (self.folder / "form").read_bytes())
        await self.curl(
            *(f"{call}/mirror", "--data-binary", "@blob", "-o", "out", "-D", "headers"),
            *(
                "-H",
                "Content-Type: application/octet-stream",
                "-H",
                "Accept: application/octet-stream",
            ),
        )
        self.assertEqual((self.folder / "out").read_bytes(), blob)
        self.assertRegex(
            (self.folder / "headers").read_text(), r'(?i)PyCOM-Result: {"size":3000000}'
        )
        out = await self.curl(f"{call}/missing", "--json", "1", "-w", "%{http_code}")
        self.assertRegex(out, r'"code":2.*404\Z')
        out = await self.curl(f"{self.url}/healthz", "-H", "Host: evil.example.com")
        self.assertEqual(json.loads(out)["status"], 421)
        await gateway.wait_for(r"POST /call/com\.foo\.busy/echo: 200 in .* for 127\.0\.0\.1")
        self.assertStopped(gateway, await gateway.stop())

    async def test_unix(self):
        """A socket of the file system is an endpoint as well, also after a gateway was killed."""
        folder = Path(tempfile.mkdtemp())  # whose name is short, as those of sockets have to be
        self.addCleanup(folder.rmdir)  # which has to be empty by then
        path = folder / "gateway.sock"
        endpoint = f"unix:{path}:mode=660:lockfile=1"
        _, gateway = await self.serve(endpoint=endpoint)
        await gateway.kill()
        gateway = await self.gateway(endpoint=endpoint)  # there still is a socket, of the first one
        out = await self.curl(
            "--unix-socket", str(path), "http://gateway/call/com.foo.busy/echo", "--json", "7"
        )
        self.assertEqual(out, "7")
        self.assertStopped(gateway, await gateway.stop())

    async def test_tls(self):
        """And so is one that speaks TLS."""
        write_certificate(self.folder)
        endpoint = "ssl:0:interface=127.0.0.1:privateKey=key.pem:certKey=certificate.pem"
        _, gateway = await self.serve(endpoint=endpoint)
        url = f"https://localhost:{self.port}"
        resolved = ("--resolve", f"localhost:{self.port}:127.0.0.1", "--cacert", "certificate.pem")
        out = await self.curl(*resolved, f"{url}/call/com.foo.busy/echo", "--json", "7")
        self.assertEqual(out, "7")
        out = await self.curl(*resolved, f"{url}/healthz", "-w", "%{http_version}")
        self.assertEqual(out, '{"status":"ok"}1.1')
        self.assertStopped(gateway, await gateway.stop())

    async def test_hang_up(self):
        """A client that hangs up cancels the method."""
        await self.serve()
        talk = await self.waiting("first")
        talk.transport.loseConnection()
        await self.file("first.cancelled")

    async def test_too_large(self):
        """A body that is too large is refused while it comes, and the client reads why; a
        client that sends on is cut off."""
        await self.serve("--max-body", "64K")
        (self.folder / "blob").write_bytes(bytes(1_000_000))
        for headers in ("-H", "Expect:"), ("-H", "Transfer-Encoding: chunked", "-H", "Expect:"):
            out = await self.curl(
                f"{self.url}/call/com.foo.busy/mirror", "-F", "attachment=@blob", *headers
            )
            self.assertEqual(json.loads(out)["status"], 413)
        talk = await self.connect()
        talk.transport.write(
            b"POST /call/com.foo.busy/echo HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n"
        )
        await talk.until(
            rb"413 Request Entity Too Large(?s:.)*65536 is what --max-body lets it have"
        )
        talk.transport.write(bytes(10_000_000))
        await talk.ended

    async def test_slow_client(self):
        """A large answer waits for its client, and gives way to others if that takes nothing."""
        await self.serve("--max-body", "64K")
        slow = await self.connect()
        slow.transport.pauseProducing()
        body = b'{"size": 40000000}'  # which no buffers of the system hold
        slow.transport.write(
            b"POST /call/com.foo.busy/grow HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b"
            % (len(body), body)
        )
        await self.grown("503")
        await self.grown("200")
        slow.transport.resumeProducing()
        await slow.ended
        self.assertIn(b"200 OK", slow.received)
        self.assertLess(len(slow.received), 40_000_000)

    async def grown(self, status):
        """Ask for something large until that is answered with a status."""
        deadline = reactor.seconds() + PATIENCE
        url = f"{self.url}/call/com.foo.busy/grow"
        told = None
        while told != status:
            if reactor.seconds() > deadline:
                raise AssertionError(f"It is never {status}, but {told}")
            await deferLater(reactor, LOOK_AGAIN)
            told = await self.curl(
                url, "--json", '{"size": 100000}', "-o", "out", "-w", "%{http_code}"
            )

    async def test_load(self):
        """Thousands of requests on fifty connections, without one error."""
        _, gateway = await self.serve()
        path = "/call/com.foo.busy/echo"
        where = f"127.0.0.1:{self.port}"
        requests = 20_000 if "CI" in os.environ else 2_000
        self.assertEqual(await load(reactor, where, path, requests, 50), requests)
        self.assertCleanLog(gateway)

    test_load.timeout = 600  # as much as it takes where others want the machine, too


class SessionTests(GatewayCase):
    async def test_restarted(self):
        """A session goes on through a gateway that was restarted, and with another one."""
        _, gateway = await self.serve()
        for number in range(3):
            await self.service(f"/com/foo/{number}")
        put = ("--json", '{"title": "x"}')
        await self.curl(f"{self.url}/call/com.foo.basket/put", *put, "-D", "headers")
        session = re.search("(?i)PyCOM-Session: .*", (self.folder / "headers").read_text())[0]
        await gateway.kill()
        for count in range(2, 5):
            await self.gateway()
            out = await self.curl(f"{self.url}/call/com.foo.basket/put", *put, "-H", session)
            self.assertEqual(json.loads(out), ["x"] * count)


class LivingTests(GatewayCase):
    async def watch(self):
        """A stream of events that has told of the service."""
        talk = await self.connect()
        talk.transport.write(b"GET /events HTTP/1.1\r\n\r\n")
        # The snapshot waits for a provider that does not answer at once, but not for long.
        await talk.until(rb'event: (?:snapshot|appeared)\r?\ndata: .*"/com/foo/busy"')
        return talk

    async def test_killed(self):
        """A provider that is killed vanishes from the events, and the last one of an
        interface from the list; its successor appears."""
        service, _ = await self.serve()
        talk = await self.watch()
        await service.kill()
        await talk.until(rb'event: vanished\r?\ndata: .*"/com/foo/busy"')
        self.assertEqual(await self.curl(f"{self.url}/services"), "[]")
        self.assertIn("/com/foo/busy", await self.services(self.where))  # for a minute
        await self.service("/com/foo/busy")
        await talk.until(rb'event: vanished(?s:.)*event: appeared\r?\ndata: .*"/com/foo/busy"')
        self.assertIn("com.foo.busy", await self.curl(f"{self.url}/services"))

    async def test_frozen(self):
        """So does one that is only silent; it appears again when it goes on."""
        service, _ = await self.serve()
        talk = await self.watch()
        call = await self.waiting("first")
        os.kill(service.transport.pid, signal.SIGSTOP)
        try:
            await call.until(rb"The service fell silent; it may have been executed")
            await talk.until(rb"event: vanished")
        finally:
            os.kill(service.transport.pid, signal.SIGCONT)
        await talk.until(rb"event: vanished(?s:.)*event: appeared")

    async def test_nameserver_restarted(self):
        """A nameserver that is killed and started again makes no call fail."""
        address = f"tcp://127.0.0.1:{self.reserve_port()}"
        nameserver, self.where = await self.nameserver(address=address)
        await self.serve()
        await self.curl(f"{self.url}/services")  # which waits until the gateway knows
        numbers = itertools.count()
        going = itertools.takewhile(lambda _: not ended, numbers)
        ended = []
        endpoint = HostnameEndpoint(reactor, "127.0.0.1", int(self.port))
        clients = [
            await connectProtocol(endpoint, Client(b"/call/com.foo.busy/echo", going))
            for _ in range(2)
        ]
        await nameserver.kill()
        await self.nameserver(address=self.where)
        while "/com/foo/busy" not in await self.services(self.where):
            await self.basket_is_there()
        await self.basket_is_there()
        ended.append(True)
        right = sum(await gatherResults([client.ended for client in clients]))
        self.assertEqual(right, next(numbers) - 1)  # one was taken to see that it has ended

    async def basket_is_there(self):
        """An interface that is not called all the time can be called, too."""
        url = f"{self.url}/call/com.foo.basket/put"
        out = await self.curl(url, "--json", '{"title": "x"}', "-w", "%{http_code}")
        self.assertEqual(out, '["x"]200')

    async def test_stopped(self):
        """A gateway that is stopped waits for its calls, and answers them."""
        _, gateway = await self.serve()
        talk = await self.waiting("first")
        os.kill(int(gateway.pid_file.read_text("ascii")), signal.SIGTERM)
        await gateway.wait_for("waits for 1 calls, 30 s at most")
        (self.folder / "first").touch()
        await talk.until(rb'200 OK(?s:.)*"first"')
        self.assertStopped(gateway, await gateway.end())

    async def test_second_signal(self):
        """A second signal ends the wait."""
        _, gateway = await self.serve()
        talk = await self.waiting("first")
        os.kill(int(gateway.pid_file.read_text("ascii")), signal.SIGTERM)
        await gateway.wait_for("waits for 1 calls")
        os.kill(int(gateway.pid_file.read_text("ascii")), signal.SIGTERM)
        await gateway.end()
        await talk.until(rb"503 Service Unavailable")
        await talk.ended


class FailingTests(GatewayCase):
    async def refused(self, *arguments, daemon=False):
        """The line that the command ends with."""
        process = self.twistd("pycom-gateway", *arguments, daemon=daemon)
        self.assertEqual(await process.end(), 1, process)
        self.assertCleanLog(process)
        lines = process.errors.splitlines()
        self.assertEqual(len(lines), 1, process)
        return lines[0]

    async def test_in_use(self):
        """An endpoint that is in use, or none, or a nameserver's address that is none, ends
        the command with one line."""
        where = self.nameserver_here()
        port = where.rpartition(":")[2]
        for arguments, said in (
            ((), "say where to listen, with --http"),
            (("--http", f"tcp:{port}:interface=127.0.0.1"), "Address already in use"),
            (("--http", "nonsense"), "--http: 'nonsense' is no endpoint like tcp:8080"),
            (("--http", "unix:/nowhere/at/all"), "all': No such file or directory$"),
            (("--http", "ssl:0:privateKey=missing.pem"), "missing.pem"),
            (("--http", "tcp:0", "-n", "nonsense"), "--nameserver must be .* got 'nonsense'"),
        ):
            line = await self.refused(*arguments)
            self.assertRegex(line, rf"\Apycom-gateway: .*{said}")

    async def test_daemon(self):
        """As a daemon it says so, too."""
        process = self.twistd("pycom-gateway", "--http", "nonsense", daemon=True)
        self.assertEqual(await process.end(), 1, process)
        self.assertIn("'nonsense' is no endpoint", process.errors + process.log)
