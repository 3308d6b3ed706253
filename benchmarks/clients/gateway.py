"""A connection of HTTP for each client.

The client does next to nothing, so that the gateway is what is measured. Each request has a number
of its own, which has to come back: an answer to another one is wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import count
from time import perf_counter
from typing import Final

from twisted.internet import reactor
from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure

from benchmarks.in_reactor import in_reactor
from benchmarks.peers.gateway import serve
from benchmarks.peers.work import FIELD, HOST, INTERFACE, check
from benchmarks.tally import Tally

__all__ = ["run", "serve"]

PATH: Final = f"/call/{INTERFACE}/bar"

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def run(port: int, tally: Tally, clients: int) -> None:
    """Call on so many connections; an answer that is wrong, or does not come, ends the process."""
    in_reactor(_run, port, tally, clients)


async def _run(port: int, tally: Tally, clients: int) -> None:
    numbers = count()
    endpoint = TCP4ClientEndpoint(reactor, HOST, port)
    ended = []
    for _ in range(clients):
        client = await connectProtocol(endpoint, Client(numbers, tally))
        ended.append(client.ended)
    try:
        await gatherResults(ended, consumeErrors=True)
    except FirstError as first:
        first.subFailure.raiseException()


class Client(Protocol):
    """One request after the other, each as soon as the one before is answered.

    :param numbers: the values that are sent.

    .. attribute:: ended

        Fires when the tally wants no more, or with what went wrong.
    """

    def __init__(self, numbers: Iterator[int], tally: Tally) -> None:
        self.ended: Deferred[None] = Deferred()
        self._numbers = numbers
        self._tally = tally
        self._began = 0.0
        self._number = 0
        self._received = b""
        self._wrong: Failure | None = None
        self._done = False

    def connectionMade(self) -> None:
        self._go_on()

    def dataReceived(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not end or (length is not None and len(body) < int(length[1])):
            return
        self._received = b""
        try:
            check(_result(head, body), self._number)
        except ValueError:
            self._wrong = Failure()
            self.transport.loseConnection()
            return
        self._tally.answered(self._began)
        self._go_on()

    def connectionLost(self, reason: Failure) -> None:
        if self._done:
            self.ended.callback(None)
        else:
            self.ended.errback(self._wrong or reason)

    def _go_on(self) -> None:
        if not self._tally.more:
            self._done = True
            self.transport.loseConnection()
            return
        self._number = next(self._numbers)
        body = json.dumps({"name": FIELD, "value": self._number})
        head = (
            f"POST {PATH} HTTP/1.1\r\nHost: {HOST}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._began = perf_counter()
        self.transport.write(f"{head}{body}".encode())


def _result(head: bytes, body: bytes) -> object:
    """What an answer holds, or how it is none of success."""
    if head.startswith(b"HTTP/1.1 200 "):
        return json.loads(body)
    return head.partition(b"\r\n")[0] + b": " + body
