"""What options and settings are read as: who gives a wrong value is told which one it was."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from math import inf
from typing import Any, Final

from twisted.python import usage

from pycom_tx.host.host import LOCAL
from pycom_tx.zerojson.addresses import LAST_PORT, check_address
from pycom_tx.zerojson.errors import AddressError

_BYTES: Final = re.compile(r"(?P<number>[0-9]{1,15})(?P<unit>[KMG]?)\Z", re.ASCII)
_UNITS: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def option(
    name: str,
    text: str,
    read: Callable[[Any], Any],
    *,
    short: str | None = None,
    default: Any = None,
    usual: str | None = None,
) -> list[Any]:
    """What ``optParameters`` has for an option with a value.

    :param read: gives the value; its ``ValueError`` says what would be one.
    :param default: the value of an option that is not given.
    :param usual: what counts then, for the help, where *default* does not say it.
    """
    shown = text if usual is None else f"{text} [default: {usual}]"
    return [name, short, default, shown, partial(_read, name, read)]


def _read(name: str, read: Callable[[Any], Any], text: str) -> Any:
    try:
        return read(text)
    except ValueError as error:
        hint = ""
        if text.startswith("-") and text.lstrip("-")[:1].isalpha():
            hint = "; options of twistd itself, like its -n, stand before the command"
        raise usage.UsageError(f"--{name} must be {error}{hint}") from None


def at_least(least: int, like: int) -> Callable[[Any], int]:
    """What reads a whole number, as text or as JSON has it.

    :param like: one, for the message.

    :raises ValueError: (from what it gives) it is another one.
    """

    def read(value: Any) -> int:
        number = value
        if isinstance(value, str) and re.fullmatch("[0-9]{1,15}", value, re.ASCII):
            number = int(value)
        if type(number) is not int or number < least:
            msg = f"a whole number, {least} or more, like {like}, got {value!r:.60}"
            raise ValueError(msg)
        return number

    return read


def size(value: Any) -> int:
    """A number of bytes, as 512M.

    :raises ValueError: it is something else.
    """
    return _size(value, "like 65536, 64K, 512M or 2G")


def size_or_none(value: Any) -> int | None:
    """The same, or None for ``none``.

    :raises ValueError: it is neither.
    """
    if value in (None, "none"):
        return None
    return _size(value, "like 65536, 64K, 512M or 2G, or none")


def _size(value: Any, right: str) -> int:
    match = _BYTES.match(value) if isinstance(value, str) else None
    number = value if match is None else int(match["number"]) * _UNITS[match["unit"]]
    if type(number) is not int or number < 1:
        msg = f"bytes, 1 or more, {right}, got {value!r:.60}"
        raise ValueError(msg)
    return number


def seconds(value: Any) -> float:
    """A number of seconds.

    :raises ValueError: it is something else.
    """
    number = _seconds(value)
    if not 0 <= number < inf:
        msg = f"seconds, 0 or more, like 2.5, got {value!r:.60}"
        raise ValueError(msg)
    return number


def some_seconds(value: Any) -> float:
    """The same, and more than none.

    :raises ValueError: it is something else.
    """
    number = _seconds(value)
    if not 0 < number < inf:
        msg = f"seconds, more than 0, like 2.5, got {value!r:.60}"
        raise ValueError(msg)
    return number


def _seconds(value: Any) -> float:
    """Seconds as a number; infinite if they are none."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return inf
    try:
        return float(value)
    except (ValueError, OverflowError):
        return inf


def address(value: Any) -> str:
    """An address to listen at.

    :raises ValueError: it is none.
    """
    return _address(value, "tcp://127.0.0.1:2013 or ipc:///tmp/service")


def advertised(value: Any) -> str:
    """An address to register; the port may be left open, the host not.

    :raises ValueError: it is none.
    """
    right = "tcp://192.168.10.7:2013 or ipc:///tmp/service"
    if isinstance(value, str) and value.startswith(("tcp://*:", "ipc://*")):
        msg = f"an address that others reach, like {right}, got {value!r:.200}"
        raise ValueError(msg)
    return _address(value, right)


def nameserver(value: Any) -> str:
    """The address of a nameserver.

    :raises ValueError: it is none.
    """
    right = "tcp://127.0.0.1:2012 or ipc:///tmp/nameserver"
    if isinstance(value, str) and "*" in value:
        msg = f"an address without *, like {right}, got {value!r:.200}"
        raise ValueError(msg)
    return _address(value, right)


def nameserver_or_local(value: Any) -> str:
    """The same, or what says that the nameserver is one of the components.

    :raises ValueError: it is neither.
    """
    return LOCAL if value == LOCAL else nameserver(value)


def _address(value: Any, right: str) -> str:
    ports = ""
    if isinstance(value, str):
        try:
            check_address("use", value)
        except AddressError:
            ports = f", with a port up to {LAST_PORT}" if value.startswith("tcp:") else ""
        else:
            return value
    msg = f"an address like {right}{ports}, got {value!r:.200}"
    raise ValueError(msg)


def path(value: Any) -> str:
    """The path of a service.

    :raises ValueError: it is none.
    """
    if not isinstance(value, str) or not value.strip():
        msg = f"a path like /com/foo/service, got {value!r:.60}"
        raise ValueError(msg)
    return value


def one_of(*words: str) -> Callable[[str], str]:
    """What reads one of several words.

    :raises ValueError: (from what it gives) it is another one.
    """

    def read(word: str) -> str:
        if word not in words:
            msg = f"{' or '.join(words)}, got {word!r:.60}"
            raise ValueError(msg)
        return word

    return read
