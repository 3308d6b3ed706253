"""The API of clients over HTTP: what holds of those who speak 0MQ holds of those who do not.

Where it does not, a test says which difference of the documentation it is.
"""

import math
import re
from pathlib import Path

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Site

import pycom_tx as pycom
from pycom_tx.client.over_http.behind import LOOK
from tests import (
    test_component,
    test_context,
    test_proxy,
    test_proxy_context,
    test_views,
)
from tests.over_http import ALL, URL, OverHTTP, told_differences


class InvokeTests(OverHTTP, test_component.InvokeTests):
    """``Component.invoke``."""

    def test_nobody_there(self):
        """A call to where nothing listens fails, and was not started."""
        component = self.connect()
        self.stop_gateway()
        self.wires.site = None
        error = self.failure(component.invoke("echo"), pycom.ServiceNotAvailable)
        self.assertIn(
            f"Nothing answers at {URL}: An error occurred while connecting: nobody listens",
            str(error),
        )
        self.assertIn("com.foo.shop.echo was not started", str(error))
        self.assertIs(error.not_started, True)

    def test_service_stops(self):
        """A call fails when its service goes away, and the next one when it is back works."""
        self.differs("addresses")
        component = self.connect()
        call = self.in_flight(component)
        self.close(self.service.stopService)
        error = self.failure(call, pycom.ServiceNotAvailable)
        broke = "The connection to the service broke; com.foo.shop.later may have been executed"
        self.assertEqual(str(error), f"{URL}: {broke}")
        self.assertIs(error.not_started, False)
        self.host(test_component.Shop, address=test_component.ADDRESS)
        self.assertEqual(self.result(component.invoke("echo", 5)), 5)


class TimeoutTests(OverHTTP, test_component.TimeoutTests):
    """How long calls wait."""


class CloseTests(OverHTTP, test_component.CloseTests):
    """``Component.close``."""


class SessionTests(OverHTTP, test_component.SessionTests):
    """Sessions of stateful interfaces."""


class ArgumentTests(OverHTTP, test_proxy.ArgumentTests):
    """Arguments of remote methods."""


class ProxyTimeoutTests(OverHTTP, test_proxy.TimeoutTests):
    """How long a proxy waits."""


class ResultTests(OverHTTP, test_proxy.ResultTests):
    """Results of remote methods."""


class AttachmentTests(OverHTTP, test_proxy.AttachmentTests):
    """Attachments as arguments and results."""


class ViewTests(OverHTTP, test_views.ViewTests):
    """Views of what was received."""


class ProxyComponentTests(OverHTTP, test_proxy_context.ProxyComponentTests):
    """What a proxy looks like, and how it ends."""


class ProxyContextTests(OverHTTP, test_proxy_context.ProxyContextTests):
    """``ProxyContext``."""

    expose = ALL

    def assertUnused(self, host):
        self.assertAllQuiet()

    def ways(self):
        for interface, opens, *args in super().ways():
            if opens != self.proxies.connect:
                yield interface, opens, *args

    def test_nobody_there(self):
        """A gateway gives no proxy of an address."""
        self.differs("connect")
        opening = self.proxies.connect("tcp://127.0.0.1:9", "com.foo.shapes")
        self.failure(opening, pycom.AddressError)

    test_something_else_there = test_nobody_there


class LocateTests(OverHTTP, test_context.LocateTests):
    """``Context.locate``."""

    knows = f"the gateway {URL}"

    def test_no_nameserver(self):
        """Where no gateway answers, that is what the error says."""
        self.wires.close()
        self.wires.site = None
        error = self.failure(self.context.locate("com.foo.shop"), pycom.ServiceNotAvailable)
        self.assertIs(error.not_started, True)
        self.assertIn(
            f"Nothing answers at {URL}: An error occurred while connecting: nobody listens",
            str(error),
        )

    def test_silent_nameserver(self):
        """A gateway is waited for as long as for any call."""
        self.wires.close()
        self.wires.site = Site(Silent(), reactor=self.clock)
        self.addCleanup(self.wires.cut)
        location = self.context.locate("com.foo.shop")
        self.settle()
        self.clock.advance(4.75)
        self.assertNoResult(location)
        self.clock.advance(0.25)
        error = self.failure(location, pycom.CallTimeout)
        self.assertEqual(str(error), f"The gateway {URL} does not answer within 5 s")

    def test_patience(self):
        """A context that waits for ever waits for its gateway, too."""
        context = self.other_context(timeout=math.inf)
        self.result(context.locate("com.foo.shop")).close()

    def test_nameserver_comes_back(self):
        """A gateway that was away is asked again."""
        self.wires.close()
        site, self.wires.site = self.wires.site, None
        self.failure(self.context.locate("com.foo.shop"), pycom.ServiceNotAvailable)
        self.wires.site = site
        self.result(self.context.locate("com.foo.shop")).close()

    def test_nameserver_of_the_gateway(self):
        """While the nameserver is away, what the gateway knows counts."""
        self.close(self.nameserver.stopService)
        self.result(self.context.locate("com.foo.shop")).close()
        self.gateway.stopService()
        self.wires.close()
        self.gateway.startService()
        self.wires.site = self.gateway.site
        location = self.context.locate("com.foo.shop")
        self.settle()
        self.clock.advance(3)
        error = self.failure(location, pycom.ServiceNotAvailable)
        self.assertEqual(str(error), f"{URL}: The nameserver does not answer")

    def test_no_address(self):
        """A gateway that answers without services is none."""
        self.wires.close()
        for told in (
            b"null",
            b"[]",
            b"5",
            b"{}",
            b'{"providers":{"a":1}}',
            b'{"providers":[{}]}',
            (b'{"providers":[{"service":5}]}'),
        ):
            self.wires.site = Site(Told(told), reactor=self.clock)
            error = self.failure(self.context.locate("com.foo.shop"), pycom.InvalidReply)
            wrong = "answered with something that tells no services"
            self.assertEqual(str(error), f"The gateway {URL} {wrong}")
            self.wires.close()

    def test_cancel(self):
        """Looking for a service can be cancelled, and then nothing is asked any more."""
        location = self.context.locate("com.foo.shop")
        location.cancel()
        self.failure(location, CancelledError)
        self.assertAllQuiet()

    def test_balance(self):
        """Who gets a call is the gateway's choice."""
        self.differs("balance")
        for balance in "round-robin", test_context.Nowhere():
            location = self.context.locate("com.foo.shop", balance=balance)
            error = self.failure(location, ValueError)
            self.assertIn(f"The gateway {URL} balances by itself", str(error))

    def test_newcomer(self):
        """A service is found when the gateway has seen it, also if it does not answer now."""
        self.differs("newcomers")
        super(OverHTTP, self).host(Other, service="/other")
        self.failure(self.context.locate("com.foo.other"), pycom.ServiceNotFound)
        self.learn()
        self.result(self.context.locate("com.foo.other")).close()

    def test_leaver(self):
        """Where nobody is left, a call finds nobody."""
        self.differs("leavers")
        component = self.result(self.context.locate("com.foo.shop"))
        self.close(self.service.stopService)
        self.wait(120)
        error = self.failure(component.invoke("echo"), pycom.ServiceNotFound)
        self.assertEqual(str(error), "Nobody provides 'com.foo.shop' here")
        self.host(test_context.Shop)
        self.assertEqual(self.result(component.invoke("echo", 5)), 5)

    def test_asked_anew(self):
        """Each component asks the gateway, which follows the services for all of them."""
        component = self.result(self.context.locate("com.foo.shop"))
        self.close(self.service.stopService)
        self.learn()
        self.failure(self.context.locate("com.foo.shop"), pycom.ServiceNotFound)
        component.close()


class Silent(Resource):
    """Takes requests, and answers none."""

    def getChild(self, name, request):
        return self

    def render(self, request):
        return 1  # not done yet


class Told(Resource):
    """Answers what a test wants, as JSON."""

    isLeaf = True

    def __init__(self, told):
        super().__init__()
        self.told = told

    def render(self, request):
        request.setHeader("Content-Type", "application/json")
        return self.told


@pycom.interface("com.foo.other")
class Other(test_context.Shop):
    """A shop that is known by another name."""


class OpeningTests(OverHTTP, test_context.OpeningTests):
    """What ``locate`` and ``nameserver`` give."""

    expose = ALL

    def openings(self):
        yield "com.foo.shop", self.context.locate("com.foo.shop")
        yield "org.pycom.nameserver", self.context.nameserver()


class ConnectTests(OverHTTP, test_context.ConnectTests):
    """``Context.connect`` and ``Context.nameserver``."""

    def test_at_once(self):
        """A gateway connects to no address."""
        self.differs("connect")
        opening = self.context.connect(self.service.address, "com.foo.shop")
        error = self.failureResultOf(opening, pycom.AddressError).value
        self.assertEqual(
            str(error),
            f"Cannot connect to {self.service.address!r} through the gateway {URL}, which finds "
            "services by their interface: use locate",
        )

    def test_nameserver(self):
        """The nameserver is there if it is exposed; otherwise the error says what to do."""
        self.differs("nameserver")
        nameserver = self.successResultOf(self.context.nameserver())
        self.assertEqual(nameserver.address, URL)
        error = self.failure(nameserver.invoke("stat"), pycom.ServiceNotFound)
        self.assertIn("--expose org.pycom.nameserver, which leaves out all others", str(error))

    def test_no_address(self):
        """A gateway's URL that is none is refused at once."""
        for url in (
            *("nowhere", "", "tcp://127.0.0.1:8080", "http://", "http:///path", "ftp://gateway"),
            *("http://gateway:port", "http://gateway:70000", "http://user:secret@gateway"),
            *("http://gateway?a=1", "http://gateway#a", "http://[gateway", "http://gate way"),
            *("http://gateway/\r\nX: 1"),
        ):
            error = self.assertRaises(pycom.AddressError, pycom.Context, gateway=url)
            self.assertIn("A gateway is at a URL like https://example.com:8080", str(error))

    def test_url(self):
        """A slash at the end changes nothing, and there may be a path in front of all others."""
        context = self.other_context(gateway=f"{URL}/")
        self.assertEqual(self.result(context.locate("com.foo.shop")).address, URL)
        root = Resource()
        root.putChild(b"pycom", self.wires.site.resource)
        # A site of the gateway's kind, as a web server in front of it would have it.
        self.wires.site.resource = root
        self.failure(self.context.locate("com.foo.shop"), pycom.InvalidReply)
        context = self.other_context(gateway=f"{URL}/pycom/")
        component = self.result(context.locate("com.foo.shop"))
        self.assertEqual(component.address, f"{URL}/pycom")

    def test_either(self):
        """A context has a gateway, or what it takes the place of."""
        for options, said in (
            ({"nameserver": "tcp://127.0.0.1:2012"}, "a gateway or a nameserver, not both"),
            ({"network": self.network}, "a gateway or a network, not both"),
        ):
            error = self.assertRaises(TypeError, self.client_context, **options)
            self.assertIn(said, str(error))
        error = self.assertRaises(TypeError, pycom.Context, agent=self.wires.agent)
        self.assertIn("there is none: say gateway=", str(error))
        self.assertRaises(TypeError, pycom.ProxyContext, "tcp://127.0.0.1:2012", gateway=URL)


class ContextCloseTests(OverHTTP, test_context.CloseTests):
    """``Context.close``."""

    expose = ALL

    def test_default_network(self):
        """Left to itself a context runs in the installed reactor, with connections of its own."""
        context = pycom.Context(gateway=URL)
        self.assertEqual(context.nameserver_address, URL)
        self.assertIs(self.successResultOf(context.close()), None)
        self.failureResultOf(context.nameserver(), pycom.ConnectionClosed)


class WaitTests(OverHTTP, test_context.ContextCase):
    """``Context.wait_for``."""

    def test_appears(self):
        """It waits until somebody provides the interface."""
        self.differs("wait_for")
        waiting = self.context.wait_for("com.foo.other")
        self.clock.pump([LOOK / 4] * 10)
        self.assertNoResult(waiting)
        super(OverHTTP, self).host(Other, service="/other")
        self.clock.pump([LOOK / 10] * 13)
        component = self.result(waiting)
        self.assertEqual(self.result(component.invoke("echo", 5)), 5)
        component.close()
        self.assertEqual(self.clock_of_the_client(), [])

    def clock_of_the_client(self):
        """What still looks for something."""
        return [call for call in self.clock.getDelayedCalls() if "deferLater" in repr(call.func)]

    def test_no_gateway(self):
        """It waits for the gateway, too."""
        self.wires.close()
        site, self.wires.site = self.wires.site, None
        waiting = self.context.wait_for("com.foo.shop", timeout=60)
        self.clock.pump([LOOK] * 10)
        self.assertNoResult(waiting)
        self.wires.site = site
        self.clock.advance(LOOK)
        self.result(waiting).close()

    def test_timeout(self):
        """It waits as long as it is told."""
        waiting = self.context.wait_for("com.foo.nope", timeout=2)
        self.settle()
        self.clock.pump([0.5] * 4)
        error = self.failure(waiting, pycom.ServiceNotFound)
        self.assertEqual(
            str(error), f"Nobody provides com.foo.nope, says the gateway {URL}, for 2 s"
        )

    def test_ends(self):
        """It can be cancelled, also by closing the context, and then nothing is asked."""
        first, second = (self.context.wait_for("com.foo.nope") for _ in range(2))
        self.settle()
        self.clock.advance(LOOK / 2)
        first.cancel()
        self.failure(first, CancelledError)
        self.result(self.context.close())
        self.failure(second, pycom.ConnectionClosed)
        self.assertAllQuiet()


class CancelTests(OverHTTP, test_component.ComponentCase):
    """Calls that nobody waits for any more."""

    def test_reaches_the_method(self):
        """The method of a call that is cancelled is cancelled."""
        component = self.connect()
        call, other = self.in_flight(component), self.in_flight(component)
        call.cancel()
        self.failure(call, CancelledError)
        self.assertEqual([waiting.called for waiting in self.shop.waiting], [True, False])
        self.shop.waiting[1].callback("in time")
        self.assertEqual(self.result(other), "in time")

    def test_time_over(self):
        """So is that of a call whose time is over."""
        component = self.connect()
        call = self.in_flight(component, timeout=2)
        self.clock.advance(2)
        error = self.failure(call, pycom.CallTimeout)
        self.assertIs(error.not_started, False)
        self.assertTrue(self.shop.waiting[0].called)

    def test_before_it_left(self):
        """A call that is cancelled before it has left never leaves."""
        component = self.connect()
        call = component.invoke("later")
        call.cancel()
        self.failure(call, CancelledError)
        self.assertEqual(self.shop.waiting, [])

    def test_while_connecting(self):
        """Nor does one that waits for its connection; its time was not enough to start it."""
        component = self.connect()
        self.wires.close()
        self.wires.connect = lambda factory: Deferred()
        call, other = component.invoke("later", timeout=1), component.invoke("later", timeout=9)
        self.settle()
        self.clock.advance(1)
        error = self.failure(call, pycom.CallTimeout)
        self.assertIs(error.not_started, True)
        other.cancel()
        self.failure(other, CancelledError)
        self.assertEqual(self.shop.waiting, [])


class DifferenceTests(SynchronousTestCase):
    """The page that tells what is different through a gateway."""

    def test_each_is_shown(self):
        """Each difference is shown by a test, which names it."""
        tests = Path(__file__).parent
        modules = (*tests.glob("test_*http*.py"), tests / "live" / "test_http_client.py")
        text = "".join(module.read_text("utf-8") for module in modules)
        shown = re.findall(r'(?:differs|assertIn)\("([\w ]+)"[,)]', text)
        self.assertEqual(set(told_differences()) - set(shown), set())
