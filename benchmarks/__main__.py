"""Measure, and print what came of it."""

from __future__ import annotations

import argparse
from math import inf
from pathlib import Path

from benchmarks.peers import PEERS
from benchmarks.rounds import run
from benchmarks.tables import printed
from benchmarks.workload import Settings
from benchmarks.workloads import WORKLOADS


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = [workload.name for workload in WORKLOADS]
    parser.add_argument("--only", default=",".join(names), help="workloads, with commas between")
    parser.add_argument("--peers", default=",".join(PEERS), help="peers, with commas between")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="of each round")
    parser.add_argument("--calls", type=float, default=inf, help="of a round, at most")
    parser.add_argument("--warm-up", type=float, default=0.5, help="seconds of each round before")
    parser.add_argument("--json", type=Path, help="a file for all figures")
    options = parser.parse_args()
    settings = Settings(
        rounds=options.rounds,
        seconds=options.seconds,
        calls=options.calls,
        warm_up=options.warm_up,
        peers=tuple(options.peers.split(",")),
    )
    chosen = options.only.split(",")
    results = run([workload for workload in WORKLOADS if workload.name in chosen], settings)
    print(printed(results))
    if options.json is not None:
        results.save(options.json)


main()
