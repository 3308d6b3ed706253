"""The decorators and the base class that a service is written with."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Final, TypeVar, overload

from pycom_tx.components.contract import DATA, Interface
from pycom_tx.components.method import Method, own_name
from pycom_tx.zerojson.request import Request

_C = TypeVar("_C", bound=type)
_F = TypeVar("_F", bound=Callable[..., Any])

_INTROSPECTION: Final = ("name", "methods", "docstring", "data")
"""What proxies, and tools, expect of ``introspect``."""


def interface(
    name: str,
    *,
    stateful: bool = False,
    authentication: str | None = None,
    roles: Iterable[str] | None = None,
) -> Callable[[_C], _C]:
    """Declare that a class provides the interface *name*.

    The class is described, as ``__interface__``, and given back; it is instantiated by
    the host that serves it.

    :param name: parts with dots between, like ``com.foo.example``.
    :param stateful: whether each client has a :class:`~pycom_tx.Session`, which methods
        find as ``request.session``.
    :param authentication: ``"required"`` or ``"never"``; left out, the host's
        configuration decides.
    :param roles: names; a caller needs one of them, and a token to prove it.

    :raises TypeError: (or ValueError) the declaration makes no sense; the message names
        the class and what is wrong.
    """

    if isinstance(name, type):
        msg = f"{name.__qualname__}: @interface takes the interface's name: @interface('com.foo')"
        raise TypeError(msg)

    def declare(owner: _C) -> _C:
        described = Interface(
            owner, name, stateful=stateful, authentication=authentication, roles=roles
        )
        if issubclass(owner, Service) and not _tells_methods(described):
            msg = (
                f"{described.owner}: proxies learn its methods from Service.introspect: name its "
                "own introspect otherwise, or give it no arguments and the results "
                f"{', '.join(_INTROSPECTION)}"
            )
            raise ValueError(msg)
        owner.__interface__ = described  # type: ignore[attr-defined] # that is its purpose
        return owner

    return declare


@overload
def method(name: _F, /) -> _F: ...


@overload
def method(
    name: str | None = None,
    *,
    results: Sequence[str] = (),
    attachments: tuple[str | None, str | None] = (None, None),
    blocking: bool = False,
    roles: Iterable[str] | None = None,
    idempotent: bool = False,
    strict: bool = False,
) -> Callable[[_F], _F]: ...


@overload
def method(
    name: str,
    *,
    body: Callable[..., Any],
    results: Sequence[str] = (),
    attachments: tuple[str | None, str | None] = (None, None),
    blocking: bool = False,
    roles: Iterable[str] | None = None,
    idempotent: bool = False,
    strict: bool = False,
) -> Method: ...


def method(
    name: Any = None,
    *,
    body: Callable[..., Any] | None = None,
    results: Sequence[str] = (),
    attachments: tuple[str | None, str | None] = (None, None),
    blocking: bool = False,
    roles: Iterable[str] | None = None,
    idempotent: bool = False,
    strict: bool = False,
) -> Any:
    """Declare that a function can be called from elsewhere.

    It takes ``self``, the :class:`~pycom_tx.Request` and its arguments, by name: those
    without a default are required. It returns what JSON can hold, or a
    :class:`~pycom_tx.Response`, or a Deferred or coroutine of either. The function itself
    is given back as it was.

    ::

        @pycom.method
        def bar(self, request, name, value=None): ...

        @pycom.method("renamed", results=("width", "height"))
        async def size(self, request): ...

        @pycom.method(attachments=("picture", "thumbnail"), results=("thumbnail",))
        def shrink(self, request, picture): ...

        MyService.__interface__.register_method(pycom.method("later", body=function))

    :param name: its name on the wire, where that is not the function's. A proxy has ``close``
        and what begins with an underscore itself: a method gets such a name only if it is
        said here, and is called with :meth:`Component.invoke`.
    :param body: a function to make a method of; then this is no decorator but gives what
        ``__interface__.register_method`` takes.
    :param results: names. Without them the result is what the function returns; with one
        or more it is an object, and the function returns one value or a tuple of as many.
    :param attachments: the argument that is the request's attachment (bytes, or None where
        there is none) and the one of *results* that is the reply's.
    :param blocking: run it in a thread of its host, where it may block.
    :param roles: as for :func:`interface`, in the place of the interface's.
    :param idempotent: it does no harm to execute a call twice. Then a call that may have been
        executed by a service that died is made again, at another one.
    :param strict: refuse a call with an argument that it does not declare. Otherwise that is
        ignored, and the log names it once.

    :raises TypeError: (or ValueError) the declaration makes no sense; the message names
        the class, the function and what is wrong.
    """

    def describe(function: Callable[..., Any], name: str | None) -> Method:
        return Method(
            function,
            own_name(function) if name is None else name,
            results=results,
            attachments=attachments,
            blocking=blocking,
            roles=roles,
            idempotent=idempotent,
            strict=strict,
        )

    def declare(function: _F, name: str | None = name) -> _F:
        function.__method__ = describe(function, name)  # type: ignore[attr-defined] # as above
        return function

    if body is not None:
        return describe(body, name)
    if callable(name) or isinstance(name, (staticmethod, classmethod)):
        return declare(name, None)
    return declare


class Service:
    """What a component may derive from, to be known to those who ask it.

    Without it a component answers calls as well, but not ``introspect``, which
    :class:`~pycom_tx.ProxyContext` and tools depend on.

    .. attribute:: introspection_data

        A dict of JSON, keyed by dotted names, that ``introspect`` gives as ``data``.

    .. attribute:: context

        While its host runs, the host's :class:`~pycom_tx.Context`, to call other services
        through. Those of the same host are called without a socket.
    """

    __interface__: ClassVar[Interface]
    context: Any = None
    introspection_data: ClassVar[dict[str, Any]] = {}

    def stopping(self) -> None:
        """Called when the host is about to stop.

        No call comes any more, and the host waits for those in progress. A component that
        has calls which wait for something ends them here; what its calls need stays until
        ``stopService``, which comes after them.
        """

    def figures(self) -> Iterable[Any]:
        """What is measured of the component itself, beside its calls.

        Asked in the reactor's thread whenever somebody reads the metrics of its host; to be
        overridden.

        :returns: metrics of ``prometheus_client``: what ``collect()`` of a ``Counter`` gives
            that was made with ``registry=None``, for example.
        """
        return ()

    @method(results=_INTROSPECTION, idempotent=True)
    def introspect(self, request: Request) -> tuple[Any, ...]:
        """Provides introspection information for a service."""
        interface = self.__interface__
        doc = type(self).__doc__
        return (
            interface.name,
            interface.introspection(),
            None if doc is None else inspect.cleandoc(doc),
            {**self.introspection_data, DATA: interface.data()},
        )


def _tells_methods(interface: Interface) -> bool:
    """Whether ``introspect`` is what proxies take it for."""
    method = interface.methods.get("introspect")
    return method is not None and (method.required, method.results) == ((), _INTROSPECTION)
