"""Bare sockets: frames that are passed on.

Large ones are not copied, neither when they are sent nor when they are received; for small
ones a copy is cheaper than what that takes.
"""

from __future__ import annotations

import json
from itertools import count
from time import perf_counter
from typing import Any

import zmq

from benchmarks.attachments import attachment, check
from benchmarks.peers import announce
from benchmarks.peers.work import HOST, INTERFACE
from benchmarks.tally import Tally


def serve(port: int, size: int) -> None:
    """Answer one request after the other with its attachment."""
    socket = zmq.Context.instance().socket(zmq.ROUTER)
    socket.bind(f"tcp://{HOST}:{port}")
    copy = size < socket.copy_threshold
    announce()
    while True:
        client, key, empty, _, body, data = socket.recv_multipart(copy=copy)
        request = json.loads(memoryview(body).tobytes())
        if (request["interface"], request["method"]) != (INTERFACE, "echo"):
            raise RuntimeError(request)
        answer = json.dumps({"code": 0, "result": {}}).encode()
        socket.send_multipart([client, key, empty, b"OK", answer, data], copy=copy)


def run(port: int, tally: Tally, in_flight: int, size: int) -> None:
    """Keep so many requests under way, and send another for each answer."""
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.connect(f"tcp://{HOST}:{port}")
    data = attachment(size)
    copy = size < socket.copy_threshold
    keys = count()
    began: dict[bytes, float] = {}

    def send() -> None:
        key = b"%x" % next(keys)
        began[key] = perf_counter()
        request = {"version": "1.0", "interface": INTERFACE, "method": "echo", "args": {}}
        frames = [key, b"", b"CALL", json.dumps(request).encode(), data]
        socket.send_multipart(frames, copy=copy)

    for _ in range(in_flight):
        send()
    while began:
        key, _, status, body, came = map(_view, socket.recv_multipart(copy=copy))
        if status.tobytes() != b"OK" or json.loads(body.tobytes())["code"] != 0:
            raise RuntimeError(body.tobytes())
        tally.answered(began.pop(key.tobytes()))
        check(data, came)
        if tally.more:
            send()
    socket.close()


def _view(frame: Any) -> memoryview:
    """What is in a frame, which is bytes where it was copied."""
    return memoryview(frame)
