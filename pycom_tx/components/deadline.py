"""When the client of the call being served stops waiting for its answer."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

deadline: Final[ContextVar[float | None]] = ContextVar("deadline", default=None)
"""Seconds on the reactor's clock, or None where the client did not say. It is set while a
method runs, for what it calls on its way."""
