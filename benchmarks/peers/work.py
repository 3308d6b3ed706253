"""The work that is the same for all: ``bar(name="field1", value=42)``."""

from __future__ import annotations

from typing import Any, Final

INTERFACE: Final = "com.foo.example"
FIELD: Final = "field1"
VALUE: Final = 42
HOST: Final = "127.0.0.1"


def check(answer: Any, value: int = VALUE) -> None:
    """Make sure that the answer is right: a fast wrong one counts for nothing.

    :param value: what was sent.

    :raises ValueError: it is another.
    """
    right = {FIELD: value}
    if answer != right:
        msg = f"The answer to bar({FIELD!r}, {value}) is {right!r}, got {answer!r:.200}"
        raise ValueError(msg)
