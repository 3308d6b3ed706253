"""What Python shows of a remote method: its arguments, their types and defaults."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from keyword import iskeyword
from typing import Any, Final

_TYPES: Final = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "null": "None",
    "array": "list",
    "object": "dict",
}

_ANYTHING: Final = "Any"

_MOST: Final = 100
"""Parts that a type has at most: what is beyond them may be anything."""

_LONGEST: Final = 200
"""Characters of a type, or a default, that are shown."""

_BY_NAME: Final = inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD)
_BY_POSITION: Final = inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL)


class _Shown:
    """A type or a default of the service, in Python's words."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"

    def __repr__(self) -> str:
        return self._text


def is_free(described: dict[str, Any]) -> bool:
    """Whether a method takes whatever is given by name.

    One that declares no arguments does, unless it tells the type of what it gives: who writes
    types would have written those of arguments as well.

    :param described: what ``introspect`` tells about the method.
    """
    if described["required_arguments"] or described["optional_arguments"]:
        return False
    return all(kind == _ANYTHING for _, kind in _results(described))


def signature(method: str, described: dict[str, Any]) -> inspect.Signature:
    """What ``help`` shows of a method.

    :param method: its name.
    :param described: what ``introspect`` tells about it.
    """
    returns = _Shown(f"Deferred[{_outcome(method, described)}]")
    try:
        return inspect.Signature(_parameters(described), return_annotation=returns)
    except ValueError:  # there are names that Python has no syntax for
        return inspect.Signature([_BY_POSITION, _BY_NAME], return_annotation=returns)


def _parameters(described: dict[str, Any]) -> list[inspect.Parameter]:
    if is_free(described):
        return [_BY_NAME]
    incoming = described["attachments"]["incoming"]
    known = _part(described, "schema", "arguments", "properties")
    required = list(described["required_arguments"])
    parameters = []
    for name in [*required, *described["optional_arguments"]]:
        if iskeyword(name) or not name.isidentifier():
            raise ValueError(name)
        schema = _part(known, name)
        kind = "bytes" if name == incoming else _written(schema)
        usual = _Shown(repr(schema["default"]) if "default" in schema else "...")
        parameters.append(
            inspect.Parameter(
                name,
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
                annotation=inspect.Parameter.empty if kind == _ANYTHING else _Shown(kind),
                default=inspect.Parameter.empty if name in required else usual,
            )
        )
    return parameters


def _outcome(method: str, described: dict[str, Any]) -> str:
    results = _results(described)
    if len(results) == 1:
        return results[0][1]
    shown = (name if kind == _ANYTHING else f"{name}: {kind}" for name, kind in results)
    return f"{method}({', '.join(shown)})"


def _results(described: dict[str, Any]) -> list[tuple[str, str]]:
    """The names of the results and their types; one without a name, where none is declared."""
    schema = _part(described, "schema", "result")
    names = list(described["results"])
    if not names:
        return [("", _written(schema))]
    outgoing = described["attachments"]["outgoing"]
    known = _part(schema, "properties")
    return [(name, "bytes" if name == outgoing else _written(_part(known, name))) for name in names]


def _part(whole: Any, *keys: Any) -> dict[str, Any]:
    """An object within objects; an empty one, where there is none."""
    for key in keys:
        whole = whole.get(key) if isinstance(whole, dict) else None
    return whole if isinstance(whole, dict) else {}


def _written(schema: Any, left: Iterator[object] | None = None) -> str:
    """A JSON Schema as Python writes types. Services may tell anything.

    :param left: has an item for each part that may still be looked at.
    """
    left = iter(range(_MOST)) if left is None else left
    if next(left, None) is None or not isinstance(schema, dict):
        return _ANYTHING
    if isinstance(schema.get("$ref"), str):
        return str(schema["$ref"]).rpartition("/")[2]
    if isinstance(schema.get("enum"), list):
        return f"Literal[{', '.join(map(repr, schema['enum']))}]"
    either = schema.get("anyOf")
    if not isinstance(either, list):
        types = schema.get("type")
        if not isinstance(types, list):
            return _single(types, schema, left)
        either = [{**schema, "type": one} for one in types]
    kinds = [_written(part, left) for part in either]
    return _ANYTHING if _ANYTHING in kinds else " | ".join(dict.fromkeys(kinds)) or _ANYTHING


def _single(name: Any, schema: dict[str, Any], left: Iterator[object]) -> str:
    kind = _TYPES.get(name, _ANYTHING) if isinstance(name, str) else _ANYTHING
    if name == "array" and isinstance(schema.get("prefixItems"), list):
        return f"tuple[{', '.join(_written(part, left) for part in schema['prefixItems'])}]"
    if name == "array" and isinstance(schema.get("items"), dict):
        return f"list[{_written(schema['items'], left)}]"
    if name == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"dict[str, {_written(schema['additionalProperties'], left)}]"
    return kind
