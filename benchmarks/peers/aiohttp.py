"""JSON over HTTP: aiohttp on both sides, with connections that stay open."""

from __future__ import annotations

import asyncio
from time import perf_counter

from aiohttp import ClientSession, web

from benchmarks.peers import announce
from benchmarks.peers.work import FIELD, HOST, VALUE, check
from benchmarks.tally import Tally


async def bar(request: web.Request) -> web.Response:
    """The method."""
    args = await request.json()
    return web.json_response({args["name"]: args["value"]})


def serve(port: int) -> None:
    """Serve."""
    application = web.Application()
    application.add_routes([web.post("/bar", bar)])
    application.on_startup.append(_started)
    web.run_app(application, host=HOST, port=port, access_log=None, print=None)


async def _started(application: web.Application) -> None:
    # The handlers for the start run before it listens.
    asyncio.get_running_loop().call_later(0.1, announce)


def run(port: int, tally: Tally, in_flight: int, path: str = "/bar") -> None:
    """Open a session and call what is at a path."""
    asyncio.run(_run(port, tally, in_flight, path))


async def _run(port: int, tally: Tally, in_flight: int, path: str) -> None:
    async with ClientSession(f"http://{HOST}:{port}") as session:
        await asyncio.gather(*(_calls(session, tally, path) for _ in range(in_flight)))


async def _calls(session: ClientSession, tally: Tally, path: str) -> None:
    while tally.more:
        began = perf_counter()
        async with session.post(path, json={"name": FIELD, "value": VALUE}) as response:
            answer = await response.json()
        tally.answered(began)
        check(answer)
