"""A method that can be called from elsewhere."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any

from pycom_tx.components.annotations import declared_types
from pycom_tx.components.arguments import Arguments
from pycom_tx.components.results import Results
from pycom_tx.zerojson.request import Request, Response

if TYPE_CHECKING:
    from pycom_tx.components.contract import Interface

PreHook = Callable[["Interface", "Method", Request], "Request | Awaitable[Request]"]
PostHook = Callable[["Interface", "Method", Response], "Response | Awaitable[Response]"]


class Method:
    """A method that can be called from elsewhere.

    Made by :func:`pycom_tx.method`; a decorated function has it as ``__method__``.

    .. attribute:: name

        Its name on the wire.

    .. attribute:: function

        What is called, with the component, the request and the arguments.

    .. attribute:: required
    .. attribute:: optional

        The names of its arguments: tuples of str.

    .. attribute:: results

        The names of its results: a tuple of str, empty where there is one without a name.

    .. attribute:: incoming
    .. attribute:: outgoing

        The argument that is the request's attachment, and the result that is the reply's.
        A str, or None.

    .. attribute:: blocking

        Whether it runs in a thread.

    .. attribute:: idempotent

        Whether it does no harm to execute a call twice.

    .. attribute:: roles

        One of these a caller needs; None where the interface decides.

    .. attribute:: prehooks
    .. attribute:: posthooks

        Lists of functions that every call passes, in their order: each is called with the
        :class:`Interface`, this and a :class:`~pycom_tx.Request` before the function runs,
        or a :class:`~pycom_tx.Response` after it, and gives back what goes on in its place,
        or a Deferred or coroutine of that. What it raises, the client gets.

    .. attribute:: arguments

        A function of a request: the arguments that *function* is called with, a dict;
        :class:`~pycom_tx.BadRequest` if the request's are not what it takes.

    .. attribute:: response

        A function of a request and the value that *function* returned: the response that the
        client gets; a TypeError if that is not what the method declares.

    :raises TypeError: the function, or an argument here, is not what a method can be.
    :raises ValueError: a name is missing, or there twice. Both name the function.
    """

    __slots__ = (
        "_arguments",
        "_results",
        "arguments",
        "blocking",
        "function",
        "idempotent",
        "incoming",
        "name",
        "optional",
        "outgoing",
        "posthooks",
        "prehooks",
        "required",
        "response",
        "results",
        "roles",
    )

    def __init__(
        self,
        function: Callable[..., Any],
        name: Any,
        *,
        results: Sequence[str] = (),
        attachments: tuple[str | None, str | None] = (None, None),
        blocking: bool = False,
        roles: Iterable[str] | None = None,
        idempotent: bool = False,
        strict: bool = False,
    ) -> None:
        where = named(function)
        if not isinstance(name, str) or not name:
            msg = f"{where}: a method's name is a string, got {name!r}"
            raise TypeError(msg)
        self.name = name
        self.function = function
        self.incoming, self.outgoing = _attachments(attachments, where)
        types = declared_types(function, where)
        self._arguments = Arguments(function, name, types, self.incoming, where, strict=strict)
        self._results = Results(name, results, types.get("return", Any), self.outgoing, where)
        self.required, self.optional = self._arguments.required, self._arguments.optional
        self.results = self._results.names
        # Every call needs them, and no function in between.
        self.arguments = self._arguments.of
        self.response = self._results.response
        self.blocking = blocking
        self.idempotent = idempotent
        self.roles = checked_roles(roles, where)
        self.prehooks: list[PreHook] = []
        self.posthooks: list[PostHook] = []
        if blocking and inspect.iscoroutinefunction(function):
            msg = f"{where}: a coroutine cannot be blocking, it runs in the reactor's thread"
            raise TypeError(msg)
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            msg = (
                f"{where}: a method answers once and cannot yield: return a list, and say how far "
                "it is with request.progress(); @inlineCallbacks goes below @pycom.method"
            )
            raise TypeError(msg)

    def copy(self) -> Method:
        """The same with lists of hooks of its own."""
        method = copy(self)
        method.prehooks = [*self.prehooks]
        method.posthooks = [*self.posthooks]
        return method

    def normalise(self, request: Request) -> None:
        """Make ``request.args`` the object that hooks of a method with arguments expect.

        :raises BadRequest: it is something else.
        """
        self._arguments.normalise(request)

    def check_type(self, request: Request, argument: str, value: Any) -> None:
        """Make sure that one argument is of its type.

        :raises BadRequest: it is not.
        """
        self._arguments.check_type(request, argument, value)

    def attachment(self, request: Request) -> bytes | memoryview | None:
        """The attachment of a request as the function gets it; None where there is none."""
        return self._arguments.attachment(request)

    def introspection(self) -> dict[str, Any]:
        """What ``introspect`` tells about the method: an object of JSON.

        ``schema`` holds the JSON Schemas of its ``arguments``, as one object, and of its
        ``result``; attachments are no part of them.
        """
        doc = self.function.__doc__
        return {
            "required_arguments": list(self.required),
            "optional_arguments": list(self.optional),
            "results": list(self.results),
            "docstring": None if doc is None else inspect.cleandoc(doc),
            "attachments": {"incoming": self.incoming, "outgoing": self.outgoing},
            "idempotent": self.idempotent,
            "schema": {"arguments": self._arguments.schema, "result": self._results.schema},
        }


def named(declared: Any) -> str:
    """How messages name a class or a function."""
    name = getattr(declared, "__qualname__", None) or repr(declared)
    return name.rpartition("<locals>.")[2]


def own_name(function: Callable[..., Any]) -> str:
    """The name of a method that was given no other.

    :raises ValueError: no proxy could call it by that.
    """
    name: str = getattr(function, "__name__", "")
    if name == "close" or name.startswith("_"):
        msg = (
            f"{named(function)}: a proxy has {name!r} itself: give the method another name, with "
            f"@pycom.method('another'), or say @pycom.method({name!r}) if it is called with "
            f"Component.invoke({name!r}) only"
        )
        raise ValueError(msg)
    return name


def checked_roles(roles: Iterable[str] | None, where: str) -> frozenset[str] | None:
    """Give back *roles* as a set.

    :raises TypeError: they are no names, or none at all, which would let nobody in.
    """
    if roles is None:
        return None
    known = () if isinstance(roles, str) else tuple(roles)
    if not known or not all(map(_is_name, known)):
        msg = f"{where}: roles are names, like ('editor', 'admin'), got {roles!r}"
        raise TypeError(msg)
    return frozenset(known)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _attachments(
    attachments: tuple[str | None, str | None], where: str
) -> tuple[str | None, str | None]:
    try:
        incoming, outgoing = attachments
        are_names = all(name is None or isinstance(name, str) for name in (incoming, outgoing))
    except (TypeError, ValueError):
        are_names = False
    if not are_names or isinstance(attachments, str):
        msg = f"{where}: attachments are (incoming, outgoing), each a name or None"
        raise TypeError(f"{msg}, got {attachments!r}")
    return incoming, outgoing
