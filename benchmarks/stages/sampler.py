"""Looking, a thousand times a second, at what a process is doing."""

from __future__ import annotations

import re
import signal
from collections import Counter
from types import FrameType
from typing import Final

INTERVAL: Final = 0.001
"""Seconds from one look to the next."""

WAITING: Final = "waiting for the other side"
ENCODING: Final = "messages: encode"
DECODING: Final = "messages: decode"
SENDING: Final = "0MQ: send"
RECEIVING: Final = "0MQ: receive"
OTHER: Final = "the rest"

_WAITS: Final = ("doPoll", "doIteration")
"""Functions of reactors that wait until there is something to do."""

_INCOMING: Final = {ENCODING: DECODING, SENDING: RECEIVING}
"""What is done in the same files in the other direction."""

_READS: Final = re.compile(r"decode|read|recv|receive|drain", re.IGNORECASE)
"""The functions that do it."""

_STAGES: Final = (
    ("/pycom_tx/zerojson/codec.py", ENCODING),
    ("/pycom_tx/zerojson/messages.py", ENCODING),
    ("/pycom_tx/zerojson/txzmq_", SENDING),
    ("/pycom_tx/zerojson/waiting.py", SENDING),
    ("/txzmq/", SENDING),
    ("/zmq/", SENDING),
    ("/pycom_tx/zerojson/", "connection: calls in flight, deadlines, turns"),
    ("/pycom_tx/client/", "proxy: arguments, choice of provider, attempts"),
    ("/pycom_tx/components/", "dispatch: policy, contract, hooks"),
    ("/pycom_tx/host/", "dispatch: policy, contract, hooks"),
    ("/benchmarks/services.py", "the method"),
    ("/benchmarks/", "the caller"),
    ("/twisted/internet/defer.py", "Deferreds and coroutines"),
    ("/twisted/", "reactor: turns and timers"),
)
"""What is done in files, by a part of their names; the first that fits counts."""

STAGES: Final = (
    WAITING,
    RECEIVING,
    DECODING,
    *dict.fromkeys(stage for _, stage in _STAGES),
    OTHER,
)
"""All of them."""


class Sampler:
    """Counts looks by the stage that was found.

    It takes the alarm signal, and hardly any time: what is measured goes on as it would.

    .. attribute:: counts
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._stages: dict[tuple[str, str], str | None] = {}

    def start(self) -> None:
        """Look from now on."""
        signal.signal(signal.SIGALRM, self._look)
        signal.setitimer(signal.ITIMER_REAL, INTERVAL, INTERVAL)

    def stop(self) -> None:
        """Look no longer."""
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _look(self, number: int, frame: FrameType | None) -> None:
        # What a file of nobody's does is done for whoever called it.
        while frame is not None:
            code = frame.f_code
            key = code.co_filename, code.co_name
            if key not in self._stages:
                self._stages[key] = stage(*key)
            found = self._stages[key]
            if found is not None:
                self.counts[found] += 1
                return
            frame = frame.f_back
        self.counts[OTHER] += 1


def stage(file: str, function: str) -> str | None:
    """What a function is part of; None if that is not known."""
    for part, found in _STAGES:
        if part in file:
            if function in _WAITS:
                return WAITING
            return _INCOMING.get(found, found) if _READS.search(function) else found
    return None
