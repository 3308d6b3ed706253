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
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer
from zope.interface import implementer

from pycom_tx.client.over_http.pieces import pieces
from pycom_tx.zerojson.errors import InvalidReply


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


def read(response: Any, received: Callable[[bytes], bool], most: float) -> Deferred[None]:
    """Read the body of an answer.

    :param received: called with each piece; says whether there is any use in more.
    :param most: bytes that it has at most.

    :returns: Deferred firing when all has come that is of use. Cancelling it closes the
        connection.

    :raises InvalidReply: (as a failure) it has more. The connection is closed.
    """
    reading = _Reading(received, response.length, most)
    response.deliverBody(reading)
    return reading.done


class _Reading(Protocol):
    transport: Any  # there is one from the beginning

    def __init__(self, received: Callable[[bytes], bool], length: Any, most: float) -> None:
        self._received = received
        self._length = 0 if length is UNKNOWN_LENGTH else length
        self._most = most
        self._size = 0
        self._over = False
        self.done: Deferred[None] = Deferred(lambda _: self._stop())

    def connectionMade(self) -> None:
        if self._length > self._most:
            self._refuse(self._length)

    def dataReceived(self, data: bytes) -> None:
        if self._over:
            return
        self._size += len(data)
        if self._size > self._most:
            self._refuse(f"{self._size} or more")
        elif not self._received(data):
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

    def _refuse(self, size: object) -> None:
        self._stop()
        text = f"The answer has {size} bytes, and {self._most} is what is read"
        self.done.errback(InvalidReply(text))

    def _stop(self) -> None:
        self._over = True
        self.transport.loseConnection()
