"""Hosts that stop while calls are in progress."""

from twisted.application import service as application
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import LogLevel, capturedLogs, formatEvent

import pycom_tx as pycom
from tests.support import MemoryCase


@pycom.interface("com.example.kitchen")
class Kitchen(pycom.Service, application.Service):
    """Cooks what is ordered, as long as it is open."""

    def __init__(self):
        self.orders = []
        self.events = []
        self.closed = None

    @pycom.method
    async def cook(self, request, dish):
        ready = Deferred()
        self.orders.append(ready)
        try:
            await ready
        except CancelledError:
            self.events.append("thrown away")
            raise
        return dish

    @pycom.method
    async def order_out(self, request, dish):
        async with self.context.locate("com.example.kitchen") as other:
            return await other.invoke("cook", {"dish": dish})

    def stopping(self):
        self.events.append("last orders")

    def stopService(self):
        super().stopService()
        self.events.append("lights out")
        return self.closed


@pycom.interface("com.example.bell")
class Bell(pycom.Service):
    """Has calls that wait for something."""

    def __init__(self):
        self.rings = []

    @pycom.method
    def wait(self, request):
        self.rings.append(Deferred())
        return self.rings[-1]

    def stopping(self):
        for ring in self.rings:
            ring.callback("closed")


class DrainCase(MemoryCase):
    def setUp(self):
        super().setUp()
        self.kitchen = Kitchen()

    def serve(self, *components, drain=30, **options):
        self.kitchens = self.host(
            self.kitchen, *components, service="/com/example", drain=drain, **options
        )
        self.component = self.result(
            self.context.connect(self.kitchens.address, "com.example.kitchen")
        )
        self.addCleanup(self.component.close)

    def order(self, dish="soup", method="cook", **options):
        call = self.component.invoke(method, {"dish": dish}, **options)
        self.clock.pump([0] * 6)
        return call

    def stop(self):
        stopped = self.kitchens.stopService()
        self.clock.advance(0)
        return stopped

    def registered(self):
        async def ask():
            async with self.context.nameserver() as nameserver:
                return await nameserver.invoke("list_services")

        found = self.result(Deferred.fromCoroutine(ask()))
        return {record["service"] for record in found}

    def messages(self, events):
        return [
            formatEvent(event)
            for event in events
            if event["log_level"] in (LogLevel.info, LogLevel.warn)
            and event["log_namespace"].startswith("pycom_tx.host.drain")
        ]


class DrainTests(DrainCase):
    def test_calls_in_progress(self):
        """A host that stops is struck off at once, and answers the calls in progress."""
        self.serve()
        first, second = self.order("soup"), self.order("fish")
        with capturedLogs() as events:
            stopped = self.stop()
            self.assertNotIn("/com/example", self.registered())
            self.kitchen.orders[0].callback(None)
            self.assertEqual(self.result(first), "soup")
            self.assertNoResult(stopped)
            self.kitchen.orders[1].callback(None)
            self.assertEqual(self.result(second), "fish")
            self.result(stopped)
        self.assertEqual(self.messages(events), ["/com/example waits for 2 calls, 30 s at most"])
        self.assertEqual(self.kitchen.events, ["last orders", "lights out"])
        self.assertNotIn(self.kitchens.address, self.network.bound)

    def test_no_calls(self):
        """One without calls stops at once, and has nothing to say about it."""
        self.serve()
        with capturedLogs() as events:
            self.result(self.stop())
        self.assertEqual(self.messages(events), [])

    def test_new_calls(self):
        """New calls are refused: whoever makes them may go elsewhere."""
        self.serve()
        self.order()
        stopped = self.stop()
        error = self.failure(self.order("late", timeout=1), pycom.Refused)
        self.assertNotIsInstance(error, pycom.Overloaded)
        self.assertTrue(error.not_started)
        self.assertEqual(len(self.kitchen.orders), 1)
        self.kitchen.orders[0].callback(None)
        self.result(stopped)

    def test_unregistered_before(self):
        """Calls are taken until the nameserver has struck the host off."""
        self.serve()
        stopped = self.kitchens.stopService()
        call = self.component.invoke("cook", {"dish": "soup"})
        self.clock.advance(0)
        self.assertEqual(len(self.kitchen.orders), 1)
        self.assertNoResult(stopped)
        self.kitchen.orders[0].callback(None)
        self.assertEqual(self.result(call), "soup")
        self.result(stopped)

    def test_time_over(self):
        """What is not answered in time is cut off, and what has not started is refused."""
        self.serve(drain=10, max_calls=1, max_per_client=9)
        started, waiting = self.order("soup", timeout=60), self.order("fish", timeout=60)
        with capturedLogs() as events:
            stopped = self.stop()
            self.clock.advance(9)
            self.assertNoResult(stopped)
            self.clock.advance(1)
        self.result(stopped)
        self.assertEqual(
            self.messages(events),
            [
                "/com/example waits for 2 calls, 10 s at most",
                "/com/example cuts off 1 calls and refuses 1 that have not started",
            ],
        )
        self.assertFalse(self.failure(started, pycom.ServiceNotAvailable).not_started)
        self.assertTrue(self.failure(waiting, pycom.Refused).not_started)
        self.assertEqual(self.kitchen.events, ["last orders", "thrown away", "lights out"])

    def test_no_time(self):
        """Without time to drain the calls in progress are cut off at once."""
        self.serve(drain=0)
        call = self.order()
        self.result(self.stop())
        self.failure(call, pycom.ServiceNotAvailable)
        self.assertEqual(self.kitchen.events[-2:], ["thrown away", "lights out"])

    def test_answers_leave(self):
        """The connection stays until the last answer has arrived, however long it takes."""
        self.serve()
        call = self.order()
        stopped = self.stop()
        self.network.delivery = lambda _: (3.0,)
        self.kitchen.orders[0].callback(None)
        self.clock.advance(2)
        self.assertNoResult(stopped)
        self.clock.advance(1)
        self.assertEqual(self.result(call), "soup")
        self.result(stopped)

    def test_calls_of_each_other(self):
        """Calls in progress may call what the same host serves, also while it drains."""
        self.serve()
        call = self.order("fish", method="order_out")
        other = self.order("soup", method="order_out")
        self.kitchen.orders.pop().callback(None)
        self.assertEqual(self.result(other), "soup")
        stopped = self.stop()
        self.kitchen.orders.pop().callback(None)
        self.assertEqual(self.result(call), "fish")
        self.result(stopped)

    def test_calls_of_each_other_are_not_bounded(self):
        """Nor do they need room of their own, which those that make them may have taken."""
        self.serve(max_calls=1)
        call = self.order("fish", method="order_out")
        self.kitchen.orders.pop().callback(None)
        self.assertEqual(self.result(call), "fish")

    def test_components_that_wait(self):
        """A component may end its calls when its host is about to stop."""
        bell = Bell()
        self.serve(bell)
        component = self.result(self.context.connect(self.kitchens.address, "com.example.bell"))
        self.addCleanup(component.close)
        call = component.invoke("wait")
        self.clock.pump([0, 0])
        self.result(self.stop())
        self.assertEqual(self.result(call), "closed")

    def test_components_that_fail(self):
        """One that fails to is logged, and the others are told."""
        failing = Bell()
        failing.rings = [None]
        self.host(failing, self.kitchen)
        self.serve(failing)
        self.result(self.stop())
        self.assertEqual(len(self.flushLoggedErrors(AttributeError)), 1)
        self.assertEqual(self.kitchen.events[0], "last orders")
        failing.rings = []


class StoppingTests(DrainCase):
    def test_at_once(self):
        """Who stops a host for the second time, and at once, waits no longer."""
        self.serve()
        call = self.order()
        stopped = self.stop()
        self.assertNoResult(stopped)
        again = self.kitchens.stop_at_once()
        self.result(stopped)
        self.result(again)
        self.failure(call, pycom.ServiceNotAvailable)
        self.assertEqual(self.kitchen.events, ["last orders", "thrown away", "lights out"])

    def test_at_once_from_the_beginning(self):
        """A host may be stopped at once in the first place, or before it drains."""
        for stop in (
            lambda host: host.stop_at_once(),
            lambda host: host.stopService() and host.stop_at_once(),
        ):
            self.serve()
            call = self.order()
            self.result(stop(self.kitchens))
            self.failure(call, pycom.ServiceNotAvailable)

    def test_at_once_while_answers_leave(self):
        """Nor does it wait for answers that are on their way."""
        self.serve()
        call = self.order()
        stopped = self.stop()
        self.network.delivery = lambda _: (3.0,)
        self.kitchen.orders[0].callback(None)
        self.kitchens.stop_at_once()
        self.result(stopped)
        self.failure(call, pycom.ServiceNotAvailable)

    def test_never_started(self):
        """A host that does not run stops at once."""
        host = pycom.ComponentHost([Kitchen], "tcp://127.0.0.1:*", reactor=self.clock)
        self.successResultOf(host.stopService())
        self.successResultOf(host.stop_at_once())

    def test_twice(self):
        """Whoever stops a host waits until it has stopped, also who comes later."""
        self.serve()
        self.order().addErrback(lambda _: None)
        first, second = self.stop(), self.stop()
        self.assertNoResult(first)
        self.assertNoResult(second)
        self.kitchen.orders[0].callback(None)
        self.result(first)
        self.result(second)
        self.result(self.stop())
        self.assertEqual(self.kitchen.events, ["last orders", "lights out"])

    def test_twice_and_it_fails(self):
        """Where it fails to stop, all of them are told."""
        self.serve()
        self.kitchen.closed = Deferred()
        first, second = self.stop(), self.stop()
        self.kitchen.closed.errback(OSError("no brakes"))
        self.failure(first, OSError)
        self.failure(second, OSError)

    def test_start_while_it_stops(self):
        """A host that has not stopped yet cannot start; once it has, it can."""
        self.serve()
        self.order().addErrback(lambda _: None)
        stopped = self.stop()
        error = self.assertRaises(pycom.ConfigurationError, self.kitchens.startService)
        self.assertEqual(str(error), "/com/example has not stopped yet")
        self.kitchen.orders[0].callback(None)
        self.result(stopped)
        self.kitchens.startService()
        self.assertIn("/com/example", self.registered())

    def test_stopped_by_a_component(self):
        """A component may stop its host while that starts; nothing stays open."""

        @pycom.interface("com.example.shy")
        class Shy(pycom.Service, application.Service):
            def startService(self):
                super().startService()
                self.stopped = self.host.stopService()

        shy = Shy()
        bound = dict(self.network.bound)
        host = shy.host = pycom.ComponentHost(
            [shy, self.kitchen], "tcp://127.0.0.1:*", reactor=self.clock, network=self.network
        )
        host.startService()
        self.result(shy.stopped)
        self.assertFalse(host.running)
        self.assertFalse(shy.running)
        self.assertIsNone(host.context)
        self.assertEqual(self.network.bound, bound)
        self.assertEqual(self.kitchen.events, ["last orders", "lights out"])

    def test_stopped_by_a_component_and_it_fails(self):
        """Also where it then fails to start."""

        @pycom.interface("com.example.hasty")
        class Hasty(pycom.Service, application.Service):
            def startService(self):
                self.stopped = self.host.stopService()
                raise OSError("no fuel")

        hasty = Hasty()
        hasty.host = pycom.ComponentHost(
            [hasty], "tcp://127.0.0.1:*", reactor=self.clock, network=self.network
        )
        self.assertRaises(OSError, hasty.host.startService)
        self.result(hasty.stopped)
