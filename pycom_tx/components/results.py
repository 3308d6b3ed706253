"""What a method gives: its results, and the attachment among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, get_args, get_origin

from pycom_tx.components.annotations import FREE, eventual
from pycom_tx.components.conversion import Types
from pycom_tx.zerojson.request import Request, Response

_ALONE: Final = "result"
"""How to name a result that has no name."""


class Results:
    """The results of a function, as it declares them.

    :param name: the method's, for messages.
    :param names: their names; none where there is one without a name.
    :param annotation: of what the function returns.
    :param attachment: the name of the result that is the reply's attachment, or None.
    :param where: how to name the function.

    .. attribute:: names

        A tuple of str.

    .. attribute:: schema

        The JSON Schema of the reply's result.

    :raises TypeError: they cannot be results.
    :raises ValueError: a name is there twice, or missing.
    """

    __slots__ = ("_attachment", "_name", "_plain", "names", "schema")

    def __init__(
        self,
        name: str,
        names: Sequence[str],
        annotation: Any,
        attachment: str | None,
        where: str,
    ) -> None:
        self._name = name
        self.names = _checked(names, where)
        if attachment is not None and attachment not in self.names:
            msg = f"{where}: the outgoing attachment {attachment!r} is none of its results"
            raise ValueError(msg)
        self._attachment = attachment
        types = _types(self.names, eventual(annotation), where)
        known = Types(types, where, attachment)
        self._plain: Callable[[Any], Any] | None = None
        if known.checked:
            self._plain = known.plain if self.names else known.plain_alone
        schema = known.schema
        if self.names:
            self.schema = {**schema, "required": [n for n in self.names if n != attachment]}
        else:
            self.schema = schema["properties"][_ALONE]
            if "$defs" in schema:
                self.schema = {**self.schema, "$defs": schema["$defs"]}

    def response(self, request: Request, value: Any) -> Response:
        """What the client gets for the *value* that the function returned.

        :raises TypeError: it is another number of results than are declared, or one is of
            another type than is annotated.
        """
        given = value if isinstance(value, Response) else None
        if given is not None:
            if given.code or not (self.names or self._plain):
                return given
            value = given.result
        if self.names:
            value = self._by_name(request, value)
        if self._plain is not None:
            try:
                value = self._plain(value)
            except ValueError as error:
                msg = (
                    f"{request.interface}.{self._name} gave another type than it declares: {error}"
                )
                raise TypeError(msg) from None
        response = Response(value)
        if given is not None:
            response.carried, response.extensions = given.carried, given.extensions
        if self._attachment is not None:
            response.carried = value.pop(self._attachment)
        return response

    def _by_name(self, request: Request, values: Any) -> dict[str, Any]:
        if len(self.names) == 1:
            values = (values,)
        elif not isinstance(values, tuple) or len(values) != len(self.names):
            given = len(values) if isinstance(values, tuple) else type(values).__name__
            msg = (
                f"{request.interface}.{self._name} declares the results "
                f"{', '.join(self.names)} and returned {given}; return a tuple of them, in "
                "this order"
            )
            raise TypeError(msg)
        return dict(zip(self.names, values, strict=True))


def _checked(names: Sequence[str], where: str) -> tuple[str, ...]:
    are_names = isinstance(names, (tuple, list)) and all(isinstance(name, str) for name in names)
    if not are_names:
        msg = f"{where}: results are names, like ('first', 'second'), got {names!r}"
        raise TypeError(msg)
    if len(set(names)) != len(names):
        msg = f"{where}: a result is named twice in {names!r}"
        raise ValueError(msg)
    return tuple(names)


def _types(names: tuple[str, ...], annotation: Any, where: str) -> dict[str, Any]:
    """The type of each result."""
    if len(names) < 2:
        return {names[0] if names else _ALONE: annotation}
    if annotation in FREE or annotation is tuple:
        return dict.fromkeys(names, Any)
    kinds = get_args(annotation)
    if get_origin(annotation) is tuple and len(kinds) == 2 and kinds[1] is Ellipsis:
        return dict.fromkeys(names, kinds[0])
    if get_origin(annotation) is not tuple or len(kinds) != len(names):
        msg = (
            f"{where}: it has {len(names)} results, {', '.join(names)}, and is annotated to "
            f"return {annotation}: it has to be a tuple of as many"
        )
        raise TypeError(msg)
    return dict(zip(names, kinds, strict=True))
