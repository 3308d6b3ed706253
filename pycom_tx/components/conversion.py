"""Values of annotated types: out of JSON, and into JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Final, TypedDict

import msgspec
from msgspec import convert
from msgspec import inspect as kinds

from pycom_tx.components.admissible import check_attachment, check_json, parts_of
from pycom_tx.components.annotations import FREE
from pycom_tx.components.mismatch import described, shown
from pycom_tx.components.schemas import object_schema

_BYTES: Final = (bytes, bytearray, memoryview)
"""What JSON has no type for, but an attachment is; text in base64 is something else. To tell
msgspec takes as long as to convert what a call brings, so it is told only where it matters."""


_WRONG: Final = (msgspec.ValidationError, UnicodeError, RecursionError)
"""How msgspec tells that a value is not of its type."""

_NOT_JSON: Final = (*_WRONG, AttributeError)
"""And that a sequence of somebody's own is no object: it asks that for its keys."""

_JSON: Final = (
    kinds.StrType,
    kinds.IntType,
    kinds.BoolType,
    kinds.NoneType,
    kinds.UnionType,
    kinds.ListType,
    kinds.DictType,
)
"""Types whose values are JSON as they are. Those of float are not: 1 would become 1.0."""


class Types:
    """The types of values that have names.

    :param types: by the names; a value may be of any type that msgspec knows and JSON has.
    :param attachment: the name of the one value that is bytes, or None, and no JSON.
    :param where: how to name the method.

    .. attribute:: checked

        The names of those that are not free to be anything.

    .. attribute:: schema

        The JSON Schema of an object of the values, without the attachment.

    .. attribute:: viewed

        Whether the attachment is a memoryview, rather than bytes.

    :raises TypeError: a type is none of these.
    """

    __slots__ = (
        "_all",
        "_attachment",
        "_names",
        "_values",
        "_with_dataclasses",
        "checked",
        "schema",
        "viewed",
    )

    def __init__(self, types: Mapping[str, Any], where: str, attachment: str | None = None) -> None:
        known = {name: kind for name, kind in types.items() if kind not in FREE}
        for name, kind in known.items():
            check = check_attachment if name == attachment else check_json
            check(kind, f"{where}: {name!r} is annotated {kind}")
        self.checked = tuple(known)
        all_types = {name: known.get(name, Any) for name in types}
        self.schema = object_schema(
            {name: kind for name, kind in all_types.items() if name != attachment}, where
        )
        self._attachment = attachment
        self._names = tuple(types)
        self._values = {name: _Value(name, kind, self.schema) for name, kind in known.items()}
        self.viewed = attachment in self._values and self._values[attachment].is_view
        self._with_dataclasses = [n for n, value in self._values.items() if value.has_dataclasses]
        # All at once: most of what it takes to convert one is to call msgspec.
        self._all = _one(TypedDict("_All", all_types, total=False))  # type: ignore[operator] # known only now

    def converted(self, values: dict[str, Any]) -> dict[str, Any]:
        """What values of JSON stand for; those that have no name here are left out.

        :raises ValueError: one is of another type; the message says which, where in it,
            what was expected and what came.
        """
        found: dict[str, Any]
        try:
            if self._attachment is None:
                found = convert((values,), self._all).value
            else:
                found = convert((values,), self._all, builtin_types=_BYTES).value
            for name in self._with_dataclasses:
                if name in found:
                    _complete(found[name], set())
        except _WRONG:
            found = {name: values[name] for name in self._names if name in values}
            for name, value in self._values.items():
                if name in found:
                    found[name] = value.converted(found[name])
        return found

    def plain(self, values: dict[str, Any]) -> dict[str, Any]:
        """JSON of the values that a method gives.

        :raises ValueError: one is not of its type, as above.
        """
        for name, value in self._values.items():
            if name == self._attachment:
                value.converted(values[name])
            else:
                values[name] = value.plain(values[name])
        return values

    @property
    def plain_alone(self) -> Callable[[Any], Any]:
        """As :meth:`plain`, of the one value that there is, which is no attachment."""
        (alone,) = self._values.values()
        return alone.plain


class _Value:
    """The type of one value."""

    __slots__ = ("_name", "_one", "_schema", "has_dataclasses", "is_json", "is_view")

    def __init__(self, name: str, kind: Any, schema: dict[str, Any]) -> None:
        self._name = name
        self._one = _one(kind)
        parts = list(parts_of(kinds.type_info(kind)))
        self.has_dataclasses = any(isinstance(part, kinds.DataclassType) for part in parts)
        self.is_json = all(isinstance(part, _JSON) for part in parts)
        self.is_view = any(isinstance(part, kinds.MemoryViewType) for part in parts)
        self._schema = {
            "$defs": schema.get("$defs", {}),
            **schema["properties"].get(name, {}),
        }

    def converted(self, value: Any) -> Any:
        try:
            return self._convert(value)
        except _WRONG:
            return self._converted_whole(value)

    def plain(self, value: Any) -> Any:
        if self.is_json:
            try:
                return convert((value,), self._one).value
            except _NOT_JSON:
                pass  # what is wrong with it is found out below
        try:
            plain = msgspec.to_builtins(value, str_keys=True, builtin_types=_BYTES)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self._name!r}: {error}") from None
        except RecursionError:
            raise ValueError(f"{self._name!r}: nested too deeply") from None
        self.converted(plain)
        return plain

    def _convert(self, value: Any) -> Any:
        converted = convert((value,), self._one, builtin_types=_BYTES).value
        if self.has_dataclasses:
            _complete(converted, set())
        return converted

    def _converted_whole(self, value: Any) -> Any:
        """Convert as JSON Schema has it: a number without a fraction is an integer."""

        def whole(value: Any) -> Any:
            return self._convert(_whole(value))

        try:
            return whole(value)
        except msgspec.ValidationError as error:
            message = described(error, self._name, value, whole, self._schema)
        except UnicodeError:
            message = f"expected Unicode, got a lone surrogate in {shown(value)}"
        except RecursionError:
            message = "nested too deeply"
        raise ValueError(f"{self._name!r}: {message}")


def _one(kind: Any) -> Any:
    """What one value is converted to, in a tuple: a Struct that has it as its ``value``.

    msgspec keeps what it found out about a Struct, not about other types.
    """
    return msgspec.defstruct("One", [("value", kind)], array_like=True)


def _complete(value: Any, seen: set[int]) -> None:
    """Give dataclasses what was left to their defaults.

    msgspec leaves that to the class, and misses it in the object when it makes JSON of it.

    :param seen: the objects that are done: they may have made themselves part of each other.
    """
    is_struct = isinstance(value, msgspec.Struct)
    if is_struct or is_dataclass(value):
        if id(value) in seen:
            return
        seen.add(id(value))
    if is_struct:
        inner: Iterable[Any] = (getattr(value, name) for name in value.__struct_fields__)
    elif is_dataclass(value):
        for field in fields(value):
            if field.default is not MISSING and hasattr(value, "__dict__"):
                vars(value).setdefault(field.name, field.default)
        inner = [getattr(value, field.name) for field in fields(value)]
    elif isinstance(value, dict):
        inner = value.values()
    else:
        inner = value if isinstance(value, (list, tuple, set, frozenset)) else ()
    for part in inner:
        _complete(part, seen)


def _whole(value: Any) -> Any:
    """*value* with integers where it has floats without a fraction.

    So it is in parts that are free to be anything, too: telling them apart takes the types.
    """
    if type(value) is float and value.is_integer():
        return int(value)
    if type(value) is list:
        return [_whole(item) for item in value]
    if type(value) is dict:
        return {key: _whole(item) for key, item in value.items()}
    return value
