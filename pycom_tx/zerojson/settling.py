"""Values that may come later."""

from __future__ import annotations

import inspect
from typing import Any

from twisted.internet.defer import Deferred


async def settled(value: Any) -> Any:
    """*value*, or what it fires with if it is a Deferred or a coroutine."""
    if isinstance(value, Deferred) or inspect.iscoroutine(value):
        return await value
    return value
