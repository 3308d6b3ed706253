"""Tables as text."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.results import Results, Row, Table

OWN = "pycom_tx"
"""The subject that the others are compared with."""

HEADER = ("", "", "median", "min", "max", "p50", "p99", "pycom_tx / it")


def printed(results: Results) -> str:
    """All tables of a run, to be read in a terminal."""
    parts = [_aligned(table) for table in results]
    parts += [f"{name} is left out: {why}" for name, why in results.left_out.items()]
    return "\n\n".join(parts)


def lines(table: Table) -> list[tuple[str, ...]]:
    """The cells of a table, without its header."""
    return [_cells(table, row) for row in table.rows]


def _cells(table: Table, row: Row) -> tuple[str, ...]:
    values = row.values(table.figure)
    own = table.row(OWN, row.case)
    ratio = "" if own is None else f"{median_ratio(table, own, row):.2f}"
    latencies = [_milliseconds(row, name) for name in ("p50", "p99")]
    return (
        row.case,
        row.subject,
        *(f"{value:,.0f}" for value in (row.median(table.figure), min(values), max(values))),
        *latencies,
        ratio,
    )


def median_ratio(table: Table, row: Row, to: Row) -> float:
    """The median of the ratios of the rounds."""
    ratios = sorted(table.ratios(row, to))
    return (
        ratios[len(ratios) // 2] if len(ratios) % 2 else sum(ratios[len(ratios) // 2 - 1 :][:2]) / 2
    )


def _milliseconds(row: Row, name: str) -> str:
    if name not in row.rounds[0]:
        return ""
    return f"{row.median(name) * 1000:.2f} ms"


def _aligned(table: Table) -> str:
    cells: Sequence[tuple[str, ...]] = [HEADER, *sorted(lines(table), key=lambda cells: cells[0])]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    rows = [
        "  ".join(
            cell.ljust(width) if index < 2 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]
    return "\n".join([f"{table.title} ({table.unit})", *rows])
