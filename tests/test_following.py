"""Following who provides an interface."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred

import pycom_tx as pycom
from pycom_tx.client.following import POLL, RETRY, SETTLE
from tests.support import MemoryCase


@pycom.interface("com.foo.shop")
class Shop(pycom.Service):
    @pycom.method
    def who(self, request) -> str:
        return "shop"


@pycom.interface("com.foo.shop")
class OtherShop(pycom.Service):
    """Means something else by the same name."""

    @pycom.method
    def who(self, request) -> int:
        return 7


@pycom.interface("org.pycom.nameserver", authentication="never")
class OldNameServer(pycom.Service):
    """A nameserver that has what PyCOM 0.6 has, and says what it was asked."""

    def __init__(self):
        self.records = []
        self.patterns = []

    @pycom.method
    def register(self, request, address, interfaces, service):
        self.records.append({"address": address, "interfaces": interfaces, "service": service})

    @pycom.method
    def list_services(self, request, interface=None, service=None):
        self.patterns.append(interface)
        return self.records


class FollowingTests(MemoryCase):
    """``Context.locate`` and what comes after it."""

    def who(self, component):
        return self.result(component.invoke("who"))

    def test_shared(self):
        """Components of one interface follow it together, until the last is closed."""
        host = self.host(Shop, service="/shop")
        first, second = [self.result(self.context.locate("com.foo.shop")) for _ in range(2)]
        self.assertEqual(len(self.context._followed), 1)
        first.close()
        self.clock.advance(SETTLE)
        self.assertEqual(self.who(second), "shop")
        second.close()
        self.assertEqual(self.context._followed, {})
        self.close(host.stopService)

    def test_closed_while_waiting(self):
        """Closing the component takes back the question that the nameserver has."""
        self.host(Shop, service="/shop")
        component = self.result(self.context.locate("com.foo.shop"))
        self.clock.advance(SETTLE)
        self.clock.advance(0)
        component.close()
        self.clock.advance(0)
        self.assertEqual(self.nameserver_calls(), 0)

    def nameserver_calls(self):
        """How many calls of this context the nameserver has in progress."""
        return sum(
            connection.client.in_flight for connection in self.context.connections._open.values()
        )

    def test_while_away(self):
        """While the nameserver is away it is asked again and again, and then followed."""
        self.host(Shop, service="/shop")
        component = self.result(self.context.locate("com.foo.shop"))
        self.addCleanup(component.close)
        self.close(self.nameserver.stopService)
        self.clock.pump([RETRY] * 4)
        self.assertEqual(self.who(component), "shop")
        self.nameserver.startService()
        other = self.host(Shop, service="/other")
        self.clock.pump([RETRY] * 4)
        self.assertIn(other.address, [known.address for known in component._providers])

    def test_old_nameserver(self):
        """An old nameserver is asked now and then."""
        old = OldNameServer()
        address = self.host(old, address="tcp://127.0.0.1:2011").address
        context = pycom.Context(address, reactor=self.clock, network=self.network)
        self.addCleanup(context.close)
        self.host(Shop, service="/shop", nameserver=address)
        component = self.result(context.locate("com.foo.shop"))
        self.addCleanup(component.close)
        self.assertEqual(self.who(component), "shop")
        self.assertEqual(old.patterns, ["com\\.foo\\.shop$"])
        old.records.clear()
        self.clock.advance(POLL)
        self.assertEqual(len(old.patterns), 2)
        self.assertEqual([known.service for known in component._providers], [])

    def test_no_nameserver_there(self):
        """What is no nameserver is named."""
        host = self.host(Shop, service="/shop")
        context = pycom.Context(host.address, reactor=self.clock, network=self.network)
        self.addCleanup(context.close)
        error = self.failure(context.locate("com.foo.shop"), pycom.InvalidReply)
        self.assertIn(f"What answers at {host.address} is no nameserver", str(error))

    def test_balance(self):
        """A balancer that is none is refused."""
        self.failure(self.context.locate("com.foo.shop", balance="fair"), ValueError)


class ContractTests(MemoryCase):
    """Providers that mean different things by one interface."""

    def test_left_out(self):
        """Those with another contract get no calls, whenever they come."""
        self.host(OtherShop, service="/other")
        self.host(Shop, service="/shop")
        component = self.result(self.context.locate("com.foo.shop", contract=Shop))
        self.addCleanup(component.close)
        self.host(OtherShop, service="/another")
        self.clock.pump([SETTLE] * 3)
        answers = {self.result(component.invoke("who")) for _ in range(10)}
        self.assertEqual(answers, {"shop"})

    def test_none(self):
        """Where all have another, that is the error."""
        self.host(OtherShop, service="/other")
        error = self.failure(
            self.context.locate("com.foo.shop", contract=Shop), pycom.ContractMismatch
        )
        self.assertIn("who gives something else", str(error))

    def test_not_told(self):
        """One that cannot tell is asked again."""
        host = self.host(Shop, service="/shop")
        bound = self.network.bound.pop(host.address)
        self.failure(self.context.locate("com.foo.shop", contract=Shop), pycom.ServiceNotAvailable)
        waiting = self.context.wait_for("com.foo.shop", contract=Shop)
        self.clock.pump([0, 0, 0])
        self.assertNoResult(waiting)
        self.network.bound[host.address] = bound
        self.clock.pump([POLL, 0, 0])
        self.successResultOf(waiting).close()


class WaitTests(MemoryCase):
    """``Context.wait_for``."""

    def test_appears(self):
        """It fires when a provider appears."""
        waiting = self.context.wait_for("com.foo.shop")
        self.clock.pump([1] * 30)
        self.assertNoResult(waiting)
        self.host(Shop, service="/shop")
        self.clock.pump([0.1] * 5)
        component = self.successResultOf(waiting)
        self.assertEqual(self.result(component.invoke("who")), "shop")
        component.close()

    def test_there(self):
        """It fires at once where there is one."""
        self.host(Shop, service="/shop")
        self.result(self.context.wait_for("com.foo.shop")).close()

    def test_proxy(self):
        """A context of proxies waits as well."""
        waiting = self.proxies.wait_for("com.foo.shop", timeout=10)
        self.host(Shop, service="/shop")
        self.clock.pump([0.1] * 10)
        proxy = self.successResultOf(waiting)
        self.assertEqual(self.result(proxy.who()), "shop")
        proxy.close()

    def test_no_nameserver(self):
        """It waits for the nameserver, too."""
        self.close(self.nameserver.stopService)
        waiting = self.context.wait_for("com.foo.shop")
        self.clock.pump([RETRY] * 10)
        self.nameserver.startService()
        self.host(Shop, service="/shop")
        self.clock.pump([RETRY] * 4)
        self.successResultOf(waiting).close()

    def test_timeout(self):
        """It waits as long as it is told."""
        waiting = self.context.wait_for("com.foo.shop", timeout=2)
        self.clock.pump([0.5] * 4)
        error = self.failure(waiting, pycom.ServiceNotFound)
        self.assertIn("Nobody provides com.foo.shop", str(error))
        self.assertIn("for 2 s", str(error))

    def test_no_nameserver_in_time(self):
        """Where it was the nameserver that did not answer, the error says so, and for how long."""
        self.close(self.nameserver.stopService)
        waiting = self.context.wait_for("com.foo.shop", timeout=2)
        self.clock.pump([RETRY] * 4)
        error = self.failure(waiting, pycom.ServiceNotAvailable)
        where = self.context.nameserver_address
        self.assertEqual(str(error), f"The nameserver {where} has not answered for 2 s")
        self.assertIn("Nothing answers", str(error.__cause__))

    def test_silent_nameserver(self):
        """So it is where that takes what it is asked, and says nothing."""
        self.addCleanup(setattr, self.network, "delivery", self.network.delivery)
        self.network.delivery = lambda frames: ()
        waiting = self.context.wait_for("com.foo.shop", timeout=2.5)
        self.clock.pump([RETRY] * 5)
        error = self.failure(waiting, pycom.ServiceNotAvailable)
        self.assertIn("has not answered for 2.5 s", str(error))

    def test_lost_nameserver(self):
        """One that has answered before was silent since it was lost."""
        waiting = self.context.wait_for("com.foo.shop", timeout=20)
        self.clock.pump([0.5] * 20)
        self.close(self.nameserver.stopService)
        self.clock.pump([0.5] * 20)
        error = self.failure(waiting, pycom.ServiceNotAvailable)
        self.assertIn("has not answered for 10 s", str(error))

    def test_no_nameserver_there(self):
        """What is no nameserver does not become one by waiting."""
        host = self.host(Shop, service="/shop")
        context = pycom.Context(host.address, reactor=self.clock, network=self.network)
        self.addCleanup(context.close)
        waiting = context.wait_for("com.foo.shop", timeout=2)
        self.clock.pump([RETRY] * 4)
        error = self.failure(waiting, pycom.InvalidReply)
        self.assertRegex(str(error), f"What answers at {host.address} is no nameserver.*, for 2 s")

    def test_other_contract(self):
        """Where all that there are have another contract, that is what the error says."""
        self.host(OtherShop, service="/other")
        waiting = self.context.wait_for("com.foo.shop", timeout=2, contract=Shop)
        self.clock.pump([0.5] * 4)
        error = self.failure(waiting, pycom.ContractMismatch)
        self.assertRegex(str(error), "who gives something else.*, for 2 s")

    def test_cancelled(self):
        """It can be cancelled."""
        waiting = self.context.wait_for("com.foo.shop")
        self.clock.advance(1)
        waiting.cancel()
        self.failure(waiting, CancelledError)

    def test_closed(self):
        """Closing the context ends the waiting."""
        waiting = self.context.wait_for("com.foo.shop")
        self.clock.advance(1)
        self.context.close()
        error = self.failure(waiting, pycom.ConnectionClosed)
        told = "The context is closed: nobody looks for com.foo.shop any more"
        self.assertEqual(str(error), told)


@pycom.interface("com.foo.chain")
class Chain(pycom.Service):
    """Calls what never answers, with more time than it has itself."""

    def __init__(self):
        self.deadlines = []
        self.waiting = []

    @pycom.method
    async def first(self, request):
        async with self.context.locate("com.foo.chain") as chain:
            await chain.invoke("first_of_all")
            return await chain.invoke("last", timeout=60)

    @pycom.method
    def first_of_all(self, request):
        """So that the connection knows what the other end knows."""

    @pycom.method
    def last(self, request):
        self.deadlines.append(request.deadline)
        self.waiting.append(Deferred(self.waiting.remove))
        return self.waiting[-1]


class DeadlineTests(MemoryCase):
    """Calls within calls."""

    def setUp(self):
        super().setUp()
        self.chain = Chain()
        self.host(self.chain, service="/chain")
        self.component = self.result(self.context.locate("com.foo.chain"))
        self.addCleanup(self.component.close)
        self.result(self.component.invoke("first_of_all"))
        self.clock.advance(10)

    def call(self, timeout):
        call = self.component.invoke("first", timeout=timeout)
        self.clock.pump([0] * 10)
        return call

    def test_inherited(self):
        """A call has no more time than the call that it is part of."""
        now = self.clock.seconds()
        call = self.call(3)
        (deadline,) = self.chain.deadlines
        self.assertAlmostEqual(deadline, now + 3, places=2)
        self.clock.advance(3)
        self.failure(call, pycom.CallTimeout)
        self.clock.pump([0] * 10)
        self.assertEqual(self.chain.waiting, [])
        self.flushLoggedErrors(pycom.CallTimeout)  # of the method, whose time was over, too

    def test_cancelled(self):
        """Cancelling a call cancels what its method was calling."""
        call = self.call(30)
        self.assertEqual(len(self.chain.waiting), 1)
        call.cancel()
        self.failure(call, CancelledError)
        self.clock.pump([0] * 10)
        self.assertEqual(self.chain.waiting, [])

    def test_following_goes_on(self):
        """Who follows providers does not stop when the call that began it is over."""
        call = self.call(3)
        self.clock.advance(3)
        self.failure(call, pycom.CallTimeout)
        self.flushLoggedErrors(pycom.CallTimeout)
        self.clock.advance(60)
        self.assertEqual(self.result(self.component.invoke("first_of_all")), None)
