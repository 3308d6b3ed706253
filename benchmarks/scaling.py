"""How many calls one and several processes of a service answer: ``--processes``.

Clients in processes of their own keep a number of calls in flight, for a method that answers at
once and for one that computes for about a millisecond.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from math import inf
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from typing import Any, Final

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater, react
from twisted.internet.threads import deferToThread

import pycom_tx as pycom

ROOT: Final = Path(__file__).parents[1]

INTERFACE: Final = "com.foo.scaling"

MILLISECOND: Final = 0.001
"""Seconds that one core takes for a call that computes, if it does nothing else."""

ANYWHERE: Final = "tcp://127.0.0.1:*"

PATIENCE: Final = 60.0
"""Seconds that a service has until it is registered."""


@pycom.interface(INTERFACE)
class Work(pycom.Service):
    """What the processes serve."""

    @pycom.method
    def bar(self, request: pycom.Request, name: str, value: int) -> dict[str, int]:
        """Give back a value by its name."""
        return {name: value}

    @pycom.method
    def compute(self, request: pycom.Request, turns: int) -> None:
        """Use a core for a while."""
        turn_round(turns)


def turn_round(turns: int) -> None:
    """Do the same work each time, however long it takes."""
    for _ in range(turns):
        pass


def turns_within(seconds: float) -> int:
    """How often a core that does nothing else turns round in some seconds."""
    fastest = inf
    for _ in range(2_000):
        began = perf_counter()
        turn_round(10_000)
        fastest = min(fastest, perf_counter() - began)
    return int(10_000 * seconds / fastest)


@contextmanager
def running(command: str, *arguments: str, says: str, times: int = 1) -> Iterator[re.Match[str]]:
    """A command of twistd, from when it has said something a number of times.

    :param says: a regular expression; the first match is what is given.
    """
    # A file, as a pipe that nobody reads holds up who writes into it.
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        twistd = "from twisted.scripts.twistd import run; run()"
        process = subprocess.Popen(
            [sys.executable, "-c", twistd, "--nodaemon", "--pidfile=", command, *arguments],
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield _wait(process, log, says, times)
        finally:
            process.terminate()
            process.wait()


def _wait(process: Any, log: Any, says: str, times: int) -> re.Match[str]:
    end = perf_counter() + PATIENCE
    while perf_counter() < end and process.poll() is None:
        log.seek(0)
        found = list(re.finditer(says, log.read()))
        if len(found) >= times:
            return found[0]
        sleep(0.05)
    log.seek(0)
    raise SystemExit(f"It has not come up:\n{log.read()}")


def measured(count: int, method: str, args: dict[str, Any], options: argparse.Namespace) -> float:
    """The calls per second that *count* processes answer."""
    with ExitStack() as stack:
        nameserver = stack.enter_context(
            running("pycom-nameserver", "-a", ANYWHERE, says=r"listens at (\S+)")
        )[1]
        service = ("-a", ANYWHERE, "-n", nameserver, "-s", "/com/foo/scaling")
        stack.enter_context(
            running(
                *("pycom-service", *service, f"--processes={count}", "benchmarks.scaling"),
                says="is registered with the nameserver",
                times=count,
            )
        )
        clients = [
            subprocess.Popen(
                [
                    *(sys.executable, "-m", "benchmarks.scaling", "--client", nameserver),
                    *("--method", method, "--args", json.dumps(args)),
                    *(f"--flight={options.flight}", f"--seconds={options.seconds}"),
                ],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(options.clients)
        ]
        # All begin when all are there.
        for client in clients:
            client.stdout.readline()  # type: ignore[union-attr] # it is a pipe
        return sum(float(client.communicate("go\n")[0]) for client in clients)


async def client(options: argparse.Namespace, reactor: Any) -> None:
    """Call for a while, and print how many calls a second were answered."""
    args = json.loads(options.args)
    answered = 0
    calling = True

    async def call(component: pycom.Component) -> None:
        nonlocal answered
        while calling:
            await component.invoke(options.method, args, timeout=60)
            answered += 1

    async with pycom.Context(options.client) as context, context.locate(INTERFACE) as component:
        await component.introspect()
        print("ready", flush=True)
        await deferToThread(sys.stdin.readline)
        calls = [Deferred.fromCoroutine(call(component)) for _ in range(options.flight)]
        await deferLater(reactor, options.seconds / 4)
        before, began = answered, perf_counter()
        await deferLater(reactor, options.seconds)
        print((answered - before) / (perf_counter() - began))
        calling = False
        await gatherResults(calls)


def table(rates: dict[str, dict[int, list[float]]], counts: list[int]) -> str:
    """The medians as text, with the ratios to the first column."""
    lines = [f"{'calls/s, processes:':20}" + "".join(f"{count:>10}{'':>8}" for count in counts)]
    for method, of_method in rates.items():
        medians = [median(of_method[count]) for count in counts]
        cells = (f"{rate:>10,.0f} ({rate / medians[0]:.2f}) " for rate in medians)
        lines.append(f"{method:20}" + "".join(cells))
    return "\n".join(lines)


def main() -> None:
    """Measure, and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument("--processes", default="1,2", help="numbers of them, with commas between")
    parser.add_argument("--clients", type=int, default=2, help="processes that call")
    parser.add_argument("--flight", type=int, default=32, help="calls in flight of each of them")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each round")
    parser.add_argument("--json", type=Path, help="a file for all figures")
    parser.add_argument("--client", help=argparse.SUPPRESS)
    parser.add_argument("--method", help=argparse.SUPPRESS)
    parser.add_argument("--args", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.client is not None:
        react(lambda reactor: Deferred.fromCoroutine(client(options, reactor)))
    counts = [int(count) for count in options.processes.split(",")]
    args: dict[str, dict[str, Any]] = {
        "bar": {"name": "field1", "value": 42},
        "compute": {"turns": turns_within(MILLISECOND)},
    }
    rates: dict[str, dict[int, list[float]]] = {
        method: {count: [] for count in counts} for method in args
    }
    # Interleaved: what disturbs the machine for a while disturbs all of them.
    for _ in range(options.rounds):
        for method, of_method in rates.items():
            for count in counts:
                of_method[count].append(measured(count, method, args[method], options))
    print(table(rates, counts))
    if options.json is not None:
        settings = {name: getattr(options, name) for name in ("clients", "flight", "seconds")}
        cores = len(os.sched_getaffinity(0))
        figures = {"cores": cores, "settings": settings, "arguments": args, "rates": rates}
        text = json.dumps(figures, indent=2)
        options.json.write_text(f"{text}\n", "utf-8")


if __name__ == "__main__":
    main()
