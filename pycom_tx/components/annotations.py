"""What the annotations of a function say."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping
from types import SimpleNamespace, UnionType
from typing import Any, Final, Union

from twisted.internet.defer import Deferred

from pycom_tx.zerojson.request import Response

FREE: Final = (Any, object)
"""Annotations that say nothing: any JSON will do."""

_LATER: Final[Mapping[Any, int]] = {Deferred: 0, Awaitable: 0, Coroutine: 2, Generator: 2}
"""What stands for a value that comes later, and which of its arguments is the value's type."""

_UNTOLD: Final = (Response, typing.NoReturn, getattr(typing, "Never", None))
"""What a function may be annotated to return that tells no type of JSON."""


def declared_types(function: Callable[..., Any], where: str) -> dict[str, Any]:
    """The types of a method's arguments by their names, and as ``return`` that of its result.

    :param where: how to name the function.

    :raises TypeError: an annotation cannot be evaluated.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return {}  # it is no function at all
    given = {
        parameter.name: parameter.annotation
        for parameter in list(signature.parameters.values())[2:]
        if parameter.annotation is not inspect.Parameter.empty
    }
    if signature.return_annotation is not inspect.Signature.empty:
        given["return"] = signature.return_annotation
    names = getattr(inspect.unwrap(function), "__globals__", {})
    types: dict[str, Any] = {}
    for name, annotation in given.items():
        holder = SimpleNamespace(__annotations__={name: annotation})
        try:
            types.update(typing.get_type_hints(holder, names, include_extras=True))
        except Exception as error:
            msg = (
                f"{where}: the annotation of {name!r} cannot be evaluated: {error}; "
                "what it names has to be there, at the top of the module, before the method"
            )
            raise TypeError(msg) from None
    return types


def eventual(annotation: Any) -> Any:
    """The type of the value that a function gives in the end, as far as that is told."""
    while (position := _LATER.get(typing.get_origin(annotation) or annotation)) is not None:
        inner = typing.get_args(annotation)
        annotation = inner[position] if len(inner) > position else Any
    if typing.get_origin(annotation) in (Union, UnionType):
        kinds = tuple(kind for kind in typing.get_args(annotation) if kind is not Response)
        annotation = Union[kinds]  # noqa: UP007 # of as many as there are
    return Any if annotation in _UNTOLD else annotation
