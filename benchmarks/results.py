"""What a run came to: the figures of each round, and what is read from them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.workload import Figures


@dataclass
class Row:
    """One case of a workload.

    :ivar subject: what was measured.
    :ivar case: what was done with it.
    :ivar rounds: the figures of each round.
    """

    subject: str
    case: str
    rounds: list[Figures] = field(default_factory=list)

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
    :ivar ratio: what a row is compared with, as :class:`~benchmarks.workload.Workload` has it.
    :ivar seconds: how long all of it took; 0 if that is not known.
    """

    title: str
    figure: str
    unit: str
    ratio: str = ""
    seconds: float = 0.0
    rows: list[Row] = field(default_factory=list)

    def add(self, subject: str, case: str, figures: Figures) -> None:
        """Add what a round of a case came to, with as many digits as mean something."""
        row = self.row(subject, case)
        if row is None:
            row = Row(subject, case)
            self.rows.append(row)
        row.rounds.append({name: float(f"{value:.5g}") for name, value in figures.items()})

    def row(self, subject: str, case: str) -> Row | None:
        """The row of a case, if it was measured."""
        for row in self.rows:
            if (row.subject, row.case) == (subject, case):
                return row
        return None

    def quotient(self, row: Row, to: Row) -> float:
        """How the figure of a row stands to another's.

        That is the median of the rounds' ratios: their two figures are neighbours in time.
        """
        pairs = zip(row.values(self.figure), to.values(self.figure), strict=True)
        return median(mine / theirs for mine, theirs in pairs)


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
        """Write it all as JSON, with a row to a line."""
        text = json.dumps(asdict(self))
        path.write_text(re.sub(r'(?=\{"(title|subject)": )', "\n", text) + "\n", "utf-8")

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
