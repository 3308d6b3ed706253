"""Bare sockets and the standard library's JSON: what the transport allows.

The frames are those of ZeroJSON. There are no deadlines, no checks of arguments, no sessions,
and nothing that notices a server's end: a program has to add what it needs of these.
"""

from __future__ import annotations

import json
from itertools import count
from time import perf_counter
from typing import Any, Final

import zmq

from benchmarks.peers import announce
from benchmarks.peers.work import FIELD, HOST, INTERFACE, VALUE, check
from benchmarks.tally import Tally

NAME: Final = "raw pyzmq"
PACKAGES: Final = ("pyzmq",)
IN_FLIGHT: Final = "one DEALER socket, requests told apart by a frame"


def bar(name: str, value: int | None = None) -> dict[str, int | None]:
    """The method."""
    return {name: value}


def serve(port: int) -> None:
    """Answer one request after the other."""
    socket = zmq.Context.instance().socket(zmq.ROUTER)
    socket.bind(f"tcp://{HOST}:{port}")
    announce()
    while True:
        client, key, empty, _, body = socket.recv_multipart()
        request = json.loads(body)
        if (request["interface"], request["method"]) == (INTERFACE, "bar"):
            answer: dict[str, Any] = {"code": 0, "result": bar(**request["args"])}
        else:
            answer = {"code": 2, "error": "Method not found"}
        socket.send_multipart([client, key, empty, b"OK", json.dumps(answer).encode()])


def run(port: int, in_flight: int, tally: Tally) -> None:
    """Keep so many requests under way, and send another for each answer."""
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.connect(f"tcp://{HOST}:{port}")
    keys = count()
    began: dict[bytes, float] = {}

    def send() -> None:
        key = b"%x" % next(keys)
        began[key] = perf_counter()
        args = {"name": FIELD, "value": VALUE}
        request = {"version": "1.0", "interface": INTERFACE, "method": "bar", "args": args}
        socket.send_multipart([key, b"", b"CALL", json.dumps(request).encode()])

    for _ in range(in_flight):
        send()
    while began:
        key, _, status, body = socket.recv_multipart()
        answer = json.loads(body)
        if status != b"OK" or answer["code"] != 0:
            raise RuntimeError(body)
        tally.answered(began.pop(key))
        check(answer["result"])
        if tally.more:
            send()
    socket.close()
