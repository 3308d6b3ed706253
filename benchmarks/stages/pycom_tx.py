"""Calls while both sides look at what they do."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, gatherResults

import pycom_tx as pycom
from benchmarks.in_reactor import in_reactor
from benchmarks.peers import pycom_tx as peer
from benchmarks.peers.work import HOST, INTERFACE
from benchmarks.stages.sampled import SAMPLES
from benchmarks.stages.sampler import Sampler
from benchmarks.tally import Tally


def serve(port: int) -> None:
    """Serve."""
    peer.serve(port, "benchmarks.stages.sampled")


def do(port: int, in_flight: int, milliseconds: int) -> dict[str, Any]:
    """Call for some time; gives the microseconds of a call that each stage takes, by sides."""
    told: dict[str, Any] = {}
    in_reactor(_do, port, in_flight, milliseconds / 1000, told)
    return told


async def _do(port: int, in_flight: int, seconds: float, told: dict[str, Any]) -> None:
    nameserver = f"tcp://{HOST}:{port}"
    async with pycom.ProxyContext(nameserver=nameserver) as context:
        component = await context.locate(INTERFACE)
        there = await context.locate(SAMPLES)
        await _calls(component, in_flight, Tally(seconds / 4))
        here = Sampler()
        await there.start()
        here.start()
        tally = Tally(seconds)
        await _calls(component, in_flight, tally)
        here.stop()
        of_server = await there.stop()
    rate = tally.result()["rate"]
    told["rate"] = rate
    told["client"] = _microseconds(here.counts, rate)
    told["server"] = _microseconds(of_server, rate)


async def _calls(component: Any, in_flight: int, tally: Tally) -> None:
    callers = [Deferred.fromCoroutine(peer.calls(component, tally)) for _ in range(in_flight)]
    await gatherResults(callers, consumeErrors=True)


def _microseconds(counts: dict[str, int], rate: float) -> dict[str, float]:
    """The shares of a call's time, which is all the time there was for one."""
    looks = sum(counts.values())
    return {stage: count / looks * 1e6 / rate for stage, count in counts.items()}
