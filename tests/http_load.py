"""Many requests at once, to a method that answers its args.

``python -m tests.http_load HOST:PORT /call/com.foo.example/echo 20000 50`` makes 20,000 requests
on 50 connections to a gateway that runs, and tells how many answers were right, and how fast.
"""

import sys
from itertools import count, islice

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import clientFromString, connectProtocol
from twisted.internet.protocol import Protocol
from twisted.internet.task import react


class Client(Protocol):
    """One request after the other, each as soon as the one before is answered.

    :param path: what is called.
    :param numbers: what is sent, until there are no more.

    .. attribute:: ended

        Fires with how many answers were right.
    """

    def __init__(self, path, numbers):
        self._path = path
        self._numbers = numbers
        self._received = self._body = b""
        self._right = 0
        self.ended = Deferred()

    def connectionMade(self):
        self._ask()

    def dataReceived(self, data):
        self._received += data
        head, _, body = self._received.partition(b"\r\n\r\n")
        if len(body) >= len(self._body):
            self._right += head.startswith(b"HTTP/1.1 200 ") and body == self._body
            self._received = b""
            self._ask()

    def connectionLost(self, reason):
        self.ended.callback(self._right)

    def _ask(self):
        number = next(self._numbers, None)
        if number is None:
            self.transport.loseConnection()
            return
        self._body = b"[%d]" % number
        self.transport.write(
            b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (self._path, len(self._body), self._body)
        )


async def load(reactor, where, path, requests, connections):
    """Make requests on a number of connections; gives how many answers were right."""
    numbers = islice(count(), requests)
    clients = [
        await connectProtocol(
            clientFromString(reactor, f"tcp:{where}"), Client(path.encode(), numbers)
        )
        for _ in range(connections)
    ]
    return sum(await gatherResults([client.ended for client in clients]))


async def main(reactor, where, path, requests="20000", connections="50"):
    began = reactor.seconds()
    right = await load(reactor, where, path, int(requests), int(connections))
    seconds = reactor.seconds() - began
    sys.stdout.write(f"{right} of {requests} were right, {right / seconds:.0f} a second\n")


if __name__ == "__main__":
    react(main, sys.argv[1:])
