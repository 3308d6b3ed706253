"""Measure, and print what came of it."""

from __future__ import annotations

import sys

from benchmarks.charts import draw
from benchmarks.options import parser, settings
from benchmarks.rounds import run
from benchmarks.tables import printed
from benchmarks.targets import all_hold
from benchmarks.workloads import WORKLOADS


def main() -> None:
    """Do as the command line says.

    :raises SystemExit: something does not hold that must, or was left out, and that was asked.
    """
    options = parser().parse_args()
    chosen = ["stages"] if options.profile else options.only or list(WORKLOADS)
    results = run([WORKLOADS[name] for name in chosen], settings(options))
    print(printed(results))
    if options.json is not None:
        results.save(options.json)
    if options.charts is not None:
        draw(results, options.charts)
    if options.check and not all_hold(results):
        sys.exit(1)


main()
