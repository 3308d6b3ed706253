"""Who calls, who may, and on whose behalf a service calls others."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import LogLevel, capturedLogs

import pycom_tx as pycom
from tests.support import MemoryCase
from tests.vectors.fixture_authenticator import Authenticator

TOKEN = "token-of-ann"


class Watched(Authenticator):
    """An authenticator that says what it was asked, and can be made to misbehave."""

    def __init__(self):
        self.asked = []
        self.answer = None

    @pycom.method(results=("name", "roles"))
    def validate(self, request, token):
        self.asked.append(token)
        self.extensions = request.extensions
        if self.answer is not None:
            return self.answer()
        return super().validate(request, token)

    authenticate = Authenticator.authenticate


pycom.interface("org.pycom.authenticator", authentication="never")(Watched)


@pycom.interface("com.foo.guarded", authentication="required")
class Guarded(pycom.Service):
    """Wants to know who calls."""

    @pycom.method
    def who(self, request):
        return request.user

    @pycom.method(roles=("writer", "admin"))
    def write(self, request):
        return "written"

    @pycom.method(roles=["reader"])
    def read(self, request):
        return "read"


@pycom.interface("com.foo.front")
class Front(pycom.Service):
    """Calls the guarded one for whoever calls it."""

    def __init__(self):
        self.contexts = []
        self.hold = None

    @pycom.method
    async def who(self, request):
        context = request.context()
        self.contexts.append(context)
        component = await context.locate("com.foo.guarded")
        if self.hold is not None:
            await self.hold
        return await component.invoke("who")

    @pycom.method
    async def user(self, request):
        return await request.context().user_info()

    @pycom.method
    def twice(self, request):
        return request.context() is request.context()

    @pycom.method
    async def nameserver(self, request):
        component = await request.context().nameserver()
        return (await component.invoke("locate", {"interface": "com.foo.front"}))["interfaces"]

    @pycom.method
    async def connected(self, request, address):
        """Leaves open what it opens."""
        component = await request.context().connect(address, "com.foo.guarded")
        return await component.invoke("who")


@pycom.interface("com.foo.club", roles=("member",))
class Club(pycom.Service):
    """Wants a role for everything, but for one method another."""

    @pycom.method
    def enter(self, request):
        return "entered"

    @pycom.method(roles=("reader",))
    def look(self, request):
        return "looked"


class AuthenticationCase(MemoryCase):
    """An authenticator, guarded interfaces, and one that calls them."""

    cache = 5.0

    def setUp(self):
        super().setUp()
        self.authenticator = Watched()
        self.authenticating = self.host(self.authenticator, service="/auth")
        self.guarded = self.host(Guarded, Club, service="/guarded", token_cache=self.cache)
        self.front = Front()
        self.fronting = self.host(self.front, service="/front")

    def call(self, interface, method, args=None, context=None):
        """What a call of a method answers."""
        return self.result(self.calling(interface, method, args, context))

    def denied(self, interface, method, args=None):
        """Why a call of a method is denied."""
        return str(self.failure(self.calling(interface, method, args), pycom.AccessDenied))

    def calling(self, interface, method, args=None, context=None):
        async def steps():
            async with (context or self.context).locate(interface) as component:
                return await component.invoke(method, args)

        return Deferred.fromCoroutine(steps())

    def log_in(self):
        """Be ann."""
        self.assertIs(self.result(self.context.authenticate("ann", "pa55")), None)


class ClientTests(AuthenticationCase):
    """``Context.authenticate`` and ``user_info``."""

    def test_password(self):
        """A name and a password become a token, which goes along with every call."""
        self.log_in()
        self.assertEqual(self.context.token, TOKEN)
        self.assertEqual(self.call("com.foo.guarded", "who"), {"name": "ann", "roles": ["reader"]})

    def test_wrong_password(self):
        """A wrong password is denied, and changes nothing."""
        denied = self.failure(self.context.authenticate("ann", "wrong"), pycom.AccessDenied)
        self.assertEqual(str(denied), "Wrong user or password")
        self.assertIs(self.context.token, None)
        self.log_in()
        self.failure(self.context.authenticate("ann", "wrong"), pycom.AccessDenied)
        self.assertEqual(self.context.token, TOKEN)

    def test_token(self):
        """A token that is there already is validated, then used."""
        self.result(self.context.authenticate(token=TOKEN))
        self.assertEqual(self.authenticator.asked, [TOKEN])
        self.assertEqual(self.call("com.foo.guarded", "who")["name"], "ann")

    def test_wrong_token(self):
        """A token that is nobody's is not used."""
        self.failure(self.context.authenticate(token="forged"), pycom.AccessDenied)
        self.assertIs(self.context.token, None)

    def test_user_info(self):
        """A context knows who it is, and that it is nobody."""
        self.assertIs(self.result(self.context.user_info()), None)
        self.log_in()
        info = {"name": "ann", "roles": ["reader"]}
        self.assertEqual(self.result(self.context.user_info()), info)
        self.assertEqual(self.result(self.proxies.user_info()), info)

    def test_proxies(self):
        """A context of proxies authenticates like its context."""
        self.result(self.proxies.authenticate("ann", "pa55"))
        proxy = self.result(self.proxies.locate("com.foo.guarded"))
        self.assertEqual(self.result(proxy.who())["name"], "ann")
        proxy.close()

    def test_nobody_again(self):
        """Without its token a context is nobody."""
        self.log_in()
        self.context.token = None
        self.assertEqual(self.denied("com.foo.guarded", "who"), "Authentication required")

    def test_arguments(self):
        """It takes a user or a token: not both, and not neither."""
        for arguments in ({}, {"user": "ann", "token": TOKEN}):
            self.failure(self.context.authenticate(**arguments), TypeError)

    def test_no_authenticator(self):
        """Without an authenticator nobody can be anybody."""
        self.close(self.authenticating.stopService)
        self.failure(self.context.authenticate("ann", "pa55"), pycom.ServiceNotFound)

    def test_answers_that_are_none(self):
        """An authenticator that answers nonsense is told apart from one that says no."""
        for answer in (("ann", "reader"), (None, []), ("ann", [1])):
            self.authenticator.answer = lambda answer=answer: answer
            self.failure(self.context.authenticate(token=TOKEN), pycom.InvalidReply)

    def test_who_does_not_get_the_token(self):
        """The token goes neither to the nameserver nor to the authenticator."""
        self.log_in()
        self.result(self.context.user_info())
        self.assertNotIn("org.pycom.auth", self.authenticator.extensions)


class ServerTests(AuthenticationCase):
    """Interfaces that let in who has a token."""

    def test_no_token(self):
        """A call without a token is denied."""
        self.assertEqual(self.denied("com.foo.guarded", "who"), "Authentication required")

    def test_forged(self):
        """A forged token is denied in the words of the authenticator, each time anew."""
        self.context.token = "forged"
        for _ in range(2):
            self.assertEqual(self.denied("com.foo.guarded", "who"), "Invalid token")
        self.assertEqual(self.authenticator.asked, ["forged"] * 2)

    def test_remembered(self):
        """A valid token is valid for a while without asking again."""
        self.context.token = TOKEN
        for _ in range(3):
            self.call("com.foo.guarded", "who")
        self.assertEqual(len(self.authenticator.asked), 1)
        self.clock.advance(self.cache)
        self.call("com.foo.guarded", "who")
        self.assertEqual(len(self.authenticator.asked), 2)

    def test_user_is_the_callers_own(self):
        """What a method does to its user, no other call sees."""
        self.context.token = TOKEN
        user = self.call("com.foo.guarded", "who")
        Guarded.__interface__.register_method(
            pycom.method("spoil", body=lambda self, request: request.user["roles"].append("admin"))
        )
        self.addCleanup(Guarded.__interface__.methods.pop, "spoil")
        self.call("com.foo.guarded", "spoil")
        self.assertEqual(self.call("com.foo.guarded", "who"), user)
        self.denied("com.foo.guarded", "write")

    def test_at_the_same_time(self):
        """Calls that come with a token while it is asked for wait for the one answer."""
        self.context.token = TOKEN
        answers = []

        def answer():
            answers.append(Deferred())
            return answers[-1]

        self.authenticator.answer = answer
        calls = [self.calling("com.foo.guarded", "who") for _ in range(5)]
        self.clock.pump([0] * 5)
        self.assertEqual(len(self.authenticator.asked), self.questions)
        calls[-1].cancel()
        self.failure(calls.pop(), CancelledError)
        for waiting in answers:
            waiting.callback(("ann", ["reader"]))
        self.clock.pump([0] * 5)
        for call in calls:
            self.assertEqual(self.successResultOf(call)["name"], "ann")

    questions = 1

    def test_roles(self):
        """A method with roles is for those who have one of them."""
        self.context.token = TOKEN
        self.assertEqual(self.call("com.foo.guarded", "read"), "read")
        self.assertEqual(
            self.denied("com.foo.guarded", "write"),
            "com.foo.guarded.write is for admin or writer only",
        )

    def test_roles_of_the_interface(self):
        """An interface with roles wants a token, and a method's own roles go before its."""
        self.assertEqual(self.denied("com.foo.club", "enter"), "Authentication required")
        self.context.token = TOKEN
        self.assertEqual(
            self.denied("com.foo.club", "enter"), "com.foo.club.enter is for member only"
        )
        self.assertEqual(self.call("com.foo.club", "look"), "looked")
        self.authenticator.answer = lambda: ("bob", ["member"])
        self.context.token = "token-of-bob"
        self.assertEqual(self.call("com.foo.club", "enter"), "entered")
        self.failure(self.calling("com.foo.club", "look"), pycom.AccessDenied)

    def test_nobody_to_ask(self):
        """While there is no authenticator every token is denied, and the log says why."""
        self.context.token = TOKEN
        self.close(self.authenticating.stopService)
        with capturedLogs() as events:
            for _ in range(2):
                self.assertEqual(
                    self.denied("com.foo.guarded", "who"),
                    "The token cannot be validated: no authenticator answers",
                )
        told = [event for event in events if event["log_level"] is LogLevel.error]
        self.assertEqual(len(told), 1)
        self.assertIn("Nobody provides org.pycom.authenticator", str(told[0]["error"]))
        self.assertNotIn(TOKEN, repr(events))
        self.clock.advance(30)
        with capturedLogs() as events:
            self.denied("com.foo.guarded", "who")
        self.assertIn(LogLevel.error, [event["log_level"] for event in events])

    def test_back_again(self):
        """An authenticator that has moved is found again."""
        self.context.token = TOKEN
        self.call("com.foo.guarded", "who")
        self.close(self.authenticating.stopService)
        self.authenticating = self.host(self.authenticator, service="/auth")
        self.clock.advance(self.cache)
        self.assertEqual(self.call("com.foo.guarded", "who")["name"], "ann")

    def test_broken_authenticator(self):
        """An authenticator that fails, or answers nonsense, lets nobody in."""
        self.context.token = TOKEN
        for answer in (lambda: 1 / 0, lambda: ("ann", None), lambda: (None, ["reader"])):
            self.authenticator.answer = answer
            self.denied("com.foo.guarded", "who")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_stopped_meanwhile(self):
        """A host that stops while a token is validated leaves nothing behind."""
        self.context.token = TOKEN
        self.authenticator.answer = Deferred
        call = self.calling("com.foo.guarded", "who")
        self.clock.pump([0, 0, 0])
        self.assertEqual(self.authenticator.asked, [TOKEN])
        self.close(self.guarded.stopService)
        self.failure(call, pycom.ServiceNotAvailable)

    def test_required_everywhere(self):
        """What a host requires holds for each of its interfaces that does not refuse it."""
        host = self.host(Front, service="/strict", authentication="required")

        async def steps():
            async with self.open(self.context, host, "com.foo.front", others=True) as component:
                return await component.invoke("twice")

        self.failure(Deferred.fromCoroutine(steps()), pycom.AccessDenied)
        self.context.token = TOKEN
        self.assertIs(self.result(Deferred.fromCoroutine(steps())), True)


class UncachedTests(ServerTests):
    """The same where no token is remembered."""

    cache = 0
    questions = 5

    def test_remembered(self):
        """The authenticator is asked for each call."""
        self.context.token = TOKEN
        for _ in range(3):
            self.call("com.foo.guarded", "who")
        self.assertEqual(len(self.authenticator.asked), 3)


class RequestTests(AuthenticationCase):
    """Requests that a program makes itself."""

    def test_token_of_the_moment(self):
        """A request that is sent again goes with the token that there is then."""
        request = pycom.Request("com.foo.guarded", "who")

        def send():
            component = self.result(self.open(self.context, self.guarded, "com.foo.guarded"))
            call = component.call(request)
            component.close()
            return call

        self.context.token = TOKEN
        self.assertEqual(self.result(send()).result["name"], "ann")
        self.assertEqual(request.extensions, {})
        self.context.token = None
        self.failure(send(), pycom.AccessDenied)

    def test_token_of_its_own(self):
        """One that brings a token goes with that."""
        self.context.token = "forged"
        request = pycom.Request("com.foo.guarded", "who", extensions={"org.pycom.auth": TOKEN})
        component = self.result(self.open(self.context, self.guarded, "com.foo.guarded"))
        self.assertEqual(self.result(component.call(request)).result["name"], "ann")
        component.close()


class CallerTests(AuthenticationCase):
    """``request.context()``."""

    def assertNothingOpen(self):
        """The host of the one that calls uses the nameserver, to register and to locate."""
        self.assertEqual(self.fronting.context.connections.users, 2)

    def test_token(self):
        """A service calls others with the token of whoever called it."""
        self.context.token = TOKEN
        self.assertEqual(self.call("com.foo.front", "who")["name"], "ann")
        self.assertEqual(self.call("com.foo.front", "user")["name"], "ann")

    def test_no_token(self):
        """Where the caller has none, neither has the service."""
        self.assertEqual(self.denied("com.foo.front", "who"), "Authentication required")
        self.assertIs(self.call("com.foo.front", "user"), None)

    def test_same(self):
        """A call has one context."""
        self.assertIs(self.call("com.foo.front", "twice"), True)

    def test_nameserver(self):
        """It finds the nameserver of its host."""
        self.assertEqual(self.call("com.foo.front", "nameserver"), ["com.foo.front"])

    def test_closed(self):
        """What it opened is closed with the call, and nothing can be opened afterwards."""
        self.context.token = TOKEN
        self.call("com.foo.front", "connected", {"address": self.guarded.address})
        self.call("com.foo.front", "who")
        (context,) = self.front.contexts
        error = self.failure(context.locate("com.foo.guarded"), pycom.ConnectionClosed)
        self.assertIn("is over", str(error))
        self.failure(context.nameserver(), pycom.ConnectionClosed)
        self.assertNothingOpen()

    def test_failed(self):
        """It is closed with a call that fails or is cancelled, too."""
        self.context.token = TOKEN
        self.front.hold = Deferred()
        call = self.calling("com.foo.front", "who")
        self.clock.pump([0] * 8)
        self.front.hold.errback(pycom.RemoteError("no"))
        self.failure(call, pycom.RemoteError)
        self.assertNothingOpen()

    def test_hooks(self):
        """It has the host's hooks, and those that it is given are its own."""
        seen = []

        def note(component, request):
            seen.append(request.method)
            return request

        self.fronting.context.prehooks.append(note)
        Front.__interface__.register_method(
            pycom.method("hook", body=lambda _, request: request.context().prehooks.append(note))
        )
        self.addCleanup(Front.__interface__.methods.pop, "hook")
        self.call("com.foo.front", "hook")
        self.context.token = TOKEN
        self.call("com.foo.front", "who")
        self.assertEqual(seen, ["who"])

    def test_waiting(self):
        """What waits for a provider waits no longer than the call."""

        def wait(front, request):
            request.context().wait_for("com.foo.nobody").addErrback(self.waited.append)

        self.waited = []
        Front.__interface__.register_method(pycom.method("wait", body=wait))
        self.addCleanup(Front.__interface__.methods.pop, "wait")
        self.call("com.foo.front", "wait")
        self.clock.pump([0, 0])
        (failure,) = self.waited
        self.assertIsInstance(failure.value, pycom.ConnectionClosed)

    def test_no_call(self):
        """A request that nobody serves has none."""
        self.assertRaises(pycom.ConnectionClosed, pycom.Request("com.foo.front", "who").context)
