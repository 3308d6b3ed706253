"""Measuring: a round of every case, then the next round."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict
from math import inf
from time import perf_counter

from benchmarks.machine import machine
from benchmarks.peers import PEERS
from benchmarks.processes import Failed
from benchmarks.results import Results, Table
from benchmarks.workload import LeftOut, Settings, Workload


def run(workloads: Iterable[Workload], settings: Settings) -> Results:
    """Measure the workloads, one after the other.

    What disturbs the machine for a while disturbs a round of all cases, and not all rounds of
    one: they are interleaved.
    """
    left_out: LeftOut = {}
    described = {name: value for name, value in asdict(settings).items() if value != inf}
    results = Results(machine(_packages(settings.peers)), described, left_out)
    for workload in workloads:
        began = perf_counter()
        table = _measured(workload, settings, left_out)
        table.seconds = round(perf_counter() - began, 1)
        results.tables[workload.name] = table
    return results


def _measured(workload: Workload, settings: Settings, left_out: LeftOut) -> Table:
    table = Table(workload.title, workload.figure, workload.unit, workload.ratio)
    rounds = int(min(settings.rounds, workload.most_rounds))
    with ExitStack() as stack:
        _say(f"{workload.name}: starting")
        try:
            steps = workload.prepare(settings, stack, left_out)
        except Failed as error:
            left_out[workload.name] = error.reason
            return table
        for number in range(1, rounds + 1):
            for step, measure in list(steps.items()):
                _say(f"{workload.name}, round {number} of {rounds}: {step}")
                try:
                    measured = measure()
                except Failed as error:
                    # The others are worth having without it.
                    del steps[step]
                    left_out[f"{workload.name}: {step}"] = error.reason
                    continue
                for (subject, case), figures in measured.items():
                    table.add(subject, case, figures)
            table.rows = [row for row in table.rows if len(row.rounds) == number]
    _say("")
    return table


def _packages(names: Iterable[str]) -> list[str]:
    return [package for name in names for package in PEERS[name].packages]


def _say(line: str) -> None:
    """Tell whoever waits what is being measured, on a line that the next one replaces."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{line}")
        sys.stderr.flush()
