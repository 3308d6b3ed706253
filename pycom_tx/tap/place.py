"""One of several processes: started again when it dies, and told when to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from twisted.application.internet import backoffPolicy
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from pycom_tx.tap.child import Child

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IDelayedCall, IReactorTime

DELAY: Final = backoffPolicy(initialDelay=0.1, maxDelay=30.0, factor=2.0, jitter=lambda: 0.0)
"""Seconds until a process is started again, by the number of times that it has died lately."""

STEADY: Final = 10.0
"""Seconds after which a process has run for so long that its death is the first one again."""

MARGIN: Final = 5.0
"""Seconds beside those for its calls that a process has to end, before it is killed."""

AT_ONCE: Final = 2.5
"""Seconds that it has after the second signal: less than the supervisor has itself."""


class Place:
    """Where one process is at a time, from its start to its stop.

    :param name: what the log calls it.
    :param spawn: starts a process for a protocol; gives its transport.
    :param command: how the line begins which says why a process cannot go on.
    :param clock: what tells when.
    :param patience: seconds that a process has to end when it is told to.
    :param gave_up: called with the reason if the first process says why it cannot go on before
        it was registered: another one could not, either.
    """

    _log = Logger()

    def __init__(
        self,
        name: str,
        spawn: Callable[[Child], Any],
        command: str,
        clock: IReactorTime,
        *,
        patience: float,
        gave_up: Callable[[str], object],
    ) -> None:
        self._name = name
        self._spawn = spawn
        self._command = command
        self._clock = clock
        self._patience = patience
        self._gave_up = gave_up
        self._process: Child | None = None
        self._untried = True
        self._since = 0.0
        self._deaths = 0
        self._stopping = False
        self._stopped: list[Deferred[None]] = []
        self._due: IDelayedCall | None = None

    def start(self) -> None:
        """Start a process.

        :raises OSError: the system has none to give.
        """
        self._since = self._clock.seconds()
        process = Child(self._name, self._command, self._clock, self._tried, self._ended)
        transport = self._spawn(process)
        self._process = process
        self._log.info("{name} is process {pid}", name=self._name, pid=transport.pid)

    def stop(self) -> Deferred[None]:
        """Have it end when its calls have.

        :returns: Deferred firing when it has.
        """
        if not self._stopping:
            self._stopping = True
            self._cancel()
            if self._process is not None:
                self._process.tell()
                self._kill_in(self._process, self._patience)
        if self._process is None:
            return succeed(None)
        stopped: Deferred[None] = Deferred()
        self._stopped.append(stopped)
        return stopped

    def stop_at_once(self) -> None:
        """Have it end without its calls, also when it is about to end with them."""
        self.stop()
        if self._process is not None:
            self._process.tell()
            self._cancel()
            self._kill_in(self._process, AT_ONCE)

    def _kill_in(self, process: Child, seconds: float) -> None:
        self._due = self._clock.callLater(seconds, self._kill, process, seconds)

    def _kill(self, process: Child, seconds: float) -> None:
        self._due = None
        self._log.error(
            "{name} has not ended {seconds:g} s after it was told to: it is killed",
            name=self._name,
            seconds=seconds,
        )
        process.kill()

    def _cancel(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _tried(self) -> None:
        self._untried = False

    def _ended(self, status: str, reason: str | None) -> None:
        self._process = None
        untried, self._untried = self._untried, False
        if self._stopping:
            self._cancel()
            self._log.info("{name} has ended with {status}", name=self._name, status=status)
            stopped, self._stopped = self._stopped, []
            for deferred in stopped:
                deferred.callback(None)
        elif reason is None:
            self._start_again(f"has ended with {status}")
        elif untried:
            self._gave_up(reason)
        else:
            self._start_again(f"has ended with {status}: {reason}")

    def _start_again(self, how: str) -> None:
        if self._clock.seconds() - self._since >= STEADY:
            self._deaths = 0
        delay = DELAY(self._deaths)
        self._deaths += 1
        self._log.error(
            "{name} {how}; it is started again in {delay:g} s",
            name=self._name,
            how=how,
            delay=delay,
        )
        self._due = self._clock.callLater(delay, self._retry)

    def _retry(self) -> None:
        self._due = None
        try:
            self.start()
        except OSError as error:
            self._start_again(f"cannot be started: {error}")
