"""Finding services and connecting to them."""

from __future__ import annotations

import math

from twisted.internet.defer import CancelledError, Deferred

import pycom_tx as pycom
from tests.support import MemoryCase

NAMESERVER = "tcp://127.0.0.1:2012"
NOBODY = "tcp://127.0.0.1:9"


@pycom.interface("com.foo.shop")
class Shop(pycom.Service):
    def __init__(self):
        self.waiting = []

    @pycom.method
    def echo(self, request):
        return request.args

    @pycom.method
    def later(self, request):
        """Answer what the test fires the next Deferred with."""
        self.waiting.append(Deferred())
        return self.waiting[-1]

    @pycom.method
    async def ask(self, request, interface):
        """Echo through another component of *interface*."""
        async with self.context.locate(interface) as component:
            return await component.invoke("echo", request.args)


class Nowhere:
    """A network without any address."""

    def connect(self, address, listener):
        raise pycom.AddressError(f"Cannot connect to {address!r}")


class ContextCase(MemoryCase):
    """A shop, known to the nameserver."""

    def setUp(self):
        super().setUp()
        self.shop = Shop()
        self.service = self.host(self.shop, service="/shops/a")

    def connections(self, host=None):
        """How many clients are connected to *host*, the shop's if left out."""
        return len(self.network.bound[(host or self.service).address].links)

    def other_context(self, *address, **options):
        """A context beside the one that there is."""
        context = self.client_context(*address, **options)
        self.addCleanup(context.close)
        return context

    def in_flight(self, component, **options):
        """A call that the shop has started and not answered."""
        call = component.invoke("later", **options)
        self.settle()
        self.assertNoResult(call)
        return call


class LocateTests(ContextCase):
    """``Context.locate``."""

    knows = f"the nameserver {NAMESERVER}"

    def test_by_interface(self):
        """A service is found by its interface."""
        component = self.result(self.context.locate("com.foo.shop"))
        self.assertEqual(component.interface, "com.foo.shop")
        self.assertEqual(component.address, self.at(self.service))
        self.assertEqual(self.result(component.invoke("echo", 5)), 5)

    def test_by_path(self):
        """One of several services is found by its path."""
        for host in (self.service, self.host(Shop, service="/shops/b")):
            component = self.result(self.context.locate("com.foo.shop", host.service))
            self.assertEqual(component.address, self.at(host, named=True))

    def test_nobody(self):
        """A service that nobody provides is not found."""
        for args in (("com.foo.nope",), ("com.foo.nope", "/shops/a")):
            error = self.failure(self.context.locate(*args), pycom.ServiceNotFound)
            what = " as ".join(args)
            self.assertEqual(str(error), f"Nobody provides {what}, says {self.knows}")

    def test_another_path(self):
        """Where an interface is not provided under a path, the error has some where it is."""
        wanted = "com.foo.shop", "/shops"
        for path, others in (
            (None, "/shops/a"),
            ("/shops/b", "/shops/a, /shops/b"),
            ("/shops/c", "/shops/a, /shops/b, /shops/c"),
            ("/shops/d", "/shops/a, /shops/b, /shops/c and 1 more"),
        ):
            if path is not None:
                self.host(Shop, service=path)
            error = self.failure(self.context.locate(*wanted), pycom.ServiceNotFound)
            self.assertEqual(
                str(error),
                f"Nobody provides com.foo.shop as /shops, says {self.knows}; others do: {others}",
            )

    def test_no_names(self):
        """An interface and a service are asked for by names, and nothing else."""
        for wanted in ((Shop,), (None,), ("com.foo.shop", Shop), ("com.foo.shop", 5)):
            error = self.failure(self.context.locate(*wanted), TypeError)
            self.assertIn(f"got {wanted[-1]!r:.60}", str(error))
        error = self.failure(self.context.connect("tcp://127.0.0.1:9", Shop), TypeError)
        self.assertEqual(
            str(error),
            f"An interface is asked for by its name, 'com.foo.example', got {Shop!r:.60}",
        )

    def test_path_for_a_name(self):
        """Who gives the path of a service in the place of an interface is told so."""
        error = self.failure(self.context.locate("/com/foo/shop"), ValueError)
        self.assertEqual(
            str(error), "An interface is asked for by its name, got the path '/com/foo/shop'"
        )

    def test_no_nameserver(self):
        """Where no nameserver answers, that is what the error says."""
        context = self.other_context(NOBODY)
        error = self.failure(context.locate("com.foo.shop"), pycom.ServiceNotAvailable)
        self.assertEqual(str(error), f"The nameserver does not answer: Nothing answers at {NOBODY}")

    def test_silent_nameserver(self):
        """A nameserver is waited for as long as for any call."""
        self.addCleanup(setattr, self.network, "delivery", self.network.delivery)
        self.network.delivery = lambda frames: ()
        location = self.context.locate("com.foo.shop")
        self.clock.advance(4.75)
        self.assertNoResult(location)
        self.clock.advance(0.25)
        error = self.failure(location, pycom.CallTimeout)
        self.assertEqual(
            str(error),
            "The nameserver does not answer: No reply from org.pycom.nameserver.watch "
            f"at {NAMESERVER} within 5 s",
        )

    def test_nameserver_comes_back(self):
        """A nameserver that was away is asked again."""
        self.close(self.nameserver.stopService)
        self.failure(self.context.locate("com.foo.shop"), pycom.ServiceNotAvailable)
        self.nameserver.startService()
        self.clock.advance(30)
        component = self.result(self.context.locate("com.foo.shop"))
        self.assertEqual(component.address, self.service.address)

    def test_no_address(self):
        """A nameserver that answers without addresses is none."""

        @pycom.interface("org.pycom.nameserver")
        class Broken:
            answer = None

            @pycom.method
            def watch(self, request):
                return self.answer

        broken = Broken()
        address = self.host(broken).address
        context = self.other_context(address)
        for answer in (
            None,
            [],
            "tcp://127.0.0.1:2013",
            {},
            {"services": []},
            {"services": [{}], "revision": "1"},
            {"services": [{"service": 1, "interfaces": ["com.foo.shop"]}], "revision": "1"},
            {"services": None, "revision": "1"},
            *(
                {"services": [{"interfaces": ["com.foo.shop"], **record}], "revision": "1"}
                for record in (
                    {"service": 5, "address": "tcp://127.0.0.1:2013"},
                    {"service": "/com/foo/shop", "address": {}},
                    {"service": ["/com/foo/shop"], "address": "tcp://127.0.0.1:2013"},
                )
            ),
            pycom.Response({"services": [], "revision": "1"}, attachment=b""),
        ):
            broken.answer = answer
            error = self.failure(context.locate("com.foo.shop"), pycom.InvalidReply)
            self.assertEqual(
                str(error),
                f"The nameserver {address} answered with something that tells no services",
            )

    def test_cancel(self):
        """Looking for a service can be cancelled, and then nothing waits any more."""
        location = self.context.locate("com.foo.shop")
        client = self.context.connections._open[NAMESERVER].client
        self.assertEqual(client.in_flight, 1)
        location.cancel()
        self.assertEqual(client.in_flight, 0)
        self.failure(location, CancelledError)


class OpeningTests(ContextCase):
    """What ``locate``, ``connect`` and ``nameserver`` give."""

    def openings(self):
        """One of each, and the interface that it is for."""
        yield "com.foo.shop", self.context.locate("com.foo.shop")
        yield "com.foo.shop", self.context.connect(self.service.address, "com.foo.shop")
        yield "org.pycom.nameserver", self.context.nameserver()

    def test_not_awaited(self):
        """What is not awaited says that it has to be."""
        for _, opening in self.openings():
            with self.assertRaisesRegex(AttributeError, "no component yet, await it or use"):
                opening.invoke("introspect")
            with self.assertRaisesRegex(TypeError, "closed by 'async with', not"), opening:
                pass
            self.result(opening).close()

    def test_await(self):
        """It is awaited, and the component is open until it is closed."""

        async def steps(opening):
            return await opening

        for interface, opening in self.openings():
            component = self.result(Deferred.fromCoroutine(steps(opening)))
            self.assertEqual(component.interface, interface)
            self.assertEqual(self.result(component.introspect())["name"], interface)

    def test_async_with(self):
        """It is an asynchronous context manager, which closes the component at the end."""

        async def steps(opening):
            async with opening as component:
                return component, await component.introspect()

        for interface, opening in self.openings():
            component, told = self.result(Deferred.fromCoroutine(steps(opening)))
            self.assertEqual(told["name"], interface)
            error = self.failure(component.introspect(), pycom.ConnectionClosed)
            self.assertEqual(str(error), f"The component {interface} is closed")

    def test_async_with_that_fails(self):
        """The component is closed however ``async with`` ends."""
        opened = []

        async def steps():
            async with self.context.locate("com.foo.shop") as component:
                opened.append(component)
                await component.invoke("nope")

        self.failure(Deferred.fromCoroutine(steps()), pycom.MethodNotFound)
        self.failure(opened[0].invoke("echo"), pycom.ConnectionClosed)

    def test_nothing_to_open(self):
        """``async with`` of a service that is not found raises before it is entered."""

        async def steps():
            async with self.context.locate("com.foo.nope"):
                self.fail("entered")

        self.failure(Deferred.fromCoroutine(steps()), pycom.ServiceNotFound)

    def test_not_entered(self):
        """Leaving what was never entered closes nothing."""
        opening = self.open(self.context, self.service, "com.foo.shop")
        self.successResultOf(Deferred.fromCoroutine(opening.__aexit__(None, None, None)))
        self.assertEqual(self.result(self.result(opening).invoke("echo", 5)), 5)


class ConnectTests(ContextCase):
    """``Context.connect`` and ``Context.nameserver``."""

    def test_at_once(self):
        """A component is there at once, whether its service answers or not."""
        component = self.successResultOf(self.context.connect(NOBODY, "com.foo.shop"))
        self.assertEqual((component.address, component.interface), (NOBODY, "com.foo.shop"))
        self.failure(component.invoke("echo"), pycom.ServiceNotAvailable)

    def test_nameserver(self):
        """The nameserver is a component like others."""
        nameserver = self.successResultOf(self.context.nameserver())
        self.assertEqual(nameserver.address, NAMESERVER)
        self.assertEqual(self.result(nameserver.invoke("stat"))["services"], 2)

    def test_no_address(self):
        """An address that is none is a failure, not an error."""
        context = pycom.Context("nowhere", reactor=self.clock, network=Nowhere())
        for opening in (
            context.connect("nowhere", "com.foo.shop"),
            context.nameserver(),
            context.locate("com.foo.shop"),
        ):
            error = self.failureResultOf(opening, pycom.AddressError).value
            self.assertEqual(str(error), "Cannot connect to 'nowhere'")

    def test_timeout(self):
        """A context may say how long its calls wait where they do not say."""
        context = self.other_context(timeout=2)
        component = self.result(self.open(context, self.service, "com.foo.shop"))
        call = self.in_flight(component)
        self.clock.advance(1.75)
        self.assertNoResult(call)
        self.clock.advance(0.25)
        self.failure(call, pycom.CallTimeout)

    def test_wrong_timeout(self):
        """A context's timeout is more than 0 seconds."""
        for timeout in (0, -1, math.nan):
            error = self.assertRaises(ValueError, self.other_context, timeout=timeout)
            self.assertEqual(
                str(error), f"A timeout is a number of seconds more than 0, got {timeout!r}"
            )


class ConnectionTests(ContextCase):
    """How many connections a context has."""

    def connect(self, context=None):
        """A component that has been called."""
        connecting = (context or self.context).connect(self.service.address, "com.foo.shop")
        component = self.result(connecting)
        self.result(component.invoke("echo"))
        return component

    def test_shared(self):
        """Components at one address share a connection, which the last one closes."""
        for _ in range(2):
            located = self.result(self.context.locate("com.foo.shop"))
            self.result(located.invoke("echo"))
            connected = self.connect()
            self.assertEqual((self.connections(), self.connections(self.nameserver)), (1, 2))
            located.close()
            located.close()
            self.assertEqual(self.connections(), 1)
            connected.close()
            self.assertEqual(self.connections(), 0)

    def test_for_each(self):
        """Components of two contexts or at two addresses share nothing."""
        second = self.host(Shop)
        component = self.result(self.context.connect(second.address, "com.foo.shop"))
        self.result(component.invoke("echo"))
        self.connect()
        self.connect(self.other_context())
        self.assertEqual((self.connections(), self.connections(second)), (2, 1))
        component.close()
        self.assertEqual((self.connections(), self.connections(second)), (2, 0))

    def test_calls_in_flight(self):
        """A connection stays open for the calls in flight, however they end."""
        for end in (
            lambda call: self.shop.waiting.pop().callback(None),
            lambda call: self.shop.waiting.pop().errback(pycom.RemoteError("no")),
            lambda call: call.cancel(),
            lambda call: self.clock.advance(5),
        ):
            component = self.connect()
            call = self.in_flight(component)
            component.close()
            self.assertEqual(self.connections(), 1)
            end(call)
            self.clock.advance(0)
            self.assertTrue(call.called)
            call.addErrback(lambda failure: failure.trap(pycom.Error, CancelledError))
            self.assertEqual(self.connections(), 0)

    def test_used_again(self):
        """A connection that stays for a call in flight serves a new component as well."""
        component = self.connect()
        call = self.in_flight(component)
        component.close()
        component = self.connect()
        self.assertEqual(self.connections(), 1)
        self.shop.waiting.pop().callback(5)
        self.assertEqual(self.result(call), self.result(component.invoke("echo", 5)))


class CloseTests(ContextCase):
    """``Context.close``."""

    def assertClosed(self, context):
        """Nothing can be had of *context*, and it says why."""
        for opening in (
            context.locate("com.foo.shop"),
            self.open(context, self.service, "com.foo.shop"),
            context.nameserver(),
        ):
            error = self.failure(opening, pycom.ConnectionClosed)
            self.assertEqual(str(error), "The context is closed")

    def assertAllQuiet(self):
        """Nothing is open."""
        self.assertEqual(self.connections(), 0)

    def test_unused(self):
        """A context that was never used can be closed, more than once."""
        for _ in range(2):
            self.assertIs(self.result(self.context.close()), None)
        self.assertClosed(self.context)

    def test_used(self):
        """A context that has asked its nameserver is closed all the same."""
        self.result(self.context.locate("com.foo.shop"))
        self.context.close()
        self.assertClosed(self.context)

    def test_calls_in_flight(self):
        """Calls in flight fail, on every connection; later calls do as well."""
        component = self.result(self.context.locate("com.foo.shop"))
        calls = [self.in_flight(component), self.in_flight(component)]
        nameserver = self.result(self.context.nameserver())
        calls += [nameserver.invoke("stat"), self.context.locate("com.foo.nobody")]
        self.context.close()
        for call in calls:
            self.failureResultOf(call, pycom.ConnectionClosed)
        self.assertAllQuiet()
        for closed in (component, nameserver):
            error = self.failure(closed.introspect(), pycom.ConnectionClosed)
            self.assertIn("The context is closed", str(error))
            self.successResultOf(closed.close())

    def test_default_network(self):
        """Left to itself a context runs in the installed reactor, over 0MQ."""
        context = pycom.Context()
        self.assertEqual(context.nameserver_address, NAMESERVER)
        self.assertIs(self.successResultOf(context.close()), None)
        self.failureResultOf(context.nameserver(), pycom.ConnectionClosed)


class HostContextTests(ContextCase):
    """The context that a host gives its components."""

    def test_same_host(self):
        """Services of the same host are found and called without a socket."""
        shop = Shop()
        host = self.host(shop, pycom.NameServer(reactor=self.clock), nameserver="local")
        component = self.result(host.context.locate("com.foo.shop"))
        self.assertEqual(component.address, host.address)
        self.assertIs(shop.context, host.context)
        args = {"interface": "com.foo.shop"}
        self.assertEqual(self.result(component.invoke("ask", args)), args)
        self.assertEqual(self.connections(host), 0)

    def test_other_host(self):
        """Services of other hosts are called as by any client."""
        other = self.host(pycom.interface("com.foo.other")(type("Other", (Shop,), {})))
        located = self.result(self.shop.context.locate("com.foo.other"))
        self.assertEqual(self.result(located.invoke("echo", 5)), 5)
        self.assertEqual(self.connections(other), 1)
