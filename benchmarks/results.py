"""What a run came to: the figures of each round, and what is read from them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.workload import Measured


@dataclass
class Row:
    """One case of a workload.

    :ivar subject: what was measured.
    :ivar case: what was done with it.
    :ivar rounds: the figures of each round.
    """

    subject: str
    case: str
    rounds: list[Measured] = field(default_factory=list)

    def values(self, figure: str) -> list[float]:
        """A figure, round by round."""
        return [measured[figure] for measured in self.rounds]

    def median(self, figure: str) -> float:
        """The median of a figure."""
        return median(self.values(figure))


@dataclass
class Table:
    """A workload's rows.

    :ivar title: what was measured.
    :ivar figure: the name of the figure that counts.
    :ivar unit: its unit.
    """

    title: str
    figure: str
    unit: str
    rows: list[Row] = field(default_factory=list)

    def row(self, subject: str, case: str) -> Row | None:
        """The row of a case, if it was measured."""
        for row in self.rows:
            if (row.subject, row.case) == (subject, case):
                return row
        return None

    def ratios(self, row: Row, to: Row) -> list[float]:
        """How a row stands to another, round by round: neighbours in time, on one machine."""
        pairs = zip(row.values(self.figure), to.values(self.figure), strict=True)
        return [mine / theirs for mine, theirs in pairs]


@dataclass
class Results:
    """A whole run.

    :ivar machine: where it was made, and with which versions.
    :ivar settings: how.
    :ivar left_out: why peers did not take part, by name.
    :ivar tables: what was measured, by the names of the workloads.
    """

    machine: dict[str, Any]
    settings: dict[str, Any]
    left_out: dict[str, str] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write it all as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", "utf-8")

    @classmethod
    def load(cls, path: Path) -> Results:
        """Read what was saved."""
        saved = json.loads(path.read_text("utf-8"))
        tables = {name: _table(table) for name, table in saved.pop("tables").items()}
        return cls(**saved, tables=tables)

    def __iter__(self) -> Iterator[Table]:
        return iter(self.tables.values())


def _table(saved: dict[str, Any]) -> Table:
    rows = [Row(**row) for row in saved.pop("rows")]
    return Table(**saved, rows=rows)
