"""How much a service takes on: options and settings of the same names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from pycom_tx.host.host import DRAIN
from pycom_tx.host.threads import MAX_THREADS
from pycom_tx.tap.values import at_least, option, seconds, size_or_none
from pycom_tx.zerojson.server import MAX_CALLS, MAX_MESSAGE, MAX_WAITING

_LIMITS: Final[dict[str, tuple[str, Callable[[Any], Any], object]]] = {
    "max_calls": ("Calls that may be in progress at once", at_least(1, MAX_CALLS), MAX_CALLS),
    "max_waiting": (
        "Calls that may wait for their turn beside them",
        at_least(0, MAX_WAITING),
        MAX_WAITING,
    ),
    "max_per_client": (
        "Calls of both kinds that one connection may have",
        at_least(1, MAX_CALLS // 2),
        "half of --max-calls",
    ),
    "max_threads": (
        "Methods that block which may run at once",
        at_least(1, MAX_THREADS),
        MAX_THREADS,
    ),
    "max_message": (
        "Bytes of a request or a reply, like 64K, 512M or none",
        size_or_none,
        f"{MAX_MESSAGE >> 20}M",
    ),
    "drain": (
        "Seconds that calls in progress have when it stops; 0 to leave at once",
        seconds,
        f"{DRAIN:g}",
    ),
}

READERS: Final = {name: read for name, (_, read, _) in _LIMITS.items()}
"""What reads each of them, by its name in a file, which is that of a host's parameter."""


def _named(name: str) -> str:
    return name.replace("_", "-")


def _held(read: Callable[[Any], Any]) -> Callable[[str], tuple[Any]]:
    # None is a value here, and what an option has that was not given.
    return lambda text: (read(text),)


PARAMETERS: Final = [
    option(_named(name), text, _held(read), usual=str(usual))
    for name, (text, read, usual) in _LIMITS.items()
]
"""What ``optParameters`` has for them."""


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """The limits among options, by the names of a host's parameters."""
    values = {name: options[_named(name)] for name in READERS}
    return {name: value[0] for name, value in values.items() if value is not None}
