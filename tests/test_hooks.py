"""Hooks: of methods, of contexts, and the checks of arguments that are built on them."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred, succeed

import pycom_tx as pycom
from tests.support import MemoryCase


def method_of(name):
    """The Method of the shop."""
    return Shop.__interface__.methods[name]


@pycom.interface("com.foo.shop", stateful=True)
class Shop(pycom.Service):
    """What the hooks are put around."""

    @pycom.method
    def buy(self, request, article, number=1):
        return [article, number]

    @pycom.method
    def raw(self, request):
        return request.args

    @pycom.check_argument("name", str, lambda name, value: len(value) > 1)
    @pycom.check_argument("size", (int, type(None)), error_message="A size is a whole number")
    @pycom.check_argument("scan", bytes, lambda name, value: value.startswith(b"P"))
    @pycom.method(attachments=("scan", None))
    def enter(self, request, name, size=None, scan=None):
        return [name, size, scan is not None]

    @pycom.check_argument("code", validator=lambda name, value: Shop.free(value))
    @pycom.method(results=("taken",))
    async def take(self, request, code):
        return code

    @classmethod
    async def free(cls, code):
        """Whether a code may be taken: known only after a while."""
        await succeed(None)
        if code < 0:
            msg = f"{code} is no code"
            raise ValueError(msg)
        if code == 0:
            raise pycom.AccessDenied("not for you")
        return code < 100


class HookCase(MemoryCase):
    def setUp(self):
        super().setUp()
        self.host(Shop, service="/com/foo/shop")
        self.component = self.result(self.context.locate("com.foo.shop"))
        self.addCleanup(self.component.close)
        self.seen = []

    def hook(self, hooks, hook):
        """Let the list of hooks have another for as long as the test runs."""
        hooks.append(hook)
        self.addCleanup(hooks.remove, hook)

    def ask(self, method, args=None, **options):
        return self.result(self.component.invoke(method, args, **options))

    def refusal(self, method, args=None, **options):
        """Why a call is refused."""
        call = self.component.invoke(method, args, **options)
        return str(self.failure(call, pycom.BadRequest))


class MethodHookTests(HookCase):
    """``__method__.prehooks`` and ``posthooks``."""

    def test_order(self):
        """Hooks see each call in their order, with the interface and the method."""

        def note(name):
            def hook(interface, method, data):
                self.seen.append((name, interface.name, method.name, type(data)))
                return data

            return hook

        method = method_of("buy")
        for name in ("first", "second"):
            self.hook(method.prehooks, note(name))
            self.hook(method.posthooks, note(name))
        self.assertEqual(self.ask("buy", {"article": "hat"}), ["hat", 1])
        where = ("com.foo.shop", "buy")
        self.assertEqual(
            self.seen,
            [
                ("first", *where, pycom.Request),
                ("second", *where, pycom.Request),
                ("first", *where, pycom.Response),
                ("second", *where, pycom.Response),
            ],
        )
        self.assertEqual(self.ask("raw", [1]), [1])

    def test_change(self):
        """They may change what goes on, before arguments are looked at and after the answer."""

        def translate(interface, method, request):
            request.args["article"] = request.args.pop("artikel")
            return request

        def double(interface, method, response):
            return pycom.Response(response.result * 2, attachment=b"x")

        self.hook(method_of("buy").prehooks, translate)
        self.hook(method_of("buy").posthooks, double)
        self.assertEqual(self.ask("buy", {"artikel": "hat"}), (["hat", 1] * 2, b"x"))

    def test_null(self):
        """For a method with arguments null is no arguments; without, it is what came."""

        def note(interface, method, request):
            self.seen.append(request.args)
            return request

        for name in ("enter", "raw"):
            self.hook(method_of(name).prehooks, note)
        self.refusal("enter")
        self.refusal("enter", [1])
        self.ask("raw")
        self.assertEqual(self.seen, [{}, None])

    def test_later(self):
        """They may give Deferreds, or be coroutines."""
        first, second = Deferred(), Deferred()
        self.hook(method_of("buy").prehooks, lambda interface, method, request: first)

        async def wait(interface, method, response):
            await second
            return response

        self.hook(method_of("buy").posthooks, wait)
        call = self.component.invoke("buy", {"article": "hat"})
        for step in (lambda: first.callback(pycom.Request("", "", {"article": "cap"})), None):
            self.clock.pump([0, 0])
            self.assertNoResult(call)
            if step:
                step()
        second.callback(None)
        self.assertEqual(self.result(call), ["cap", 1])

    def test_refuse(self):
        """What they raise, the client gets, and the method does not run."""

        def refuse(interface, method, data):
            raise pycom.AccessDenied("closed")

        self.hook(method_of("buy").prehooks, refuse)
        call = self.component.invoke("buy", {"article": "hat"})
        self.assertEqual(str(self.failure(call, pycom.AccessDenied)), "closed")

    def test_give_nothing(self):
        """A hook that forgets to give back what it got is a fault of the service."""
        self.hook(method_of("buy").prehooks, lambda *_: None)
        self.failure(self.component.invoke("buy", {"article": "hat"}), pycom.RemoteError)
        (logged,) = self.flushLoggedErrors(TypeError)
        self.assertIn("gave None for a Request", str(logged.value))

    def test_another_request(self):
        """What a hook puts in the place of a request has its caller, session and listener."""
        seen, reports, told = [], [], []

        def wrap(interface, method, request):
            self.session = request.session
            return pycom.Request(interface.name, method.name, {"article": "cap"})

        def note(interface, method, request):
            seen.append(request.session)
            request.progress("noted")
            seen.append(request.context())
            request.when_answered(lambda response, error: told.append(response.result))
            return request

        self.hook(method_of("buy").prehooks, wrap)
        self.hook(method_of("buy").prehooks, note)
        call = self.component.invoke("buy", {"article": "hat"}, on_progress=reports.append)
        self.assertEqual((self.result(call), told), (["cap", 1], [["cap", 1]]))

    def test_cancelled(self):
        """A host that stops cancels what its hooks wait for."""
        waiting = Deferred(self.seen.append)
        self.hook(method_of("buy").prehooks, lambda *_: waiting)
        host = self.host(Shop, service="/com/foo/other")
        component = self.result(self.open(self.context, host, "com.foo.shop", others=True))
        call = component.invoke("buy", {"article": "hat"})
        self.settle()
        self.settle()
        self.close(host.stopService)
        self.assertEqual(self.seen, [waiting])
        self.failure(call, pycom.ServiceNotAvailable)
        component.close()

    def test_session(self):
        """They see the caller's session, which the answer names."""

        def count(interface, method, request):
            request.session["calls"] = request.session.get("calls", 0) + 1
            self.seen.append(request.session["calls"])
            return request

        self.hook(method_of("raw").prehooks, count)
        self.ask("raw")
        self.ask("raw")
        self.assertEqual(self.seen, [1, 2])


class ContextHookTests(HookCase):
    """``Context.prehooks`` and ``posthooks``."""

    def test_order(self):
        """They see each call of a component, in their order."""

        def note(name):
            def hook(component, data):
                self.seen.append((name, component, type(data)))
                return data

            return hook

        for name in ("first", "second"):
            self.hook(self.context.prehooks, note(name))
            self.hook(self.context.posthooks, note(name))
        self.ask("raw")
        self.assertEqual(
            self.seen,
            [
                ("first", self.component, pycom.Request),
                ("second", self.component, pycom.Request),
                ("first", self.component, pycom.Response),
                ("second", self.component, pycom.Response),
            ],
        )

    def test_change(self):
        """They may change what goes out and what came in, at once or later."""

        async def wrap(component, request):
            await succeed(None)
            return pycom.Request(request.interface, request.method, [request.args])

        def unwrap(component, response):
            return succeed(pycom.Response(response.result * 2))

        self.hook(self.context.prehooks, wrap)
        self.hook(self.context.posthooks, unwrap)
        self.assertEqual(self.ask("raw", 7), [7, 7])

    def test_refuse(self):
        """What they raise, the call fails with."""

        def refuse(component, data):
            raise ValueError("no")

        self.hook(self.context.prehooks, refuse)
        self.failure(self.component.invoke("raw"), ValueError)

    def test_time_over(self):
        """A call's timeout counts for its hooks, too."""
        waiting = Deferred(self.seen.append)
        self.hook(self.context.prehooks, lambda *_: waiting)
        call = self.component.invoke("raw", timeout=3)
        self.clock.advance(3)
        self.failureResultOf(call, pycom.CallTimeout)
        self.assertEqual(self.seen, [waiting])

    def test_cancel(self):
        """Cancelling a call cancels what its hook waits for."""
        waiting = Deferred(self.seen.append)
        self.hook(self.context.prehooks, lambda *_: waiting)
        call = self.component.invoke("raw")
        call.cancel()
        self.assertEqual(self.seen, [waiting])
        self.failureResultOf(call, CancelledError)

    def test_session(self):
        """A component keeps its session, whatever hooks make of its requests."""
        self.hook(
            self.context.prehooks,
            lambda _, request: pycom.Request(request.interface, request.method, request.args),
        )
        self.ask("raw")
        session_id = self.component.session_id
        self.ask("raw")
        self.assertEqual(self.component.session_id, session_id)

    def test_not_for_the_nameserver(self):
        """Calls of the nameserver pass no hooks."""
        self.hook(self.context.prehooks, lambda *arguments: self.seen.append(arguments))
        nameserver = self.result(self.context.nameserver())
        self.result(nameserver.invoke("stat"))
        nameserver.close()
        self.result(self.context.locate("com.foo.shop")).close()
        self.assertEqual(self.seen, [])

    def test_give_nothing(self):
        """A hook that forgets to give back what it got fails the call, by its name."""
        self.hook(self.context.posthooks, lambda *_: None)
        error = self.failure(self.component.invoke("raw"), TypeError)
        self.assertIn("gave None for a Response", str(error))


class CheckTests(HookCase):
    """``check_argument``."""

    def test_passed(self):
        """Arguments that pass reach the method; those that did not come are not looked at."""
        self.assertEqual(self.ask("enter", {"name": "ab"}), ["ab", None, False])
        self.assertEqual(self.ask("enter", {"name": "ab", "size": 2}), ["ab", 2, False])
        self.assertEqual(self.ask("enter", {"name": "ab", "size": None}), ["ab", None, False])
        self.assertEqual(self.ask("enter", {"name": "ab"}, attachment=b"P6"), ["ab", None, True])

    def test_missing(self):
        """What is missing is refused as it is without a check."""
        for args in ({}, None):
            self.assertEqual(
                self.refusal("enter", args), "Argument 'name' is required for com.foo.shop.enter"
            )
        self.assertIn("Expected dictionary", self.refusal("enter", [1]))

    def test_type(self):
        """A wrong type is named, and so is the argument."""
        self.assertEqual(
            self.refusal("enter", {"name": 7}),
            "Invalid type for argument 'name' of com.foo.shop.enter, expected str, got int",
        )

    def test_validator(self):
        """A value that the validator refuses is named."""
        self.assertEqual(
            self.refusal("enter", {"name": "a"}),
            "Invalid value for argument 'name' of com.foo.shop.enter: 'a'",
        )

    def test_message(self):
        """A message of the service's own goes in the place of ours."""
        self.assertEqual(
            self.refusal("enter", {"name": "ab", "size": "big"}), "A size is a whole number"
        )

    def test_attachment(self):
        """An attachment is checked as the argument that it is."""
        self.assertIn("'scan'", self.refusal("enter", {"name": "ab"}, attachment=b"x"))

    def test_later(self):
        """A validator may take its time, and say itself what is wrong."""
        self.assertEqual(self.ask("take", {"code": 7}), {"taken": 7})
        self.assertIn("'code'", self.refusal("take", {"code": 100}))
        self.assertEqual(self.refusal("take", {"code": -1}), "-1 is no code")
        self.failure(self.component.invoke("take", {"code": 0}), pycom.AccessDenied)

    def test_declared_wrong(self):
        """What makes no sense is refused when it is declared."""

        def bar(self, request, name): ...

        declared = pycom.method(bar)
        for arguments in (("nobody",), ("name", "text"), ("name", None, 7)):
            with self.assertRaises(TypeError):
                pycom.check_argument(*arguments)(declared)
        error = self.assertRaises(TypeError, pycom.check_argument("name"), lambda: None)
        self.assertIn("put @pycom.check_argument above @pycom.method", str(error))
