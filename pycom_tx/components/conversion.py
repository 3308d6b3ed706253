"""Values of annotated types: out of JSON, into JSON, and what JSON Schema says of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import inspect as kinds

from pycom_tx.components.annotations import FREE
from pycom_tx.components.mismatch import described

_BYTES: Final = (kinds.BytesType, kinds.ByteArrayType, kinds.MemoryViewType)
_NONE: Final = (*_BYTES, kinds.NoneType)


class Types:
    """The types of values that have names.

    :param types: by the names; a value may be of any type that msgspec knows and JSON has.
    :param attachment: the name of the one value that is bytes, or None, and no JSON.
    :param where: how to name the method.

    .. attribute:: checked

        The names of those that are not free to be anything.

    :raises TypeError: a type is none of these.
    """

    __slots__ = ("_attachment", "_struct", "checked", "schema")

    def __init__(self, types: Mapping[str, Any], where: str, attachment: str | None = None) -> None:
        known = {name: kind for name, kind in types.items() if kind not in FREE}
        for name, kind in known.items():
            _check(kind, f"{where}: {name!r} is annotated {kind}", is_attachment=name == attachment)
        self.checked = tuple(known)
        self.schema = _schema({name: known.get(name, Any) for name in types if name != attachment})
        self._attachment = attachment
        self._struct = msgspec.defstruct(
            "Values", [(name, kind, msgspec.UNSET) for name, kind in known.items()]
        )

    def convert(self, values: dict[str, Any]) -> None:
        """Put what they stand for in the place of values as JSON has them.

        :raises ValueError: one is of another type; the message says which, where in it,
            what was expected and what came.
        """
        given = {name: values[name] for name in self.checked if name in values}
        try:
            converted = self._converted(given)
        except (msgspec.ValidationError, RecursionError):
            converted = self._converted_whole(given)
        for name in given:
            values[name] = getattr(converted, name)

    def plain(self, values: dict[str, Any]) -> None:
        """Put JSON in the place of values that a method gives.

        :raises ValueError: one is not of its type, as above.
        """
        for name in self.checked:
            if name != self._attachment:
                try:
                    values[name] = msgspec.to_builtins(
                        values[name], str_keys=True, builtin_types=(bytes, bytearray, memoryview)
                    )
                except TypeError as error:
                    raise ValueError(f"{name!r}: {error}") from None
        self.convert(dict(values))

    def _converted(self, values: dict[str, Any]) -> Any:
        return msgspec.convert(values, self._struct, str_keys=True)

    def _converted_whole(self, given: dict[str, Any]) -> Any:
        """Convert as JSON Schema has it: a number without a fraction is an integer."""
        try:
            whole = _whole(given)
            return self._converted(whole)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        except msgspec.ValidationError as error:
            message = described(error, whole, self._converted, self.schema)
            raise ValueError(message) from None


def _check(kind: Any, where: str, *, is_attachment: bool) -> None:
    """Make sure that JSON, or an attachment, can be of that type."""
    try:
        known = kinds.type_info(kind)
    except (TypeError, ValueError, NameError) as error:
        raise TypeError(f"{where}: {error}") from None
    if is_attachment:
        if not all(isinstance(part, _NONE) for part in getattr(known, "types", (known,))):
            raise TypeError(f"{where}, but an attachment is bytes, or None")
        return
    for part in _parts(known, set()):
        if isinstance(part, _BYTES):
            raise TypeError(f"{where}, but JSON has no bytes: declare them as the attachment")
        if isinstance(part, kinds.DictType) and not _is_text(part.key_type):
            raise TypeError(f"{where}, but the keys of JSON's objects are strings")
        if isinstance(part, (kinds.CustomType, kinds.RawType, kinds.ExtType)):
            what = getattr(part, "cls", kinds.RawType).__name__
            raise TypeError(f"{where}, but {what} is no type that JSON can be converted to")


def _is_text(key: kinds.Type) -> bool:
    if isinstance(key, kinds.LiteralType):
        return all(isinstance(value, str) for value in key.values)
    return isinstance(key, (kinds.StrType, kinds.AnyType))


def _parts(known: Any, seen: set[int]) -> Iterator[kinds.Type]:
    """A type and those that it is made of."""
    if id(known) in seen:
        return
    seen.add(id(known))
    if isinstance(known, kinds.Type):
        yield known
    if isinstance(known, (kinds.Type, kinds.Field)):
        for field in known.__struct_fields__:
            value = getattr(known, field)
            for part in value if isinstance(value, tuple) else (value,):
                yield from _parts(part, seen)


def _schema(types: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON Schema of an object of values."""
    schemas, definitions = msgspec.json.schema_components(
        types.values(), ref_template="#/$defs/{name}"
    )
    schema: dict[str, Any] = {
        "type": "object",
        "properties": dict(zip(types, schemas, strict=True)),
    }
    if definitions:
        schema["$defs"] = definitions
    return {key: _without_uniqueness(part) for key, part in schema.items()}


def _without_uniqueness(schema: Any) -> Any:
    """A set may come as a list that has something twice."""
    if isinstance(schema, list):
        return [_without_uniqueness(part) for part in schema]
    if isinstance(schema, dict):
        return {
            key: _without_uniqueness(part)
            for key, part in schema.items()
            if key != "uniqueItems" or part is not True
        }
    return schema


def _whole(value: Any) -> Any:
    """*value* with integers where it has floats without a fraction."""
    if type(value) is float and value.is_integer():
        return int(value)
    if type(value) is list:
        return [_whole(item) for item in value]
    if type(value) is dict:
        return {key: _whole(item) for key, item in value.items()}
    return value
