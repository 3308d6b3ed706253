"""``twistd pycom-service --processes``, and a program that calls all of them through a proxy."""

from __future__ import annotations

import sys
from time import perf_counter
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThread
from twisted.scripts import twistd

import pycom_tx as pycom
from benchmarks.in_reactor import in_reactor
from benchmarks.peers import announce
from benchmarks.peers import pycom_tx as peer
from benchmarks.peers.work import HOST, INTERFACE
from benchmarks.scaling.work import COMPUTE
from benchmarks.tally import Tally


def serve(port: int, nameserver: int, processes: int) -> None:
    """Serve at any ports, and be known to the nameserver at the port that is told."""
    given = {
        "address": f"tcp://{HOST}:*",
        "nameserver": f"tcp://{HOST}:{nameserver}",
        "processes": processes,
    }
    options = [f"--{name}={value}" for name, value in given.items()]
    sys.argv = ["twistd", "-n", "--pidfile=", "pycom-service", *options, "benchmarks.scaling.work"]
    twistd.run()


def run(port: int, tally: Tally, in_flight: int, turns: int) -> None:
    """Say that it is ready, and call from when standard input is closed.

    :param port: the nameserver's.
    :param turns: how long each call computes; with none of them it is ``bar``.
    """
    in_reactor(_run, port, tally, in_flight, turns)


async def _run(port: int, tally: Tally, in_flight: int, turns: int) -> None:
    context = pycom.ProxyContext(nameserver=f"tcp://{HOST}:{port}")
    async with context, context.locate(COMPUTE if turns else INTERFACE) as component:
        announce()
        await deferToThread(sys.stdin.read)
        callers = [
            _computing(component, tally, turns) if turns else peer.calls(component, tally)
            for _ in range(in_flight)
        ]
        await gatherResults(map(Deferred.fromCoroutine, callers), consumeErrors=True)


async def _computing(component: Any, tally: Tally, turns: int) -> None:
    while tally.more:
        began = perf_counter()
        answer = await component.compute(turns=turns)
        tally.answered(began)
        if answer != turns:
            msg = f"The answer to compute({turns}) is {turns}, got {answer!r:.200}"
            raise ValueError(msg)
