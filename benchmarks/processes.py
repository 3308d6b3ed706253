"""Servers and clients, in processes of their own."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.peers import READY
from benchmarks.peers.work import HOST

ROOT: Final = Path(__file__).parents[1]

PATIENCE: Final = 60.0
"""Seconds that a server has until it is ready."""

LOOK_AGAIN: Final = 0.02
"""Seconds between two looks at its log."""

_READY: Final = re.compile(rf"^{READY}$|is registered with the nameserver", re.MULTILINE)


class Failed(Exception):
    """A process did not do what it was started for; the message has what it said."""


@dataclass(frozen=True)
class Running:
    """A server.

    :ivar pid: its process.
    :ivar port: where it listens.
    """

    pid: int
    port: int


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        port: int = taken.getsockname()[1]
        return port


def module(name: str, *arguments: object) -> list[str]:
    """The command that runs a module of ours."""
    return [sys.executable, "-m", f"benchmarks.{name}", *map(str, arguments)]


@contextmanager
def serving(name: str, *arguments: object) -> Iterator[Running]:
    """A server that runs until the context ends.

    :param name: of its module, which is told a port behind the *arguments*.

    :raises Failed: it did not come up.
    """
    port = free_port()
    # A file, as a pipe that nobody reads holds up who writes into it.
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            module(name, *arguments, port), cwd=ROOT, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait_until_ready(process, log)
            yield Running(process.pid, port)
        finally:
            process.kill()
            process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], log: Any) -> None:
    began = time.monotonic()
    while True:
        log.seek(0)
        said = log.read()
        if _READY.search(said):
            return
        if process.poll() is not None or time.monotonic() > began + PATIENCE:
            raise Failed(f"{process.args} did not come up:\n{said}")
        time.sleep(LOOK_AGAIN)


def told_by(command: Sequence[str]) -> dict[str, Any]:
    """What a client prints as the last line, which is JSON.

    :raises Failed: it ended with an error.
    """
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told
