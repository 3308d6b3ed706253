"""``twistd`` in a process that has a supervisor."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Any

from twisted.application import app
from twisted.internet.error import ReactorNotRunning
from twisted.scripts import twistd

from pycom_tx.host.host import DRAIN
from pycom_tx.tap.place import MARGIN
from pycom_tx.tap.signals import GRACE, Signals, exit_within

if TYPE_CHECKING:
    from collections.abc import Callable


def _terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def _stop(reactor: Any) -> None:
    with suppress(ReactorNotRunning):  # it stops already
        reactor.stop()


class FirstSignal(Signals):
    """Any signal stops the reactor, and none makes the process leave at once.

    The supervisor says so. Others may send all processes what they send the supervisor.
    """

    def _caught(self, number: int, frame: Any) -> None:
        self._reactor.callFromThread(_stop, self._reactor)


class Leash:
    """What holds a process to its supervisor: a pipe that the supervisor alone writes to.

    A byte says what a signal says: to stop, and another one, to do so at once. The end of the
    pipe is that of the supervisor, whatever has become of it.

    :param pipe: its file descriptor.
    :param stop: makes a process stop that does not serve yet.
    :param exit_within: makes it end within a number of seconds, whatever holds it up.

    .. attribute:: patience

        Seconds that it has to stop when the supervisor is gone.
    """

    def __init__(
        self,
        pipe: int,
        stop: Callable[[], object] = _terminate,
        exit_within: Callable[[float], object] = exit_within,
    ) -> None:
        self.patience = DRAIN + MARGIN
        self._pipe = pipe
        self._stop = stop
        self._exit_within = exit_within
        self._leave: Callable[[], object] | None = None

    def signals(self, reactor: Any, leave: Callable[[], object]) -> Signals:
        """What deals with signals here: from now on the process serves.

        :param reactor: what runs, or will.
        :param leave: called in it when the process is to stop at once.
        """
        self._stop = partial(reactor.callFromThread, _stop, reactor)
        self._leave = partial(reactor.callFromThread, leave)
        return FirstSignal(reactor, leave)

    def follow(self) -> None:
        """Do what the supervisor says, as long as there is one; in a thread."""
        stopping = False
        while os.read(self._pipe, 1):
            if stopping:
                self._stop_at_once()
            else:
                stopping = True
                self._stop()
        self._exit_within(self.patience)
        self._stop()

    def _stop_at_once(self) -> None:
        self._exit_within(GRACE)
        if self._leave is not None:
            self._leave()


def run() -> None:
    """Do what the script ``twistd`` does."""
    sys.argv[0] = "twistd"
    leash = Leash(_standard_input())
    Thread(target=leash.follow, daemon=True).start()
    app.run(partial(_run, leash), twistd.ServerOptions)  # type: ignore[attr-defined] # it is there


def _standard_input() -> int:
    """Take the standard input away from what the modules do."""
    pipe = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return pipe


def _run(leash: Leash, config: Any) -> None:
    options = config.subOptions
    options.signals = leash.signals
    leash.patience = options.settings.get("drain", DRAIN) + MARGIN
    twistd.runApp(config)
