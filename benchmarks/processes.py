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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Final

from benchmarks.peers import PEERS, READY
from benchmarks.peers.work import HOST
from benchmarks.workload import Figures, LeftOut, Settings

ROOT: Final = Path(__file__).parents[1]

PATIENCE: Final = 120.0
"""Seconds that a server has until it is ready, where PyCOM 0.6.0 may have to be installed
first, and a client until it has done what it does."""

LEAVING: Final = 3.0
"""Seconds that a process has to end."""

LOOK_AGAIN: Final = 0.02
"""Seconds between two looks at its log."""

_READY: Final = re.compile(rf"^{READY}$|is registered with the nameserver|HTTP is at", re.MULTILINE)


class Failed(Exception):
    """A process did not do what it was started for; the message has what it said."""

    @property
    def reason(self) -> str:
        """The last line of that, and what to do about it."""
        last = str(self).rstrip().splitlines()[-1]
        missing = last.startswith(ModuleNotFoundError.__name__)
        return f"{last}; make bench installs what is missing" if missing else last


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
        figures: Figures = _told_by("run", self, options, *_timing(settings))
        return figures

    def run_at_once(self, settings: Settings, clients: int, **options: object) -> list[Figures]:
        """What each of some clients counts in one round, which begins when all are ready.

        They say that they are, and wait until their standard input ends.
        """
        command = _command("run", self, options, *_timing(settings))
        with ExitStack() as stack:
            started = [stack.enter_context(_started(command)) for _ in range(clients)]
            for client in started:
                client.wait_until_ready()
            for client in started:
                client.end_input()
            return [client.told() for client in started]

    def seconds(self) -> float:
        """The processor time that it has used: what clock_getcpuclockid(3) has a clock for."""
        return time.clock_gettime(~self.pid << 3 | 2)

    def do(self, **options: object) -> Any:
        """What a client gives that does something once."""
        return _told_by("do", self, options)


@contextmanager
def serving(module: str, times: int = 1, **options: object) -> Iterator[Server]:
    """A server that runs until the context ends.

    :param times: how often it says that it is ready.

    :raises Failed: it did not come up.
    """
    with reserved_port() as port:
        server = Server(module, 0, port)
        with _started(_command("serve", server, options)) as process:
            process.wait_until_ready(times)
            yield replace(server, pid=process.popen.pid)


def server_of(
    peer: str, stack: ExitStack, left_out: LeftOut, package: str, **options: object
) -> Server | None:
    """A server of a peer until the stack ends; None if there is none, and why in *left_out*."""
    try:
        return stack.enter_context(serving(f"{package}.{peer}", **options))
    except Failed as error:
        left_out[PEERS[peer].title] = error.reason
        return None


@contextmanager
def reserved_port() -> Iterator[int]:
    """A port for a server that takes its time to start: nobody else gets it meanwhile."""
    # Servers reuse addresses, too: they can listen where this socket only sits.
    with socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind((HOST, 0))
        yield reserved.getsockname()[1]


def _command(side: str, server: Server, options: dict[str, object], *more: object) -> list[str]:
    given = [f"{name}={value}" for name, value in options.items()]
    command = [side, server.module, server.port, *given, *more]
    return [sys.executable, "-m", "benchmarks.process", *map(str, command)]


def _timing(settings: Settings) -> list[object]:
    timing = ["--seconds", settings.seconds, "--warm-up", settings.warm_up]
    return [*timing, "--calls", settings.calls]


@dataclass(frozen=True)
class _Process:
    """A process that runs, and what it has said."""

    popen: subprocess.Popen[bytes]
    log: IO[str]

    def wait_until_ready(self, times: int = 1) -> None:
        """Wait until it has said so, as often as is told."""
        began = time.monotonic()
        while len(_READY.findall(self._said())) < times:
            if self.popen.poll() is not None or time.monotonic() > began + PATIENCE:
                raise Failed(f"{self.popen.args!r} did not come up:\n{self._said()}")
            time.sleep(LOOK_AGAIN)

    def end_input(self) -> None:
        """End its standard input."""
        if self.popen.stdin is not None:
            self.popen.stdin.close()

    def told(self) -> Any:
        """What it says last, which is JSON."""
        try:
            status = self.popen.wait(PATIENCE)
        except subprocess.TimeoutExpired as error:
            raise Failed(str(error)) from None
        return _told(self.popen.args, status, self._said())

    def _said(self) -> str:
        self.log.seek(0)
        return self.log.read()


@contextmanager
def _started(command: list[str]) -> Iterator[_Process]:
    """A process that is ended when the context is, and killed if it does not end."""
    # A file, as a pipe that nobody reads holds up who writes into it; what is written is put at
    # its end, wherever somebody reads.
    with (
        tempfile.TemporaryFile("a+") as log,
        subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT
        ) as popen,
    ):
        try:
            yield _Process(popen, log)
        finally:
            # What it has started itself ends with it, if it is not killed.
            popen.terminate()
            try:
                popen.wait(LEAVING)
            except subprocess.TimeoutExpired:
                popen.kill()


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
    return _told(command, done.returncode, done.stdout, done.stderr)


def _told(command: object, status: int, out: str, err: str = "") -> Any:
    if status:
        raise Failed(f"{command!r} ended with {status}:\n{out}{err}")
    return json.loads(out.splitlines()[-1])
