"""How long it takes until a service is there."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Final

from benchmarks.peers.work import HOST
from benchmarks.processes import ROOT, Failed, serving
from benchmarks.workload import Case, Figures, LeftOut, Settings, Steps, Workload

TWISTD: Final = [str(Path(sys.executable).with_name("twistd")), "-n", "--pidfile="]

SERVICE: Final = "twistd pycom-service, until it is registered"


def prepare(settings: Settings, stack: ExitStack, left_out: LeftOut) -> Steps:
    """Start a nameserver, which the service registers with."""
    nameserver = stack.enter_context(serving("nameserver.operations"))
    service = ["-a", f"tcp://{HOST}:*", "-n", f"tcp://{HOST}:{nameserver.port}"]
    cases = {
        "python, nothing else": ([sys.executable, "-c", ""], ""),
        "python, Twisted's reactor imported": (
            [sys.executable, "-c", "import twisted.internet.reactor"],
            "",
        ),
        "twistd web, until it listens": (
            [*TWISTD, "web", "--listen", f"tcp:0:interface={HOST}"],
            "starting on",
        ),
        SERVICE: (
            [*TWISTD, "pycom-service", *service, "benchmarks.services"],
            "is registered with the nameserver",
        ),
    }
    return {
        title: partial(measure, (title, ""), command, until)
        for title, (command, until) in cases.items()
    }


def measure(key: Case, command: list[str], until: str) -> dict[Case, Figures]:
    """Start a process, and take the time until it says what is waited for.

    :param until: a part of that; if empty, it is until the process has ended.

    :raises Failed: it ended without that, or with an error.
    """
    began = perf_counter()
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        said, is_there = [], False
        for line in process.stdout or ():
            said.append(line)
            is_there = bool(until) and until in line
            if is_there:
                break
        took = perf_counter() - began
        # One that says no more has ended, or is about to.
        status = None if is_there else process.wait()
        process.kill()
    if not is_there and (until or status):
        raise Failed(f"{command} ended with {status}:\n{''.join(said)}")
    return {key: {"milliseconds": took * 1000}}


WORKLOAD: Final = Workload(
    "start",
    "from the start of a process until it does what it is for",
    "milliseconds",
    "ms",
    prepare,
)
