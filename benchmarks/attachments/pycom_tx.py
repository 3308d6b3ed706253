"""A method that takes an attachment and gives it back."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

import pycom_tx as pycom
from benchmarks.attachments import attachment, check
from benchmarks.in_reactor import in_reactor
from benchmarks.peers import pycom_tx as peer
from benchmarks.peers.work import HOST, INTERFACE
from benchmarks.tally import Tally


def serve(port: int, size: int) -> None:
    """Serve."""
    peer.serve(port)


def run(port: int, tally: Tally, in_flight: int, size: int) -> None:
    """Call with an attachment of so many bytes."""
    in_reactor(_run, port, tally, in_flight, attachment(size))


async def _run(port: int, tally: Tally, in_flight: int, data: bytes) -> None:
    context = pycom.ProxyContext(nameserver=f"tcp://{HOST}:{port}")
    async with context, context.locate(INTERFACE) as component:
        callers = [_calls(component, tally, data) for _ in range(in_flight)]
        await gatherResults(map(Deferred.fromCoroutine, callers), consumeErrors=True)


async def _calls(component: Any, tally: Tally, data: bytes) -> None:
    echo = component.echo.with_options(attachment_view=True)
    while tally.more:
        began = perf_counter()
        came = await echo(data=data)
        tally.answered(began)
        check(data, came)
