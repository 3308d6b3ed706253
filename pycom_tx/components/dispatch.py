"""From a request to the method that answers it."""

from __future__ import annotations

import inspect
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from pycom_tx.components.contract import POLICIES, Interface
from pycom_tx.zerojson.errors import AccessDenied, BadRequest, MethodNotFound
from pycom_tx.zerojson.interfaces import IRequestHandler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pycom_tx.components.contract import Method
    from pycom_tx.zerojson.messages import Request, Response
    from pycom_tx.zerojson.sessions import SessionStore


@implementer(IRequestHandler)
class Dispatcher:
    """Hands each request to a method of one of its components.

    :param components: instances of classes with ``@interface``, one for each interface.
    :param sessions: where stateful interfaces keep their sessions.
    :param in_thread: runs a function with arguments in a thread and gives a Deferred of
        its result: what methods that block are called through.
    :param authentication: "required" guards every interface that does not say otherwise.

    :raises ValueError: something is no component, two provide the same interface, or
        *authentication* is something else.
    """

    _log = Logger()

    def __init__(
        self,
        components: Iterable[Any],
        sessions: SessionStore,
        in_thread: Callable[..., Deferred[Any]],
        *,
        authentication: str | None = None,
    ) -> None:
        if authentication not in POLICIES:
            msg = f"authentication is 'required' or 'never', got {authentication!r}"
            raise ValueError(msg)
        self._components: dict[str, tuple[Any, Interface]] = {}
        self._sessions = sessions
        self._in_thread = in_thread
        self._authentication = authentication
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
        if (interface.authentication or self._authentication) == "required":
            self._authenticate(request)
        if interface.stateful:
            request.session = (
                self._sessions.open()
                if request.session_id is None
                else self._sessions.use(request.session_id)
            )
        # Deferreds and timers do not keep context variables: each call has its own.
        return copy_context().run(self._call, component, method, request)

    def _call(
        self, component: Any, method: Method, request: Request
    ) -> Response | Deferred[Response]:
        arguments = method.arguments(request)
        if method.blocking:
            function = partial(method.function, component, request, **arguments)
            value = self._in_thread(copy_context().run, function)
        else:
            value = method.function(component, request, **arguments)
        if inspect.iscoroutine(value):
            value = Deferred.fromCoroutine(value)
        if isinstance(value, Deferred):
            return value.addCallback(lambda result: method.response(request, result))
        return method.response(request, value)

    def _authenticate(self, request: Request) -> None:
        if "org.pycom.auth" not in request.extensions:
            raise AccessDenied("Authentication required")
        self._log.warn(
            "{request}: its client has a token, but nothing here can validate it",
            request=request,
        )
        raise AccessDenied("The token cannot be validated here")


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
