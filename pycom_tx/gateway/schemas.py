"""JSON Schemas of services, as parts of one OpenAPI document.

Services may tell anything. What is no proper JSON Schema is left out, keyword by keyword, so
that the document stays valid: it says less then, and nothing wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from pycom_tx.gateway.defaults import admits

_DEFINITION: Final = "#/$defs/"
_COMPONENT: Final = "#/components/schemas/"

_TYPES: Final = ("string", "number", "integer", "boolean", "object", "array", "null")

DEEPEST: Final = 60
"""How deeply a schema is nested at most: what is deeper says nothing."""


_ALIKE: Final = 20
"""Definitions of one name, in one interface, among which the same one is looked for."""


class _Unsound(ValueError):
    """A keyword has a value that it cannot have."""


class Components:
    """The schemas that others refer to.

    .. attribute:: schemas

        All of them, by their names in the document.
    """

    def __init__(self) -> None:
        self.schemas: dict[str, Any] = {}
        self._names: dict[tuple[str, str], list[tuple[str, Any]]] = {}
        self._numbers: dict[str, int] = {}

    def adopt(self, interface: str, schema: Any) -> Any:
        """A schema as it stands in the document; its definitions become components.

        :param interface: whose it is.
        """
        definitions = schema.get("$defs") if isinstance(schema, dict) else None
        if not isinstance(definitions, dict):
            definitions = {}
        ended = _that_end(definitions)
        names = {
            name: self._name(interface, name, definition)
            for name, definition in definitions.items()
            if name in ended
        }
        for name, wanted in names.items():
            self.schemas[wanted] = _sound(definitions[name], names)
        return _sound(schema, names)

    def _name(self, interface: str, name: str, definition: Any) -> str:
        """A name that only the same definition of the same interface has."""
        wanted = re.sub(r"[^A-Za-z0-9._-]", "_", f"{interface}.{name}")
        known = self._names.setdefault((interface, name), [])
        for candidate, taken in known[:_ALIKE]:
            if taken == definition:
                return candidate
        candidate = wanted
        while candidate in self.schemas:
            # Not from the beginning each time: all names may be alike.
            number = self._numbers[wanted] = self._numbers.get(wanted, 1) + 1
            candidate = f"{wanted}_{number}"
        self.schemas[candidate] = {}
        known.append((candidate, definition))
        return candidate


def _that_end(definitions: Mapping[str, Any]) -> set[str]:
    """Those that do not say of a value, in the end, what they themselves say of it.

    Whoever looks at the others never comes to an end.
    """
    leads = TopologicalSorter({name: set(_same(part)) for name, part in definitions.items()})
    with suppress(CycleError):
        leads.prepare()
    ended: set[str] = set()
    while ready := leads.get_ready():
        ended.update(ready)
        leads.done(*ready)
    return ended


def _same(schema: Any, depth: int = 0) -> Iterator[str]:
    """The definitions that a schema applies to the very value that it is applied to."""
    if not isinstance(schema, dict) or depth > DEEPEST:
        return
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith(_DEFINITION):
        yield reference[len(_DEFINITION) :]
    parts = [schema.get("not")]
    for keyword in "anyOf", "oneOf", "allOf":
        if isinstance(schema.get(keyword), list):
            parts += schema[keyword]
    for part in parts:
        yield from _same(part, depth + 1)


def _sound(schema: Any, names: Mapping[str, str], depth: int = 0) -> Any:
    """What is right about a schema.

    :param names: of the components that its definitions have become.
    """
    if isinstance(schema, bool):
        return schema
    if not isinstance(schema, dict) or depth > DEEPEST:
        return {}
    inside = partial(_sound, names=names, depth=depth + 1)
    sound = {}
    for keyword, value in schema.items():
        try:
            sound[keyword] = _keyword(keyword, value, names, inside)
        except _Unsound:
            continue
    if "default" in sound and not admits(sound, sound["default"]):
        del sound["default"]
    return sound


def _keyword(
    keyword: str, value: Any, names: Mapping[str, str], inside: Callable[[Any], Any]
) -> Any:
    if keyword in _INSIDE:
        return inside(value)
    if keyword in _LISTS:
        _check(isinstance(value, list) and value != [])
        return list(map(inside, value))
    if keyword in _BY_NAME:
        _check(isinstance(value, dict))
        return {name: inside(part) for name, part in value.items()}
    if keyword == "$ref":
        return _reference(value, names)
    if keyword == "discriminator":
        return _discriminator(value, names)
    _check(keyword in _PLAIN and _PLAIN[keyword](value))
    return value


def _check(right: bool) -> None:  # noqa: FBT001 # that is the question
    if not right:
        raise _Unsound


def _reference(value: Any, names: Mapping[str, str]) -> str:
    _check(isinstance(value, str) and value.startswith(_DEFINITION))
    name = names.get(value[len(_DEFINITION) :])
    if name is None:
        raise _Unsound
    return _COMPONENT + name


def _discriminator(value: Any, names: Mapping[str, str]) -> dict[str, Any]:
    _check(isinstance(value, dict) and isinstance(value.get("propertyName"), str))
    mapping = value.get("mapping", {})
    _check(isinstance(mapping, dict))
    told = {name: _reference(part, names) for name, part in mapping.items()}
    return {"propertyName": value["propertyName"], **({"mapping": told} if told else {})}


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return _is_number(value) and isinstance(value, int) and value >= 0


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value)) and len(set(value)) == len(value)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_type(value: Any) -> bool:
    return value in _TYPES if isinstance(value, str) else bool(value) and _are_types(value)


def _are_types(value: Any) -> bool:
    return _are_names(value) and all(name in _TYPES for name in value)


_PLAIN: Final[dict[str, Callable[[Any], bool]]] = {
    "type": _is_type,
    "required": _are_names,
    "enum": _is_list,
    "examples": _is_list,
    "const": lambda _: True,
    "default": lambda _: True,
    **dict.fromkeys(("title", "description", "format", "pattern", "contentEncoding"), _is_text),
    **dict.fromkeys(("uniqueItems", "deprecated", "readOnly", "writeOnly"), _is_flag),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _is_number),
    "multipleOf": lambda value: _is_number(value) and value > 0,
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), _is_count),
    **dict.fromkeys(("minProperties", "maxProperties"), _is_count),
}
"""Keywords whose values are no schemas, and what tells whether one is right."""

_INSIDE: Final = ("items", "additionalProperties", "not", "contains", "propertyNames")
_LISTS: Final = ("anyOf", "oneOf", "allOf", "prefixItems")
_BY_NAME: Final = ("properties", "patternProperties")
