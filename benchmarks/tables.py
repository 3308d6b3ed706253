"""Tables of figures, as cells and as text."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from typing import Final

from benchmarks.options import FULL
from benchmarks.peers import PEERS
from benchmarks.results import Results, Row, Table
from benchmarks.targets import TARGETS
from benchmarks.workloads import WORKLOADS

OWN: Final = PEERS["pycom_tx"].title
"""The subject that the others are compared with."""

_RATIOS: Final = {"own": f"{OWN} / it", "first": "/ the first"}
"""What the column of the ratios is called."""

_FIGURE: Final = re.compile(r"(-?[\d,.]+)?$")

Cells = list[tuple[str, ...]]
"""Rows of a table, the first of which is its header."""


def cells(table: Table) -> Cells:
    """A table of a workload."""
    if table.ratio or all(not row.case for row in table.rows):
        return _rounds(table)
    return _side_by_side(table)


def of_targets(results: Results, workloads: Container[str] = WORKLOADS) -> Cells:
    """What must hold of some workloads, and what does."""
    chosen = [target for target in TARGETS if target.workload in workloads]
    header = ("what must hold", "bound", "measured", "")
    return [header, *(target.cells(results) for target in chosen)]


def of_peers(results: Results) -> Cells:
    """Who takes part."""
    versions = results.machine["packages"]
    lines = [
        (
            peer.title,
            ", ".join(f"{name} {versions.get(name, '')}".rstrip() for name in peer.packages),
            peer.in_flight,
        )
        for peer in PEERS.values()
    ]
    return [("", "made of", "many calls at once"), *lines]


def printed(results: Results) -> str:
    """All tables of a run, to be read in a terminal, and how long each of them took."""
    parts = [f"{table.title}\n\n{aligned(cells(table))}" for table in results if table.rows]
    took = [f"{name} {table.seconds:.0f}" for name, table in results.tables.items() if table.rows]
    parts += [f"seconds: {', '.join(took)}"] if took else []
    parts += [f"{name} is left out: {why}" for name, why in results.left_out.items()]
    targets = of_targets(results, results.tables)
    if len(targets) > 1:
        parts += [aligned(targets), *_too_few(results)]
    return "\n\n".join(parts)


def _too_few(results: Results) -> list[str]:
    """What to think of the verdicts of a run that is shorter than it could be."""
    given, full = results.settings, f"{FULL['rounds']} rounds of {FULL['seconds']:g} s"
    if (
        given["rounds"] >= FULL["rounds"]
        and given["seconds"] >= FULL["seconds"]
        and given.get("scale", 1.0) >= 1
        and "calls" not in given
    ):
        return []
    return [f"This run is shorter than the usual one of {full}: its verdicts mean little."]


def aligned(rows: Cells) -> str:
    """A table as text: the columns of figures to the right."""
    columns = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    to_the_right = [all(map(_FIGURE.match, column[1:])) for column in columns]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, to_the_right, strict=True)
        ).rstrip()
        for row in rows
    )


def number(value: float) -> str:
    """A figure, with as many digits as mean something."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _rounds(table: Table) -> Cells:
    """A row for each case of each subject, with the spread of its rounds."""
    latencies = _latencies(table)
    cases = any(row.case for row in table.rows)
    # One round has no spread.
    spread = any(len(row.rounds) > 1 for row in table.rows)
    header = ["", table.unit, *(["least", "most"] if spread else [])]
    header += [f"{name}, ms" for name in latencies]
    lines = []
    for row in in_order(table):
        values = row.values(table.figure)
        figures = [row.median(table.figure), *([min(values), max(values)] if spread else [])]
        figures += [row.median(name) * 1000 for name in latencies]
        before = [row.case] if cases else []
        ratio = [_ratio(table, row)] if table.ratio else []
        lines.append((*before, row.subject, *map(number, figures), *ratio))
    ratio = [_RATIOS[table.ratio]] if table.ratio else []
    return [(*([""] if cases else []), *header, *ratio), *lines]


def _side_by_side(table: Table) -> Cells:
    """A row for each subject, with a column for the median of each case."""
    subjects = dict.fromkeys(row.subject for row in table.rows)
    cases = list(dict.fromkeys(row.case for row in table.rows))
    lines = []
    for subject in subjects:
        rows = [table.row(subject, case) for case in cases]
        figures = [None if row is None else row.median(table.figure) for row in rows]
        if any(figures):
            lines.append((subject, *("" if value is None else number(value) for value in figures)))
    return [(table.unit, *cases), *lines]


def in_order(table: Table) -> list[Row]:
    """The rows as they are compared: those of a case together, or those of a subject."""
    if table.ratio == "first":
        return table.rows
    cases = list(dict.fromkeys(row.case for row in table.rows))
    return sorted(table.rows, key=lambda row: cases.index(row.case))


def _ratio(table: Table, row: Row) -> str:
    if table.ratio == "own":
        own = table.row(OWN, row.case)
        return "" if own is None else f"{table.quotient(own, row):.2f}"
    first = next(other for other in table.rows if other.subject == row.subject)
    return f"{table.quotient(row, first):.2f}"


def _latencies(table: Table) -> Sequence[str]:
    known = all("p50" in figures for row in table.rows for figures in row.rounds)
    return ("p50", "p99") if known else ()
