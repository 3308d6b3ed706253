"""What the annotations of a function say."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator
from functools import partial
from types import SimpleNamespace, UnionType
from typing import Any, Final, Union

from twisted.internet.defer import Deferred

from pycom_tx.zerojson.request import Response

FREE: Final = (Any, object)
"""Annotations that say nothing: any JSON will do."""

_LATER: Final = ((Deferred, 0), (Awaitable, 0), (Coroutine, 2), (Generator, 2))
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
    names = _globals(function)
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
    told = list(_alternatives(annotation))
    kinds = tuple(kind for kind in told if kind not in _UNTOLD)
    if not kinds or any(kind in FREE for kind in kinds):
        return Any
    if Response in told and all(kind in (None, type(None)) for kind in kinds):
        return Any  # None is no response here, rather than what is in one
    return kinds[0] if len(kinds) == 1 else Union[kinds]  # noqa: UP007 # as many as there are


def _alternatives(annotation: Any) -> Iterator[Any]:
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (Union, UnionType):
        for kind in inner:
            yield from _alternatives(kind)
        return
    for later, position in _LATER:
        if later in (origin, annotation):
            yield from _alternatives(inner[position] if len(inner) > position else Any)
            return
    yield annotation


def _globals(function: Any) -> dict[str, Any]:
    """The names that annotations of a function may have in them."""
    function = inspect.unwrap(function)
    while isinstance(function, partial):
        function = inspect.unwrap(function.func)
    if not hasattr(function, "__globals__"):
        function = inspect.unwrap(type(function).__call__)
    names: dict[str, Any] = getattr(function, "__globals__", {})
    return names
