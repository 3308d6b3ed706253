"""RPyC: a service with exposed methods, and asynchronous results."""

from __future__ import annotations

from time import perf_counter

import rpyc
from rpyc.utils.server import ThreadedServer

from benchmarks.peers import announce
from benchmarks.peers.work import FIELD, HOST, VALUE, check
from benchmarks.tally import Tally


class Example(rpyc.Service):
    """The service."""

    def exposed_bar(self, name: str, value: int | None = None) -> tuple[tuple[str, int | None]]:
        """The method.

        A dict stays where it is, and is asked for each item over the network; tuples go over
        by value.
        """
        return ((name, value),)


def serve(port: int) -> None:
    """Serve."""
    server = ThreadedServer(Example, hostname=HOST, port=port)
    announce()
    server.start()


def run(port: int, tally: Tally, in_flight: int) -> None:
    """Call: one after the other, or many at once as asynchronous results."""
    connection = rpyc.connect(HOST, port)
    if in_flight == 1:
        _one_at_a_time(connection, tally)
    else:
        _many(connection, in_flight, tally)
    connection.close()


def _one_at_a_time(connection: rpyc.Connection, tally: Tally) -> None:
    bar = connection.root.bar
    while tally.more:
        began = perf_counter()
        answer = bar(name=FIELD, value=VALUE)
        tally.answered(began)
        check(dict(answer))


def _many(connection: rpyc.Connection, in_flight: int, tally: Tally) -> None:
    bar = rpyc.async_(connection.root.bar)
    open_calls = 0

    def call() -> None:
        nonlocal open_calls
        open_calls += 1
        began = perf_counter()
        bar(name=FIELD, value=VALUE).add_callback(lambda result: answered(result, began))

    def answered(result: rpyc.AsyncResult, began: float) -> None:
        nonlocal open_calls
        open_calls -= 1
        tally.answered(began)
        check(dict(result.value))
        if tally.more:
            call()

    for _ in range(in_flight):
        call()
    while open_calls:
        connection.serve()
