"""A connection for each client."""

from __future__ import annotations

from twisted.internet.defer import Deferred, gatherResults

from benchmarks.in_reactor import in_reactor
from benchmarks.peers.amp import calls, connect, serve
from benchmarks.tally import Tally

__all__ = ["run", "serve"]


def run(port: int, tally: Tally, clients: int) -> None:
    """Call on so many connections."""
    in_reactor(_run, port, tally, clients)


async def _run(port: int, tally: Tally, clients: int) -> None:
    callers = [_client(port, tally) for _ in range(clients)]
    await gatherResults(map(Deferred.fromCoroutine, callers), consumeErrors=True)


async def _client(port: int, tally: Tally) -> None:
    await calls(await connect(port), tally)
