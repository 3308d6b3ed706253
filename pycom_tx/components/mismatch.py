"""Saying what is wrong with a value that is not of its type."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from pycom_tx.zerojson import codec
from pycom_tx.zerojson.errors import NotSerializable

_MESSAGE: Final = re.compile(
    r"(?P<text>.*?)(?:, got (?:`[^`]*`|\d+))?(?: - at (?:`key` in )?`\$(?P<path>[^`]*)`)?",
    re.DOTALL,
)
_STEP: Final = re.compile(r"\.(?P<name>[^.\[]+)|\[(?P<index>\d+)\]|\[\.\.\.\]")
_ENUM: Final = ("Invalid enum value", "Invalid value")

_SHOWN: Final = 60
"""How many characters of a value are shown."""

_Convert = Callable[[dict[str, Any]], Any]


def described(
    error: msgspec.ValidationError,
    values: dict[str, Any],
    convert: _Convert,
    schema: dict[str, Any],
) -> str:
    """What is wrong: which value, what was expected, where in it, and what came.

    :param error: what msgspec says of it.
    :param values: what could not be converted.
    :param convert: raises such an error for them.
    :param schema: the JSON Schema of what was expected.
    """
    found = _MESSAGE.fullmatch(str(error))
    if found is None or not found["path"]:
        return str(error)
    text = found["text"]
    try:
        steps, value = _place(values, found["path"], convert)
        if text.startswith(_ENUM):
            text = f"expected {_choices(schema, steps)}"
        came = f", got {_shown(value)}"
    except LookupError:
        return f"{str(error)[0].lower()}{str(error)[1:]}"
    where = "" if len(steps) == 1 else f" at {_path(steps)}"
    return f"{steps[0]!r}: {text[0].lower()}{text[1:]}{where}{came}"


def _place(values: dict[str, Any], path: str, convert: _Convert) -> tuple[list[str | int], Any]:
    """The steps that lead to a value, and the value.

    :raises LookupError: it cannot be told.
    """
    steps: list[str | int] = []
    value: Any = values
    for found in _STEP.finditer(path):
        if found["name"]:
            step: Any = found["name"]
        elif found["index"]:
            step = int(found["index"])
        else:
            step = _culprit(values, steps, path[: found.end()], convert)
        value = value[step] if isinstance(value, (dict, list)) else _no_such(step)
        steps.append(step)
    return steps, value


def _culprit(values: dict[str, Any], steps: list[str | int], path: str, convert: _Convert) -> Any:
    """The key of the wrong one among the values of an object, which msgspec does not tell.

    :param steps: what leads to the object.
    :param path: how msgspec names its values.

    :raises LookupError: it cannot be told, either.
    """
    whole: Any = values
    for step in steps:
        whole = whole[step]
    keys = list(whole) if isinstance(whole, dict) else list(range(len(whole)))

    def wrong(some: list[Any]) -> bool:
        part = (
            {key: whole[key] for key in some}
            if isinstance(whole, dict)
            else [whole[key] for key in some]
        )
        try:
            convert(_replaced(values, steps, part))
        except msgspec.ValidationError as error:
            found = _MESSAGE.fullmatch(str(error))
            return found is not None and (found["path"] or "").startswith(path)
        return False

    while len(keys) > 1:
        middle = len(keys) // 2
        keys = keys[:middle] if wrong(keys[:middle]) else keys[middle:]
    return keys[0] if wrong(keys) else _no_such(path)


def _replaced(value: Any, steps: list[str | int], part: Any) -> Any:
    """*value* with *part* where *steps* lead to."""
    if not steps:
        return part
    copy = value.copy()
    copy[steps[0]] = _replaced(value[steps[0]], steps[1:], part)
    return copy


def _choices(schema: dict[str, Any], steps: list[str | int]) -> str:
    """What a value may be that is one of a few."""
    choices = [
        choice
        for node in _nodes(schema, schema.get("$defs", {}), steps)
        for choice in node.get("enum", ())
    ]
    return f"one of {', '.join(map(_shown, choices))}"


def _nodes(
    schema: dict[str, Any], definitions: dict[str, Any], steps: list[str | int]
) -> Iterator[dict[str, Any]]:
    """The schemas of what *steps* lead to."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    for option in schema.get("anyOf", ()):
        yield from _nodes(option, definitions, steps)
    if not steps:
        yield schema
        return
    step, *rest = steps
    if isinstance(step, int):
        parts = schema.get("prefixItems", ())
        inner = parts[step] if step < len(parts) else schema.get("items")
    else:
        inner = schema.get("properties", {}).get(step, schema.get("additionalProperties"))
    if isinstance(inner, dict):
        yield from _nodes(inner, definitions, rest)


def _path(steps: list[str | int]) -> str:
    return str(steps[0]) + "".join(
        f".{step}" if isinstance(step, str) and step.isidentifier() else f"[{_shown(step)}]"
        for step in steps[1:]
    )


def _shown(value: Any) -> str:
    """A value as JSON, which whoever sent it can read, whatever language that was."""
    try:
        text = codec.encode(value).decode()
    except NotSerializable:
        text = f"{len(value)} bytes" if isinstance(value, bytes) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _no_such(step: Any) -> Any:
    raise LookupError(step)
