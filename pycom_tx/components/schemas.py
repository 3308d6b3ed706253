"""What JSON Schema says of annotated types."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import inspect as kinds

from pycom_tx.components.admissible import parts_of


def object_schema(types: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The JSON Schema of an object of values: exactly what is converted to their types.

    :param types: by the names of the values.
    :param where: how to name whose they are.

    :raises TypeError: two different classes have the same name.
    """
    tagged = {
        part.cls: part.tag_field
        for kind in types.values()
        for part in parts_of(kinds.type_info(kind))
        if isinstance(part, kinds.StructType) and part.tag_field and not part.array_like
    }
    try:
        schemas, definitions = msgspec.json.schema_components(
            [*types.values(), *tagged], ref_template="#/$defs/{name}"
        )
    except KeyError as error:
        msg = f"{where}: two classes in its annotations are named like {error}"
        raise TypeError(msg) from None
    for schema, field in zip(schemas[len(types) :], tagged.values(), strict=True):
        # A Struct that is no part of a union is known without its tag.
        definitions[schema["$ref"].rpartition("/")[2]]["required"].remove(field)
    schema = {
        "type": "object",
        "properties": dict(zip(types, schemas, strict=False)),
    }
    if definitions:
        schema["$defs"] = definitions
    return {key: _adapted(part) for key, part in schema.items()}


def with_defaults(
    properties: Mapping[str, dict[str, Any]], function: Callable[..., Any]
) -> dict[str, dict[str, Any]]:
    """The JSON Schemas of arguments, with the defaults that JSON can hold as they are.

    :param properties: by the names of the arguments.
    :param function: what takes them.
    """
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if name in properties and _is_json(parameter.default)
    }
    return {
        name: {**schema, "default": defaults[name]} if name in defaults else schema
        for name, schema in properties.items()
    }


def _is_json(value: Any) -> bool:
    try:
        return bool(json.loads(json.dumps(value, allow_nan=False)) == value)
    except (TypeError, ValueError, RecursionError):
        return False


def _adapted(schema: Any) -> Any:
    """A JSON Schema as msgspec makes it, with what it converts besides."""
    if isinstance(schema, list):
        return [_adapted(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    # A set may come as a list that has something twice.
    adapted = {
        key: _adapted(part)
        for key, part in schema.items()
        if key != "uniqueItems" or part is not True
    }
    if adapted.get("format") == "decimal":
        adapted["type"] = ["string", "number"]
    if isinstance(adapted.get("anyOf"), list) and "discriminator" in adapted:
        adapted["required"] = [adapted["discriminator"]["propertyName"]]
    return adapted
