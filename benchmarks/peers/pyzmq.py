"""Bare sockets and the standard library's JSON: what the transport allows.

The frames are those of ZeroJSON. There are no deadlines, no checks of arguments, no sessions,
and nothing that notices a server's end: a program has to add what it needs of these.
"""

from __future__ import annotations

import json
from itertools import count
from time import perf_counter
from typing import Any

import zmq

from benchmarks.peers import announce
from benchmarks.peers.work import FIELD, HOST, INTERFACE, VALUE, check
from benchmarks.tally import Tally


def bar(name: str, value: int | None = None) -> dict[str, int | None]:
    """The method."""
    return {name: value}


def serve(port: int) -> None:
    """Answer one request after the other."""
    socket = zmq.Context.instance().socket(zmq.ROUTER)
    socket.bind(f"tcp://{HOST}:{port}")
    announce()
    while True:
        socket.send_multipart(reply(socket.recv_multipart()))


def reply(frames: list[bytes]) -> list[bytes]:
    """The frames that answer those of a call."""
    client, key, empty, _, body = frames
    asked = json.loads(body)
    answered: dict[str, Any] = {"code": 2, "error": "Method not found"}
    if (asked["interface"], asked["method"]) == (INTERFACE, "bar"):
        answered = {"code": 0, "result": bar(**asked["args"])}
    return [client, key, empty, b"OK", json.dumps(answered).encode()]


def run(port: int, tally: Tally, in_flight: int) -> None:
    """Keep so many requests under way, and send another for each answer."""
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.connect(f"tcp://{HOST}:{port}")
    keys = count()
    began: dict[bytes, float] = {}

    def send() -> None:
        key = b"%x" % next(keys)
        began[key] = perf_counter()
        socket.send_multipart(request(key))

    for _ in range(in_flight):
        send()
    while began:
        frames = socket.recv_multipart()
        result = answer(frames)
        tally.answered(began.pop(frames[0]))
        check(result)
        if tally.more:
            send()
    socket.close()


def request(key: bytes) -> list[bytes]:
    """The frames of a call."""
    args = {"name": FIELD, "value": VALUE}
    body = {"version": "1.0", "interface": INTERFACE, "method": "bar", "args": args}
    return [key, b"", b"CALL", json.dumps(body).encode()]


def answer(frames: list[bytes]) -> Any:
    """The result in a reply.

    :raises RuntimeError: it is an error.
    """
    _, _, status, body = frames
    reply = json.loads(body)
    if status != b"OK" or reply["code"] != 0:
        raise RuntimeError(body)
    return reply["result"]
