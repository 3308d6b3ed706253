"""zerorpc: an object's methods over 0MQ, in greenlets."""

from __future__ import annotations

from time import perf_counter

import gevent
import zerorpc

from benchmarks.peers import announce
from benchmarks.peers.work import FIELD, HOST, VALUE, check
from benchmarks.tally import Tally


class Example:
    """The service."""

    def bar(self, name: str, value: int | None = None) -> dict[str, int | None]:
        """The method."""
        return {name: value}


def serve(port: int) -> None:
    """Serve."""
    server = zerorpc.Server(Example())
    server.bind(f"tcp://{HOST}:{port}")
    gevent.spawn(announce)
    server.run()


def run(port: int, tally: Tally, in_flight: int) -> None:
    """Connect and call."""
    client = zerorpc.Client(f"tcp://{HOST}:{port}")
    gevent.joinall(
        [gevent.spawn(_calls, client, tally) for _ in range(in_flight)], raise_error=True
    )
    client.close()


def _calls(client: zerorpc.Client, tally: Tally) -> None:
    while tally.more:
        began = perf_counter()
        # It has no arguments by name.
        answer = client.bar(FIELD, VALUE)
        tally.answered(began)
        check(answer)
