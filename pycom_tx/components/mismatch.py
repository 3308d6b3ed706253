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

_TOLD: Final = 200
"""How many characters there are of a path, and of what msgspec or a class says."""

_CHOICES: Final = 10
"""How many choices are told."""

_EFFORT: Final = 30_000
"""How many values are converted in search of the one that is wrong."""

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
    text = _cut(text, _TOLD)
    if place.startswith(_KEY):
        text = f"{text} as a key"
    try:
        steps, came = _place(value, place, _limited(convert))
    except (LookupError, RecursionError):
        return f"{text} at {_short(name + _inside(place))}, in {shown(value)}"
    if not place.startswith(_KEY) and (choices := _choices(schema, steps)):
        more = ["..."] if len(choices) > _CHOICES else []
        text = f"expected one of {', '.join([*map(shown, choices[:_CHOICES]), *more])}"
    where = f" at {_path(name, steps)}" if steps else ""
    return f"{text}{where}, got {shown(came)}"


def shown(value: Any) -> str:
    """A value as JSON, which whoever sent it can read, whatever language that was."""
    try:
        text = codec.encode(value).decode()
    except NotSerializable:
        what = type(value).__name__
        text = f"{len(value)} bytes" if isinstance(value, bytes) else f"a {what}"
    return _cut(text, _SHOWN)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 3]}..."


def _told(error: msgspec.ValidationError) -> tuple[str, str]:
    """What msgspec says is wrong, and where."""
    text, _, place = str(error).rpartition(_AT)
    text = _CAME.sub("", text)
    if error.__cause__ is not None:
        # Then it is what a class of the service has to say.
        return text or "refused", place
    return f"{text[:1].lower()}{text[1:]}", place


def _inside(place: str) -> str:
    """The path that msgspec gives, from the value on."""
    return place.removeprefix(_KEY).strip("`").removeprefix("$[0]")


def _limited(convert: _Convert) -> _Convert:
    """*convert*, as long as that is no great effort; then it raises LookupError."""
    left = _EFFORT

    def limited(value: Any) -> Any:
        nonlocal left
        inside = [value]
        while inside:
            part = inside.pop()
            # Long strings may have to match a pattern.
            left -= 1 + len(part) // 100 if isinstance(part, str) else 1
            if left < 0:
                raise LookupError("it would take too long")
            if isinstance(part, (list, dict)):
                inside += (*part, *part.values()) if isinstance(part, dict) else part
        return convert(value)

    return limited


def _place(value: Any, place: str, convert: _Convert) -> tuple[_Steps, Any]:
    """The steps that lead to what is wrong, and what that is.

    :raises LookupError: it cannot be told.
    """
    whole, steps = value, list[str | int]()
    path = _inside(place)
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
    nodes = _nodes(schema, steps)
    choices: list[Any] = []
    for node in nodes:
        choices += [None] if node.get("type") == "null" else node.get("enum", [])
    told = all("enum" in node or node.get("type") == "null" for node in nodes)
    return choices if told and choices != [None] else []


def _nodes(schema: dict[str, Any], steps: _Steps) -> list[dict[str, Any]]:
    """The schemas of what *steps* lead to."""
    definitions = schema["$defs"]
    nodes = list(_options(schema, definitions))
    for step in steps:
        inner = [part for node in nodes if isinstance(part := _part(node, step), dict)]
        # Parts of a union lead to the same again and again: once will do.
        found = {id(node): node for part in inner for node in _options(part, definitions)}
        nodes = list(found.values())
    return nodes


def _options(schema: dict[str, Any], definitions: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schemas that a schema is a union of, or itself."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    if "anyOf" not in schema:
        yield schema
    for option in schema.get("anyOf", ()):
        yield from _options(option, definitions)


def _part(schema: dict[str, Any], step: str | int) -> Any:
    """The schema of what is under a key, or at an index."""
    if isinstance(step, str):
        return schema.get("properties", {}).get(step, schema.get("additionalProperties"))
    parts = schema.get("prefixItems", ())
    return parts[step] if step < len(parts) else schema.get("items")


def _path(name: str, steps: _Steps) -> str:
    path = name
    for step in steps:
        plain = isinstance(step, str) and len(step) <= _SHOWN and step.isidentifier()
        path += f".{step}" if plain else f"[{shown(step)}]"
    return _short(path)


def _short(path: str) -> str:
    half = _TOLD // 2
    return path if len(path) <= _TOLD else f"{path[:half]}...{path[-half:]}"
