"""What a method takes and gives, read once from its signature."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from pycom_tx.zerojson.errors import BadRequest
from pycom_tx.zerojson.messages import Request, Response

_NAME: Final = re.compile(r"[^\s./]+(\.[^\s./]+)*\Z")
_REQUEST: Final = ("", "req", "request")
"""What the request may be called, underscores aside."""

POLICIES: Final = (None, "required", "never")


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

        Whether it runs in the reactor's thread pool.

    :raises TypeError: the function, or an argument here, is not what a method can be.
    :raises ValueError: a name is missing, or there twice. Both name the function.
    """

    __slots__ = (
        "blocking",
        "function",
        "incoming",
        "name",
        "optional",
        "outgoing",
        "required",
        "results",
    )

    def __init__(
        self,
        function: Callable[..., Any],
        name: Any,
        *,
        results: Sequence[str] = (),
        attachments: tuple[str | None, str | None] = (None, None),
        blocking: bool = False,
    ) -> None:
        where = _described(function)
        if not isinstance(name, str) or not name:
            msg = f"{where}: a method's name is a string, got {name!r}"
            raise TypeError(msg)
        self.name = name
        self.function = function
        self.required, self.optional = _arguments(function, where)
        self.results = _results(results, where)
        self.incoming, self.outgoing = _attachments(attachments, where)
        self.blocking = blocking
        if self.incoming is not None and self.incoming not in self.required + self.optional:
            msg = f"{where}: the incoming attachment {self.incoming!r} is none of its arguments"
            raise ValueError(msg)
        if self.outgoing is not None and self.outgoing not in self.results:
            msg = f"{where}: the outgoing attachment {self.outgoing!r} is none of its results"
            raise ValueError(msg)
        if blocking and inspect.iscoroutinefunction(function):
            msg = f"{where}: a coroutine cannot be blocking, it runs in the reactor's thread"
            raise TypeError(msg)

    def arguments(self, request: Request) -> dict[str, Any]:
        """The arguments that the function is called with.

        Those that it does not declare are left out. A function that declares none finds
        whatever came in ``request.args``.

        :raises BadRequest: they are no object, or one that is required is not there.
        """
        if not self.required and not self.optional:
            return {}
        given = {} if request.args is None else request.args
        if type(given) is not dict:
            raise BadRequest(f"Expected dictionary as argument for {request.interface}.{self.name}")
        bound = {}
        for name in self.required:
            if name == self.incoming:
                bound[name] = request.attachment
            elif name in given:
                bound[name] = given[name]
            else:
                raise BadRequest(
                    f"Argument '{name}' is required for {request.interface}.{self.name}"
                )
        for name in self.optional:
            if name == self.incoming:
                if request.attachment is not None:
                    bound[name] = request.attachment
            elif name in given:
                bound[name] = given[name]
        return bound

    def response(self, request: Request, value: Any) -> Response:
        """What the client gets for the *value* that the function returned.

        :raises TypeError: it is another number of results than the method declares.
        """
        given = value if isinstance(value, Response) else Response(value)
        if given.code or not self.results:
            return given
        named = self._named(request, given.result)
        attachment = given.attachment if self.outgoing is None else named.pop(self.outgoing)
        return Response(named, attachment=attachment, extensions=given.extensions)

    def introspection(self) -> dict[str, Any]:
        """What ``introspect`` tells about the method: an object of JSON."""
        doc = self.function.__doc__
        return {
            "required_arguments": list(self.required),
            "optional_arguments": list(self.optional),
            "results": list(self.results),
            "docstring": None if doc is None else inspect.cleandoc(doc),
            "attachments": {"incoming": self.incoming, "outgoing": self.outgoing},
        }

    def _named(self, request: Request, values: Any) -> dict[str, Any]:
        if len(self.results) == 1:
            values = (values,)
        elif not isinstance(values, tuple) or len(values) != len(self.results):
            given = len(values) if isinstance(values, tuple) else type(values).__name__
            msg = (
                f"{request.interface}.{self.name} declares the results "
                f"{', '.join(self.results)} and returned {given}"
            )
            raise TypeError(msg)
        return dict(zip(self.results, values, strict=True))


class Interface:
    """What a class provides: a name and methods.

    Made by :func:`pycom_tx.interface`; a decorated class has it as ``__interface__``.

    .. attribute:: name
    .. attribute:: methods

        A dict of :class:`Method` by their names on the wire.

    .. attribute:: stateful

        Whether its methods have a session.

    .. attribute:: authentication

        "required", "never", or None where the host decides.
    """

    __slots__ = ("authentication", "methods", "name", "owner", "stateful")

    def __init__(
        self,
        owner: type,
        name: str,
        *,
        stateful: bool = False,
        authentication: str | None = None,
    ) -> None:
        where = _described(owner)
        if not isinstance(name, str):
            msg = f"{where}: @interface takes the interface's name, got {name!r}"
            raise TypeError(msg)
        if not _NAME.match(name):
            msg = f"{where}: an interface's name is parts with dots between, got {name!r}"
            raise ValueError(msg)
        if authentication not in POLICIES:
            msg = f"{where}: authentication is 'required' or 'never', got {authentication!r}"
            raise ValueError(msg)
        data = getattr(owner, "introspection_data", {})
        if not isinstance(data, dict):
            msg = f"{where}: introspection_data is a dict, got {data!r}"
            raise TypeError(msg)
        self.owner = where
        self.name = name
        self.stateful = stateful
        self.authentication = authentication
        self.methods: dict[str, Method] = {}
        for attribute in dir(owner):
            function = getattr(owner, attribute, None)
            declared = getattr(function, "__method__", None)
            if isinstance(declared, Method):
                if declared.function is not function:
                    msg = f"{where}.{attribute}: put @pycom.method above the other decorators"
                    raise ValueError(msg)
                self.register_method(declared)
            elif any(isinstance(_declared(base, attribute), Method) for base in owner.__mro__):
                msg = f"{where}.{attribute} overrides a method: give it @pycom.method, too"
                raise ValueError(msg)

    def register_method(self, method: Method) -> None:
        """Add a method, also while the service runs.

        :param method: what ``pycom.method(name, body=function)`` gives.

        :raises TypeError: it is something else.
        :raises ValueError: there is another method of that name.
        """
        if not isinstance(method, Method):
            msg = f"{self.owner}: expected pycom.method(name, body=function), got {method!r}"
            raise TypeError(msg)
        known = self.methods.setdefault(method.name, method)
        if known is not method:
            msg = (
                f"{self.owner}: {_described(known.function)} and {_described(method.function)} "
                f"are both the method {method.name!r}"
            )
            raise ValueError(msg)

    def introspection(self) -> Mapping[str, Any]:
        """What ``introspect`` tells about each method."""
        return {name: method.introspection() for name, method in self.methods.items()}


def _declared(owner: type, attribute: str) -> Any:
    return getattr(vars(owner).get(attribute), "__method__", None)


def _described(declared: Any) -> str:
    """How messages name a class or a function."""
    name = getattr(declared, "__qualname__", None) or repr(declared)
    return name.rpartition("<locals>.")[2]


def _arguments(function: Any, where: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    try:
        if not callable(function) or isinstance(function, staticmethod):
            raise TypeError
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        msg = f"{where}: a method is a function"
        raise TypeError(msg) from None
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if len(parameters) < 2 or any(parameter.kind not in plain for parameter in parameters[:2]):
        msg = f"{where}: a method takes self and request before its arguments"
        raise TypeError(msg)
    if parameters[1].name.strip("_") not in _REQUEST:
        # Forgotten, it would take the place of the first argument.
        msg = f"{where}: a method takes self and request first, got {parameters[1].name!r}"
        raise TypeError(msg)
    required = []
    optional = []
    for parameter in parameters[2:]:
        if parameter.kind not in (
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            inspect.Parameter.KEYWORD_ONLY,
        ):
            msg = f"{where}: the argument {parameter} has no name that a client could give"
            raise TypeError(msg)
        if parameter.default is inspect.Parameter.empty:
            required.append(parameter.name)
        else:
            optional.append(parameter.name)
    return tuple(required), tuple(optional)


def _results(results: Sequence[str], where: str) -> tuple[str, ...]:
    named = isinstance(results, (tuple, list)) and all(isinstance(name, str) for name in results)
    if not named:
        msg = f"{where}: results are names, like ('first', 'second'), got {results!r}"
        raise TypeError(msg)
    if len(set(results)) != len(results):
        msg = f"{where}: a result is named twice in {results!r}"
        raise ValueError(msg)
    return tuple(results)


def _attachments(
    attachments: tuple[str | None, str | None], where: str
) -> tuple[str | None, str | None]:
    try:
        incoming, outgoing = attachments
        named = all(name is None or isinstance(name, str) for name in (incoming, outgoing))
    except (TypeError, ValueError):
        named = False
    if not named or isinstance(attachments, str):
        msg = f"{where}: attachments are (incoming, outgoing), each a name or None"
        raise TypeError(f"{msg}, got {attachments!r}")
    return incoming, outgoing
