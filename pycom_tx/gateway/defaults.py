"""Whether a default is one that its own schema admits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

_WORDS: Final = frozenset(
    ("title", "description", "examples", "default", "format", "contentEncoding", "deprecated")
)
"""Keywords that rule nothing out."""

_BOUNDS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "minimum": lambda value, bound: value >= bound,
    "maximum": lambda value, bound: value <= bound,
    "exclusiveMinimum": lambda value, bound: value > bound,
    "exclusiveMaximum": lambda value, bound: value < bound,
}

_NAMES: Final = {str: "string", bool: "boolean", int: "integer", float: "number"}


def admits(schema: Any, value: Any) -> bool:
    """Whether a schema surely admits a value.

    That is found out of null, booleans, numbers and strings, and of lists and objects that are
    empty; of all else, and of what takes more than a look, it is not sure.
    """
    if isinstance(schema, bool):
        return schema
    return all(
        _rule(keyword, rule, value) for keyword, rule in schema.items() if keyword not in _WORDS
    )


def _rule(keyword: str, rule: Any, value: Any) -> bool:
    if keyword == "type":
        names = [rule] if isinstance(rule, str) else rule
        return any(map(_names(value).__contains__, names))
    if keyword == "anyOf":
        return any(admits(part, value) for part in rule)
    if keyword in ("enum", "const"):
        known = rule if keyword == "enum" else [rule]
        return any(type(one) is type(value) and one == value for one in known)
    if keyword in _BOUNDS:
        return type(value) in (int, float) and _BOUNDS[keyword](value, rule)
    # What is inside does not matter where nothing is.
    return keyword in ("items", "properties", "additionalProperties") and value in ([], {})


def _names(value: Any) -> tuple[str, ...]:
    """The types that a value is of."""
    if value is None:
        return ("null",)
    if value == []:
        return ("array",)
    if value == {}:
        return ("object",)
    name = _NAMES.get(type(value))
    if name is None:
        return ()
    return (name, "number") if name == "integer" else (name,)
