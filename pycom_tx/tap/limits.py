"""How much a service takes on: options and settings of the same names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import inf
from typing import Any, Final

from pycom_tx.host.host import DRAIN
from pycom_tx.host.threads import MAX_THREADS
from pycom_tx.zerojson.errors import ConfigurationError
from pycom_tx.zerojson.server import MAX_CALLS, MAX_MESSAGE, MAX_WAITING

_BYTES: Final = re.compile(r"(?P<number>[0-9]{1,15})(?P<unit>[KMG]?)\Z", re.ASCII)
_UNITS: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def at_least(least: int) -> Callable[[Any], int]:
    """What reads a whole number, as text or as JSON has it.

    :raises ValueError: (from what it gives) it is another one.
    """

    def read(value: Any) -> int:
        if isinstance(value, str) and re.fullmatch("[0-9]{1,15}", value, re.ASCII):
            value = int(value)
        if type(value) is not int or value < least:
            msg = f"a whole number, {least} or more, got {value!r:.60}"
            raise ValueError(msg)
        return value

    return read


def size(value: Any) -> int | None:
    """A number of bytes, as 512M, or None for ``none``.

    :raises ValueError: it is something else.
    """
    if value in (None, "none"):
        return None
    match = _BYTES.match(value) if isinstance(value, str) else None
    if match is not None:
        value = int(match["number"]) * _UNITS[match["unit"]]
    if type(value) is not int or value < 1:
        msg = f"bytes, 1 or more, like 65536, 64K, 512M or 2G, or none, got {value!r:.60}"
        raise ValueError(msg)
    return value


def seconds(value: Any) -> float:
    """A number of seconds.

    :raises ValueError: it is something else.
    """
    try:
        number = float(value) if isinstance(value, (str, int, float)) else inf
    except (ValueError, OverflowError):
        number = inf
    if isinstance(value, bool) or not 0 <= number < inf:
        msg = f"seconds, 0 or more, got {value!r:.60}"
        raise ValueError(msg)
    return number


_LIMITS: Final[dict[str, tuple[str, Callable[[Any], Any]]]] = {
    "max_calls": (f"Calls that may be in progress at once; {MAX_CALLS}", at_least(1)),
    "max_waiting": (f"Calls that may wait for their turn beside them; {MAX_WAITING}", at_least(0)),
    "max_per_client": ("Calls that one connection may have; half of --max-calls", at_least(1)),
    "max_threads": (f"Methods that block which may run at once; {MAX_THREADS}", at_least(1)),
    "max_message": (
        f"Bytes of a request or a reply, like 64K, 512M or none; {MAX_MESSAGE >> 20}M",
        size,
    ),
    "drain": (
        f"Seconds that calls in progress have when it stops; {DRAIN:g}, 0 to leave at once",
        seconds,
    ),
}


def _option(name: str) -> str:
    return name.replace("_", "-")


def _coerced(read: Callable[[Any], Any]) -> Callable[[str], tuple[Any]]:
    """In a tuple: None is a value here, and what an option has that was not given."""

    def coerce(text: str) -> tuple[Any]:
        try:
            return (read(text),)
        except ValueError as error:
            msg = f"it is {error}"
            raise ValueError(msg) from None

    return coerce


PARAMETERS: Final = [
    [_option(name), None, None, text, _coerced(read)] for name, (text, read) in _LIMITS.items()
]
"""What ``optParameters`` has for them."""


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """The limits among options, by the names of a host's parameters."""
    values = {name: options[_option(name)] for name in _LIMITS}
    return {name: value[0] for name, value in values.items() if value is not None}


def is_limit(name: str) -> bool:
    """Whether a setting of a file is one."""
    return name in _LIMITS


def configured(path: str, name: str, value: Any) -> Any:
    """A limit in a file.

    :raises ConfigurationError: it is none.
    """
    try:
        return _LIMITS[name][1](value)
    except ValueError as error:
        raise ConfigurationError(f"{path}: {name} must be {error}") from None
