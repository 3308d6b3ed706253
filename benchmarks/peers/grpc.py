"""gRPC's asyncio API, with JSON for bodies in the place of compiled messages."""

from __future__ import annotations

import asyncio
import json
from time import perf_counter
from typing import Any

import grpc

from benchmarks.peers import announce
from benchmarks.peers.work import FIELD, HOST, INTERFACE, VALUE, check
from benchmarks.tally import Tally


def _encode(value: Any) -> bytes:
    return json.dumps(value).encode()


async def bar(request: dict[str, Any], context: Any) -> dict[str, int | None]:
    """The method."""
    return {request["name"]: request["value"]}


def serve(port: int) -> None:
    """Serve."""
    asyncio.run(_serve(port))


async def _serve(port: int) -> None:
    method = grpc.unary_unary_rpc_method_handler(
        bar, request_deserializer=json.loads, response_serializer=_encode
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(INTERFACE, {"bar": method}),)
    )
    server.add_insecure_port(f"{HOST}:{port}")
    await server.start()
    announce()
    await server.wait_for_termination()


def run(port: int, tally: Tally, in_flight: int) -> None:
    """Open a channel and call."""
    asyncio.run(_run(port, tally, in_flight))


async def _run(port: int, tally: Tally, in_flight: int) -> None:
    async with grpc.aio.insecure_channel(f"{HOST}:{port}") as channel:
        call = channel.unary_unary(
            f"/{INTERFACE}/bar", request_serializer=_encode, response_deserializer=json.loads
        )
        await asyncio.gather(*(_calls(call, tally) for _ in range(in_flight)))


async def _calls(call: Any, tally: Tally) -> None:
    while tally.more:
        began = perf_counter()
        answer = await call({"name": FIELD, "value": VALUE})
        tally.answered(began)
        check(answer)
