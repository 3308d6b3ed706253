"""Who drives a program: Twisted's reactor, or another loop."""

from __future__ import annotations

from asyncio import get_running_loop
from typing import Any

from pycom_tx.zerojson.errors import ConfigurationError


def check_driven(reactor: Any) -> None:
    """Make sure that what is waited for can come.

    :raises ConfigurationError: a loop of asyncio runs instead of the reactor.
    """
    if getattr(reactor, "running", True):
        return
    try:
        get_running_loop()
    except RuntimeError:
        return  # the reactor is about to be started
    from twisted.internet.asyncioreactor import AsyncioSelectorReactor

    if not isinstance(reactor, AsyncioSelectorReactor):
        raise ConfigurationError(
            "A loop of asyncio runs, and Twisted's reactor does not: no answer would ever come. "
            "Before anything imports the reactor, let the loop drive it with twisted.internet."
            "asyncioreactor.install(loop) and reactor.startRunning(installSignalHandlers=False)"
        )
