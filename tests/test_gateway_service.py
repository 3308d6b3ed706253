"""Starting and stopping the gateway, and the command that does."""

from twisted.application.service import IService
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.static import Data
from zope.interface.verify import verifyObject

import pycom_tx as pycom
from pycom_tx.gateway.service import Gateway
from pycom_tx.tap import gateway as command
from pycom_tx.testing import MemoryNetwork
from tests.gateway import GatewayCase


class StoppingTests(GatewayCase):
    def busy(self, **options):
        """A gateway with a call in progress, and the connection of that."""
        gateway = self.gateway(**options)
        connection = self.connect(gateway)
        headers = {"PyCOM-Timeout": "100"}
        connection.ask("POST", "/call/com.foo.example/wait", b"", headers)
        return gateway, connection

    def test_idle(self):
        """A gateway without a call in progress closes its connections and is closed at once."""
        gateway = self.gateway(drain=30)
        connection = self.connect(gateway)
        self.successResultOf(gateway.stopService())
        self.assertTrue(connection.transport.lost)
        self.assertIsNone(gateway.site)

    def test_drain(self):
        """It waits for the calls in progress, and says so; others are refused meanwhile."""
        gateway, connection = self.busy(drain=30)
        late = self.connect(gateway)
        late.ask("POST", "/call/com.foo.example/wait", b"", {"PyCOM-Timeout": "100"})
        late.protocol.dataReceived(b"POST /call/com.foo.example/echo HTTP/1.1\r\n\r\n")
        with capturedLogs() as events:
            stopped = gateway.stopService()
        (line,) = [formatEvent(event) for event in events if "waits for" in formatEvent(event)]
        self.assertIn("waits for 2 calls, 30 s at most", line)
        self.clock.pump([1] * 20)
        self.assertNoResult(stopped)
        for waiting in self.example.waiting:
            waiting.callback("done")
        connection.settle()
        self.assertEqual(self.result(connection.read()), "done")
        self.assertEqual(self.result(late.read()), "done")
        self.assertEqual(late.received, b"")  # its connection is closed, and its next call not made
        self.assertEqual(self.example.requests, [])
        self.successResultOf(stopped)

    def test_refused(self):
        """A call that comes while it waits is refused, to be made again elsewhere."""
        gateway, connection = self.busy(drain=30)
        stopped = gateway.stopService()
        other = self.connect(gateway)
        other.ask("POST", "/call/com.foo.example/echo")
        response = other.read()
        self.problem(response, 503, not_started=True, reason="stopping")
        self.assertEqual(response.headers["Retry-After"], "1")
        other.ask("GET", "/events")
        self.assertIn("about to stop", self.problem(other.read(), 503))
        other.hang_up()
        connection.hang_up()
        self.successResultOf(stopped)

    def test_cut_off(self):
        """Calls that take too long are answered that nobody knows how they end."""
        gateway, connection = self.busy(drain=30)
        with capturedLogs() as events:
            stopped = gateway.stopService()
            self.clock.pump([29] + [0] * 10)
            self.assertNoResult(stopped)
            self.clock.pump([1] + [0] * 10)
        self.assertIn("cuts off 1 calls", " ".join(map(formatEvent, events)))
        self.problem(connection.read(), 503, not_started=False)
        self.successResultOf(stopped)

    def test_at_once(self):
        """A second wish to stop ends the wait."""
        gateway, connection = self.busy(drain=30)
        stopped = gateway.stopService()
        again = gateway.stop_at_once()
        connection.settle()
        self.problem(connection.read(), 503, not_started=False)
        self.successResultOf(stopped)
        self.successResultOf(again)

    def test_hurry_once(self):
        """A gateway that had to hurry takes its time again after it was started again."""
        gateway, _ = self.busy(drain=30)
        self.successResultOf(gateway.stop_at_once())
        gateway.startService()
        self.settle()
        connection = self.connect(gateway)
        connection.ask("POST", "/call/com.foo.example/wait")
        stopped = gateway.stopService()
        self.clock.advance(0.5)
        self.assertNoResult(stopped)
        connection.hang_up()
        self.successResultOf(stopped)

    def test_slow_client(self):
        """A client that does not take its answer does not hold it up for long."""
        gateway = self.gateway(drain=30)
        connection = self.connect(gateway)
        connection.transport.slow = True
        headers = {"Content-Type": "application/octet-stream"}
        connection.ask("POST", "/call/com.foo.example/mirror", b"x" * 1_000_000, headers)
        stopped = gateway.stopService()
        self.clock.pump([30, 0.5])
        self.assertNoResult(stopped)
        self.clock.advance(0.5)
        self.successResultOf(stopped)
        self.assertTrue(connection.transport.lost)

    def test_held_up(self):
        """Where it is held up itself, its last answers leave nevertheless."""
        gateway, connection = self.busy(drain=30)
        connection.transport.held_up = True
        stopped = gateway.stop_at_once()
        self.clock.advance(5)
        self.assertNoResult(stopped)
        self.assertFalse(connection.transport.lost)
        self.problem(connection.read(), 503, not_started=False)
        self.clock.advance(1)
        self.successResultOf(stopped)
        self.assertTrue(connection.transport.lost)

    def test_slow_client_that_leaves(self):
        """Nor for any longer than it is there."""
        gateway = self.gateway(drain=30)
        connection = self.connect(gateway)
        connection.transport.slow = True
        headers = {"Content-Type": "application/octet-stream"}
        connection.ask("POST", "/call/com.foo.example/mirror", b"x" * 1_000_000, headers)
        stopped = gateway.stopService()
        self.clock.pump([30, 0.5])
        connection.hang_up()
        self.successResultOf(stopped)

    def test_again(self):
        """It can be started again, and stopped again."""
        gateway = self.gateway()
        for _ in range(2):
            self.assertEqual(self.result(self.call(gateway, "echo", 1)), 1)
            self.successResultOf(gateway.stopService())
            gateway.startService()
            self.settle()

    def test_no_nameserver(self):
        """It stops as well when there never was a nameserver."""
        self.network.crash("tcp://127.0.0.1:2012")
        gateway = self.gateway(drain=30)
        connection = self.connect(gateway)
        connection.ask("GET", "/services")
        stopped = gateway.stopService()
        connection.settle()
        self.problem(connection.read(), 503)
        self.successResultOf(stopped)

    def test_pages(self):
        """Other pages can be put beside its own, also at the root."""
        pages = {"": Data(b"hello", "text/plain"), "metrics": Data(b"1", "text/plain")}
        gateway = self.gateway(pages=pages)
        self.assertEqual(self.ask(gateway, "GET", "/").body, b"hello")
        response = self.ask(gateway, "GET", "/metrics")
        self.assertEqual((response.body, response.headers["Server"]), (b"1", "pycom_tx"))


class ListeningTests(SynchronousTestCase):
    def setUp(self):
        self.reactor = MemoryReactorClock()
        self.network = MemoryNetwork(self.reactor)

    def gateway(self, *endpoints, nameserver="tcp://127.0.0.1:2012"):
        options = {"reactor": self.reactor, "network": self.network}
        return Gateway(nameserver, endpoints, **options)

    def refused(self, *endpoints, **options):
        """What is said where it cannot start; then nothing is left open."""
        gateway = self.gateway(*endpoints, **options)
        error = self.assertRaises(pycom.AddressError, gateway.startService)
        self.reactor.advance(1)
        self.assertFalse(gateway.running)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        return str(error)

    def test_service(self):
        """It is a service of Twisted."""
        verifyObject(IService, self.gateway())

    def test_endpoints(self):
        """It listens at every endpoint, and at none any more when it has stopped."""
        gateway = self.gateway("tcp:8080:interface=127.0.0.1", "tcp:8081", "unix:/tmp/x.sock")
        self.assertEqual(self.reactor.tcpServers, [])
        gateway.startService()
        ports = [(server[0], server[3]) for server in self.reactor.tcpServers]
        self.assertEqual(ports, [(8080, "127.0.0.1"), (8081, "")])
        self.assertEqual(self.reactor.unixServers[0][0], "/tmp/x.sock")
        stopped = gateway.stopService()
        self.reactor.advance(1)
        self.successResultOf(stopped)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_no_endpoint(self):
        """What is no endpoint is refused with what it was and why."""
        for endpoint in "nonsense", "tcp:", "tcp:port", "unknown:1", "ssl:1:privateKey=/missing":
            said = self.refused("tcp:1", endpoint)
            self.assertIn(f"{endpoint!r} is no endpoint like tcp:8080", said)

    def test_in_use(self):
        """An endpoint that cannot be listened at is refused with the reason."""
        error = CannotListenError("", 8080, OSError(98, "Address already in use"))
        self.reactor.listenTCP = lambda *_, **__: (_ for _ in ()).throw(error)
        said = self.refused("tcp:8080")
        self.assertIn("Cannot listen at 'tcp:8080'", said)
        self.assertIn("Address already in use", said)

    def test_wrong_nameserver(self):
        """An address of a nameserver that is none is refused."""

        class Strict(MemoryNetwork):
            def connect(self, address, listener):
                raise pycom.AddressError(f"Cannot connect to {address!r}")

        self.network = Strict(self.reactor)
        self.assertIn("'nonsense'", self.refused("tcp:1", nameserver="nonsense"))


class OptionsTests(SynchronousTestCase):
    def parse(self, *arguments):
        options = command.Options()
        options.parseOptions(["--http", "tcp:8080", *arguments])
        return options

    def refused(self, *arguments):
        """The one line that the command ends with."""
        return self.assertRaises(SystemExit, self.parse, *arguments).code

    def gateway(self, *arguments):
        """The gateway that a command line makes."""
        made = command.makeService(self.parse(*arguments))
        verifyObject(IService, made)
        (gateway,) = made
        self.assertIsInstance(gateway, Gateway)
        return gateway

    def test_nothing(self):
        """Without options it has what the gateway has by itself."""
        gateway, usual = self.gateway(), Gateway(endpoints=["tcp:8080"])
        for name, value in vars(usual).items():
            if isinstance(value, (str, int, float, tuple)) and name != "running":
                self.assertEqual(getattr(gateway, name), value, name)

    def test_all(self):
        """Every option arrives."""
        gateway = self.gateway(
            *("-n", "tcp://box:1", "--http", "unix:/x", "-v", "--show-addresses", "--no-console"),
            *("--timeout=2", "--max-timeout=9.5", "--max-body=64K", "--max-calls=7"),
            *("--max-connections=8", "--max-streams=0", "--drain=0"),
        )
        self.assertEqual(gateway._nameserver, "tcp://box:1")
        self.assertEqual(gateway._endpoints, ("tcp:8080", "unix:/x"))
        self.assertTrue(gateway._verbose and gateway._frank and not gateway._console)
        self.assertEqual((gateway._timeout, gateway._max_timeout), (2, 9.5))
        self.assertEqual((gateway._max_body, gateway._max_calls), (65536, 7))
        self.assertEqual((gateway._max_connections, gateway._max_streams), (8, 0))
        self.assertEqual(gateway._drain_time, 0)

    def test_timeouts(self):
        """The usual time of a call is no longer than the longest one, and not told to be."""
        self.assertEqual(self.gateway("--max-timeout=3")._timeout, 3)
        self.assertEqual(self.gateway("--timeout=9", "--max-timeout=9")._timeout, 9)
        for options, most in (["--timeout=50", "--max-timeout=9"], 9), (["--timeout=301"], 300):
            message = self.refused(*options)
            self.assertIn(
                f"--timeout must be seconds, --max-timeout or less, which is {most}, got", message
            )

    def test_repeated(self):
        """Patterns and origins may be given more than once."""
        gateway = self.gateway("--expose=com.a.*", "--expose=com.b", "--cors-origin=*")
        for name, exposed in ("com.a.x", True), ("com.b", True), ("com.c", False):
            self.assertEqual(name in gateway._exposure, exposed)
        gateway = self.gateway("--host=a.example.com", "--host=b")
        self.assertEqual(gateway._hosts._allowed, {"a.example.com", "b"})

    def test_wrong(self):
        """What an option cannot be is refused, with its name and what would be right."""
        for argument, said in (
            ("--timeout=0", "more than 0"),
            ("--timeout=soon", "seconds"),
            ("--max-body=none", "like 65536, 64K, 512M or 2G, got"),
            ("--max-body=0", "1 or more"),
            ("--max-calls=0", "1 or more"),
            ("--max-streams=-1", "0 or more"),
            ("--drain=-1", "0 or more"),
            ("--host=https://example.com", "like app.example.com, without a port"),
            ("--host=example.com:80", "like app.example.com, without a port"),
            ("--host=", "like app.example.com, without a port"),
            ("--cors-origin=example.com", "like https://app.example.com"),
            ("--cors-origin=https://example.com/", "like https://app.example.com"),
            ("--nameserver=box", "like tcp://127.0.0.1:2012"),
            ("--nameserver=local", "like tcp://127.0.0.1:2012"),
            ("--nameserver=tcp://box:*", "without *, like tcp://127.0.0.1:2012"),
        ):
            name, _, value = argument.partition("=")
            message = self.refused(argument)
            self.assertRegex(message, rf"\Apycom-gateway: {name}(:| must be) ")
            self.assertIn(said, message)
            self.assertIn(f"got {value!r}", message)

    def test_nowhere(self):
        """Without an endpoint the command ends with one line."""
        error = self.assertRaises(SystemExit, command.Options().parseOptions, [])
        self.assertEqual(error.code, "pycom-gateway: say where to listen, with --http tcp:8080")

    def test_no_arguments(self):
        """It takes no module."""
        message = self.refused("package.module")
        self.assertEqual(message, "pycom-gateway: there are options only, got 'package.module'")
