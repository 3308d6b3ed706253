"""This project over HTTP: the service in one process, ``twistd pycom-gateway`` in another.

The client is aiohttp's, as it is beside aiohttp's own server.
"""

from __future__ import annotations

import subprocess
import sys

from twisted.scripts import twistd

from benchmarks.peers.work import HOST, INTERFACE
from benchmarks.processes import reserved_port
from benchmarks.tally import Tally

# It ends with whoever holds the other end of its standard input, however that ends.
_SERVICE = """
import os, sys, threading
from benchmarks.peers.pycom_tx import serve
def leave():
    sys.stdin.read()
    os._exit(0)
threading.Thread(target=leave, daemon=True).start()
serve(int(sys.argv[1]))
"""


def serve(port: int) -> None:
    """Start the service, and run twistd."""
    with reserved_port() as inside:
        service = subprocess.Popen(
            [sys.executable, "-c", _SERVICE, str(inside)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for line in service.stdout or ():
            if "is registered" in line:
                break
    listen = f"tcp:{port}:interface={HOST}"
    command = ["pycom-gateway", "-n", f"tcp://{HOST}:{inside}", "--http", listen]
    sys.argv = ["twistd", "-n", "--pidfile=", *command]
    twistd.run()


def run(port: int, tally: Tally, in_flight: int) -> None:
    """Call as a client of aiohttp's own server does."""
    from benchmarks.peers import aiohttp  # there is a gateway where it is not installed, too

    aiohttp.run(port, tally, in_flight, f"/call/{INTERFACE}/bar")
