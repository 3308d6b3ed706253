"""The bodies of requests and answers, as they leave and arrive."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from pycom_tx.client.over_http.pieces import pieces


@implementer(IBodyProducer)
class Body:
    """The body of a request, which leaves no faster than the other side takes it.

    :param parts: bytes that follow each other.

    .. attribute:: begun

        Whether the request was written: before that, nobody can have seen it.
    """

    def __init__(self, parts: Sequence[bytes]) -> None:
        self.length = sum(map(len, parts))
        self.begun = False
        self._pieces = pieces(parts)
        self._paused = False
        self._consumer: Any = None
        self._written: Deferred[None] = Deferred(lambda _: self.stopProducing())

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        self.begun = True
        self._consumer = consumer
        self.resumeProducing()
        return self._written

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False
        while self._consumer is not None and not self._paused:
            piece = next(self._pieces, None)
            if piece is None:
                self._consumer = None
                self._written.callback(None)
            else:
                self._consumer.write(piece)

    def stopProducing(self) -> None:
        self._consumer = None


def read(response: Any, received: Callable[[bytes], bool]) -> Deferred[None]:
    """Read the body of an answer.

    :param received: called with each piece; says whether there is any use in more.

    :returns: Deferred firing when all has come that is of use. Cancelling it closes the
        connection.
    """
    reading = _Reading(received)
    response.deliverBody(reading)
    return reading.done


class _Reading(Protocol):
    transport: Any  # there is one from the beginning

    def __init__(self, received: Callable[[bytes], bool]) -> None:
        self._received = received
        self._over = False
        self.done: Deferred[None] = Deferred(lambda _: self._stop())

    def dataReceived(self, data: bytes) -> None:
        if not self._over and not self._received(data):
            self._stop()
            self.done.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._over:
            return
        self._over = True
        # Whether the end was the end is seen in what came.
        if reason.check(ResponseDone, PotentialDataLoss):
            self.done.callback(None)
        else:
            self.done.errback(reason)

    def _stop(self) -> None:
        self._over = True
        self.transport.loseConnection()
