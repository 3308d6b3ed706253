"""Hosts: what they open, whom they tell, and what is left when they stop."""

import threading
from functools import partial
from queue import Queue

from twisted.application import service as application
from twisted.application.service import IService
from twisted.internet.defer import Deferred
from twisted.logger import LogLevel, capturedLogs, formatEvent
from zope.interface.verify import verifyObject

import pycom_tx as pycom
from tests.support import MemoryCase


@pycom.interface("com.example.greeter")
class Greeter(pycom.Service):
    @pycom.method
    def greet(self, request, name):
        return f"Hello {name}"


@pycom.interface("com.example.greeter")
class OtherGreeter(pycom.Service):
    pass


@pycom.interface("com.example.asker")
class Asker(pycom.Service):
    @pycom.method
    async def ask(self, request):
        async with self.context.locate("com.example.greeter") as greeter:
            return await greeter.invoke("greet", {"name": "you"})


@pycom.interface("com.example.demanding")
class Demanding(pycom.Service):
    def __init__(self, argument):
        self.argument = argument


class Engine(application.Service):
    """A component that is a service of Twisted, and not one of pycom."""

    def __init__(self, name, events, *, fails=(), stopped=None):
        self.label = name
        self.events = events
        self.fails = fails
        self.stopped = stopped

    def startService(self):
        super().startService()
        self.events.append(f"{self.label} starts")
        if "start" in self.fails:
            raise OSError("no fuel")

    def stopService(self):
        super().stopService()
        self.events.append(f"{self.label} stops")
        if "stop" in self.fails:
            raise OSError("no brakes")
        return self.stopped


@pycom.interface("com.example.engine1")
class FirstEngine(Engine):
    pass


@pycom.interface("com.example.engine2")
class SecondEngine(Engine):
    pass


class HostCase(MemoryCase):
    def unstarted(self, *components, address="tcp://127.0.0.1:*", network=None, **options):
        """A host of *components* that nobody has started; the test ends with it stopped."""
        host = pycom.ComponentHost(
            components, address, reactor=self.clock, network=network or self.network, **options
        )
        self.addCleanup(self.close, host.stopService)
        return host

    def invoke(self, host, interface, method, args=None):
        """The Deferred of a call to *host*, which is on its way."""
        component = self.result(self.context.connect(host.address, interface))
        call = component.invoke(method, args)
        component.close()
        self.clock.advance(0)
        return call

    def greet(self, host):
        return self.invoke(host, "com.example.greeter", "greet", {"name": "you"})

    def registered(self):
        """The addresses of all registered services, by their paths."""
        nameserver = self.result(self.context.nameserver())
        found = self.result(nameserver.invoke("list_services"))
        nameserver.close()
        return {record["service"]: record["address"] for record in found}

    def messages(self, events, level):
        return [formatEvent(event) for event in events if event["log_level"] is level]

    def assertStartFails(self, host, kind):
        """Starting *host* raises *kind* and leaves nothing open; gives the message."""
        bound = dict(self.network.bound)
        timers = len(self.clock.getDelayedCalls())
        error = self.assertRaises(kind, host.startService)
        self.clock.advance(0)
        self.assertEqual(self.network.bound, bound)
        self.assertEqual(len(self.clock.getDelayedCalls()), timers)
        self.assertFalse(host.running)
        self.assertIsNone(host.address)
        return str(error)


class ServingTests(HostCase):
    def test_service(self):
        """A host is a service of Twisted."""
        verifyObject(IService, self.unstarted(Greeter))

    def test_class_and_instance(self):
        """A component may be given as an instance, or as a class to make one of."""
        host = self.host(Greeter, Demanding("this"))
        self.assertEqual(self.successResultOf(self.greet(host)), "Hello you")
        introspection = self.invoke(host, "com.example.demanding", "introspect")
        self.assertEqual(self.successResultOf(introspection)["name"], "com.example.demanding")

    def test_all_interfaces_are_registered(self):
        """Every interface of a host can be located."""
        host = self.host(Greeter, Asker)
        for interface in ("com.example.greeter", "com.example.asker"):
            component = self.result(self.context.locate(interface))
            self.assertEqual(component.address, host.address)
            component.close()

    def test_generated_path(self):
        """Without a path each host takes one of its own below /auto/."""
        first, second = self.host(Greeter), self.host(Greeter)
        self.assertRegex(first.service, r"\A/auto/[0-9a-f]{32}\Z")
        self.assertNotEqual(first.service, second.service)
        self.assertLess({first.service, second.service}, set(self.registered()))

    def test_chosen_port(self):
        """What is registered is the port that was chosen for a *."""
        host = self.host(Greeter, address="tcp://127.0.0.1:*")
        self.assertRegex(host.address, r"\Atcp://127\.0\.0\.1:[1-9][0-9]+\Z")
        self.assertEqual(self.registered()[host.service], host.address)

    def test_advertise(self):
        """The address to advertise is registered instead of the one listened at."""
        host = self.host(Greeter, address="tcp://*:4000", advertise="tcp://box.example:4001")
        self.assertEqual(host.address, "tcp://box.example:4001")
        self.assertEqual(self.registered()[host.service], "tcp://box.example:4001")
        self.assertIn("tcp://*:4000", self.network.bound)

    def test_advertise_chosen_port(self):
        """A * in the address to advertise stands for the port listened at."""
        host = self.host(Greeter, address="tcp://0.0.0.0:*", advertise="tcp://box.example:*")
        (bound,) = set(self.network.bound) - {"tcp://127.0.0.1:2012"}
        port = bound.rpartition(":")[2]
        self.assertEqual(self.registered()[host.service], f"tcp://box.example:{port}")

    def test_everywhere_is_nowhere(self):
        """Registering an address that means every interface is warned about."""
        for address in "tcp://0.0.0.0:*", "tcp://[::]:*":
            with capturedLogs() as events:
                host = self.host(Greeter, address=address)
            (warning,) = self.messages(events, LogLevel.warn)
            self.assertIn(host.address, warning)
            self.assertIn("--advertise", warning)

    def test_advertised_needs_no_warning(self):
        """An address to advertise, or one that others can reach, is no reason to warn."""
        with capturedLogs() as events:
            self.host(Greeter, address="tcp://0.0.0.0:*", advertise="tcp://box.example:*")
            self.host(Greeter, address="tcp://127.0.0.1:*")
        self.assertEqual(self.messages(events, LogLevel.warn), [])

    def test_no_methods(self):
        """An interface without methods is warned about when its host starts; others are not."""
        forgotten = pycom.interface("com.example.forgotten")(type("Forgotten", (), {}))
        silent = pycom.interface("com.example.silent")(type("Silent", (pycom.Service,), {}))
        with capturedLogs() as events:
            self.host(Greeter, forgotten, silent)
        self.assertEqual(
            self.messages(events, LogLevel.warn),
            [
                f"{name} has no methods: decorate them with @pycom.method"
                for name in ("com.example.forgotten", "com.example.silent")
            ],
        )

    def test_authentication(self):
        """A host may demand authentication of all interfaces that do not refuse it."""
        host = self.host(Greeter, pycom.NameServer(reactor=self.clock), authentication="required")
        self.failureResultOf(self.greet(host), pycom.AccessDenied)
        stat = self.invoke(host, "org.pycom.nameserver", "stat")
        self.assertIn("services", self.successResultOf(stat))

    def test_verbose(self):
        """A verbose host logs each call, others none."""
        for options, lines in ({"verbose": True}, 1), ({}, 0):
            host = self.host(Greeter, **options)
            with capturedLogs() as events:
                self.greet(host)
            logged = "\n".join(self.messages(events, LogLevel.info))
            self.assertEqual(logged.count("com.example.greeter.greet: answered"), lines)

    def test_blocking(self):
        """A method that blocks runs in a thread, which ends with its host."""
        results = Queue()

        @pycom.interface("com.example.slow")
        class Slow(pycom.Service):
            @pycom.method(blocking=True)
            def think(self, request, about):
                return f"{threading.current_thread().name} thought about {about}"

        self.clock.callFromThread = lambda call, *args: results.put(partial(call, *args))
        before = threading.active_count()
        host = self.host(Slow, service="/com/example")
        call = self.invoke(host, "com.example.slow", "think", {"about": "it"})
        self.assertNoResult(call)
        results.get(timeout=20)()
        self.assertRegex(self.result(call), "/com/example.* thought about it")
        self.result(host.stopService())
        self.assertEqual(threading.active_count(), before)

    def test_installed_reactor(self):
        """Unless told otherwise a host runs in the installed reactor."""
        from twisted.internet import reactor

        host = pycom.ComponentHost([Greeter], "tcp://127.0.0.1:*", network=self.network)
        self.assertIs(host._reactor, reactor)


class ContextTests(HostCase):
    def test_same_host_without_a_network(self):
        """Components call those of their own host without the network."""
        methods = []

        def delivery(frames):
            methods.extend(name for name in (b'"ask"', b'"greet"') if name in frames[-1])
            return (0.0,)

        self.network.delivery = delivery
        host = self.host(Greeter, Asker)
        answer = self.result(self.invoke(host, "com.example.asker", "ask"))
        self.assertEqual(answer, "Hello you")
        self.assertEqual(methods, [b'"ask"'])

    def test_other_host(self):
        """Components find those of other hosts through the nameserver."""
        self.host(Greeter)
        answer = self.invoke(self.host(Asker), "com.example.asker", "ask")
        self.assertEqual(self.result(answer), "Hello you")

    def test_while_it_runs(self):
        """A host and its components have a context from when it starts to when it stops."""
        asker = Asker()
        host = self.unstarted(asker)
        self.assertIsNone(host.context)
        host.startService()
        self.assertIs(asker.context, host.context)
        self.assertEqual(host.context.nameserver_address, "tcp://127.0.0.1:2012")
        self.result(host.stopService())
        self.assertIsNone(host.context)
        self.failure(asker.context.locate("com.example.greeter"), pycom.ConnectionClosed)


class StoppingTests(HostCase):
    def test_struck_off(self):
        """A host that has stopped is not registered and does not listen."""
        host = self.host(Greeter, service="/com/example")
        address = host.address
        self.result(host.stopService())
        self.assertNotIn("/com/example", self.registered())
        self.assertNotIn(address, self.network.bound)
        self.assertIsNone(host.address)

    def test_calls_are_cancelled(self):
        """Without time to drain the calls in progress are cancelled when their host stops."""
        cancelled = []

        @pycom.interface("com.example.slow")
        class Slow(pycom.Service):
            @pycom.method
            def think(self, request):
                return Deferred(cancelled.append)

        host = self.host(Slow)
        call = self.invoke(host, "com.example.slow", "think")
        self.assertNoResult(call)
        self.result(host.stopService())
        self.assertEqual(len(cancelled), 1)
        self.failureResultOf(call, pycom.ServiceNotAvailable)

    def test_started_again(self):
        """A host that was stopped can be started again."""
        host = self.host(Greeter, service="/com/example")
        self.result(host.stopService())
        host.startService()
        self.clock.advance(0)
        self.assertEqual(self.registered()["/com/example"], host.address)
        self.assertEqual(self.result(self.greet(host)), "Hello you")

    def test_started_twice(self):
        """Starting a host that runs changes nothing."""
        host = self.host(Greeter, service="/com/example")
        address = host.address
        host.startService()
        self.assertEqual(host.address, address)
        self.assertEqual(self.result(self.greet(host)), "Hello you")

    def test_services_are_started_and_stopped(self):
        """Components that are services start with their host, and stop in reverse."""
        events = []
        host = self.host(FirstEngine("first", events), SecondEngine("second", events))
        self.assertEqual(events, ["first starts", "second starts"])
        self.result(host.stopService())
        self.assertEqual(events[2:], ["second stops", "first stops"])

    def test_waits_for_services(self):
        """A host has stopped when the services among its components have."""
        stopped = Deferred()
        host = self.host(FirstEngine("slow", [], stopped=stopped))
        stopping = host.stopService()
        self.clock.advance(0)
        self.assertNoResult(stopping)
        stopped.callback(None)
        self.assertIsNone(self.result(stopping))

    def test_service_that_fails_to_stop(self):
        """One component that fails to stop keeps nothing else open."""
        events = []
        last = SecondEngine("second", events, fails=["stop"])
        host = self.unstarted(FirstEngine("first", events), last)
        host.startService()
        self.assertEqual(len(self.network.bound), 2)
        self.assertEqual(str(self.failure(host.stopService(), OSError)), "no brakes")
        self.assertEqual(events[2:], ["second stops", "first stops"])
        self.assertEqual(len(self.network.bound), 1)
