"""A process of several, as its supervisor sees it: what it writes, and how it ends."""

from __future__ import annotations

import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger, LogLevel

from pycom_tx.tap import records

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IDelayedCall, IProcessTransport, IReactorTime
    from twisted.python.failure import Failure

LONGEST: Final = 1 << 20
"""Bytes of a line; what is longer is cut into several."""

LAST_WORDS: Final = 1.0
"""Seconds to wait for output when a process is gone: what it has started may hold its pipes."""


class Lines:
    """Cuts what comes in pieces into lines.

    :param take: called with each line, once.
    """

    def __init__(self, take: Callable[[str], object]) -> None:
        self._take = take
        self._begun = b""

    def feed(self, data: bytes) -> None:
        """Take what has come."""
        *lines, self._begun = (self._begun + data).split(b"\n")
        for line in lines:
            self._hand_on(line)
        if len(self._begun) > LONGEST:
            self.end()

    def end(self) -> None:
        """Take what has come as a line."""
        if self._begun:
            begun, self._begun = self._begun, b""
            self._hand_on(begun)

    def _hand_on(self, line: bytes) -> None:
        self._take(line.decode("utf-8", "backslashreplace"))


class Child(ProcessProtocol):
    """Logs what a process writes, and tells when it has ended.

    :param name: whose process it is: part of each line in the log.
    :param command: how the line on standard error begins which says why it cannot go on.
    :param clock: what tells how long to wait for its output.
    :param registered: called when it logs that the nameserver knows its service.
    :param ended: called with the exit status or the signal that it has ended with, in words, and
        with the reason if it said one and the exit status is 1.
    """

    transport: IProcessTransport

    def __init__(
        self,
        name: str,
        command: str,
        clock: IReactorTime,
        registered: Callable[[], object],
        ended: Callable[[str, str | None], object],
    ) -> None:
        self._name = name
        self._prefix = f"{command}: "
        self._clock = clock
        self._registered = registered
        self._ended = ended
        self._reason: str | None = None
        self._told = False
        self._output, self._errors = Lines(self._written), Lines(self._complained)
        self._closing: IDelayedCall | None = None

    def tell(self) -> None:
        """Pass on a signal that ends it: the first one, or another."""
        self._told = True
        self.transport.write(b"!")

    def kill(self) -> None:
        """End it without a word."""
        with suppress(ProcessExitedAlready):
            self.transport.signalProcess("KILL")

    def outReceived(self, data: bytes) -> None:
        self._output.feed(data)

    def errReceived(self, data: bytes) -> None:
        self._errors.feed(data)

    def processExited(self, reason: Failure) -> None:
        self._closing = self._clock.callLater(LAST_WORDS, self._close)

    def processEnded(self, reason: Failure) -> None:
        if self._closing is not None:
            self._closing.cancel()
        self._output.end()
        self._errors.end()
        status: Any = reason.value
        # One that is told to end may have said already why it does.
        if status.exitCode != 1 and not (self._told and status.signal == signal.SIGTERM):
            self._let_out()
        self._ended(_named(status), self._reason)

    def _close(self) -> None:
        self._closing = None
        self.transport.loseConnection()

    def _written(self, line: str) -> None:
        record = records.read(line)
        if record is None:
            record = records.Record(LogLevel.info, "stdout", line, {})
        elif record.fields.get("registered") is True:
            self._registered()
        self._log(record)

    def _complained(self, line: str) -> None:
        if line.startswith(self._prefix):
            self._let_out()
            # Whether it was the last word is not known before the end.
            self._reason = line[len(self._prefix) :]
        else:
            self._log(records.Record(LogLevel.error, "stderr", line, {}))

    def _let_out(self) -> None:
        """Log what was held back as a reason and is none."""
        if self._reason is not None:
            text = f"{self._prefix}{self._reason}"
            self._log(records.Record(LogLevel.error, "stderr", text, {}))
            self._reason = None

    def _log(self, record: records.Record) -> None:
        # A format of nothing but text: each field belongs to what the process has logged.
        said = record.text.replace("{", "{{").replace("}", "}}")
        fields = {**record.fields, "process": self._name}
        # What a log of text begins a line with.
        fields["log_system"] = f"{self._name} {record.namespace}#{record.level.name}"
        Logger(namespace=record.namespace).emit(record.level, said, **fields)


def _named(status: Any) -> str:
    if status.signal is None:
        return f"exit status {status.exitCode}"
    names = {number.value: number.name for number in signal.Signals}
    return names.get(status.signal, f"signal {status.signal}")
