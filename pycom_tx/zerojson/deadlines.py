"""Ending what is not over in its time."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from pycom_tx.zerojson.errors import BadRequest
from pycom_tx.zerojson.extensions import DEADLINE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from twisted.internet.interfaces import IDelayedCall, IReactorTime


_FOREVER: Final = 1e15
"""Milliseconds that nobody waits for: some 30,000 years."""


def seconds_left(milliseconds: Any) -> float:
    """What is left for a call, by what came with it.

    :raises BadRequest: that is not what it says.
    """
    if type(milliseconds) in (int, float) and -_FOREVER < milliseconds < _FOREVER:
        return float(milliseconds / 1000)
    raise BadRequest(f"{DEADLINE} must be a number of milliseconds, got {milliseconds!r:.60}")


class Limited(Protocol):
    """What has only so much time.

    .. attribute:: ends

        When it is over, by the clock; ``math.inf`` for never.
    """

    @property
    def ends(self) -> float: ...


_T = TypeVar("_T", bound=Limited)


class Deadlines(Generic[_T]):
    """Ends what is not over in its time, with one timer for all of it.

    Most calls end long before their time. So what has ended is not taken off anything; the
    timer, when it fires, looks at what there still is.

    :param clock: what holds the timer, also for a while when nothing is left to wait for.
    :param present: gives what there is.
    :param over: called with each whose time is over, and has to make it end.
    """

    __slots__ = ("_clock", "_due", "_over", "_present", "_timer")

    def __init__(
        self,
        clock: IReactorTime,
        present: Callable[[], Iterable[_T]],
        over: Callable[[_T], object],
    ) -> None:
        self._clock = clock
        self._present = present
        self._over = over
        self._due = inf
        self._timer: IDelayedCall | None = None

    def add(self, ends: float) -> None:
        """There is one more, which ends then."""
        if ends < self._due:
            self.close()
            self._due = ends
            self._timer = self._clock.callLater(max(0.0, ends - self._clock.seconds()), self._look)

    def close(self) -> None:
        """Look no more."""
        self._due = inf
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        self._due = inf
        now = self._clock.seconds()
        present = list(self._present())
        self.add(min((one.ends for one in present if one.ends > now), default=inf))
        for one in present:
            if one.ends <= now:
                self._over(one)
