"""This project: ``twistd pycom-service`` with a nameserver in it, and a program with proxies.

Nothing is left out: the client asks the nameserver who provides the interface, each call has
the default deadline and a choice of provider, and the method's annotations are its contract.
"""

from __future__ import annotations

import sys
from time import perf_counter
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.scripts import twistd

import pycom_tx as pycom
from benchmarks.in_reactor import in_reactor
from benchmarks.peers.work import FIELD, HOST, INTERFACE, VALUE, check
from benchmarks.tally import Tally


def serve(port: int, module: str = "benchmarks.services", *options: str) -> None:
    """Run twistd, whose log says when the service is registered.

    :param module: what it serves, with a nameserver in it.
    :param options: more for the command.
    """
    command = ["pycom-service", "--address", f"tcp://{HOST}:{port}", "--nameserver", "local"]
    sys.argv = ["twistd", "-n", "--pidfile=", *command, *options, module]
    twistd.run()


def run(port: int, tally: Tally, in_flight: int) -> None:
    """Locate the service and call its method through a proxy."""
    in_reactor(_run, port, tally, in_flight)


async def _run(port: int, tally: Tally, in_flight: int) -> None:
    context = pycom.ProxyContext(nameserver=f"tcp://{HOST}:{port}")
    async with context, context.locate(INTERFACE) as component:
        callers = [Deferred.fromCoroutine(calls(component, tally)) for _ in range(in_flight)]
        await gatherResults(callers, consumeErrors=True)


async def calls(component: Any, tally: Tally) -> None:
    """Call, one call after the other."""
    while tally.more:
        began = perf_counter()
        answer = await component.bar(name=FIELD, value=VALUE)
        tally.answered(began)
        check(answer)
