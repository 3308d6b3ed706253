"""The bare sockets of :mod:`benchmarks.peers.pyzmq` in Twisted's reactor, by txzmq.

What a call costs more here is what the reactor takes to wait for a socket, and txzmq to read it.
"""

from __future__ import annotations

from itertools import count
from time import perf_counter

import zmq
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from txzmq import ZmqConnection, ZmqEndpoint, ZmqEndpointType, ZmqFactory

from benchmarks.in_reactor import in_reactor
from benchmarks.peers import announce
from benchmarks.peers.pyzmq import answer, reply, request
from benchmarks.peers.work import HOST, check
from benchmarks.tally import Tally


class _Server(ZmqConnection):  # type: ignore[misc] # txzmq has no types
    socketType = zmq.ROUTER

    def messageReceived(self, message: list[bytes]) -> None:
        self.send(reply(message))


class _Client(ZmqConnection):  # type: ignore[misc] # as above
    socketType = zmq.DEALER

    def calls(self, tally: Tally, in_flight: int) -> Deferred[None]:
        """Keep so many requests under way, and send another for each answer."""
        self._tally = tally
        self._keys = count()
        self._began: dict[bytes, float] = {}
        self._ended: Deferred[None] = Deferred()
        for _ in range(in_flight):
            self._call()
        return self._ended

    def _call(self) -> None:
        key = b"%x" % next(self._keys)
        self._began[key] = perf_counter()
        self.send(request(key))

    def messageReceived(self, message: list[bytes]) -> None:
        result = answer(message)
        self._tally.answered(self._began.pop(message[0]))
        check(result)
        if self._tally.more:
            self._call()
        elif not self._began:
            self._ended.callback(None)


def serve(port: int) -> None:
    """Answer one request after the other."""
    _Server(ZmqFactory(), ZmqEndpoint(ZmqEndpointType.bind, f"tcp://{HOST}:{port}"))
    announce()
    reactor.run()  # type: ignore[attr-defined] # it is the module's only until it is installed


def run(port: int, tally: Tally, in_flight: int) -> None:
    """Make calls on one socket."""
    in_reactor(_run, port, tally, in_flight)


async def _run(port: int, tally: Tally, in_flight: int) -> None:
    endpoint = ZmqEndpoint(ZmqEndpointType.connect, f"tcp://{HOST}:{port}")
    await _Client(ZmqFactory(), endpoint).calls(tally, in_flight)
