"""A host that is measured, and what is left to see when it is not open."""

from __future__ import annotations

import threading
from functools import partial
from queue import Queue

from prometheus_client import CollectorRegistry, Counter
from twisted.internet.defer import Deferred, succeed
from twisted.logger import LogLevel, capturedLogs, formatEvent
from zope.interface.verify import verifyClass, verifyObject

import pycom_tx as pycom
from pycom_tx.host.instruments import IInstruments, NoInstruments
from pycom_tx.metrics import Instruments
from pycom_tx.metrics.traffic import CountedNetwork, Traffic
from pycom_tx.testing import MemoryNetwork
from pycom_tx.zerojson.interfaces import IChannel, IChannelListener, INetwork
from tests.support import MemoryCase


@pycom.interface("com.foo.shop")
class Shop(pycom.Service):
    """Has a figure of its own, and customers who wait."""

    def __init__(self):
        self.waiting = []
        self.sold = Counter("shop_sold", "What was sold.", ["what"], registry=None)
        self.wrong = False

    def figures(self):
        if self.wrong:
            raise ValueError("nobody has counted")
        return self.sold.collect()

    @pycom.method
    def buy(self, request, what):
        self.sold.labels(what).inc()
        return "here you are"

    @pycom.method
    def wait(self, request):
        self.waiting.append(Deferred())
        return self.waiting[-1]

    @pycom.method
    async def ask(self, request):
        async with self.context.locate("com.foo.other") as other:
            return await other.invoke("answer")


@pycom.interface("com.foo.wrong")
class Wrong(pycom.Service):
    """Gives what cannot be sent."""

    @pycom.method
    def give(self, request, what):
        return {
            "set": {1},
            "text for bytes": request.response(attachment="text"),
            "too much": "x" * 1000,
        }[what]

    @pycom.method
    async def give_later(self, request, what):
        await succeed(None)
        return self.give(request, what)

    @pycom.method
    def checked(self, request, what):
        return self.give(request, what)

    @pycom.method
    async def ask(self, request, what):
        async with self.context.locate("com.foo.wrong") as wrong:
            return await wrong.invoke("give", {"what": what})


@pycom.interface("com.foo.other")
class Other(pycom.Service):
    @pycom.method
    def answer(self, request):
        return "yes"

    @pycom.method(name="figures")
    def figures(self, request):  # no figures for metrics, but a method that clients call
        return [1, 2, 3]


@pycom.interface("com.foo.cart", stateful=True)
class Cart(pycom.Service):
    @pycom.method
    def open(self, request):
        return None


class InstrumentsCase(MemoryCase):
    def setUp(self):
        super().setUp()
        self.registry, self.instruments = self.instrument()

    def instrument(self):
        registry = CollectorRegistry()
        return registry, Instruments(registry, self.clock)

    def measured(self, *components, **options):
        return self.host(*components, instruments=self.instruments, **options)

    def value(self, name, registry=None, **labels):
        return (registry or self.registry).get_sample_value(name, labels)

    def call(self, host, interface, method, args=None, **options):
        """The Deferred of a call that has arrived."""
        component = self.result(self.context.connect(host.address, interface))
        call = component.invoke(method, args, **options)
        component.close()
        self.clock.pump([0] * 12)
        return call


class ServedTests(InstrumentsCase):
    def test_interfaces(self):
        """What measures a host, and what does not, are instruments."""
        verifyObject(IInstruments, self.instruments)
        verifyObject(IInstruments, NoInstruments())

    def test_calls(self):
        """Calls are counted, those of clients and those of the components among each other."""
        host = self.measured(Shop(), Other)
        self.successResultOf(self.call(host, "com.foo.shop", "buy", {"what": "pen"}))
        self.successResultOf(self.call(host, "com.foo.shop", "ask"))
        self.failureResultOf(self.call(host, "com.foo.shop", "steal"), pycom.MethodNotFound)
        for interface, method, code in (
            ("com.foo.shop", "buy", "0"),
            ("com.foo.shop", "ask", "0"),
            ("com.foo.other", "answer", "0"),
            ("com.foo.shop", "(unknown)", "2"),
        ):
            count = self.value("pycom_calls_total", interface=interface, method=method, code=code)
            self.assertEqual(count, 1, (interface, method))

    def test_cannot_be_sent(self):
        """A call whose result cannot be sent is an error, whatever its way, whoever makes it."""
        wrong = Wrong.__interface__.methods["checked"]

        def another(interface, method, request):
            return pycom.Request(request.interface, request.method, request.args)

        wrong.prehooks.append(another)
        self.addCleanup(wrong.prehooks.remove, another)
        host = self.measured(Wrong(), max_message=999)
        for method in "give", "give_later", "checked", "ask":
            for what in "set", "text for bytes", "too much":
                error = self.failureResultOf(
                    self.call(host, "com.foo.wrong", method, {"what": what})
                )
                self.assertEqual(error.value.code, 1)
        self.flushLoggedErrors(pycom.NotSerializable)
        # Components among each other may send as much as they want, but here it goes on.
        for method, code, count in (
            *(("give", "1", 5), ("give", "0", 1), ("give_later", "1", 3)),
            *(("checked", "1", 3), ("ask", "1", 3)),
        ):
            calls = {"interface": "com.foo.wrong", "method": method}
            self.assertEqual(self.value("pycom_calls_total", code=code, **calls), count, calls)
            self.assertEqual(self.value("pycom_calls_in_progress", **calls), 0)

    def test_made(self):
        """So are those that its components make of others, but not those of the nameserver."""
        host = self.measured(Shop())
        self.host(Other)
        self.successResultOf(self.call(host, "com.foo.shop", "ask"))
        made = {"interface": "com.foo.other", "method": "answer"}
        self.assertEqual(self.value("pycom_client_calls_total", code="0", **made), 1)
        self.assertEqual(self.value("pycom_client_call_duration_seconds_count", **made), 1)
        self.assertIsNone(
            self.value(
                "pycom_client_calls_total",
                interface="org.pycom.nameserver",
                method="watch",
                code="0",
            )
        )

    def test_for_callers(self):
        """And those that are made for the caller of a method."""

        @pycom.interface("com.foo.agent")
        class Agent(pycom.Service):
            @pycom.method
            async def ask(self, request):
                async with request.context().locate("com.foo.other") as other:
                    return await other.invoke("answer")

        host = self.measured(Agent)
        self.host(Other)
        self.successResultOf(self.call(host, "com.foo.agent", "ask"))
        made = {"interface": "com.foo.other", "method": "answer", "code": "0"}
        self.assertEqual(self.value("pycom_client_calls_total", **made), 1)

    def test_in_progress_and_waiting(self):
        """What has no answer yet is in progress, or waits for its turn; what is more is refused."""
        shop = Shop()
        host = self.measured(shop, max_calls=2, max_waiting=1, max_per_client=10)
        calls = [self.call(host, "com.foo.shop", "wait") for _ in range(3)]
        self.failureResultOf(self.call(host, "com.foo.shop", "wait"), pycom.Overloaded)
        wait = {"interface": "com.foo.shop", "method": "wait"}
        self.assertEqual(self.value("pycom_calls_in_progress", **wait), 2)
        self.assertEqual(self.value("pycom_calls_waiting"), 1)
        self.assertEqual(self.value("pycom_refused_calls_total", reason="overloaded"), 1)
        self.assertEqual(self.value("pycom_refused_calls_total", reason="stopping"), 0)
        for number in range(3):
            shop.waiting[number].callback(None)
            self.clock.pump([0] * 3)
        for call in calls:
            self.successResultOf(call)
        self.assertEqual(self.value("pycom_calls_in_progress", **wait), 0)
        self.assertEqual(self.value("pycom_calls_waiting"), 0)

    def test_undelivered(self):
        """A reply whose client is gone was not delivered."""
        shop = Shop()
        host = self.measured(shop)
        call = self.call(host, "com.foo.shop", "wait")
        self.network.bound[host.address].listener.not_sent(None, [b"reply"], "gone")
        self.assertEqual(self.value("pycom_undelivered_replies_total"), 1)
        shop.waiting[0].callback(None)
        self.result(call)

    def test_sessions(self):
        """Open sessions are counted until they expire."""
        host = self.measured(Cart)
        for _ in range(3):
            self.successResultOf(self.call(host, "com.foo.cart", "open"))
        self.assertEqual(self.value("pycom_sessions"), 3)
        self.clock.pump([30] * 121)
        self.assertEqual(self.value("pycom_sessions"), 0)

    def test_registered(self):
        """Whether the nameserver knows the service, by its last word."""
        self.measured(Shop())
        self.clock.pump([0] * 3)
        self.assertEqual(self.value("pycom_registered"), 1)
        self.result(self.nameserver.stopService())
        self.clock.pump([1] * 40)
        self.assertEqual(self.value("pycom_registered"), 0)

    def test_threads(self):
        """Methods that block are counted while they do, and how many may."""

        @pycom.interface("com.foo.slow")
        class Slow(pycom.Service):
            @pycom.method(blocking=True)
            def block(self, request):
                began.release()
                go_on.wait(20)

        began, go_on, results = threading.Semaphore(0), threading.Event(), Queue()
        self.addCleanup(go_on.set)
        self.clock.callFromThread = lambda call, *args: results.put(partial(call, *args))
        host = self.measured(Slow, max_threads=3)
        self.assertEqual(self.value("pycom_threads_limit"), 3)
        self.assertEqual(self.value("pycom_threads_busy"), 0)
        call = self.call(host, "com.foo.slow", "block")
        self.assertTrue(began.acquire(timeout=20))
        self.assertEqual(self.value("pycom_threads_busy"), 1)
        go_on.set()
        results.get(timeout=20)()
        self.assertIsNone(self.result(call))
        self.assertEqual(self.value("pycom_threads_busy"), 0)

    def test_closed(self):
        """A host that is closed has none of it, and its counts go on when it opens again."""
        host = self.measured(Shop(), Cart)
        self.clock.pump([0] * 3)
        for turn in 1, 2:
            self.successResultOf(self.call(host, "com.foo.shop", "buy", {"what": "pen"}))
            self.successResultOf(self.call(host, "com.foo.cart", "open"))
            self.assertEqual(self.value("pycom_sessions"), 1)
            self.result(host.stopService())
            for name in "sessions", "calls_waiting", "registered", "client_connections":
                self.assertEqual(self.value(f"pycom_{name}"), 0)
            for side in "server", "client":
                self.assertEqual(self.value("pycom_queued_messages", side=side), 0)
            buy = {"interface": "com.foo.shop", "method": "buy", "code": "0"}
            self.assertEqual(self.value("pycom_calls_total", **buy), turn)
            self.assertIsNone(self.value("shop_sold_total", what="pen"))
            host.startService()
            self.clock.pump([0] * 3)

    def test_until_it_has_stopped(self):
        """While a host lets its calls end, these can be seen."""
        shop = Shop()
        host = self.measured(shop, drain=10)
        call = self.call(host, "com.foo.shop", "wait")
        stopped = host.stopService()
        self.clock.advance(0)
        wait = {"interface": "com.foo.shop", "method": "wait"}
        self.assertEqual(self.value("pycom_calls_in_progress", **wait), 1)
        self.failureResultOf(self.call(host, "com.foo.shop", "wait"), pycom.Refused)
        self.assertEqual(self.value("pycom_refused_calls_total", reason="stopping"), 1)
        shop.waiting[0].callback(None)
        self.clock.pump([0, 1, 1])
        self.result(stopped)
        self.successResultOf(call)

    def test_a_host_that_cannot_open(self):
        """Instruments of a host that could not open measure nothing, and can be used."""
        taken = self.host(Other)
        host = pycom.ComponentHost(
            [Shop()],
            taken.address,
            instruments=self.instruments,
            reactor=self.clock,
            network=self.network,
        )
        self.assertRaises(pycom.AddressError, host.startService)
        self.clock.advance(0)
        self.assertEqual(self.value("pycom_sessions"), 0)
        self.measured(Shop())

    def test_two_hosts(self):
        """Two hosts of one process keep apart."""
        first = self.measured(Shop())
        registry, self.instruments = self.instrument()
        self.measured(Shop())
        self.successResultOf(self.call(first, "com.foo.shop", "buy", {"what": "pen"}))
        buy = {"interface": "com.foo.shop", "method": "buy", "code": "0"}
        self.assertEqual(self.value("pycom_calls_total", **buy), 1)
        self.assertEqual(self.value("pycom_calls_total", registry, **buy), 0)

    def test_unmeasured(self):
        """A host without instruments has nothing between its network and its dispatcher."""
        host = self.host(Shop())
        server = self.network.bound[host.address].listener
        self.assertEqual(type(server).__name__, "Server")
        self.assertEqual(type(server._handler).__name__, "Dispatcher")


class FiguresTests(InstrumentsCase):
    def test_of_a_component(self):
        """What a component measures of itself is there, as long as its host is open."""
        host = self.measured(Shop(), Other)
        self.successResultOf(self.call(host, "com.foo.shop", "buy", {"what": "pen"}))
        self.assertEqual(self.value("shop_sold_total", what="pen"), 1)
        # A method of that name is for clients.
        self.assertEqual(
            self.successResultOf(self.call(host, "com.foo.other", "figures")), [1, 2, 3]
        )

    def test_by_name(self):
        """Who asks for the figures of a component only gets them."""
        host = self.measured(Shop())
        self.successResultOf(self.call(host, "com.foo.shop", "buy", {"what": "pen"}))
        only = self.registry.restricted_registry(["shop_sold_total"])
        self.assertEqual([metric.name for metric in only.collect()], ["shop_sold"])

    def test_names_that_are_taken(self):
        """Two that measure under one name are refused, and leave nothing behind."""
        other = pycom.interface("com.foo.supermarket")(type("Supermarket", (Shop,), {}))
        host = pycom.ComponentHost(
            [Shop(), other],
            "tcp://127.0.0.1:*",
            instruments=self.instruments,
            reactor=self.clock,
            network=self.network,
        )
        error = self.assertRaises(pycom.ConfigurationError, host.startService)
        self.assertIn("Supermarket object at", str(error))
        self.assertIn(".figures() has names that are taken: Duplicated", str(error))
        self.clock.advance(0)
        self.measured(Shop())

    def test_that_fails(self):
        """A component that cannot tell is named in the log, and all else is there."""
        shop = Shop()
        self.measured(shop)
        shop.wrong = True
        with capturedLogs() as events:
            names = {metric.name for metric in self.registry.collect()}
        self.assertIn("pycom_sessions", names)
        self.assertNotIn("shop_sold", names)
        (error,) = (event for event in events if event["log_level"] is LogLevel.critical)
        self.assertIn("Shop object at", formatEvent(error))
        self.assertIn(".figures() failed", formatEvent(error))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def nameserver_figures(self):
        """Those of a nameserver, and itself."""
        address = "tcp://127.0.0.1:2014"
        host = self.measured(
            pycom.NameServer(reactor=self.clock), address=address, nameserver="local"
        )
        self.assertEqual(host.address, address)
        return host

    def test_of_a_nameserver(self):
        """A nameserver tells what is registered, what became of it, and who watches."""
        host = self.nameserver_figures()
        args = {"service": "/one", "address": "tcp://box:1", "interfaces": ["com.a", "com.b"]}
        for _ in range(2):
            self.successResultOf(self.call(host, "org.pycom.nameserver", "register", args))
        self.assertEqual(self.value("pycom_registered_services"), 2)
        self.assertEqual(self.value("pycom_registered_interfaces"), 3)
        self.assertEqual(self.value("pycom_registrations_total", event="registered"), 2)
        watch = self.call(
            host,
            "org.pycom.nameserver",
            "watch",
            {
                "interface": "com.a",
                "revision": self.successResultOf(
                    self.call(host, "org.pycom.nameserver", "resolve", {"interface": "com.a"})
                )["revision"],
            },
            timeout=200,
        )
        self.assertEqual(self.value("pycom_watches"), 1)
        gone = {"service": "/one", "address": "tcp://box:1"}
        self.successResultOf(self.call(host, "org.pycom.nameserver", "unregister", gone))
        self.successResultOf(watch)
        self.assertEqual(self.value("pycom_watches"), 0)
        self.assertEqual(self.value("pycom_registrations_total", event="unregistered"), 1)
        self.successResultOf(self.call(host, "org.pycom.nameserver", "register", args))
        self.clock.pump([10] * 7)
        self.assertEqual(self.value("pycom_registrations_total", event="expired"), 1)
        self.assertEqual(self.value("pycom_registrations_total", event="taken_over"), 0)
        self.assertEqual(self.value("pycom_registered_services"), 1)

    def test_of_a_registry_elsewhere(self):
        """A registry that takes its time is one reading behind; one that fails is logged."""

        class Slow:
            def __init__(self):
                self.counting = []

            def tell(self, changed):
                pass

            def counts(self):
                self.counting.append(Deferred())
                return self.counting[-1]

        registry = Slow()
        nameserver = pycom.NameServer(registry, reactor=self.clock)

        def told():
            return {
                metric.name: metric.samples[0].value
                for metric in nameserver.figures()
                if metric.samples
            }

        self.assertEqual(told()["pycom_registered_services"], 0)
        registry.counting.pop().callback({"services": 3, "interfaces": 2})
        self.assertEqual(told()["pycom_registered_services"], 3)
        registry.counting.pop().errback(OSError("gone"))
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.assertEqual(told()["pycom_registered_services"], 3)


class TrafficTests(InstrumentsCase):
    def moved(self, side):
        names = ("received_messages", "received_bytes", "sent_messages", "sent_bytes")
        return [self.value(f"pycom_{name}_total", side=side) for name in names]

    def test_interfaces(self):
        """A network that is counted is one, and so are its channels."""
        network = CountedNetwork(MemoryNetwork(self.clock), Traffic(), Traffic())
        self.addCleanup(network.close)
        verifyClass(INetwork, CountedNetwork)
        for channel in network.bind("tcp://a:1", None), network.connect("tcp://a:1", None):
            verifyObject(IChannel, channel)
            verifyObject(IChannelListener, channel)

    def test_counted(self):
        """All frames of all messages count, on either side."""
        arrived = []

        def delivery(frames):
            arrived.append(frames)
            return (0.0,)

        host = self.measured(Other)
        self.clock.pump([0] * 3)
        self.assertEqual(self.moved("server"), [0, 0, 0, 0])
        registering = self.moved("client")
        # It registers, and is greeted before it is answered.
        self.assertEqual((registering[0], registering[2]), (2, 1))
        self.network.delivery = delivery
        self.successResultOf(self.call(host, "com.foo.other", "answer"))
        request, reply = arrived
        peer = 5  # bytes that name the client to the host
        self.assertEqual(
            self.moved("server"),
            [1, peer + sum(map(len, request)), 1, peer + sum(map(len, reply))],
        )
        self.assertEqual(self.moved("client"), registering)

    def test_connections(self):
        """A client connection is one as long as it is open."""
        host = self.measured(Shop())
        other = self.host(Other)
        self.clock.pump([0] * 3)
        component = self.result(host.context.connect(other.address, "com.foo.other"))
        before = self.value("pycom_client_connections")
        component.close()
        self.clock.advance(0)
        self.assertEqual(self.value("pycom_client_connections"), before - 1)

    def test_lost_and_not_sent(self):
        """What breaks, or cannot be sent, is told as without counting."""
        host = self.measured(Shop())
        other = self.host(Shop())
        component = self.result(host.context.connect(other.address, "com.foo.shop"))
        self.addCleanup(component.close)
        call = component.invoke("wait")
        self.clock.pump([0] * 3)
        self.network.disconnect(other.address)
        self.clock.advance(0)
        error = self.failureResultOf(call, pycom.ServiceNotAvailable).value
        self.assertFalse(error.not_started)
        self.network.crash(other.address)
        call = component.invoke("wait")
        self.clock.pump([0] * 3)
        error = self.failureResultOf(call, pycom.ServiceNotAvailable).value
        self.assertTrue(error.not_started)

    def test_offered_and_withdrawn(self):
        """Offers that are taken count, and the channel's own word is what counts."""

        class Channel:
            address = "tcp://a:1"
            queued = 7
            sender = "somebody"

            def offer(self, frames):
                return frames == [b"yes"]

            def withdraw(self, frames):
                return frames == [b"mine"]

            def flushed(self):
                return "flushed"

        class Network:
            def connect(self, address, listener):
                return Channel()

        traffic = Traffic()
        channel = CountedNetwork(Network(), Traffic(), traffic).connect("tcp://a:1", None)
        self.assertEqual((channel.offer([b"yes"]), channel.offer([b"no"])), (True, False))
        self.assertEqual((traffic.sent_messages, traffic.sent_bytes), (1, 3))
        self.assertEqual((channel.withdraw([b"mine"]), channel.withdraw([b""])), (True, False))
        self.assertEqual((channel.flushed(), channel.sender), ("flushed", "somebody"))
        self.assertEqual(traffic.queued, 7)
