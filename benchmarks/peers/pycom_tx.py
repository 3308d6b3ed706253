"""This project: ``twistd pycom-service`` with a nameserver in it, and a program with proxies.

Nothing is left out: the client asks the nameserver who provides the interface, each call has
the default deadline and a choice of provider, and the method's annotations are its contract.
"""

from __future__ import annotations

import sys
from time import perf_counter
from typing import Any, Final

from twisted.internet.defer import Deferred, gatherResults
from twisted.scripts import twistd

import pycom_tx as pycom
from benchmarks.in_reactor import in_reactor
from benchmarks.peers.work import FIELD, HOST, INTERFACE, VALUE, check
from benchmarks.tally import Tally

NAME: Final = "pycom_tx"
PACKAGES: Final = ("pycom_tx", "Twisted", "pyzmq", "msgspec")
IN_FLIGHT: Final = "coroutines that share a proxy"


def serve(port: int) -> None:
    """Run twistd; its log says when the service is registered."""
    address = ["--address", f"tcp://{HOST}:{port}", "--nameserver", "local"]
    sys.argv = ["twistd", "-n", "--pidfile=", "pycom-service", *address, "benchmarks.services"]
    twistd.run()


def run(port: int, in_flight: int, tally: Tally) -> None:
    """Locate the service and call its method through a proxy."""
    in_reactor(_run, port, in_flight, tally)


async def _run(port: int, in_flight: int, tally: Tally) -> None:
    context = pycom.ProxyContext(nameserver=f"tcp://{HOST}:{port}")
    async with context, context.locate(INTERFACE) as component:
        callers = [Deferred.fromCoroutine(_calls(component, tally)) for _ in range(in_flight)]
        await gatherResults(callers, consumeErrors=True)


async def _calls(component: Any, tally: Tally) -> None:
    while tally.more:
        began = perf_counter()
        answer = await component.bar(name=FIELD, value=VALUE)
        tally.answered(began)
        check(answer)
