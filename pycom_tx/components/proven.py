"""Which methods there are, as far as a client can know."""

from __future__ import annotations

from typing import Final

from pycom_tx.zerojson.errors import (
    AccessDenied,
    BadRequest,
    MethodNotFound,
    RemoteError,
    ServiceNotFound,
)

MAX_METHODS: Final = 1000
"""Methods that are told apart."""

_PROVES_NOTHING: Final = frozenset(
    kind.code for kind in (MethodNotFound, ServiceNotFound, BadRequest, AccessDenied)
)
"""What may be answered for a method that there is not."""


def proves_method(error: BaseException | None) -> bool:
    """Whether what a call failed with, or None, tells that there is such a method.

    What a caller names may be invented, in a gateway by any stranger, and makes no names of
    spans or metrics before.
    """
    if isinstance(error, RemoteError):
        return error.code not in _PROVES_NOTHING
    return error is None


def knows_none(*_: str) -> bool:
    """Whether a method is known before it has answered, where nobody knows: no."""
    return False
