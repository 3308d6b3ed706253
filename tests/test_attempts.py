"""Calls to an interface that several services provide, some of which fail."""

from __future__ import annotations

from collections import Counter
from math import inf

from twisted.internet.defer import CancelledError, Deferred

import pycom_tx as pycom
from pycom_tx.testing import at_once
from tests.support import MemoryCase


@pycom.interface("com.foo.shop")
class Shop(pycom.Service):
    """Says who it is."""

    def __init__(self, name="shop"):
        self.name = name
        self.calls = []
        self.waiting = []

    @pycom.method
    def who(self, request):
        self.calls.append(request)
        return self.name

    @pycom.method
    def buy(self, request):
        self.calls.append(request)
        self.waiting.append(Deferred())
        return self.waiting[-1]

    @pycom.method(idempotent=True)
    def look(self, request):
        return self.buy(request)

    @pycom.method
    def fail(self, request):
        raise pycom.RemoteError("no", 77)

    @pycom.method
    def refuse(self, request):
        return pycom.Response(
            code=1,
            error="full",
            extensions={"org.pycom.refused": {"reason": "overloaded", "retry_after": 1}},
        )


@pycom.interface("com.foo.basket", stateful=True)
class Basket(Shop):
    """The same, with sessions."""


class ProvidersCase(MemoryCase):
    """Three providers of an interface, and a component that knows them."""

    kind = Shop
    balance = "round-robin"

    def setUp(self):
        super().setUp()
        self.shops = {name: self.kind(name) for name in "abc"}
        self.hosts = {
            name: self.host(shop, service=f"/shop/{name}") for name, shop in self.shops.items()
        }
        interface = self.kind.__interface__.name
        self.component = self.result(self.context.locate(interface, balance=self.balance))
        self.addCleanup(self.component.close)

    def who(self):
        return self.result(self.component.invoke("who"))

    def everybody(self, calls=6):
        """All who get some of so many calls: enough for each of them to get one."""
        return {self.who() for _ in range(calls)}

    def crash(self, name):
        """The process of a provider is gone, without a farewell."""
        self.network.crash(self.hosts[name].address)

    def started(self, method="buy"):
        """A call that is in progress, and who has it."""
        call = self.component.invoke(method)
        self.settle()
        self.settle()
        (name,) = (name for name, shop in self.shops.items() if shop.waiting)
        return call, name


class ChoiceTests(ProvidersCase):
    """Who gets a call."""

    def test_all(self):
        """Every provider gets calls."""
        self.assertEqual(Counter(self.who() for _ in range(6)), {"a": 2, "b": 2, "c": 2})

    def test_service(self):
        """A component for one path knows no other."""
        component = self.result(self.context.locate("com.foo.shop", "/shop/b"))
        answers = {self.result(component.invoke("who")) for _ in range(6)}
        self.assertEqual(answers, {"b"})
        component.close()

    def test_newcomer(self):
        """A provider that registers later gets calls as well."""
        self.host(Shop("d"), service="/shop/d")
        self.clock.advance(1)
        self.assertEqual(self.everybody(8), set("abcd"))

    def test_leaver(self):
        """One that unregisters gets none any more."""
        self.close(self.hosts["b"].stopService)
        self.clock.advance(1)
        self.assertEqual(self.everybody(), set("ac"))

    def test_nobody_left(self):
        """Where all have left, a call fails at once, and was not started."""
        for host in self.hosts.values():
            self.close(host.stopService)
        self.clock.advance(1)
        error = self.failure(self.component.invoke("who"), pycom.ServiceNotAvailable)
        self.assertIs(error.not_started, True)
        error = self.failure(self.component.invoke("who"), pycom.ServiceNotAvailable)
        self.assertIn("Nobody provides com.foo.shop any more", str(error))

    def test_nameserver_forgets(self):
        """A nameserver that was restarted knows nobody yet: those who are well go on."""
        self.who(), self.who(), self.who()
        for host in self.hosts.values():
            record = {"service": host.service, "address": host.address}
            nameserver = self.result(self.context.nameserver())
            self.result(nameserver.invoke("unregister", record))
            nameserver.close()
        self.clock.advance(1)
        self.assertEqual(self.everybody(), set("abc"))
        self.clock.advance(60)
        self.assertEqual(self.everybody(), set("abc"))

    def test_nameserver_away(self):
        """Without a nameserver those that are known go on."""
        self.close(self.nameserver.stopService)
        self.clock.pump([1] * 10)
        self.assertEqual(self.everybody(), set("abc"))

    def test_remote_error(self):
        """An error of a service is an answer: nobody else is asked."""
        self.failure(self.component.invoke("fail"), pycom.RemoteError)
        self.assertEqual(self.everybody(), set("abc"))


class AgainTests(ProvidersCase):
    """Calls that are made again."""

    def test_not_started(self):
        """A call that was not sent goes to another provider by itself."""
        self.crash("b")
        self.assertEqual(Counter(self.who() for _ in range(6))["b"], 0)

    def test_recovers(self):
        """A provider that comes back gets calls again, after a while."""
        address = self.hosts["b"].address
        bound = self.network.bound[address]
        self.crash("b")
        for _ in range(3):
            self.who()
        self.network.bound[address] = bound
        self.assertNotIn("b", {self.who() for _ in range(2)})
        self.clock.advance(1)
        self.assertIn("b", {self.who() for _ in range(3)})

    def test_started(self):
        """A call that may have been executed fails, and says so."""
        call, name = self.started()
        self.crash(name)
        error = self.failure(call, pycom.ServiceNotAvailable)
        self.assertIs(error.not_started, False)
        self.assertIn("com.foo.shop.buy may have been executed", str(error))
        self.assertEqual(sum(len(shop.calls) for shop in self.shops.values()), 1)

    def test_idempotent(self):
        """One that may be executed twice is made again, at another provider."""
        call, name = self.started("look")
        self.crash(name)
        self.clock.pump([0] * 6)
        others = [shop for other, shop in self.shops.items() if other != name]
        (again,) = [shop for shop in others if shop.waiting]
        again.waiting[0].callback("seen")
        self.assertEqual(self.result(call), "seen")

    def test_idempotent_nowhere(self):
        """Where its second attempt was not started the first may have been, for all that."""
        self.assertIs(self.result(self.component.may_run_twice("look", inf, [])), True)
        call, name = self.started("look")
        for other in set("abc") - {name}:
            self.crash(other)
        self.crash(name)
        self.clock.pump([0] * 6)
        error = self.failure(call, pycom.ServiceNotAvailable)
        self.assertIs(error.not_started, False)
        self.assertIn("com.foo.shop.look may have been executed", str(error))

    def test_in_time(self):
        """To find out whether it may be made again takes none but the time of the call."""
        call, name = self.started("look")
        self.clock.advance(4)
        self.network.delivery = lambda _: ()
        self.addCleanup(setattr, self.network, "delivery", at_once)
        self.crash(name)
        self.clock.advance(0.9)
        self.assertNoResult(call)
        self.clock.advance(0.2)
        self.failureResultOf(call, pycom.ServiceNotAvailable)

    def test_timeout(self):
        """One that ends at another provider, with less time, names the time that it was given."""
        call, name = self.started("look")
        self.clock.advance(1)
        self.crash(name)
        self.clock.pump([0] * 6)
        self.assertNoResult(call)
        self.clock.advance(4)
        error = self.failure(call, pycom.CallTimeout)
        self.assertRegex(str(error), "No reply from .* within 5 s;")

    def test_refused(self):
        """Who refuses is not asked again; where all refuse, that is the error."""
        error = self.failure(self.component.invoke("refuse"), pycom.Overloaded)
        self.assertIs(error.not_started, True)

    def test_all_gone(self):
        """Where nobody answers any more, a call fails at once."""
        for name in "abc":
            self.crash(name)
        self.clock.pump([0] * 6)
        error = self.failure(self.component.invoke("who"), pycom.ServiceNotAvailable)
        self.assertIs(error.not_started, True)
        self.assertIn("com.foo.shop.who was not started", str(error))

    def test_budget(self):
        """There is an end to how many calls are made again."""
        self.crash("b")
        failures = 0
        for _ in range(9):
            self.context.budget._left = 0.0
            call = self.component.invoke("who")
            self.clock.pump([0] * 4)
            self.clock.advance(60)  # whoever failed is tried again
            call.addErrback(lambda failure: failure.trap(pycom.ServiceNotAvailable) and "failed")
            failures += self.successResultOf(call) == "failed"
        self.assertGreater(failures, 0)

    def test_cancelled(self):
        """Cancelling a call that is made again cancels it where it is."""
        call, name = self.started("look")
        self.crash(name)
        self.clock.pump([0] * 6)
        call.cancel()
        self.failureResultOf(call, CancelledError)
        self.clock.pump([0, 0])
        for other, shop in self.shops.items():
            for waiting in shop.waiting if other != name else ():
                self.assertTrue(waiting.called)


class SessionTests(ProvidersCase):
    """Interfaces with sessions."""

    kind = Basket

    def test_stays(self):
        """Whoever opened the session gets the calls from then on."""
        self.assertEqual(len({self.who() for _ in range(6)}), 1)

    def test_not_elsewhere(self):
        """When it is gone the call fails, even though it was not started."""
        name = self.who()
        self.crash(name)
        error = self.failure(self.component.invoke("who"), pycom.ServiceNotAvailable)
        self.assertIs(error.not_started, True)

    def test_new_session(self):
        """When it has left for good, the next call opens a session elsewhere."""
        name = self.who()
        self.close(self.hosts[name].stopService)
        self.clock.advance(1)
        self.failure(self.component.invoke("who"), pycom.ServiceNotAvailable)
        self.assertNotEqual(self.who(), name)

    def test_closes(self):
        """No connection is left to one that has left, and was called after that."""
        name = self.who()
        host = self.hosts[name]
        self.crash(name)
        self.failure(self.component.invoke("who"), pycom.ServiceNotAvailable)
        nameserver = self.result(self.context.nameserver())
        record = {"service": host.service, "address": host.address}
        self.result(nameserver.invoke("unregister", record))
        nameserver.close()
        self.clock.advance(1)
        self.failure(self.component.invoke("who"), pycom.ServiceNotAvailable)
        self.component.close()
        self.assertEqual(self.context.connections.users, 0)
