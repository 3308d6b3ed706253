"""What the documentation shows of a run: ``python -m benchmarks.report [RESULTS [FOLDER]]``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from benchmarks.charts import draw
from benchmarks.processes import ROOT
from benchmarks.results import Results
from benchmarks.tables import Cells, cells, of_peers, of_targets

RESULTS: Final = ROOT / "benchmarks" / "results.json"
FOLDER: Final = ROOT / "docs" / "performance"


def main() -> None:
    """Write the tables and the charts that docs/performance.rst includes."""
    given = [Path(argument) for argument in sys.argv[1:]]
    results, folder = (*given, *(RESULTS, FOLDER)[len(given) :])
    report(Results.load(results), folder)


def report(results: Results, folder: Path) -> None:
    """Write a table of each workload, and those of the machine, the peers and the targets."""
    draw(results, folder)
    tables = {name: cells(table) for name, table in results.tables.items()}
    tables |= {"peers": of_peers(results), "targets": of_targets(results)}
    for name, rows in tables.items():
        (folder / f"{name}.txt").write_text(in_rest(rows), "utf-8")
    (folder / "machine.txt").write_text(_machine(results), "utf-8")


def in_rest(rows: Cells) -> str:
    """A table in ReST."""
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in rows:
        for index, cell in enumerate(row):
            lines.append(f"   {'* -' if index == 0 else '  -'} {cell}".rstrip())
    return "\n".join(lines) + "\n"


def _machine(results: Results) -> str:
    machine, settings = results.machine, results.settings
    measured = (
        f"Measured on {machine['date']}: {machine['processor']}, {machine['cores']} cores, "
        f"{machine['system']}, Python {machine['Python']}, libzmq {machine['libzmq']}; "
        f"{settings['rounds']} rounds of {settings['seconds']:g} seconds."
    )
    left_out = [f"{name} is left out: {why}" for name, why in results.left_out.items()]
    return "\n\n".join([measured, *left_out]) + "\n"


if __name__ == "__main__":
    main()
