"""Functions that calls pass on their way."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

_T = TypeVar("_T")


async def passed(hooks: Sequence[Callable[..., Any]], data: _T, *where: Any) -> _T:
    """What becomes of *data* when each hook has had it.

    :param where: what hooks are called with before the data.

    :raises TypeError: a hook gives something else back than it got.
    """
    for hook in hooks:
        given = await settled(hook(*where, data))
        if not isinstance(given, type(data)):
            msg = f"The hook {hook!r} gave {given!r:.60} for a {type(data).__name__}"
            raise TypeError(msg)
        data = given
    return data


async def settled(value: Any) -> Any:
    """*value*, or what it fires with if it is a Deferred or a coroutine."""
    if isinstance(value, Deferred) or inspect.iscoroutine(value):
        return await value
    return value
