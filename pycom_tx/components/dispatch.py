"""From a request to the method that answers it."""

from __future__ import annotations

from contextvars import copy_context
from functools import partial
from types import CoroutineType, NoneType
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred
from zope.interface import implementer

from pycom_tx.components.contract import POLICIES, Interface
from pycom_tx.components.deadline import deadline
from pycom_tx.components.hooks import passed, settled
from pycom_tx.components.trace import trace_context, trace_in
from pycom_tx.zerojson.errors import AccessDenied, BadRequest, MethodNotFound
from pycom_tx.zerojson.extensions import AUTH, TRACE
from pycom_tx.zerojson.interfaces import IRequestHandler
from pycom_tx.zerojson.request import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pycom_tx.components.method import Method
    from pycom_tx.zerojson.request import Request
    from pycom_tx.zerojson.sessions import SessionStore

    _User = dict[str, Any]


_AT_ONCE: Final = frozenset({dict, list, tuple, str, int, float, bool, NoneType, Response})
"""Types that are no Deferreds, which an abstract class takes its time to find out."""


@implementer(IRequestHandler)
class Dispatcher:
    """Hands each request to a method of one of its components.

    :param components: instances of classes with ``@interface``, one for each interface.
    :param sessions: where stateful interfaces keep their sessions.
    :param in_thread: runs a function with arguments in a thread and gives a Deferred of
        its result: what methods that block are called through.
    :param in_reactor: runs a function with arguments in the reactor's thread: what methods
        report their progress through from other threads.
    :param authentication: "required" guards every interface that does not say otherwise.
    :param validate: gives whose token it is, a new dict with ``name`` and ``roles``, or a
        Deferred of that; :class:`~pycom_tx.AccessDenied` if nobody's.
    :param open_context: gives the context of the caller for a request.

    :raises ValueError: something is no component, two provide the same interface, or
        *authentication* is something else.
    """

    def __init__(
        self,
        components: Iterable[Any],
        sessions: SessionStore,
        in_thread: Callable[..., Deferred[Any]],
        in_reactor: Callable[..., object],
        *,
        authentication: str | None = None,
        validate: Callable[[str], _User | Deferred[_User]],
        open_context: Callable[[Request], Any],
    ) -> None:
        if authentication not in POLICIES:
            msg = f"authentication is 'required' or 'never', got {authentication!r}"
            raise ValueError(msg)
        self._components: dict[str, tuple[Any, Interface]] = {}
        self._sessions = sessions
        self._in_thread = in_thread
        self._in_reactor = in_reactor
        self._authentication = authentication
        self._validate = validate
        self._open_context = open_context
        for component in components:
            interface = _provided(component)
            other = self._components.get(interface.name)
            if other is not None:
                msg = (
                    f"{interface.name} is provided twice, by {other[1].owner} "
                    f"and by {interface.owner}"
                )
                raise ValueError(msg)
            self._components[interface.name] = component, interface

    @property
    def interfaces(self) -> list[str]:
        """The names of all interfaces that are provided."""
        return list(self._components)

    @property
    def methods(self) -> dict[str, Mapping[str, Method]]:
        """The methods that there are, by their names, of each interface; more may be added."""
        return {name: interface.methods for name, (_, interface) in self._components.items()}

    def handle(self, request: Request) -> Response | Deferred[Response]:
        try:
            component, interface = self._components[request.interface]
        except KeyError:
            raise BadRequest(f"Unsupported interface: {request.interface}") from None
        try:
            method = interface.methods[request.method]
        except KeyError:
            raise MethodNotFound(
                f"Method '{request.method}' not found in interface {interface.name}"
            ) from None
        roles = interface.roles if method.roles is None else method.roles
        if roles is None and (interface.authentication or self._authentication) != "required":
            return self._serve(component, interface, method, request)
        user = self._user(request)
        if isinstance(user, Deferred):
            return user.addCallback(self._let_in, roles, component, interface, method, request)
        return self._let_in(user, roles, component, interface, method, request)

    def _user(self, request: Request) -> _User | Deferred[_User]:
        token = request.extensions.get(AUTH)
        if token is None:
            raise AccessDenied("Authentication required")
        if not isinstance(token, str):
            raise AccessDenied("A token is a string")
        return self._validate(token)

    def _let_in(
        self, user: _User, roles: frozenset[str] | None, *call: Any
    ) -> Response | Deferred[Response]:
        *_, request = call
        if roles is not None and roles.isdisjoint(user["roles"]):
            raise AccessDenied(
                f"{request.interface}.{request.method} is for {' or '.join(sorted(roles))} only"
            )
        request.user = user
        return self._serve(*call)

    def _serve(
        self, component: Any, interface: Interface, method: Method, request: Request
    ) -> Response | Deferred[Response]:
        if interface.stateful:
            # Whoever gets hold of the id of a session of somebody else has nothing of it.
            owner = interface.name, None if request.user is None else request.user["name"]
            request.session = (
                self._sessions.open(owner)
                if request.session_id is None
                else self._sessions.use(request.session_id, owner)
            )
        request.serve(self._open_context, self._in_reactor)
        # Deferreds and timers do not keep context variables: each call has its own.
        return copy_context().run(self._begin, component, interface, method, request)

    def _begin(
        self, component: Any, interface: Interface, method: Method, request: Request
    ) -> Response | Deferred[Response]:
        deadline.set(request.deadline)
        if TRACE in request.extensions or trace_context.get() is not None:
            trace_context.set(trace_in(request.extensions.get(TRACE)))
        if method.prehooks or method.posthooks:
            return Deferred.fromCoroutine(
                self._call_with_hooks(component, interface, method, request)
            )
        return self._call(component, method, request)

    def _call(
        self, component: Any, method: Method, request: Request
    ) -> Response | Deferred[Response]:
        arguments = method.arguments(request)
        if method.blocking:
            function = partial(method.function, component, request, **arguments)
            value = self._in_thread(copy_context().run, function)
        else:
            value = method.function(component, request, **arguments)
        if type(value) not in _AT_ONCE:
            if isinstance(value, CoroutineType):
                value = Deferred.fromCoroutine(value)
            if isinstance(value, Deferred):
                return value.addCallback(lambda result: method.response(request, result))
        return method.response(request, value)

    async def _call_with_hooks(
        self, component: Any, interface: Interface, method: Method, request: Request
    ) -> Response:
        method.normalise(request)
        given = request
        for prehook in method.prehooks:
            given = await passed([prehook], given, interface, method)
            if given is not request:
                given.replace(request)
        response = await settled(self._call(component, method, given))
        return await passed(method.posthooks, response, interface, method)


def _provided(component: Any) -> Interface:
    owner = type(component)
    interface = getattr(owner, "__interface__", None)
    if not isinstance(interface, Interface):
        msg = f"{component!r:.60} is no component: its class has no @pycom.interface"
        raise ValueError(msg)  # noqa: TRY004 # what it gets may well be of the right type
    if "__interface__" not in vars(owner):
        # What it overrides would not be called.
        msg = f"{owner.__qualname__} derives from {interface.owner}: give it @pycom.interface, too"
        raise ValueError(msg)
    return interface
