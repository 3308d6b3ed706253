"""What the documentation shows of a run: ``python -m benchmarks.report [RESULTS [FOLDER]]``."""

from __future__ import annotations

import re
import sys
from collections.abc import Container
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.charts import draw
from benchmarks.processes import ROOT
from benchmarks.results import Results
from benchmarks.tables import Cells, cells, of_peers, of_targets
from benchmarks.targets import NOT_MEASURED, TARGETS, Target
from benchmarks.workloads import WORKLOADS

RESULTS: Final = ROOT / "benchmarks" / "results.json"
FOLDER: Final = ROOT / "docs" / "performance"


def main() -> None:
    """Write the tables and the charts that docs/performance.rst includes."""
    given = [Path(argument) for argument in sys.argv[1:]]
    results, folder = (*given, *(RESULTS, FOLDER)[len(given) :])
    report(Results.load(results), folder)


def report(results: Results, folder: Path) -> None:
    """Write what was measured of each workload, and of the machine, the peers and the targets."""
    charts = draw(results, folder)
    texts = {name: _workload(results, name, charts) for name in WORKLOADS}
    texts |= {
        "machine": _machine(results),
        "peers": in_rest(of_peers(results)),
        "targets": in_rest(of_targets(results)),
        "missed": _missed(results),
    }
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text, "utf-8")


def in_rest(rows: Cells) -> str:
    """A table in ReST."""
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in rows:
        for index, cell in enumerate(row):
            lines.append(f"   {'* -' if index == 0 else '  -'} {cell}".rstrip())
    return "\n".join(lines) + "\n"


def _workload(results: Results, name: str, charts: Container[str]) -> str:
    """The chart and the table of a workload, as far as there are any."""
    table = results.tables.get(name)
    if table is None or not table.rows:
        return f"This is {NOT_MEASURED}.\n"
    shown = in_rest(cells(table))
    if name not in charts:
        return shown
    # The path is that from the page which includes this.
    chart = f".. image:: {FOLDER.name}/{name}.svg\n   :alt: {table.title}, in {table.unit}\n"
    return f"{chart}\n{shown}"


def _missed(results: Results) -> str:
    """What does not hold: by how much, and why."""
    missed = [target for target in TARGETS if target.fails(results)]
    if not missed:
        return "All that was measured holds.\n"
    return "\n".join(map(partial(_why, results), missed))


def _why(results: Results, target: Target) -> str:
    text, bound, measured, _ = target.cells(results)
    return f"{text}\n   {' '.join([f'{measured}, {bound} is wanted.', target.reason]).rstrip()}\n"


def _machine(results: Results) -> str:
    machine, settings = results.machine, results.settings
    measured = (
        f"Measured on {machine['date']}: {machine['processor']}, {machine['cores']} cores, "
        f"{machine['system']}, Python {machine['Python']}, libzmq {machine['libzmq']}; "
        f"at most {settings['rounds']} rounds of {settings['seconds']:g} s"
    )
    minutes = sum(table.seconds for table in results) / 60
    took = f", {minutes:.0f} minutes in all" if minutes else ""
    left_out = [
        f"{_plain(name)} is left out: {_plain(why)}" for name, why in results.left_out.items()
    ]
    return "\n\n".join([f"{measured}{took}.", *left_out]) + "\n"


def _plain(text: str) -> str:
    """Text that means nothing to ReST."""
    return re.sub(r"[*`|_\\]", r"\\\g<0>", text)


if __name__ == "__main__":
    main()
