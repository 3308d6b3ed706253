"""Operations of a nameserver, a hundred at once, each about any of the services it knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from random import randrange
from time import perf_counter
from typing import Any, Final

from benchmarks.bare_client import BareClient, Steps
from benchmarks.peers import pycom_tx as peer
from benchmarks.tally import Tally

NAMESERVER: Final = "org.pycom.nameserver"

IN_FLIGHT: Final = 100


def serve(port: int) -> None:
    """Serve a nameserver that knows nobody but itself."""
    peer.serve(port, "benchmarks.nameserver.long_leases")


def do(port: int, services: int) -> dict[str, int]:
    """Register so many services."""
    client = BareClient(port)
    numbers = iter(range(services))
    for _ in range(IN_FLIGHT):
        client.start(_fill(numbers))
    client.run()
    client.close()
    return {"services": services}


def run(port: int, tally: Tally, operation: str, services: int) -> None:
    """Make one operation again and again.

    :param operation: the name of one of :data:`OPERATIONS`.
    :param services: how many there are.
    """
    client = BareClient(port)
    for _ in range(IN_FLIGHT):
        client.start(_repeat(OPERATIONS[operation], services, tally))
    client.run()
    client.close()


def _fill(numbers: Iterator[int]) -> Steps:
    for number in numbers:
        yield NAMESERVER, "register", _record(number)


def _repeat(operation: Callable[[int], Steps], services: int, tally: Tally) -> Steps:
    while tally.more:
        began = perf_counter()
        yield from operation(services)
        tally.answered(began)


def _record(number: int) -> dict[str, Any]:
    """A service with an interface that nobody else provides, as most have."""
    return {
        "service": f"/com/example/service{number}",
        "address": f"tcp://127.0.0.1:{1024 + number % 60000}",
        "interfaces": [f"com.example.interface{number}"],
    }


def _any(services: int) -> dict[str, Any]:
    return _record(randrange(services))  # noqa: S311 # no secret


def _locate(services: int) -> Steps:
    wanted = _any(services)
    found = yield NAMESERVER, "locate", {"interface": wanted["interfaces"][0]}
    _expect(found, wanted)


def _resolve(services: int) -> Steps:
    wanted = _any(services)
    found = yield NAMESERVER, "resolve", {"interface": wanted["interfaces"][0]}
    _expect(found["services"], [wanted])


def _watch(services: int) -> Steps:
    wanted = _any(services)
    found = yield NAMESERVER, "watch", {"interface": wanted["interfaces"][0]}
    _expect(found["services"], [wanted])


def _renew(services: int) -> Steps:
    yield NAMESERVER, "register", _any(services)


def _come_and_go(services: int) -> Steps:
    newcomer = _record(services + next(_newcomers))
    yield NAMESERVER, "register", newcomer
    leaving = {"service": newcomer["service"], "address": newcomer["address"]}
    gone = yield NAMESERVER, "unregister", leaving
    _expect(gone, {"unregistered": True})


def _expect(told: Any, right: Any) -> None:
    if told != right:
        msg = f"The nameserver told {told!r}, right is {right!r}"
        raise ValueError(msg)


_newcomers = count()

OPERATIONS: Final = {
    "locate": _locate,
    "resolve": _resolve,
    "watch": _watch,
    "renew": _renew,
    "come-and-go": _come_and_go,
}
