"""JSON in and out: exactly what the standard library reads and writes, but fast.

msgspec is an order of magnitude faster and differs at the edges: it writes NaN as null,
bytes as base64 and sets as lists, and refuses to read NaN, lone surrogates and numbers
beyond a double, all of which PyCOM 0.6 peers send and understand. So it gets the values
for which the two agree, and the standard library everything else.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Iterator
from dataclasses import is_dataclass
from math import isfinite
from typing import Any, Final, NoReturn

import msgspec

from pycom_tx.zerojson.errors import NotSerializable

_write = msgspec.json.Encoder().encode
_read = msgspec.json.Decoder().decode

_ALIKE: Final = frozenset({str, int, bool, type(None)})
"""Types of which msgspec and the standard library write each value alike."""


def encode(value: Any) -> bytes:
    """Write *value* as JSON, in UTF-8.

    :raises NotSerializable: JSON cannot hold it: bytes, sets, objects, keys that are no
        strings or numbers, a structure that contains itself.
    """
    try:
        if _written_alike(value):
            return _write(value)
    except (RecursionError, ValueError):
        pass
    return _encode_exactly(value)


def _encode_exactly(value: Any, **options: Any) -> bytes:
    try:
        return json.dumps(value, default=_refuse, **options).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise NotSerializable(str(error)) from None


def decode(data: bytes) -> Any:
    """Read the JSON text *data*.

    :raises ValueError: it is not JSON, not UTF-8 or nested past the interpreter's limit;
        the message says which, and where.
    """
    try:
        return _read(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _decode_exactly(data)


def _decode_exactly(data: bytes, **options: Any) -> Any:
    try:
        return json.loads(bytes(data).decode("utf-8"), **options)
    except UnicodeDecodeError:
        msg = "Invalid encoding, expected UTF-8"
    except RecursionError:
        msg = "Nested too deeply"
    except ValueError as error:
        msg = str(error)
    raise ValueError(msg)


def encode_strictly(value: Any) -> bytes:
    """As :func:`encode`, but only what the standard for JSON knows.

    :raises NotSerializable: as there, and for NaN and the infinities.
    """
    try:
        if _written_alike(value):
            return _write(value)
    except (RecursionError, ValueError):
        pass
    return _encode_exactly(value, allow_nan=False)


def decode_strictly(data: bytes) -> Any:
    """As :func:`decode`, but only what the standard for JSON knows.

    :raises ValueError: as there, and for NaN, the infinities, and numbers so large that
        they would become one.
    """
    try:
        return _read(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _decode_exactly(data, parse_constant=_no_constant, parse_float=_finite)


def _no_constant(name: str) -> NoReturn:
    msg = f"{name} is no JSON"
    raise ValueError(msg)


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        msg = f"The number {text:.60} is too large"
        raise ValueError(msg)
    return number


def _refuse(value: Any) -> NoReturn:
    """Say what JSON cannot hold, and what whoever wrote it may have meant."""
    kind = type(value).__name__
    hint = ""
    if isinstance(value, Awaitable):
        hint = "; is there an await missing?"
    elif is_dataclass(value) or isinstance(value, msgspec.Struct):
        hint = "; dataclasses.asdict() or msgspec.to_builtins() make JSON of it"
    elif isinstance(value, (Iterator, set, frozenset)):
        hint = "; a list would do"
    msg = f"Object of type {kind} is not JSON serializable{hint}"
    raise TypeError(msg)


def _written_alike(value: Any) -> bool:
    kind = type(value)
    if kind is dict:
        for key in value:
            if type(key) is not str:
                return False
        items = value.values()
    elif kind is list or kind is tuple:
        items = value
    else:
        return kind in _ALIKE or (kind is float and isfinite(value))
    for item in items:  # noqa: SIM110 # faster than all()
        if type(item) not in _ALIKE and not _written_alike(item):
            return False
    return True
