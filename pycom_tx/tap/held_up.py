"""A line in the log when something holds up the reactor, and with it all calls."""

from __future__ import annotations

import selectors
import sys
import time
from itertools import takewhile
from math import inf
from pathlib import Path
from threading import Event, Thread, get_ident
from traceback import FrameSummary, StackSummary, walk_stack
from typing import TYPE_CHECKING, Any, Final

from twisted.application.service import Service
from twisted.logger import Logger

import twisted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from twisted.internet.interfaces import IDelayedCall

LONG: Final = 1.0
"""Seconds in which the reactor has done nothing that was due: it is held up."""

INTERVAL: Final = 0.25
"""Seconds from one look to the next."""

REMINDER: Final = 60.0
"""Seconds in which it is not said again."""

_OURS: Final = (str(Path(__file__).parents[1]), str(Path(twisted.__file__).parent))
"""Where the code is that calls that of services."""


def in_a_thread(look: Callable[[], object]) -> Callable[[], object]:
    """Have a function called again and again; gives what ends that."""
    ended = Event()

    def watch() -> None:
        while not ended.wait(INTERVAL):
            look()

    Thread(target=watch, daemon=True).start()
    return ended.set


class HeldUp(Service):
    """Tells the log when the reactor is held up, and by which code.

    That code runs while it is told, so a thread looks at it: the reactor cannot.

    :param reactor: what is looked at.
    :param seconds: tells the time, in any thread.
    :param repeat: has a function called elsewhere than in the reactor, as :func:`in_a_thread` does.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        seconds: Callable[[], float] = time.monotonic,
        repeat: Callable[[Callable[[], object]], Callable[[], object]] = in_a_thread,
    ) -> None:
        self._reactor = reactor
        self._seconds = seconds
        self._repeat = repeat
        self._timer: IDelayedCall | None = None
        self._end: Callable[[], object] | None = None
        self._thread_id = 0
        self._ticked = self._looked = inf
        self._silent_until = -inf

    def startService(self) -> None:
        super().startService()
        # From when the reactor runs: what is done before holds nobody up.
        self._timer = self._reactor.callLater(0, self._begin)

    def stopService(self) -> None:
        super().stopService()
        if self._end is not None:
            self._end()
            self._end = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def look(self) -> None:
        """Say so if the reactor is held up."""
        now, looked = self._seconds(), self._looked
        self._looked = now
        # Who looks late himself belongs to a process that was stopped, or had no processor.
        if now - looked >= LONG or now - self._ticked < LONG or now < self._silent_until:
            return
        stack = _stack(self._thread_id)
        if waits(stack):
            return
        self._silent_until = now + REMINDER
        self._log.warn(
            "Nothing else has been done for {seconds:.1f} s, because of {where}. A method that "
            "computes or waits for so long is declared with @method(blocking=True)",
            seconds=now - self._ticked,
            where=_where(stack),
        )

    def _begin(self) -> None:
        self._thread_id = get_ident()
        self._looked = self._seconds()
        self._tick()
        self._end = self._repeat(self.look)

    def _tick(self) -> None:
        self._ticked = self._seconds()
        self._timer = self._reactor.callLater(INTERVAL, self._tick)


def waits(stack: Sequence[FrameSummary]) -> bool:
    """Whether a reactor is where it waits for something to do: it lacks a processor only."""
    file = stack[0].filename
    return file == selectors.__file__ or (
        file.startswith(_OURS) and file.endswith("reactor.py")  # of whichever kind it is
    )


def _stack(thread_id: int) -> list[FrameSummary]:
    """What a thread is at, the innermost call first."""
    frame = sys._current_frames().get(thread_id)  # noqa: SLF001 # there is no other way to ask
    return StackSummary.extract(walk_stack(frame), lookup_lines=False)


def _where(stack: list[FrameSummary]) -> str:
    """The innermost call, and whose code has made it."""
    theirs = list(takewhile(lambda call: not call.filename.startswith(_OURS), stack)) or stack[:1]
    told = theirs[:1] + theirs[1:][-1:]
    return ", called by ".join(
        f"{call.name} ({call.filename}, line {call.lineno})" for call in told
    )
