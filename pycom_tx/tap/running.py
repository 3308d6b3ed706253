"""What runs under twistd: where it cannot go on, the command ends with one line."""

from __future__ import annotations

import atexit
import os
import sys
from abc import abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from twisted.logger import Logger
from twisted.python import usage

import twisted
from pycom_tx import __version__
from pycom_tx.tap.held_up import HeldUp
from pycom_tx.tap.observing import Observed, ObservingOptions
from pycom_tx.tap.signals import Signals
from pycom_tx.zerojson.errors import Error

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.defer import Deferred

TWISTD: Final = (
    "Options of twistd itself stand before the command's name, like -n to stay in the foreground."
)
"""What the help of every command ends with."""

_log = Logger()


class CommandOptions(ObservingOptions):
    """What every command can be told."""

    signals: Callable[..., Signals] = Signals
    """Makes what deals with the signals that end it."""

    def parseOptions(self, options: list[str] | None = None) -> None:
        try:
            super().parseOptions(options)
        except usage.UsageError as error:
            # twistd would print its help before it, which is longer than a screen.
            raise SystemExit(f"{self.command}: {error}") from None

    def parseArgs(self, *args: str) -> None:
        if args:
            raise usage.UsageError(f"there are options only, got {args[0]!r:.60}")

    def opt_version(self) -> None:
        """Display the versions of pycom_tx and of Twisted, and exit."""
        sys.stdout.write(f"pycom_tx {__version__}, Twisted {twisted.__version__}\n")
        sys.exit(0)


class Command(Observed):
    """A command under twistd: where it cannot go on, it ends with one line.

    :param options: the command's options.
    """

    def __init__(self, options: CommandOptions) -> None:
        super().__init__(options, self.fail)
        self._command = options.command
        self._detached = options.parent is not None and not options.parent["nodaemon"]
        # twistd shows who waits for a daemon no more than the first letters of an error.
        self._terminal = _standard_error() if self._detached else None
        self._catch_signals = options.signals
        self._signals: Signals | None = None
        self._held_up: HeldUp | None = None

    def explained(self, error: Error) -> str:
        """What is said of an error that keeps it from starting."""
        return str(error)

    @abstractmethod
    def stop_at_once(self) -> object:
        """What the second signal does."""

    def startService(self) -> None:
        from twisted.internet import reactor

        self._signals = self._catch_signals(reactor, self.stop_at_once)
        reactor.callWhenRunning(self._signals.install)
        self._held_up = HeldUp(reactor)
        self._held_up.startService()
        try:
            super().startService()
        except Exception as error:
            message = self._reason(error)
            if not self._detached:
                self.fail(message)
                return
            if self._terminal is not None:
                line = f"{self._command}: {message}\n".encode("utf-8", "backslashreplace")
                with suppress(OSError):  # nobody reads it
                    os.write(self._terminal, line)
            # Here, the log gets the line.
            sys.excepthook = lambda *_: self._say(message)
            raise
        finally:
            if self._terminal is not None:
                os.close(self._terminal)
                self._terminal = None

    def _reason(self, error: Exception) -> str:
        if isinstance(error, Error):
            return self.explained(error)
        _log.failure("The command cannot start")
        return f"{type(error).__name__}: {error}, see the log"

    def stopService(self) -> Deferred[Any]:
        stopped: Deferred[Any] = super().stopService()
        return stopped.addBoth(self._stopped)

    def fail(self, message: str) -> None:
        """End with exit status 1; twistd itself knows no way to."""
        self._say(message)
        atexit.register(_exit_with_failure)
        from twisted.internet import reactor

        reactor.callWhenRunning(reactor.stop)

    def _stopped(self, result: Any) -> Any:
        if self._signals is not None:
            self._signals.uninstall()
            self._signals = None
        if self._held_up is not None:
            self._held_up.stopService()
            self._held_up = None
        return result

    def _say(self, message: str) -> None:
        if self._detached or sys.__stderr__ is None:
            _log.critical("{command}: {reason}", command=self._command, reason=message)
        else:
            # twistd has turned sys.stderr into the log.
            sys.__stderr__.write(f"{self._command}: {message}\n")


def _standard_error() -> int | None:
    """Another descriptor of it, which outlives that a daemon lets go of it."""
    try:
        return os.dup(2)
    except OSError:
        return None  # there is none


def _exit_with_failure() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)
