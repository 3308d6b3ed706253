"""Perspective Broker: a referenceable object, over one connection."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.spread.pb import PBClientFactory, PBServerFactory, Root

from benchmarks.in_reactor import in_reactor
from benchmarks.peers import announce
from benchmarks.peers.work import FIELD, HOST, VALUE, check
from benchmarks.tally import Tally


class Example(Root):
    """The service."""

    def remote_bar(self, name: str, value: int | None = None) -> dict[str, int | None]:
        """The method."""
        return {name: value}


def serve(port: int) -> None:
    """Accept connections."""
    endpoint = TCP4ServerEndpoint(reactor, port, interface=HOST)
    endpoint.listen(PBServerFactory(Example())).addCallback(lambda _: announce())
    reactor.run()


def run(port: int, tally: Tally, in_flight: int) -> None:
    """Connect and call."""
    in_reactor(_run, port, tally, in_flight)


async def _run(port: int, tally: Tally, in_flight: int) -> None:
    factory = PBClientFactory()
    await TCP4ClientEndpoint(reactor, HOST, port).connect(factory)
    root = await factory.getRootObject()
    callers = [Deferred.fromCoroutine(_calls(root, tally)) for _ in range(in_flight)]
    await gatherResults(callers, consumeErrors=True)
    factory.disconnect()


async def _calls(root: Any, tally: Tally) -> None:
    while tally.more:
        began = perf_counter()
        answer = await root.callRemote("bar", name=FIELD, value=VALUE)
        tally.answered(began)
        check(answer)
