"""A socket for each client, and a poller for all."""

from __future__ import annotations

from time import perf_counter

import zmq

from benchmarks.peers.pyzmq import answer, request, serve
from benchmarks.peers.work import HOST, check
from benchmarks.tally import Tally

__all__ = ["run", "serve"]


def run(port: int, tally: Tally, clients: int) -> None:
    """Call on so many connections."""
    poller = zmq.Poller()
    began: dict[zmq.Socket[bytes], float] = {}

    def send(socket: zmq.Socket[bytes]) -> None:
        began[socket] = perf_counter()
        socket.send_multipart(request(b"0"))

    for _ in range(clients):
        socket = zmq.Context.instance().socket(zmq.DEALER)
        socket.connect(f"tcp://{HOST}:{port}")
        poller.register(socket, zmq.POLLIN)
        send(socket)
    while began:
        for socket, _ in poller.poll():
            result = answer(socket.recv_multipart())
            tally.answered(began.pop(socket))
            check(result)
            if tally.more:
                send(socket)
    zmq.Context.instance().destroy()
