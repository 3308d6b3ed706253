"""What a method takes: its arguments, and the attachment among them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final

from twisted.logger import Logger

from pycom_tx.components.conversion import Types
from pycom_tx.components.schemas import with_defaults
from pycom_tx.zerojson.errors import BadRequest
from pycom_tx.zerojson.request import Request

_REQUEST: Final = ("", "req", "request")
"""What the request may be called, underscores aside."""

_MAX_TOLD: Final = 10
"""Names that the log tells of for a method: strangers can invent any number."""


class Arguments:
    """The arguments of a function, read from its signature.

    :param function: a function whose first parameters are ``self`` and the request.
    :param name: the method's, for messages.
    :param types: what annotations tell of it.
    :param attachment: the name of the argument that is the request's attachment, or None.
    :param strict: whether arguments that it does not declare are refused.
    :param where: how to name the function.

    .. attribute:: required
    .. attribute:: optional

        Their names: tuples of str.

    .. attribute:: schema

        The JSON Schema of ``request.args``.

    :raises TypeError: the function cannot be a method.
    :raises ValueError: the attachment is none of its arguments, or there are none to be strict
        about.
    """

    __slots__ = (
        "_attachment",
        "_name",
        "_needed",
        "_strict",
        "_told",
        "_types",
        "_warned",
        "optional",
        "required",
        "schema",
    )

    _log = Logger()

    def __init__(
        self,
        function: Callable[..., Any],
        name: str,
        types: dict[str, Any],
        attachment: str | None,
        where: str,
        *,
        strict: bool = False,
    ) -> None:
        self.required, self.optional = _names(function, where)
        names = self.required + self.optional
        if attachment is not None and attachment not in names:
            msg = f"{where}: the incoming attachment {attachment!r} is none of its arguments"
            raise ValueError(msg)
        if strict and not names:
            msg = f"{where}: a method without arguments cannot be strict, it takes what comes"
            raise ValueError(msg)
        self._name = name
        self._needed = frozenset(self.required) - {attachment}
        self._attachment = attachment
        self._strict = strict
        self._told: set[str] = set()
        self._warned = False
        self._types = Types({name: types.get(name, Any) for name in names}, where, attachment)
        self.schema: dict[str, Any] = {}
        if names:
            required = [name for name in self.required if name != attachment]
            self.schema = {**self._types.schema, "required": required}
            self.schema["properties"] = with_defaults(self.schema["properties"], function)
            if not required:
                self.schema["type"] = ["object", "null"]
            if strict:
                self.schema["additionalProperties"] = False

    def of(self, request: Request) -> dict[str, Any]:
        """The arguments that the function is called with.

        Those that it does not declare are left out, unless it is strict. A function that
        declares none finds whatever came in ``request.args``.

        :raises BadRequest: one is missing, not declared, or not of its type.
        """
        if not self.required and not self.optional:
            return {}
        given = request.args
        if type(given) is not dict:
            given = self._given(request)
        if not self._needed.issubset(given):
            raise self._missing(request, given)
        if self._attachment is not None:
            given = self._with_attachment(request, given, self._attachment)
        elif request.carried is not None and not self._warned:
            self._warn_of_attachment(request)
        try:
            bound = self._types.converted(given)
        except ValueError as error:
            raise self._mismatch(request, error) from None
        if len(bound) < len(given):
            self._look_for_others(given, request)
        return bound

    def attachment(self, request: Request) -> bytes | memoryview | None:
        """The attachment of a request as the function gets it: a view, if it is annotated so."""
        return request.attachment_view if self._types.viewed else request.attachment

    def check_type(self, request: Request, argument: str, value: Any) -> None:
        """Make sure that the value of one argument is of its type.

        :raises BadRequest: it is not.
        """
        try:
            self._types.converted({argument: value})
        except ValueError as error:
            raise self._mismatch(request, error) from None

    def _mismatch(self, request: Request, error: ValueError) -> BadRequest:
        hint = ""
        if request.carried is None and str(error).startswith(f"{self._attachment!r}: "):
            hint = "; it is the attachment of a call, and this one has none"
        return BadRequest(f"Argument of {request.interface}.{self._name}: {error}{hint}")

    def _warn_of_attachment(self, request: Request) -> None:
        self._warned = True  # once will do: whoever calls may call often
        self._log.warn(
            "{interface}.{method} was called with an attachment, which is none of its "
            'arguments: declare it with attachments=("argument", None)',
            interface=request.interface,
            method=self._name,
        )

    def normalise(self, request: Request) -> None:
        """Make sure that arguments come as an object, if any are declared; null is empty.

        :raises BadRequest: they come as something else.
        """
        if self.required or self.optional:
            request.args = self._given(request)

    def _given(self, request: Request) -> dict[str, Any]:
        given = {} if request.args is None else request.args
        if type(given) is not dict:
            raise BadRequest(
                f"Expected dictionary as argument for {request.interface}.{self._name}"
            )
        return given

    def _missing(self, request: Request, given: dict[str, Any]) -> BadRequest:
        missing = next(n for n in self.required if n in self._needed and n not in given)
        return BadRequest(f"Argument '{missing}' is required for {request.interface}.{self._name}")

    def _with_attachment(
        self, request: Request, given: dict[str, Any], name: str
    ) -> dict[str, Any]:
        """The arguments as they came, and the attachment, which is none of JSON's."""
        given = {key: value for key, value in given.items() if key != name}
        attachment = self.attachment(request)
        if attachment is not None or name in self.required:
            given[name] = attachment
        return given

    def _look_for_others(self, given: dict[str, Any], request: Request) -> None:
        """Refuse arguments that are not declared, or tell the log of each once."""
        known = self.required + self.optional
        for argument in given:
            if argument in known:
                continue
            takes = f"it takes {', '.join(known)}"
            if self._strict:
                raise BadRequest(
                    f"{request.interface}.{self._name} has no argument {argument!r:.60}: {takes}"
                )
            shown = argument[:60]
            if shown not in self._told and len(self._told) < _MAX_TOLD:
                self._told.add(shown)
                self._log.warn(
                    "{interface}.{method} ignores the argument {argument!r}: {takes}",
                    interface=request.interface,
                    method=self._name,
                    argument=shown,
                    takes=takes,
                )


def _names(function: Any, where: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
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
