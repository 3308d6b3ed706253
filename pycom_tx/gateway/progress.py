"""The calls in progress, and waiting for their end."""

from __future__ import annotations

from typing import Any, Final

from twisted.internet.defer import Deferred, succeed

from pycom_tx.client.over_http.fields import STOPPING
from pycom_tx.gateway.problems import AGAIN, Problem

MAX_CALLS: Final = 1000
"""Calls that may be in progress, unless told otherwise."""


class InProgress:
    """The calls in progress: from the end of a request to the end of its answer.

    :param limit: how many there may be.
    """

    def __init__(self, limit: int = MAX_CALLS) -> None:
        self._limit = limit
        self._count = 0
        self._stopping = False
        self._ended: list[Deferred[None]] = []

    def __len__(self) -> int:
        return self._count

    def begin(self, request: Any) -> None:
        """Count a request until it is answered, or its client gone.

        :raises Problem: there are too many, or no more may begin.
        """
        again = {"Retry-After": str(AGAIN)}
        if self._stopping:
            detail = "The gateway is about to stop"
            raise Problem(503, detail, again, not_started=True, reason=STOPPING)
        if self._count >= self._limit:
            detail = f"{self._limit} calls are in progress here already"
            raise Problem(429, detail, again, not_started=True)
        self._count += 1
        request.notifyFinish().addBoth(self._end)

    def stop(self) -> Deferred[None]:
        """Let no more begin.

        :returns: Deferred firing when the last one has ended. It may be cancelled.
        """
        self._stopping = True
        if not self._count:
            return succeed(None)
        ended: Deferred[None] = Deferred(self._ended.remove)
        self._ended.append(ended)
        return ended

    def _end(self, _: object) -> None:
        self._count -= 1
        if not self._count:
            told, self._ended = self._ended, []
            for ended in told:
                ended.callback(None)
