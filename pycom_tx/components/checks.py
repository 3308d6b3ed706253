"""Checks of single arguments, for what annotations cannot say."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import UnionType
from typing import Any, TypeVar

from pycom_tx.components.contract import Interface
from pycom_tx.components.hooks import settled
from pycom_tx.components.method import Method, named
from pycom_tx.zerojson.errors import BadRequest
from pycom_tx.zerojson.request import Request

_F = TypeVar("_F", bound=Callable[..., Any])
_Types = type | UnionType | tuple["_Types", ...]


def check_argument(
    name: str,
    valid_types: _Types | None = None,
    validator: Callable[[str, Any], bool | Awaitable[bool]] | None = None,
    error_message: str | None = None,
) -> Callable[[_F], _F]:
    """Check an argument before the method runs; :class:`~pycom_tx.BadRequest` if it fails.

    It stands above :func:`~pycom_tx.method`, as often as need be::

        @pycom.check_argument("name", str, lambda _, value: value.isidentifier())
        @pycom.check_argument("size", validator=is_free, error_message="No room for that")
        @pycom.method
        def make(self, request, name, size=1): ...

    An argument that did not come is not checked. One that is annotated has the right type
    when it is checked, but is as JSON has it: annotations convert it afterwards.

    :param name: the argument's.
    :param valid_types: what it may be an instance of, for ``isinstance``.
    :param validator: called with the argument's name and value; whether it will do, or a
        Deferred or coroutine of that. A ``TypeError`` or ``ValueError`` says no, too, and
        its text goes to the client.
    :param error_message: what the client is told instead.

    :raises TypeError: what it decorates is no method, or has no such argument; or a
        parameter here makes no sense. The message names the function.
    """
    check = _Check(name, valid_types, validator, error_message)

    def declare(function: _F) -> _F:
        method = getattr(function, "__method__", None)
        if not isinstance(method, Method):
            msg = f"{named(function)}: put @pycom.check_argument above @pycom.method"
            raise TypeError(msg)
        if name not in method.required + method.optional:
            msg = f"{named(function)}: there is no argument {name!r} to check"
            raise TypeError(msg)
        method.prehooks.append(check)
        return function

    return declare


class _Check:
    """A hook that checks one argument."""

    def __init__(
        self, name: str, valid_types: Any, validator: Any, error_message: str | None
    ) -> None:
        if validator is not None and not callable(validator):
            msg = f"validator is a function of an argument's name and value, got {validator!r}"
            raise TypeError(msg)
        self._name = name
        self._types = None if valid_types is None else _flat(valid_types)
        self._validator = validator
        self._error_message = error_message

    async def __call__(self, interface: Interface, method: Method, request: Request) -> Request:
        values = request.args if isinstance(request.args, dict) else {}
        if self._name == method.incoming:
            attachment = method.attachment(request)
            values = {} if attachment is None else {self._name: attachment}
        if self._name in values:
            where = f"'{self._name}' of {interface.name}.{method.name}"
            method.check_type(request, self._name, values[self._name])
            try:
                await self._check(values[self._name], where)
            except (TypeError, ValueError) as error:
                raise BadRequest(self._error_message or str(error)) from None
        return request

    async def _check(self, value: Any, where: str) -> None:
        if self._types is not None and not isinstance(value, self._types):
            raise TypeError(
                f"Invalid type for argument {where}, "
                f"expected {' or '.join(map(_shown, self._types))}, got {type(value).__name__}"
            )
        if self._validator is not None and not await settled(self._validator(self._name, value)):
            raise ValueError(f"Invalid value for argument {where}: {value!r:.60}")


def _flat(types: Any) -> tuple[Any, ...]:
    """The types in a tuple of types, and of such tuples, or the one that it is."""
    if isinstance(types, tuple):
        return tuple(kind for some in types for kind in _flat(some))
    try:
        isinstance(None, types)
    except TypeError:
        msg = f"valid_types is a type or a tuple of types, got {types!r}"
        raise TypeError(msg) from None
    return (types,)


def _shown(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind)
