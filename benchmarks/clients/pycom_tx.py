"""A context for each client."""

from __future__ import annotations

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults

import pycom_tx as pycom
from benchmarks.in_reactor import in_reactor
from benchmarks.peers.pycom_tx import calls, serve
from benchmarks.peers.work import HOST, INTERFACE
from benchmarks.tally import Tally
from pycom_tx.zerojson.txzmq_channel import ZmqNetwork

__all__ = ["run", "serve"]


def run(port: int, tally: Tally, clients: int) -> None:
    """Call on so many connections."""
    in_reactor(_run, port, tally, clients)


async def _run(port: int, tally: Tally, clients: int) -> None:
    # 0MQ's threads, which a program has once. A context of its own would bring more.
    network = ZmqNetwork(reactor)
    callers = [_client(port, tally, network) for _ in range(clients)]
    await gatherResults(map(Deferred.fromCoroutine, callers), consumeErrors=True)


async def _client(port: int, tally: Tally, network: ZmqNetwork) -> None:
    context = pycom.ProxyContext(nameserver=f"tcp://{HOST}:{port}", network=network)
    async with context, context.locate(INTERFACE) as component:
        await calls(component, tally)
