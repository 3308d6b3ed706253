"""Metrics of real commands, as Prometheus reads them."""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics import parser
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

import pycom_tx as pycom
from pycom_tx.metrics import Instruments, ReactorLag
from tests.live.processes import PATIENCE
from tests.live.test_metrics_server import get
from tests.live.test_twistd import ANY, DEMO, CommandCase

METRICS = "tcp:0:interface=127.0.0.1"
OPENMETRICS = "application/openmetrics-text;version=1.0.0"

SLOW = """
from pathlib import Path
from twisted.internet.task import deferLater
import pycom_tx as pycom

@pycom.interface("com.foo.slow", stateful=True)
class Slow(pycom.Service):

    @pycom.method
    async def wait(self, request):
        from twisted.internet import reactor
        while not Path("done").exists():
            await deferLater(reactor, 0.01)
"""


class MetricsCase(CommandCase):
    async def url(self, process):
        """Where the metrics of a command are."""
        return (await process.wait_for(r"Metrics are served at (http://[0-9.:]+/metrics)"))[1]

    async def families(self, url):
        """What is served, by name."""
        response, body = await get(url, accept=OPENMETRICS)
        self.assertEqual(response.code, 200)
        return {family.name: family for family in parser.text_string_to_metric_families(body)}

    async def samples(self, url):
        """What is served: values by the names of samples and their labels, in order."""
        return {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in (await self.families(url)).values()
            for sample in family.samples
        }

    async def until(self, url, *sample, value):
        """Wait until a sample has a value; gives all."""
        deadline = reactor.seconds() + PATIENCE
        while True:
            samples = await self.samples(url)
            if samples.get(sample) == value:
                return samples
            if reactor.seconds() > deadline:
                self.fail(f"{sample} is {samples.get(sample)}, not {value}")
            await deferLater(reactor, 0.02)


@pycom.interface("com.foo.greeter")
class Greeter(pycom.Service):
    @pycom.method
    def greet(self, request):
        return "hello"


class HostTests(TestCase):
    """A host in this process, over real sockets."""

    async def test_connections(self):
        """Clients are counted by what 0MQ tells, and bytes by what goes through."""
        registry = CollectorRegistry()
        host = pycom.ComponentHost(
            [Greeter, pycom.NameServer],
            ANY,
            nameserver="local",
            instruments=Instruments(registry),
            drain=0,
        )
        host.startService()
        self.addCleanup(host.stopService)
        lag = ReactorLag(registry)
        lag.startService()
        self.addCleanup(lag.stopService)
        context = pycom.Context(host.address)
        self.addCleanup(context.close)
        async with context.locate("com.foo.greeter") as greeter:
            self.assertEqual(await greeter.invoke("greet"), "hello")
            # 0MQ tells of a connection beside what comes on it, maybe later.
            while not registry.get_sample_value("pycom_connections"):
                await deferLater(reactor, 0.02)
            server = {"side": "server"}
            for name in "received_bytes", "sent_bytes", "received_messages", "sent_messages":
                self.assertGreater(registry.get_sample_value(f"pycom_{name}_total", server), 0)
        await host.stopService()
        self.assertEqual(registry.get_sample_value("pycom_connections"), 0)
        while not registry.get_sample_value("pycom_reactor_lag_seconds_count"):
            await deferLater(reactor, 0.02)


class MetricsTests(MetricsCase):
    async def test_service(self):
        """A service tells of its calls, clients, bytes and itself; its port is free at the end."""
        _, where = await self.nameserver()
        port = self.reserve_port()
        metrics = f"tcp:{port}:interface=127.0.0.1"
        service, address = await self.registered(
            *("pycom-service", "-a", ANY, "-n", where, "--metrics", metrics, DEMO)
        )
        url = await self.url(service)
        context = pycom.Context(where)
        self.addCleanup(context.close)
        async with context.connect(address, "org.pycom.demo") as component:
            await component.invoke("echo", {"a": "x" * 1000})
            await self.assertFailure(component.invoke("throw", {"a": 1}), pycom.RemoteError)
            await self.assertFailure(component.invoke("invented"), pycom.MethodNotFound)
            # One of the two is for heartbeats.
            samples = await self.until(url, "pycom_connections", value=2)
        demo = "org.pycom.demo"
        self.assertEqual(samples["pycom_calls_total", "0", "echo", demo], 1)
        self.assertEqual(samples["pycom_calls_total", "1", demo, "throw"], 1)
        self.assertEqual(samples["pycom_calls_total", "(unknown)", "2", demo], 1)
        self.assertEqual(samples["pycom_call_duration_seconds_count", "echo", demo], 1)
        self.assertEqual(samples["pycom_calls_in_progress", "echo", demo], 0)
        self.assertEqual(samples["pycom_received_messages_total", "server"], 3)
        self.assertGreater(samples["pycom_received_bytes_total", "server"], 1000)
        self.assertGreater(samples["pycom_sent_bytes_total", "server"], 1000)
        self.assertEqual(samples["pycom_registered",], 1)
        self.assertEqual(samples["pycom_info", pycom.__version__], 1)
        self.assertGreater(samples["process_resident_memory_bytes",], 1e6)
        context.close()
        samples = await self.until(url, "pycom_connections", value=0)
        self.assertEqual(samples["pycom_accepted_connections_total",], 2)
        self.assertStopped(service, await service.stop())
        with socket.socket() as free:
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            free.bind(("127.0.0.1", port))
            free.listen()

    async def test_nameserver(self):
        """A nameserver tells what is registered, and who watches it."""
        nameserver, where = await self.nameserver("--metrics", METRICS)
        url = await self.url(nameserver)
        service, _ = await self.registered("pycom-service", "-a", ANY, "-n", where, DEMO)
        samples = await self.until(url, "pycom_registered_services", value=2)
        self.assertEqual(samples["pycom_registered_interfaces",], 2)
        self.assertEqual(samples["pycom_registrations_total", "registered"], 2)
        context = pycom.Context(where)
        self.addCleanup(context.close)
        async with context.locate("org.pycom.demo"):
            await self.until(url, "pycom_watches", value=1)
        await service.stop()
        samples = await self.until(url, "pycom_registrations_total", "unregistered", value=1)
        self.assertEqual(samples["pycom_registered_services",], 1)
        self.assertStopped(nameserver, await nameserver.stop())

    async def test_while_it_drains(self):
        """A service that waits for its calls can be watched doing so."""
        self.write_module("slow", SLOW)
        _, where = await self.nameserver()
        service, address = await self.registered(
            *("pycom-service", "-a", ANY, "-n", where, "--metrics", METRICS, "slow")
        )
        url = await self.url(service)
        context = pycom.Context(where)
        self.addCleanup(context.close)
        async with context.connect(address, "com.foo.slow") as component:
            call = component.invoke("wait", timeout=60)
            wait = ("pycom_calls_in_progress", "com.foo.slow", "wait")
            samples = await self.until(url, *wait, value=1)
            self.assertEqual(samples["pycom_sessions",], 1)
            stopping = Deferred.fromCoroutine(service.stop())
            await service.wait_for(r"waits for 1 calls")
            self.assertEqual((await self.samples(url))[wait], 1)
            (self.folder / "done").touch()
            await call
        self.assertStopped(service, await stopping)

    async def test_two_at_one_endpoint(self):
        """A command whose endpoint is taken ends with one line and status 1; the other goes on."""
        nameserver, where = await self.nameserver("--metrics", METRICS)
        url = await self.url(nameserver)
        port = url.split(":")[2].partition("/")[0]
        arguments = ("-a", ANY, "-n", where, "--metrics", f"tcp:{port}:interface=127.0.0.1", DEMO)
        other = self.twistd("pycom-service", *arguments)
        self.assertEqual(await other.end(), 1)
        self.assertEqual(
            other.errors,
            f"pycom-service: --metrics tcp:{port}:interface=127.0.0.1: metrics cannot be served: "
            f"Couldn't listen on 127.0.0.1:{port}: [Errno 98] Address already in use.\n",
        )
        self.assertNotIn("listens at", other.log)
        self.assertNotIn("Traceback", other.log)
        await self.samples(url)

    async def test_daemon_at_a_taken_endpoint(self):
        """A daemon says so, too, before it detaches."""
        nameserver, where = await self.nameserver("--metrics", METRICS)
        port = (await self.url(nameserver)).split(":")[2].partition("/")[0]
        arguments = ("-a", ANY, "-n", where, "--metrics", f"tcp:{port}:interface=127.0.0.1", DEMO)
        other = self.twistd("pycom-service", *arguments, daemon=True)
        self.assertEqual(await other.end(), 1)
        self.assertIn(f"--metrics tcp:{port}:interface=127.0.0.1: ", other.errors)

    async def test_no_endpoint(self):
        """What is no endpoint ends the command with one line and status 1."""
        process = self.twistd("pycom-nameserver", "-a", ANY, "--metrics", "9100")
        self.assertEqual(await process.end(), 1)
        self.assertEqual(
            process.errors,
            "pycom-nameserver: --metrics '9100' is no endpoint like "
            "tcp:9100:interface=127.0.0.1 (ValueError: Unknown endpoint type: '9100')\n",
        )

    async def test_daemon(self):
        """A daemon serves its metrics, at a path if need be, which is gone at the end."""
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(folder.rmdir)  # which has to be empty by then
        path = folder / "m"
        daemon = self.twistd(
            "pycom-nameserver", "-a", ANY, "--metrics", f"unix:{path}", daemon=True
        )
        await daemon.wait_for(r"is registered")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
        self.assertStopped(daemon, await daemon.stop())
