"""Hooks, contracts, tokens and several services over HTTP: what holds there as anywhere.

Where it does not, a test says which difference of the documentation it is.
"""

import pycom_tx as pycom
from pycom_tx.client.over_http.behind import LOOK
from tests import (
    test_agreement,
    test_attempts,
    test_authentication,
    test_context,
    test_following,
    test_hooks,
)
from tests.over_http import ALL, URL, OverHTTP


class MethodHookTests(OverHTTP, test_hooks.MethodHookTests):
    """Hooks of methods."""


class ContextHookTests(OverHTTP, test_hooks.ContextHookTests):
    """Hooks of contexts."""

    expose = ALL


class CheckTests(OverHTTP, test_hooks.CheckTests):
    """``check_argument``."""


class AgreementTests(OverHTTP, test_agreement.AgreementTests):
    """``contract`` of ``locate``."""

    def ways(self, service, name):
        yield self.context.locate, name
        yield self.proxies.locate, name

    def assertUnused(self, service):
        self.assertAllQuiet()


class AuthenticateTests(OverHTTP, test_authentication.ClientTests):
    """``Context.authenticate`` and ``user_info``."""

    expose = ALL


class ExposedTests(OverHTTP, test_context.ContextCase):
    """A gateway that exposes something else."""

    expose = ("com.bar.*",)

    def test_hidden(self):
        """What is not exposed is not there."""
        self.differs("interfaces")
        self.failure(self.context.locate("com.foo.shop"), pycom.ServiceNotFound)
        component = self.context._at(URL, "com.foo.shop")
        self.failure(component.invoke("echo"), pycom.ServiceNotFound)


class HiddenTests(OverHTTP, test_authentication.AuthenticationCase):
    """A gateway that does not expose the authenticator."""

    def test_authenticate(self):
        """Who wants to be somebody is told what to do about it."""
        self.differs("authenticate")
        calls = [self.context.authenticate("ann", "pa55")]
        calls.append(self.context.authenticate(token=test_authentication.TOKEN))
        self.context.token = test_authentication.TOKEN
        calls.append(self.context.user_info())
        for call in calls:
            error = self.failure(call, pycom.ServiceNotFound)
            self.assertIn("with --expose org.pycom.authenticator", str(error))
        # Who has a token can use it all the same.
        self.assertEqual(self.call("com.foo.guarded", "who")["name"], "ann")


class AuthenticationTests(OverHTTP, test_authentication.ServerTests):
    """Interfaces that let in who has a token."""

    expose = ALL


class RequestTests(OverHTTP, test_authentication.RequestTests):
    """Requests that a program makes itself."""


class Chosen(OverHTTP):
    """Providers that the gateway chooses from, at random."""

    balance = "least-loaded"

    def everybody(self, calls=60):
        return super().everybody(60)


class ChoiceTests(Chosen, test_attempts.ChoiceTests):
    """Who gets a call."""

    expose = ALL

    def test_all(self):
        """Every provider gets calls."""
        self.differs("balance")
        self.assertEqual(self.everybody(), set("abc"))

    def test_nobody_left(self):
        """Where all have left, a call finds nobody."""
        self.differs("leavers")
        for host in self.hosts.values():
            self.close(host.stopService)
        self.wait(120)
        error = self.failure(self.component.invoke("who"), pycom.ServiceNotFound)
        self.assertEqual(str(error), "Nobody provides 'com.foo.shop' here")

    def test_nameserver_forgets(self):
        """Those who were struck off are found again when they have registered."""
        self.differs("without a nameserver")
        for host in self.hosts.values():
            record = {"service": host.service, "address": host.address}
            nameserver = self.result(self.context.nameserver())
            self.result(nameserver.invoke("unregister", record))
            nameserver.close()
        self.wait(60)
        self.assertEqual(self.everybody(), set("abc"))

    def test_nameserver_away(self):
        """Without a nameserver those that live go on, however long nobody has called them."""
        self.differs("without a nameserver")
        super().test_nameserver_away()
        self.clock.pump([1] * 61)
        self.assertEqual(self.everybody(), set("abc"))


class AgainTests(Chosen, test_attempts.AgainTests):
    """Calls that are made again."""

    def test_recovers(self):
        """A provider that comes back gets calls again, after a while."""
        address = self.hosts["b"].address
        bound = self.network.bound[address]
        self.crash("b")
        self.assertEqual(self.everybody(), set("ac"))
        self.network.bound[address] = bound
        self.assertEqual({self.who() for _ in range(3)} - set("ac"), set())
        self.clock.advance(1)
        self.assertEqual(self.everybody(), set("abc"))

    def test_budget(self):
        """The gateway has a budget for that, whatever the context's is."""
        self.differs("calls made again")
        self.crash("b")
        self.context.budget._left = 0.0
        self.assertEqual(self.everybody(), set("ac"))


class ProviderTests(Chosen, test_attempts.SessionTests):
    """Sessions where there are several providers."""

    expose = ALL

    def test_new_session(self):
        """When its provider has left for good the session is over; the next call opens one."""
        self.differs("sessions")
        name = self.who()
        self.assertRegex(self.component.session_id, r"\A[!-~]+@[0-9a-f]{16}\Z")
        self.close(self.hosts[name].stopService)
        self.learn()
        self.failure(self.component.invoke("who"), pycom.SessionExpired)
        self.assertNotEqual(self.who(), name)

    def test_closes(self):
        """While its provider may come back, the session goes on."""
        name = self.who()
        bound = self.network.bound[self.hosts[name].address]
        self.crash(name)
        self.failure(self.component.invoke("who"), pycom.ServiceNotAvailable)
        self.network.bound[self.hosts[name].address] = bound
        self.clock.advance(1)
        self.assertEqual(self.who(), name)


class ContractTests(OverHTTP, test_following.ContractTests):
    """Providers that mean different things by one interface."""

    def test_left_out(self):
        """All have to have the contract when the component is located, or the one that is named."""
        self.differs("contract")
        self.host(test_following.OtherShop, service="/other")
        shop = self.host(test_following.Shop, service="/shop")
        wanted = {"contract": test_following.Shop}
        error = self.failure(self.context.locate("com.foo.shop", **wanted), pycom.ContractMismatch)
        self.assertIn(f"com.foo.shop at {URL}#/other has another contract", str(error))
        component = self.result(self.context.locate("com.foo.shop", shop.service, **wanted))
        self.assertEqual({self.result(component.invoke("who")) for _ in range(20)}, {"shop"})
        component.close()

    def test_not_told(self):
        """One that cannot tell is asked again."""
        host = self.host(test_following.Shop, service="/shop", authentication="required")
        self.host(test_authentication.Watched())
        location = self.context.locate("com.foo.shop", contract=test_following.Shop)
        self.failure(location, pycom.AccessDenied)
        waiting = self.context.wait_for("com.foo.shop", contract=test_following.Shop)
        self.clock.pump([LOOK] * 3)
        self.assertNoResult(waiting)
        self.context.token = test_authentication.TOKEN
        self.clock.advance(LOOK)
        component = self.result(waiting)
        self.assertEqual(component.address, self.at(host))
        component.close()
