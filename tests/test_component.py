"""Calling a component."""

from __future__ import annotations

import math

from twisted.internet.defer import CancelledError, Deferred

import pycom_tx as pycom
from tests.support import MemoryCase

ADDRESS = "tcp://127.0.0.1:2013"

BYTES = (
    ", which can only go as the attachment that its method declares "
    "(Component.invoke takes it as attachment=…)"
)
"""What is said of bytes among the arguments."""


@pycom.interface("com.foo.shop")
class Shop(pycom.Service):
    """Sells what there is."""

    def __init__(self):
        self.waiting = []

    @pycom.method
    def echo(self, request):
        return request.args

    @pycom.method
    def scan(self, request):
        return request.response({"had": request.attachment is not None}, request.attachment)

    @pycom.method
    def extensions(self, request):
        return request.extensions

    @pycom.method
    def fail(self, request, code, message):
        return request.error(code, message)

    @pycom.method
    def crash(self, request):
        msg = "the text stays here"
        raise ValueError(msg)

    @pycom.method
    def later(self, request):
        """Answer what the test fires the next Deferred with."""
        self.waiting.append(Deferred())
        return self.waiting[-1]


@pycom.interface("com.foo.counter", stateful=True)
class Counter(pycom.Service):
    """Counts for each client."""

    def __init__(self):
        self.waiting = []

    @pycom.method
    def add(self, request):
        request.session["total"] = request.session.get("total", 0) + 1
        return request.session["total"]

    @pycom.method
    def add_and_fail(self, request):
        self.add(request)
        raise pycom.RemoteError("added all the same", 17)

    @pycom.method
    def forget(self, request):
        request.session.discard()

    @pycom.method
    def later(self, request):
        self.waiting.append(Deferred())
        return self.waiting[-1]


class ComponentCase(MemoryCase):
    """A host of a shop and a counter, and components at its address."""

    def setUp(self):
        super().setUp()
        self.shop = Shop()
        self.counter = Counter()
        self.service = self.host(self.shop, self.counter, address=ADDRESS)

    def connect(self, interface="com.foo.shop"):
        return self.result(self.open(self.context, self.service, interface))

    def in_flight(self, component, *args, **options):
        """A call that the shop has started and not answered."""
        call = component.invoke("later", *args, **options)
        self.settle()
        self.assertNoResult(call)
        return call


class InvokeTests(ComponentCase):
    """``Component.invoke`` and what is made of it."""

    def test_result(self):
        """A call gives the method's result."""
        component = self.connect()
        for args in ({"a": 1}, [1, None], "text", 0, False, {}, None):
            self.assertEqual(self.result(component.invoke("echo", args)), args)
        self.assertIs(self.result(component.invoke("echo")), None)

    def test_attachment(self):
        """A reply with an attachment gives a tuple of result and attachment."""
        component = self.connect()
        for attachment in (b"\x00\xff", b""):
            self.assertEqual(
                self.result(component.invoke("scan", attachment=attachment)),
                ({"had": True}, attachment),
            )
        self.assertEqual(self.result(component.invoke("scan")), {"had": False})

    def test_errors(self):
        """Each code of an error that the service answers has its class."""
        component = self.connect()
        for code, kind in (
            (1, pycom.RemoteError),
            (2, pycom.MethodNotFound),
            (3, pycom.ServiceNotFound),
            (4, pycom.BadRequest),
            (5, pycom.AccessDenied),
            (6, pycom.SessionExpired),
            (17, pycom.RemoteError),
        ):
            call = component.invoke("fail", {"code": code, "message": "sold out"})
            error = self.failure(call, kind)
            self.assertEqual((type(error), error.code, str(error)), (kind, code, "sold out"))

    def test_crash(self):
        """A method that breaks is an error without details, and a traceback at the service."""
        error = self.failure(self.connect().invoke("crash"), pycom.RemoteError)
        self.assertEqual((error.code, str(error)), (1, "Unknown error during request"))
        [logged] = self.flushLoggedErrors(ValueError)
        self.assertEqual(str(logged.value), "the text stays here")

    def test_not_serializable(self):
        """What cannot be sent is a failure, and nothing is in flight."""
        component = self.connect()
        error = self.failure(component.invoke("echo", {1, 2}), pycom.NotSerializable)
        a_set = "Object of type set is not JSON serializable; a list would do"
        some_bytes = "Object of type bytes is not JSON serializable"
        self.assertEqual(str(error), f"com.foo.shop.echo: {a_set}")
        for value, hint, said in ({1}, "", a_set), (b"1", BYTES, some_bytes):
            call = component.invoke("echo", {"first": 1, "second": value})
            error = self.failure(call, pycom.NotSerializable)
            self.assertEqual(str(error), f"com.foo.shop.echo, argument 'second'{hint}: {said}")
        error = self.failure(
            component.invoke("scan", {"scan": None}, attachment="text"), pycom.NotSerializable
        )
        self.assertEqual(str(error), "com.foo.shop.scan: An attachment is bytes, got str")
        self.assertEqual(component._providers.only().connection().client.in_flight, 0)

    def test_introspect(self):
        """A service tells about its interface."""
        told = self.result(self.connect().introspect())
        self.assertEqual(told["name"], "com.foo.shop")
        self.assertEqual(told["docstring"], "Sells what there is.")
        self.assertEqual(told["methods"]["fail"]["required_arguments"], ["code", "message"])

    def test_nothing_to_introspect(self):
        """A component that does not derive from Service is called, but not introspected."""

        @pycom.interface("com.foo.bare")
        class Bare:
            @pycom.method
            def answer(self, request):
                return 42

        host = self.host(Bare)
        component = self.result(self.open(self.context, host, "com.foo.bare"))
        self.assertEqual(self.result(component.invoke("answer")), 42)
        error = self.failure(component.introspect(), pycom.MethodNotFound)
        self.assertEqual(str(error), "Method 'introspect' not found in interface com.foo.bare")

    def test_call(self):
        """A request is sent with its extensions, and gives the whole response."""
        component = self.connect()
        request = pycom.Request("com.foo.shop", "extensions", extensions={"com.foo.a": [1]})
        response = self.result(component.call(request))
        self.assertIsInstance(response, pycom.Response)
        self.assertEqual(response.result["com.foo.a"], [1])

    def test_many_in_flight(self):
        """Calls are answered in the order in which their methods end."""
        component = self.connect()
        calls = [self.in_flight(component) for _ in range(3)]
        for number in (2, 0, 1):
            self.shop.waiting[number].callback(number)
            self.assertEqual(self.result(calls[number]), number)

    def test_nobody_there(self):
        """A call to where nobody listens fails."""
        component = self.result(self.context.connect("tcp://127.0.0.1:9", "com.foo.shop"))
        error = self.failure(component.invoke("echo"), pycom.ServiceNotAvailable)
        self.assertIn("Nothing answers at tcp://127.0.0.1:9", str(error))

    def test_service_stops(self):
        """A call fails when its service goes away, and the next one when it is back works."""
        component = self.connect()
        call = self.in_flight(component)
        self.close(self.service.stopService)
        error = self.failure(call, pycom.ServiceNotAvailable)
        self.assertIn(f"The connection to {ADDRESS} broke", str(error))
        self.host(Shop, address=ADDRESS)
        self.assertEqual(self.result(component.invoke("echo", 5)), 5)

    def test_cancel(self):
        """A call that is cancelled is over; its reply disturbs nobody."""
        component = self.connect()
        call, other = self.in_flight(component), self.in_flight(component)
        call.cancel()
        self.failure(call, CancelledError)
        self.shop.waiting[0].callback("too late")
        self.shop.waiting[1].callback("in time")
        self.assertEqual(self.result(other), "in time")

    def test_repr(self):
        """A component shows its interface and its address."""
        component = self.connect()
        where = self.at(self.service)
        self.assertEqual(repr(component), f"<Component com.foo.shop at {where}>")
        self.assertEqual((component.address, component.interface), (where, "com.foo.shop"))


class TimeoutTests(ComponentCase):
    """How long calls wait."""

    def assertTimesOut(self, call, seconds):
        """*call* waits for *seconds*, then fails."""
        self.clock.advance(seconds - 0.25)
        self.assertNoResult(call)
        self.clock.advance(0.25)
        error = self.failure(call, pycom.CallTimeout)
        where = self.at(self.service)
        expected = f"No reply from com.foo.shop.later at {where} within {seconds:g} s"
        self.assertIn(expected, str(error))
        self.shop.waiting.pop().callback("too late")
        self.clock.advance(0)

    def test_default(self):
        """A call waits 5 seconds for its reply."""
        self.assertTimesOut(self.in_flight(self.connect()), 5)

    def test_of_the_call(self):
        """A call may say how long it waits."""
        component = self.connect()
        self.assertTimesOut(self.in_flight(component, timeout=0.5), 0.5)
        self.assertTimesOut(self.in_flight(component, None, 60), 60)
        request = pycom.Request("com.foo.shop", "later")
        call = component.call(request, 2)
        self.settle()
        self.assertTimesOut(call, 2)

    def test_for_ever(self):
        """A call may wait without end."""
        call = self.in_flight(self.connect(), timeout=math.inf)
        self.clock.advance(1e6)
        self.shop.waiting.pop().callback(5)
        self.assertEqual(self.result(call), 5)

    def test_wrong(self):
        """A timeout is a number more than 0; nothing is sent with another."""
        component = self.connect()
        for timeout in (0, -1, -math.inf, math.nan):
            for call in (
                component.invoke("later", timeout=timeout),
                component.call(pycom.Request("com.foo.shop", "later"), timeout),
            ):
                error = self.failure(call, ValueError)
                self.assertEqual(
                    str(error), f"A timeout is a number of seconds more than 0, got {timeout!r}"
                )
        self.assertEqual(self.shop.waiting, [])


class CloseTests(ComponentCase):
    """``Component.close``."""

    def test_closed(self):
        """A closed component makes no calls and says so; its neighbours are not closed."""
        component, other = self.connect(), self.connect()
        self.assertIs(self.successResultOf(component.close()), None)
        for call in (component.invoke("echo"), component.introspect()):
            error = self.failure(call, pycom.ConnectionClosed)
            self.assertEqual(str(error), "The component com.foo.shop is closed")
        self.assertEqual(self.result(other.invoke("echo", 5)), 5)

    def test_twice(self):
        """Closing a component again changes nothing for the others."""
        component, other = self.connect(), self.connect()
        call = self.in_flight(other)
        component.close()
        self.assertIs(self.successResultOf(component.close()), None)
        self.shop.waiting.pop().callback(5)
        self.assertEqual(self.result(call), 5)
        self.assertEqual(self.result(other.invoke("echo", 5)), 5)

    def test_calls_in_flight(self):
        """Calls in flight are answered after their component was closed."""
        component = self.connect()
        calls = [self.in_flight(component) for _ in range(2)]
        component.close()
        for number, call in enumerate(calls):
            self.shop.waiting[number].callback(number)
            self.assertEqual(self.result(call), number)

    def test_async_with(self):
        """A component is closed at the end of ``async with``, also if that ends badly."""

        async def use(component, method):
            async with component as entered:
                self.assertIs(entered, component)
                return await component.invoke(method)

        component = self.connect()
        self.assertIs(self.result(Deferred.fromCoroutine(use(component, "echo"))), None)
        self.failure(component.invoke("echo"), pycom.ConnectionClosed)
        component = self.connect()
        self.failure(Deferred.fromCoroutine(use(component, "nope")), pycom.MethodNotFound)
        self.failure(component.invoke("echo"), pycom.ConnectionClosed)


class SessionTests(ComponentCase):
    """Sessions of stateful interfaces."""

    def add(self, component):
        return self.result(component.invoke("add"))

    def test_kept(self):
        """Each component has a session of its own, from its first call on."""
        first, second = self.connect("com.foo.counter"), self.connect("com.foo.counter")
        self.assertIs(first.session_id, None)
        totals = [self.add(component) for component in (first, first, second, first)]
        self.assertEqual(totals, [1, 2, 1, 3])
        self.assertNotEqual(first.session_id, second.session_id)

    def test_stateless(self):
        """A stateless interface gives no session."""
        component = self.connect()
        self.result(component.invoke("echo"))
        self.assertIs(component.session_id, None)

    def test_call(self):
        """A request that is sent as it is gets the component's session."""
        component = self.connect("com.foo.counter")
        self.add(component)
        request = pycom.Request("com.foo.counter", "add", session_id="0" * 32)
        response = self.result(component.call(request))
        self.assertEqual((response.result, response.session_id), (2, component.session_id))

    def test_expired(self):
        """A session that has expired fails one call; the next one starts another."""
        component = self.connect("com.foo.counter")
        for end in (lambda: self.wait(3600), lambda: self.add_and_forget(component)):
            self.assertEqual(self.add(component), 1)
            end()
            self.failure(component.invoke("add"), pycom.SessionExpired)
            self.assertIs(component.session_id, None)

    def add_and_forget(self, component):
        self.assertEqual(self.add(component), 2)
        self.result(component.invoke("forget"))

    def test_other_errors(self):
        """An error of another kind does not end the session."""
        component = self.connect("com.foo.counter")
        self.add(component)
        error = self.failure(component.invoke("nope"), pycom.MethodNotFound)
        self.assertEqual(error.address, component.address)
        self.assertEqual(self.add(component), 2)

    def test_opened_by_an_error(self):
        """The session that a failing call opened is kept: its reply names it as well."""
        component = self.connect("com.foo.counter")
        self.failure(component.invoke("add_and_fail"), pycom.RemoteError)
        self.assertEqual(self.add(component), 2)

    def test_late_reply_of_an_old_session(self):
        """A reply to a call of a session that is over does not replace the present one."""
        for end in (
            lambda call: call.callback(None),
            lambda call: call.errback(pycom.RemoteError("too late")),
            lambda call: call.errback(pycom.SessionExpired("too late")),
        ):
            component = self.connect("com.foo.counter")
            self.add(component)
            call = self.in_flight(component)
            self.result(component.invoke("forget"))
            self.failure(component.invoke("add"), pycom.SessionExpired)
            self.assertEqual(self.add(component), 1)
            end(self.counter.waiting.pop())
            self.settle()
            call.addErrback(lambda failure: failure.trap(pycom.RemoteError))
            self.assertEqual(self.add(component), 2)
