"""The command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from math import inf
from pathlib import Path
from typing import Final

from benchmarks.peers import PEERS
from benchmarks.workload import Settings
from benchmarks.workloads import WORKLOADS

FULL: Final = {"rounds": 15, "seconds": 1.0, "warm_up": 0.3}
QUICK: Final = {"rounds": 2, "seconds": 0.3, "warm_up": 0.1}


def parser() -> argparse.ArgumentParser:
    """What understands the command line."""
    options = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure how fast calls are here and elsewhere, and what services take.",
    )
    add = options.add_argument
    add("--only", type=_names(WORKLOADS), help=f"workloads, of {', '.join(WORKLOADS)}")
    add("--peers", type=_names(PEERS), help=f"who takes part, of {', '.join(PEERS)}")
    add("--quick", action="store_true", help="fewer and shorter rounds: some four minutes")
    add("--rounds", type=int, help="how often each case is measured")
    add("--seconds", type=float, help="how long the calls of a round count")
    add("--warm-up", type=float, help="seconds of calls before those that count")
    add("--calls", type=float, default=inf, help="how many calls of a round count at most")
    add("--scale", type=float, default=1.0, help="a factor to numbers of services and the like")
    add("--profile", action="store_true", help="where the time of a call goes: --only stages")
    add(
        "--check", action="store_true", help="exit with 1 if something is missing, or does not hold"
    )
    add("--json", type=Path, metavar="FILE", help="write all figures")
    add("--charts", type=Path, metavar="FOLDER", help="draw charts, as SVG")
    return options


def settings(options: argparse.Namespace) -> Settings:
    """How the run is made that was asked for."""
    timing = QUICK if options.quick else FULL
    given = {name: getattr(options, name) for name in timing}
    chosen = {name: timing[name] if value is None else value for name, value in given.items()}
    return Settings(
        rounds=int(chosen["rounds"]),
        seconds=chosen["seconds"],
        warm_up=chosen["warm_up"],
        calls=options.calls,
        scale=options.scale,
        peers=tuple(options.peers or PEERS),
    )


def _names(known: Iterable[str]) -> Callable[[str], list[str]]:
    """What reads names with commas between."""

    def read(text: str) -> list[str]:
        wanted = text.split(",")
        for name in wanted:
            if name not in known:
                raise argparse.ArgumentTypeError(
                    f"there is no {name!r}, there are {', '.join(known)}"
                )
        # In the order in which they are always measured.
        return [name for name in known if name in wanted]

    return read
