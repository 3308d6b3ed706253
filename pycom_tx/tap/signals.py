"""The signals that end a command."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Any, Final

from twisted.logger import Logger

if TYPE_CHECKING:
    from collections.abc import Callable

GRACE: Final = 3.0
"""Seconds that a process has to leave after the second signal."""

_SIGNALS: Final = ("SIGINT", "SIGTERM", "SIGBREAK")

_log = Logger()


def exit_within(seconds: float) -> None:
    """End this process in a while, also while threads block that the reactor waits for."""
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL))
    timer.daemon = True
    timer.start()


class Signals:
    """The first signal stops the reactor, as always; the second one makes it leave at once.

    Without it the second one asks the reactor to stop again, which is an error. The third
    one ends the process.

    :param reactor: what runs, and has installed its handlers when it does.
    :param leave: called in the reactor, for the second signal.
    :param exit_later: called then as well, to make sure that the process ends, whatever holds
        it up.
    """

    def __init__(
        self,
        reactor: Any,
        leave: Callable[[], object],
        exit_later: Callable[[], object] = lambda: exit_within(GRACE),
    ) -> None:
        self._reactor = reactor
        self._leave = leave
        self._exit_later = exit_later
        self._stopping = False
        self._handlers: dict[int, Any] = {}
        self._trigger: Any = None

    def install(self) -> None:
        """Take the signals over from the reactor, which runs."""
        self._trigger = self._reactor.addSystemEventTrigger("before", "shutdown", self._stops)
        for name in _SIGNALS:
            number = getattr(signal, name, None)
            if number is None:
                continue
            handler = signal.getsignal(number)
            # Whoever has installed none, or a debugger's, has reasons.
            if getattr(handler, "__self__", None) is self._reactor:
                self._handlers[number] = handler
                signal.signal(number, self._caught)

    def uninstall(self) -> None:
        """Give them back, unless the reactor is about to stop."""
        if self._stopping:
            return
        if self._trigger is not None:
            self._reactor.removeSystemEventTrigger(self._trigger)
            self._trigger = None
        handlers, self._handlers = self._handlers, {}
        for number, handler in handlers.items():
            signal.signal(number, handler)

    def _stops(self) -> None:
        self._stopping = True
        self._trigger = None

    def _caught(self, number: int, frame: Any) -> None:
        if not self._stopping:
            self._stopping = True
            self._handlers[number](number, frame)
            return
        for name in self._handlers:
            signal.signal(name, signal.SIG_DFL)
        self._reactor.callFromThread(self._leave_at_once)

        self._exit_later()

    def _leave_at_once(self) -> None:
        _log.info("Another signal: leaving at once.")
        self._leave()
