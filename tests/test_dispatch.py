"""From a request to the method that answers it."""

from __future__ import annotations

from contextvars import ContextVar

from twisted.internet.defer import CancelledError, Deferred, execute, maybeDeferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

import pycom_tx as pycom
from pycom_tx.components.dispatch import Dispatcher
from pycom_tx.zerojson.interfaces import IRequestHandler
from pycom_tx.zerojson.sessions import SessionStore

caller = ContextVar("caller", default="nobody")


class Ways:
    """A component that answers what *answer* gives, in every way that a method can."""

    def __init__(self, answer=lambda request: None):
        self.answer = answer
        self.ready = succeed(None)

    @pycom.method
    def plain(self, request):
        return self.answer(request)

    @pycom.method
    def deferred(self, request):
        return self.ready.addCallback(lambda _: self.answer(request))

    @pycom.method
    async def coroutine(self, request):
        await self.ready
        return self.answer(request)

    @pycom.method(blocking=True)
    def blocking(self, request):
        return self.answer(request)


WAYS = ("plain", "deferred", "coroutine", "blocking")


class DispatchCase(SynchronousTestCase):
    """A dispatcher whose threads are functions that the test runs."""

    def setUp(self):
        self.clock = Clock()
        self.sessions = SessionStore(self.clock)
        self.addCleanup(self.sessions.close)
        self.threads = []
        self.users = {}

    def in_thread(self, function, *args, **kwargs):
        """What a blocking method is run by, when the test calls what is in the list."""
        done = Deferred()
        self.threads.append(lambda: execute(function, *args, **kwargs).chainDeferred(done))
        return done

    def dispatcher(self, *components, **options):
        return Dispatcher(
            components,
            self.sessions,
            self.in_thread,
            self.in_reactor,
            validate=self.validate,
            open_context=lambda request: pycom.Context(reactor=self.clock),
            **options,
        )

    def in_reactor(self, function, *args):
        """What a blocking method reports through: done when the test says so."""
        self.clock.callLater(0, function, *args)

    def validate(self, token):
        """Whose a token is, of those that the test knows."""
        try:
            return self.users[token]
        except KeyError:
            raise pycom.AccessDenied("Invalid token") from None

    def serve(self, component, **options):
        """A dispatcher of *component*, declared as com.foo.ways."""
        pycom.interface("com.foo.ways", **options)(type(component))
        return self.dispatcher(component)

    def add(self, name, body, **options):
        """Give the interface of Ways another method, until it is declared anew."""
        Ways.__interface__.register_method(pycom.method(name, body=body, **options))

    def asked(self, method, args=None, **options):
        return pycom.Request("com.foo.ways", method, args, **options)


class ComponentsTests(DispatchCase):
    """Which method is meant."""

    def test_interface(self):
        """A dispatcher handles requests."""
        verifyObject(IRequestHandler, self.dispatcher())

    def test_names(self):
        """It knows the interfaces of all its components, and which is whose."""
        components = [
            pycom.interface(f"com.foo.{name}")(type(name, (Ways,), {}))(lambda _, name=name: name)
            for name in "ba"
        ]
        dispatcher = self.dispatcher(*components)
        self.assertEqual(dispatcher.interfaces, ["com.foo.b", "com.foo.a"])
        for name in "ab":
            request = pycom.Request(f"com.foo.{name}", "plain")
            self.assertEqual(dispatcher.handle(request).result, name)

    def test_provided_twice(self):
        """Two components with one interface are refused by the names of their classes."""
        pycom.interface("com.foo.ways")(Ways)
        other = pycom.interface("com.foo.ways")(type("Other", (), {}))
        error = self.assertRaises(ValueError, self.dispatcher, Ways(), other())
        self.assertEqual(str(error), "com.foo.ways is provided twice, by Ways and by Other")

    def test_no_component(self):
        """What is no component is refused, whatever it is."""
        for thing in (object(), Ways, "com.foo.ways"):
            error = self.assertRaises(ValueError, self.dispatcher, thing)
            self.assertIn("is no component: its class has no @pycom.interface", str(error))

    def test_derived_component(self):
        """A class that only inherits an interface is refused: what it overrides is not called."""
        pycom.interface("com.foo.ways")(Ways)
        error = self.assertRaises(ValueError, self.dispatcher, type("Detour", (Ways,), {})())
        self.assertEqual(str(error), "Detour derives from Ways: give it @pycom.interface, too")

    def test_unknown_interface(self):
        """A request for an interface that nobody provides is a bad one."""
        error = self.assertRaises(pycom.BadRequest, self.dispatcher().handle, self.asked("plain"))
        self.assertEqual(str(error), "Unsupported interface: com.foo.ways")

    def test_unknown_method(self):
        """A method that the interface does not have is not found, nor is a mere attribute."""
        dispatcher = self.serve(Ways())
        for name in ("nope", "answer", "__init__", ""):
            error = self.assertRaises(pycom.MethodNotFound, dispatcher.handle, self.asked(name))
            self.assertEqual(str(error), f"Method '{name}' not found in interface com.foo.ways")

    def test_registered_later(self):
        """A method that is added while the service runs is called like the others."""
        dispatcher = self.serve(Ways())
        self.add("difference", lambda self, request, a, b: a - b)
        self.assertEqual(dispatcher.handle(self.asked("difference", {"a": 3, "b": 2})).result, 1)


class CallTests(DispatchCase):
    """How methods are called, and what they answer."""

    def answers(self, answer):
        """A Deferred of what each way to call *answer* ends with."""
        for way in WAYS:
            answered = maybeDeferred(self.serve(Ways(answer)).handle, self.asked(way))
            for run in self.threads:
                run()
            self.threads.clear()
            yield answered

    def test_value(self):
        """The method gets the very request, and what it returns is the result."""
        for way, answered in zip(WAYS, self.answers(lambda r: [r.method, None]), strict=True):
            response = self.successResultOf(answered)
            self.assertEqual((response.code, response.result), (0, [way, None]))

    def test_response(self):
        """A response is answered as it is."""
        for answered in self.answers(lambda request: request.response(1, b"")):
            response = self.successResultOf(answered)
            self.assertEqual((response.result, response.attachment), (1, b""))

    def test_error(self):
        """What the method raises is the answer's error."""

        def denied(request):
            raise pycom.AccessDenied("no")

        for answered in self.answers(denied):
            self.assertEqual(str(self.failureResultOf(answered, pycom.AccessDenied).value), "no")

    def test_plain(self):
        """The value of a plain function is answered at once."""
        response = self.serve(Ways(lambda request: 5)).handle(self.asked("plain"))
        self.assertIsInstance(response, pycom.Response)

    def test_waiting(self):
        """What waits is answered when it is ready; cancelling the answer cancels the wait."""
        for way in ("deferred", "coroutine"):
            for cancel in (False, True):
                component = Ways(lambda request: 5)
                component.ready = Deferred()
                answered = self.serve(component).handle(self.asked(way))
                self.assertNoResult(answered)
                if cancel:
                    answered.cancel()
                    self.failureResultOf(answered, CancelledError)
                    self.assertTrue(component.ready.called)
                else:
                    component.ready.callback(None)
                    self.assertEqual(self.successResultOf(answered).result, 5)

    def test_blocking(self):
        """A method that blocks runs in a thread, and is answered when that is over."""
        answered = self.serve(Ways(lambda request: 5)).handle(self.asked("blocking"))
        self.assertNoResult(answered)
        [run] = self.threads
        run()
        self.assertEqual(self.successResultOf(answered).result, 5)

    def test_arguments(self):
        """A method gets its arguments by name; without those it needs it is not called."""
        dispatcher = self.serve(Ways())
        for name, blocking in (("here", False), ("thread", True)):
            self.add(name, lambda self, request, a, *, b=0: a + b, blocking=blocking)
        args = {"a": 1, "b": 2, "c": 3}
        self.assertEqual(dispatcher.handle(self.asked("here", args)).result, 3)
        answered = dispatcher.handle(self.asked("thread", args))
        self.threads.pop()()
        self.assertEqual(self.successResultOf(answered).result, 3)
        for way in ("here", "thread"):
            self.assertRaises(pycom.BadRequest, dispatcher.handle, self.asked(way, {"b": 2}))
        self.assertEqual(self.threads, [])

    def test_any_argument_of_a_blocking_method(self):
        """Arguments of a method that blocks may be called what a thread's are."""

        def apply(this, _request, *, self, function, f, args):
            return [self, function, f, args]

        dispatcher = self.serve(Ways())
        self.add("apply", apply, blocking=True)
        names = ("self", "function", "f", "args")
        answered = dispatcher.handle(self.asked("apply", {name: name for name in names}))
        [run] = self.threads
        run()
        self.assertEqual(self.successResultOf(answered).result, list(names))

    def test_wrong_results(self):
        """A method that breaks its own declaration fails, at once or later."""

        async def later(self, request):
            return 1

        dispatcher = self.serve(Ways())
        self.add("now", lambda self, request: 1, results=("a", "b"))
        self.add("later", later, results=("a", "b"))
        self.assertRaises(TypeError, dispatcher.handle, self.asked("now"))
        self.failureResultOf(dispatcher.handle(self.asked("later")), TypeError)


class SessionTests(DispatchCase):
    """Stateful interfaces."""

    def setUp(self):
        super().setUp()

        class Counter:
            @pycom.method
            def add(self, request, amount=1):
                request.session["total"] = request.session.get("total", 0) + amount
                return request.session["total"]

            @pycom.method
            def forget(self, request):
                request.session.discard()

        self.handle = self.serve(Counter(), stateful=True).handle
        self.first = self.asked("add")
        self.handle(self.first)

    def again(self, method="add", args=None):
        """Another request of the first client."""
        return self.asked(method, args, session_id=self.first.session.session_id)

    def test_kept(self):
        """A client finds its session again by the id, and another gets one of its own."""
        again = self.again(args={"amount": 5})
        self.assertEqual(self.handle(again).result, 6)
        self.assertIs(again.session, self.first.session)
        other = self.asked("add")
        self.assertEqual(self.handle(other).result, 1)
        self.assertNotEqual(other.session.session_id, self.first.session.session_id)

    def test_unknown(self):
        """An id that stands for no session does not reach the method."""
        for session_id in ("", "0" * 32):
            request = self.asked("add", session_id=session_id)
            error = self.assertRaises(pycom.SessionExpired, self.handle, request)
            self.assertEqual(str(error), f"Session '{session_id}' has expired")
        self.assertEqual(len(self.sessions), 1)

    def test_expired(self):
        """A session ends an hour after the last call that used it."""
        for total in (2, 3):
            self.clock.advance(3599)
            self.assertEqual(self.handle(self.again()).result, total)
        self.clock.advance(3600)
        self.assertRaises(pycom.SessionExpired, self.handle, self.again())

    def test_discarded(self):
        """A method can end the session."""
        self.handle(self.again("forget"))
        self.assertRaises(pycom.SessionExpired, self.handle, self.again())

    def test_stateless(self):
        """A stateless interface has no sessions and ignores ids."""
        stateless = self.serve(Ways(lambda request: request.session is None))
        for session_id in (None, "0" * 32):
            request = self.asked("plain", session_id=session_id)
            self.assertIs(stateless.handle(request).result, True)
        self.assertEqual(len(self.sessions), 1)

    def test_no_method_no_session(self):
        """A request for a method that is not there opens no session."""
        self.assertRaises(pycom.MethodNotFound, self.handle, self.asked("nope"))
        self.assertEqual(len(self.sessions), 1)


class AuthenticationTests(DispatchCase):
    """Who may call."""

    def guarded(self, host, interface, **options):
        """A dispatcher with a policy of the host and one of the interface."""
        pycom.interface("com.foo.ways", authentication=interface, **options)(Ways)
        return self.dispatcher(Ways(lambda request: "called"), authentication=host)

    def test_required(self):
        """Where authentication is required, a request without a token is denied."""
        for host, interface in ((None, "required"), ("never", "required"), ("required", None)):
            dispatcher = self.guarded(host, interface)
            error = self.assertRaises(pycom.AccessDenied, dispatcher.handle, self.asked("plain"))
            self.assertEqual(str(error), "Authentication required")

    def test_token(self):
        """A token that is nobody's is denied, and so is what is no token."""
        dispatcher = self.guarded("required", None)
        for token, reason in (("secret", "Invalid token"), (7, "A token is a string")):
            request = self.asked("plain", extensions={"org.pycom.auth": token})
            error = self.assertRaises(pycom.AccessDenied, dispatcher.handle, request)
            self.assertEqual(str(error), reason)
            self.assertIs(request.user, None)

    def test_not_required(self):
        """An interface may be open where its host requires authentication of the others."""
        for host, interface in ((None, None), (None, "never"), ("required", "never")):
            dispatcher = self.guarded(host, interface)
            for extensions in ({}, {"org.pycom.auth": "secret"}):
                request = self.asked("plain", extensions=extensions)
                self.assertEqual(dispatcher.handle(request).result, "called")

    def test_no_session_for_strangers(self):
        """A request that is denied opens no session."""
        dispatcher = self.guarded("required", None, stateful=True)
        self.assertRaises(pycom.AccessDenied, dispatcher.handle, self.asked("plain"))
        self.assertEqual(len(self.sessions), 0)

    def test_unknown_policy(self):
        """A policy that is none is refused: it must not leave every interface open."""
        self.assertRaises(ValueError, self.guarded, "Required", None)


class ContextVariableTests(DispatchCase):
    """Context variables."""

    def setUp(self):
        super().setUp()

        def answer(request):
            before = caller.get()
            caller.set(request.method)
            return before

        self.who = self.serve(Ways(answer))

    def test_plain(self):
        """What a method sets is gone after the call; what was set before it is seen."""
        for _ in range(2):
            self.assertEqual(self.who.handle(self.asked("plain")).result, "nobody")
        token = caller.set("host")
        self.addCleanup(caller.reset, token)
        self.assertEqual(self.who.handle(self.asked("plain")).result, "host")
        self.assertEqual(caller.get(), "host")

    def test_coroutine(self):
        """A coroutine finds what it set after waiting, and not what another call set."""
        wakers = []

        async def coroutine(self, request, name):
            before = caller.get()
            caller.set(name)
            wakers.append(Deferred())
            await wakers[-1]
            return [before, caller.get()]

        self.add("waiting", coroutine)
        calls = [self.who.handle(self.asked("waiting", {"name": name})) for name in "ab"]
        token = caller.set("waker")
        self.addCleanup(caller.reset, token)
        for waker in wakers:
            waker.callback(None)
        self.assertEqual(
            [self.successResultOf(call).result for call in calls],
            [["nobody", "a"], ["nobody", "b"]],
        )

    def test_blocking(self):
        """A method in a thread sees what was set before the call and leaves nothing."""
        token = caller.set("host")
        first = self.who.handle(self.asked("blocking"))
        caller.reset(token)
        second = self.who.handle(self.asked("blocking"))
        for run in self.threads:
            run()
        self.assertEqual(self.successResultOf(first).result, "host")
        self.assertEqual(self.successResultOf(second).result, "nobody")
        self.assertEqual(caller.get(), "nobody")
