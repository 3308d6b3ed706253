"""Locate, call, close: a context stays, the connection to the service does not."""

from __future__ import annotations

from time import perf_counter

import pycom_tx as pycom
from benchmarks.in_reactor import in_reactor
from benchmarks.peers.pycom_tx import serve
from benchmarks.peers.work import FIELD, HOST, INTERFACE, VALUE, check
from benchmarks.tally import Tally

__all__ = ["run", "serve"]


def run(port: int, tally: Tally) -> None:
    """Locate and call, one after the other."""
    in_reactor(_run, port, tally)


async def _run(port: int, tally: Tally) -> None:
    async with pycom.ProxyContext(nameserver=f"tcp://{HOST}:{port}") as context:
        while tally.more:
            began = perf_counter()
            async with context.locate(INTERFACE) as component:
                answer = await component.bar(name=FIELD, value=VALUE)
            tally.answered(began)
            check(answer)
