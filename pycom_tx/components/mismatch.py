"""Saying what is wrong with a value that is not of its type."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any, Final

import msgspec

from pycom_tx.zerojson import codec
from pycom_tx.zerojson.errors import NotSerializable

_AT: Final = " - at "
"""What msgspec has between what is wrong and where."""

_KEY: Final = "`key` in "
_ANY: Final = "[...]"
_INDEX: Final = re.compile(r"\[(\d+)\]")
_CAME: Final = re.compile(r", got (`[^`]*`|\d+)\Z")

_SHOWN: Final = 60
"""How many characters of a value are shown."""

_Convert = Callable[[Any], Any]
_Steps = list[str | int]


def described(
    error: msgspec.ValidationError, name: str, value: Any, convert: _Convert, schema: dict[str, Any]
) -> str:
    """What is wrong: what was expected, where in the value, and what came.

    :param error: what msgspec says of it, as the first of an array.
    :param name: the value's.
    :param convert: raises such an error for it.
    :param schema: the JSON Schema of what was expected.
    """
    text, place = _told(error)
    steps: _Steps = []
    try:
        steps, came = _place(value, place, convert)
    except LookupError:
        came = value
    if place.startswith(_KEY):
        text = f"{text} as a key"
    elif choices := _choices(schema, steps):
        text = f"expected one of {', '.join(map(shown, choices))}"
    where = f" at {_path(name, steps)}" if steps else ""
    return f"{text}{where}, got {shown(came)}"


def shown(value: Any) -> str:
    """A value as JSON, which whoever sent it can read, whatever language that was."""
    try:
        text = codec.encode(value).decode()
    except NotSerializable:
        what = type(value).__name__
        text = f"{len(value)} bytes" if isinstance(value, bytes) else f"a {what}"
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _told(error: msgspec.ValidationError) -> tuple[str, str]:
    """What msgspec says is wrong, and where."""
    text, _, place = str(error).rpartition(_AT)
    text = _CAME.sub("", text)
    if error.__cause__ is not None:
        # Then it is what a class of the service has to say.
        return text or "refused", place
    return f"{text[:1].lower()}{text[1:]}", place


def _place(value: Any, place: str, convert: _Convert) -> tuple[_Steps, Any]:
    """The steps that lead to what is wrong, and what that is.

    :raises LookupError: it cannot be told.
    """
    whole, steps = value, list[str | int]()
    path = place.removeprefix(_KEY).strip("`").removeprefix("$[0]")
    while path:
        step: str | int
        if isinstance(value, dict) and path.startswith(_ANY):
            path = path.removeprefix(_ANY)
            step = _culprit(whole, steps, place[: len(place) - len(path) - 1], convert)
        elif isinstance(value, dict):
            step = _field(value, path)
            path = path[1 + len(step) :]
        elif isinstance(value, list) and (found := _INDEX.match(path)):
            step = int(found[1])
            path = path[found.end() :]
        else:
            raise LookupError(path)
        value = value[step]
        steps.append(step)
    if place.startswith(_KEY):
        return steps, _culprit(whole, steps, place, convert)
    return steps, value


def _field(value: dict[str, Any], path: str) -> str:
    """The key that *path* starts with, which may have dots and brackets in it."""
    fitting = [
        key
        for key in value
        if path.startswith(f".{key}") and path[1 + len(key) :][:1] in ("", ".", "[")
    ]
    if not fitting:
        raise LookupError(path)
    return max(fitting, key=len)


def _culprit(value: Any, steps: _Steps, place: str, convert: _Convert) -> str:
    """The wrong one among the keys of an object, or that of a wrong value; msgspec does not
    tell which.

    :param steps: what leads to the object.
    :param place: how msgspec names the place.

    :raises LookupError: it cannot be told, either.
    """
    whole = value
    for step in steps:
        whole = whole[step]
    keys: list[str] = list(whole)

    def is_wrong(some: list[str]) -> bool:
        # On their own they may be too few, which would be another error.
        for among in (some, keys) if not place.startswith(_KEY) else (some,):
            values = cycle([whole[key] for key in some])
            part = dict(zip(among, values, strict=False))
            try:
                convert(_replaced(value, steps, part))
            except msgspec.ValidationError as error:
                if _told(error)[1].startswith(place):
                    return True
            else:
                return False
        return False

    left = keys
    while len(left) > 1:
        middle = len(left) // 2
        left = left[:middle] if is_wrong(left[:middle]) else left[middle:]
    if not is_wrong(left):
        raise LookupError(place)
    return left[0]


def _replaced(value: Any, steps: _Steps, part: Any) -> Any:
    """*value* with *part* where *steps* lead to."""
    if not steps:
        return part
    copy = value.copy()
    copy[steps[0]] = _replaced(value[steps[0]], steps[1:], part)
    return copy


def _choices(schema: dict[str, Any], steps: _Steps) -> list[Any]:
    """What a value may be that is one of a few; empty if it may be anything else."""
    nodes = list(_nodes(schema, schema["$defs"], steps))
    choices: list[Any] = []
    for node in nodes:
        choices += [None] if node.get("type") == "null" else node.get("enum", [])
    told = all("enum" in node or node.get("type") == "null" for node in nodes)
    return choices if told and choices != [None] else []


def _nodes(
    schema: dict[str, Any], definitions: dict[str, Any], steps: _Steps
) -> Iterator[dict[str, Any]]:
    """The schemas of what *steps* lead to."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        for option in schema["anyOf"]:
            yield from _nodes(option, definitions, steps)
    elif not steps:
        yield schema
    else:
        step, *rest = steps
        if isinstance(step, int):
            parts = schema.get("prefixItems", ())
            inner = parts[step] if step < len(parts) else schema.get("items")
        else:
            inner = schema.get("properties", {}).get(step, schema.get("additionalProperties"))
        if isinstance(inner, dict):
            yield from _nodes(inner, definitions, rest)


def _path(name: str, steps: _Steps) -> str:
    return name + "".join(
        f".{step}" if isinstance(step, str) and step.isidentifier() else f"[{shown(step)}]"
        for step in steps
    )
