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


class Arguments:
    """The arguments of a function, read from its signature.

    :param function: a function whose first parameters are ``self`` and the request.
    :param types: what annotations tell of it.
    :param attachment: the name of the argument that is the request's attachment, or None.
    :param where: how to name the function.

    .. attribute:: required
    .. attribute:: optional

        Their names: tuples of str.

    .. attribute:: schema

        The JSON Schema of ``request.args``.

    :raises TypeError: the function cannot be a method.
    :raises ValueError: the attachment is none of its arguments.
    """

    __slots__ = ("_attachment", "_types", "_warned", "optional", "required", "schema")

    _log = Logger()

    def __init__(
        self,
        function: Callable[..., Any],
        types: dict[str, Any],
        attachment: str | None,
        where: str,
    ) -> None:
        self.required, self.optional = _names(function, where)
        names = self.required + self.optional
        if attachment is not None and attachment not in names:
            msg = f"{where}: the incoming attachment {attachment!r} is none of its arguments"
            raise ValueError(msg)
        self._attachment = attachment
        self._warned = False
        self._types = Types({name: types.get(name, Any) for name in names}, where, attachment)
        self.schema: dict[str, Any] = {}
        if names:
            required = [name for name in self.required if name != attachment]
            self.schema = {**self._types.schema, "required": required}
            self.schema["properties"] = with_defaults(self.schema["properties"], function)
            if not required:
                self.schema["type"] = ["object", "null"]

    def of(self, request: Request, name: str) -> dict[str, Any]:
        """The arguments that the function is called with.

        Those that it does not declare are left out. A function that declares none finds
        whatever came in ``request.args``.

        :param name: the method's.

        :raises BadRequest: one is missing, or not of its type.
        """
        if not self.required and not self.optional:
            return {}
        if request.carried is not None and self._attachment is None and not self._warned:
            self._warn_of_attachment(request, name)
        bound = self._bound(request, name)
        if self._types.checked:
            try:
                self._types.convert(bound)
            except ValueError as error:
                raise self._mismatch(request, name, error) from None
        return bound

    def attachment(self, request: Request) -> bytes | memoryview | None:
        """The attachment of a request as the function gets it: a view, if it is annotated so."""
        return request.attachment_view if self._types.viewed else request.attachment

    def check_type(self, request: Request, name: str, argument: str, value: Any) -> None:
        """Make sure that the value of one argument is of its type.

        :raises BadRequest: it is not.
        """
        try:
            self._types.convert({argument: value})
        except ValueError as error:
            raise self._mismatch(request, name, error) from None

    def _mismatch(self, request: Request, name: str, error: ValueError) -> BadRequest:
        return BadRequest(f"Argument of {request.interface}.{name}: {error}")

    def _warn_of_attachment(self, request: Request, name: str) -> None:
        self._warned = True  # once will do: whoever calls may call often
        self._log.warn(
            "{interface}.{method} was called with an attachment, which is none of its "
            'arguments: declare it with attachments=("argument", None)',
            interface=request.interface,
            method=name,
        )

    def normalise(self, request: Request, name: str) -> None:
        """Make sure that arguments come as an object, if any are declared; null is empty.

        :raises BadRequest: they come as something else.
        """
        if self.required or self.optional:
            request.args = self._given(request, name)

    def _given(self, request: Request, name: str) -> dict[str, Any]:
        given = {} if request.args is None else request.args
        if type(given) is not dict:
            raise BadRequest(f"Expected dictionary as argument for {request.interface}.{name}")
        return given

    def _bound(self, request: Request, name: str) -> dict[str, Any]:
        given = self._given(request, name)
        bound = {}
        attachment = None if self._attachment is None else self.attachment(request)
        for argument in self.required:
            if argument == self._attachment:
                bound[argument] = attachment
            elif argument in given:
                bound[argument] = given[argument]
            else:
                raise BadRequest(
                    f"Argument '{argument}' is required for {request.interface}.{name}"
                )
        for argument in self.optional:
            if argument == self._attachment:
                if attachment is not None:
                    bound[argument] = attachment
            elif argument in given:
                bound[argument] = given[argument]
        return bound


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
