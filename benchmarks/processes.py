"""Servers and clients, in processes of their own."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.peers import PEERS, READY
from benchmarks.peers.work import HOST
from benchmarks.workload import Figures, LeftOut, Settings

ROOT: Final = Path(__file__).parents[1]

PATIENCE: Final = 120.0
"""Seconds that a server has until it is ready, where PyCOM 0.6.0 may have to be installed
first, and a client until it has done what it does."""

LOOK_AGAIN: Final = 0.02
"""Seconds between two looks at its log."""

_READY: Final = re.compile(rf"^{READY}$|is registered with the nameserver|HTTP is at", re.MULTILINE)


class Failed(Exception):
    """A process did not do what it was started for; the message has what it said."""

    @property
    def reason(self) -> str:
        """The last line of that."""
        return str(self).rstrip().splitlines()[-1]


@dataclass(frozen=True)
class Server:
    """A server that runs.

    :ivar module: of which it is.
    :ivar pid: its process.
    :ivar port: where it listens.
    """

    module: str
    pid: int
    port: int

    def run(self, settings: Settings, **options: object) -> Figures:
        """What a client counts in one round."""
        timing = ["--seconds", settings.seconds, "--warm-up", settings.warm_up]
        figures: Figures = _told_by("run", self, options, *timing, "--calls", settings.calls)
        return figures

    def seconds(self) -> float:
        """The processor time that it has used: what clock_getcpuclockid(3) has a clock for."""
        return time.clock_gettime(~self.pid << 3 | 2)

    def do(self, **options: object) -> Any:
        """What a client gives that does something once."""
        return _told_by("do", self, options)


@contextmanager
def serving(module: str, **options: object) -> Iterator[Server]:
    """A server that runs until the context ends.

    :raises Failed: it did not come up.
    """
    server = Server(module, 0, free_port())
    # A file, as a pipe that nobody reads holds up who writes into it.
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            _command("serve", server, options), cwd=ROOT, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait_until_ready(process, log)
            yield Server(module, process.pid, server.port)
        finally:
            process.kill()
            process.wait()


def server_of(
    peer: str, stack: ExitStack, left_out: LeftOut, package: str, **options: object
) -> Server | None:
    """A server of a peer until the stack ends; None if there is none, and why in *left_out*."""
    try:
        return stack.enter_context(serving(f"{package}.{peer}", **options))
    except Failed as error:
        left_out[PEERS[peer].title] = error.reason
        return None


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        port: int = taken.getsockname()[1]
        return port


def _command(side: str, server: Server, options: dict[str, object], *more: object) -> list[str]:
    given = [f"{name}={value}" for name, value in options.items()]
    command = [side, server.module, server.port, *given, *more]
    return [sys.executable, "-m", "benchmarks.process", *map(str, command)]


def _wait_until_ready(process: subprocess.Popen[bytes], log: Any) -> None:
    began = time.monotonic()
    while True:
        log.seek(0)
        said = log.read()
        if _READY.search(said):
            return
        if process.poll() is not None or time.monotonic() > began + PATIENCE:
            raise Failed(f"{process.args!r} did not come up:\n{said}")
        time.sleep(LOOK_AGAIN)


def _told_by(side: str, server: Server, options: dict[str, object], *more: object) -> Any:
    """What a client prints as the last line, which is JSON.

    :raises Failed: it ended with an error, or did not end.
    """
    command = _command(side, server, options, *more)
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired as error:
        raise Failed(str(error)) from None
    if done.returncode:
        raise Failed(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])
