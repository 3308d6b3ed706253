"""Twisted AMP: a command with typed arguments, over one connection."""

from __future__ import annotations

from time import perf_counter
from typing import Any, ClassVar

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint, connectProtocol
from twisted.internet.protocol import Factory
from twisted.protocols import amp

from benchmarks.in_reactor import in_reactor
from benchmarks.peers import announce
from benchmarks.peers.work import FIELD, HOST, VALUE, check
from benchmarks.tally import Tally


class Bar(amp.Command):
    """An answer has the keys that are declared: the name is one of the values."""

    arguments: ClassVar = [(b"name", amp.Unicode()), (b"value", amp.Integer(optional=True))]
    response: ClassVar = [(b"name", amp.Unicode()), (b"value", amp.Integer(optional=True))]


class Example(amp.AMP):
    """The service."""

    @Bar.responder
    def bar(self, name: str, value: int | None = None) -> dict[str, Any]:
        """The method."""
        return {"name": name, "value": value}


def serve(port: int) -> None:
    """Accept connections."""
    endpoint = TCP4ServerEndpoint(reactor, port, interface=HOST)
    endpoint.listen(Factory.forProtocol(Example)).addCallback(lambda _: announce())
    reactor.run()


def run(port: int, tally: Tally, in_flight: int) -> None:
    """Connect and call."""
    in_reactor(_run, port, tally, in_flight)


async def _run(port: int, tally: Tally, in_flight: int) -> None:
    client = await connect(port)
    callers = [Deferred.fromCoroutine(calls(client, tally)) for _ in range(in_flight)]
    await gatherResults(callers, consumeErrors=True)


def connect(port: int) -> Deferred[amp.AMP]:
    """A connection."""
    return connectProtocol(TCP4ClientEndpoint(reactor, HOST, port), amp.AMP())


async def calls(client: amp.AMP, tally: Tally) -> None:
    """Call, one call after the other."""
    while tally.more:
        began = perf_counter()
        answer = await client.callRemote(Bar, name=FIELD, value=VALUE)
        tally.answered(began)
        check({answer["name"]: answer["value"]})
