"""Contexts that are still open when the reactor stops."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorCore
from twisted.internet.task import Clock
from zope.interface import implementer

import pycom_tx as pycom
from tests.support import MemoryCase


@implementer(IReactorCore)
class Stopping(Clock):
    """A clock that stops as a reactor does.

    :ivar triggers: what is called then.
    """

    def __init__(self):
        super().__init__()
        self.triggers = []
        self.running = True

    def addSystemEventTrigger(self, phase, event, call):
        assert (phase, event) == ("during", "shutdown")
        self.triggers.append(call)
        return call

    def removeSystemEventTrigger(self, call):
        self.triggers.remove(call)

    def stop(self):
        while self.triggers:
            self.triggers.pop()()


@pycom.interface("com.foo.shop")
class Shop(pycom.Service):
    def __init__(self):
        self.waiting = []

    @pycom.method
    def later(self, request):
        self.waiting.append(Deferred(self.waiting.remove))
        return self.waiting[-1]


class StoppingTests(MemoryCase):
    def setUp(self):
        super().setUp()
        self.shop = Shop()
        self.service = self.host(self.shop, service="/shop")
        self.reactor = Stopping()
        self.reactor.callLater = self.clock.callLater  # one time for all
        self.reactor.seconds = self.clock.seconds
        self.open = self.client_context(reactor=self.reactor)
        self.addCleanup(self.open.close)

    def assertStopped(self, deferred, *, not_started):
        error = self.failure(deferred, pycom.ConnectionClosed)
        self.assertIn("The reactor stopped", str(error))
        self.assertIs(error.not_started, not_started)

    def test_calls_in_flight(self):
        """Calls in flight are cancelled at their services, and fail."""
        component = self.result(self.open.connect(self.service.address, "com.foo.shop"))
        self.result(component.introspect())
        call = component.invoke("later", timeout=600)
        self.settle()
        self.assertEqual(len(self.shop.waiting), 1)
        self.reactor.stop()
        self.assertStopped(call, not_started=False)
        self.settle()
        self.assertEqual(self.shop.waiting, [])

    def test_calls_to_come(self):
        """Whoever calls again is told the same: nothing is opened any more."""
        again = []
        component = self.result(self.open.connect(self.service.address, "com.foo.shop"))
        call = component.invoke("later", timeout=600)
        call.addErrback(lambda _: again.append(component.invoke("later")))
        self.reactor.stop()
        self.assertStopped(again[0], not_started=True)
        self.assertStopped(self.open.locate("com.foo.shop"), not_started=True)
        self.assertEqual(self.reactor.triggers, [])

    def test_who_waits_for_a_provider(self):
        """Who waits for a provider is told, also between two questions to a nameserver."""
        self.close(self.nameserver.stopService)
        waiting = self.open.wait_for("com.foo.nobody")
        self.settle()
        self.assertNoResult(waiting)
        self.reactor.stop()
        self.assertStopped(waiting, not_started=True)

    def test_closed_in_time(self):
        """A context that is closed, or whose components are, has nothing to do then."""
        component = self.result(self.open.locate("com.foo.shop"))
        self.assertEqual(len(self.reactor.triggers), 1)
        component.close()
        self.assertEqual(self.reactor.triggers, [])
        self.result(self.open.locate("com.foo.shop"))
        self.assertEqual(len(self.reactor.triggers), 1)
        self.result(self.open.close())
        self.assertEqual(self.reactor.triggers, [])
