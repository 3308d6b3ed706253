"""Running steps in Twisted's reactor, and going on behind them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.task import react


def in_reactor(steps: Callable[..., Coroutine[Any, Any, None]], *args: Any) -> None:
    """Run a coroutine function to its end; what fails ends the process with a traceback."""
    try:
        react(lambda _: steps(*args))
    except SystemExit as end:
        # react ends the program in any case.
        if end.code:
            raise
