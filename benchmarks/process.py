"""One process of a measurement: ``python -m benchmarks.process SIDE MODULE PORT [NAME=VALUE…]``.

The module has what the side says:

``serve(port, …)``
    Serve until killed.
``run(port, tally, …)``
    Make calls as long as the tally wants more; what it counted is printed.
``do(port, …)``
    Do something once; the dict that it gives is printed.

What is printed is JSON, on a line of its own.
"""

from __future__ import annotations

import argparse
import json
from importlib import import_module
from math import inf

from benchmarks.tally import Tally


def main() -> None:
    """Do as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.process", description=__doc__)
    parser.add_argument("side", choices=("serve", "run", "do"))
    parser.add_argument("module", help="its name within benchmarks")
    parser.add_argument("port", type=int)
    parser.add_argument("options", nargs="*", metavar="NAME=VALUE", type=_option)
    parser.add_argument("--seconds", type=float, default=1.0, help="how long calls count")
    parser.add_argument("--calls", type=float, default=inf, help="how many count at most")
    parser.add_argument("--warm-up", type=float, default=0.3, help="seconds until they do")
    chosen = parser.parse_intermixed_args()
    side = getattr(import_module(f"benchmarks.{chosen.module}"), chosen.side)
    options = dict(chosen.options)
    if chosen.side == "run":
        tally = Tally(chosen.seconds, chosen.calls, chosen.warm_up)
        side(chosen.port, tally, **options)
        print(json.dumps(tally.result()))
    else:
        print(json.dumps(side(chosen.port, **options)))


def _option(text: str) -> tuple[str, int | str]:
    name, _, value = text.partition("=")
    return name, int(value) if value.isdecimal() else value


if __name__ == "__main__":
    main()
