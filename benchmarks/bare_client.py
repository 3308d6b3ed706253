"""A client of ZeroJSON that does next to nothing, so that the server is what is measured."""

from __future__ import annotations

import json
from collections.abc import Generator
from itertools import count
from typing import Any

import zmq

from benchmarks.peers.work import HOST

Steps = Generator[tuple[str, str, Any], Any, None]
"""Calls that follow each other: an interface, a method and arguments; the result comes back."""


class BareClient:
    """Makes steps, many at a time, over one connection.

    :param port: the server's.
    """

    def __init__(self, port: int) -> None:
        self._socket = zmq.Context.instance().socket(zmq.DEALER)
        self._socket.connect(f"tcp://{HOST}:{port}")
        self._keys = count()
        self._waiting: dict[bytes, Steps] = {}

    def start(self, steps: Steps) -> None:
        """Make the first of some steps."""
        self._go_on(steps, None)

    def run(self) -> None:
        """Make what follows, until nothing does.

        :raises RuntimeError: the server answered with an error.
        """
        while self._waiting:
            key, _, status, body = self._socket.recv_multipart()
            reply = json.loads(body)
            if status != b"OK" or reply["code"] != 0:
                raise RuntimeError(body)
            self._go_on(self._waiting.pop(key), reply["result"])

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _go_on(self, steps: Steps, result: Any) -> None:
        try:
            interface, method, args = steps.send(result)
        except StopIteration:
            return
        key = b"%x" % next(self._keys)
        self._waiting[key] = steps
        request = {"version": "1.0", "interface": interface, "method": method, "args": args}
        self._socket.send_multipart([key, b"", b"CALL", json.dumps(request).encode()])
