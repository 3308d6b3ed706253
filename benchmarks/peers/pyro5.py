"""Pyro5: a daemon with an exposed class, and proxies."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Final

import Pyro5
from Pyro5.api import Daemon, Proxy, expose

from benchmarks.peers import announce
from benchmarks.peers.work import FIELD, HOST, VALUE, check
from benchmarks.tally import Tally

OBJECT: Final = "example"

THREADS: Final = 128
"""Its server has a thread for each connection; without this one for 80 of them."""


@expose
class Example:
    """The service."""

    def bar(self, name: str, value: int | None = None) -> dict[str, int | None]:
        """The method."""
        return {name: value}


def serve(port: int) -> None:
    """Serve."""
    Pyro5.config.THREADPOOL_SIZE = THREADS
    daemon = Daemon(host=HOST, port=port)
    daemon.register(Example, OBJECT)
    announce()
    daemon.requestLoop()


def run(port: int, tally: Tally, in_flight: int) -> None:
    """Call through a proxy in each thread: they cannot be shared."""
    with ThreadPoolExecutor(in_flight) as threads:
        for done in [threads.submit(_calls, port, tally) for _ in range(in_flight)]:
            done.result()


def _calls(port: int, tally: Tally) -> None:
    with Proxy(f"PYRO:{OBJECT}@{HOST}:{port}") as example:
        while tally.more:
            began = perf_counter()
            answer = example.bar(name=FIELD, value=VALUE)
            tally.answered(began)
            check(answer)
