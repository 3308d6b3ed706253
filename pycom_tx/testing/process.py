"""A process of a simulation: what dies when it crashes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from twisted.internet.interfaces import IDelayedCall

    from pycom_tx.client.context import Context
    from pycom_tx.host.host import ComponentHost


NEVER: Final = 1e12
"""Seconds until what never happens."""


@implementer(IReactorTime)
class ProcessClock:
    """The clock of a simulation, and which of its timers are a process's own.

    :param clock: the one of the simulation.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._timers: list[IDelayedCall] = []
        self._look_at = 100
        self._stopped = False

    def seconds(self) -> float:
        return self._clock.seconds()

    def callLater(
        self,
        delay: float,
        callable: Callable[..., object],  # noqa: A002 # as the interface has it
        *args: Any,
        **kwargs: Any,
    ) -> IDelayedCall:
        delay = NEVER if self._stopped else delay
        timer = self._clock.callLater(delay, callable, *args, **kwargs)
        if len(self._timers) >= self._look_at:
            self.getDelayedCalls()
            self._look_at = 100 + 2 * len(self._timers)
        self._timers.append(timer)
        return timer

    def getDelayedCalls(self) -> Sequence[IDelayedCall]:
        self._timers = [timer for timer in self._timers if timer.active()]
        return self._timers

    def stop(self) -> None:
        """Let no timer come to its time any more, also none that is set later.

        They can still be cancelled: what a program was about to do is tidied away at some
        time, and must not fail then.
        """
        self._stopped = True
        for timer in self.getDelayedCalls():
            timer.reset(NEVER)


class Process:
    """A program in a simulation: a host or a context, and all that it has.

    .. attribute:: name
    .. attribute:: clock

        What its timers are set on.

    .. attribute:: alive

        Whether it has not crashed.

    .. attribute:: host

        Its :class:`~pycom_tx.ComponentHost`, if it has one.

    .. attribute:: context

        Its :class:`~pycom_tx.Context`, if it is a client.
    """

    def __init__(self, name: str, clock: IReactorTime) -> None:
        self.name = name
        self.clock = ProcessClock(clock)
        self.alive = True
        self.host: ComponentHost | None = None
        self.context: Context | None = None

    def die(self) -> None:
        """Stop where it is: nothing of it runs any more."""
        self.alive = False
        self.clock.stop()

    def tidy(self) -> None:
        """End what was under way when it died.

        Its coroutines would be ended anyway, in any order, once nothing knows them any more.
        """
        contexts = [self.context]
        if self.host is not None:
            contexts.append(self.host.context)
            self.host.stop_at_once().addErrback(lambda _: None)
        for context in contexts:
            if context is not None:
                context.close()

    def __repr__(self) -> str:
        return f"<Process {self.name}>"
