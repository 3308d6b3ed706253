"""Bar charts as SVG."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

from benchmarks.results import Results, Table
from benchmarks.tables import in_order, number

WIDTH: Final = 760
LABELS: Final = 300
"""How much of the width the labels have."""

BARS: Final = 370
"""How much of it the longest bar has."""

ROW: Final = 22
HEAD: Final = 34

OURS: Final = "pycom"
"""What is in the labels of the bars that stand out: PyCOM 0.6.0 is written differently."""

_GREY: Final = "#7b7b7b"
"""To be read on white and on black."""

_STYLE: Final = (
    f"text{{font:13px sans-serif;fill:{_GREY}}}.head{{font-weight:bold}}.label{{text-anchor:end}}"
    f".other{{fill:#8da0b3}}.own{{fill:#e07b39}}.spread{{stroke:{_GREY};stroke-width:1.5}}"
)


@dataclass(frozen=True)
class Bar:
    """A bar, and how far the rounds were apart."""

    label: str
    value: float
    least: float
    most: float
    stands_out: bool


Groups = dict[str, list[Bar]]
"""Bars by what stands above them; each group has a scale of its own."""


def draw(results: Results, folder: Path) -> list[str]:
    """Draw a chart of each table that has something to compare; gives the names of these."""
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for name, table in results.tables.items():
        drawn = groups(table)
        if drawn:
            (folder / f"{name}.svg").write_text(svg(table.title, table.unit, drawn), "utf-8")
            names.append(name)
    return names


def groups(table: Table) -> Groups:
    """What is drawn of a table: groups of more than one bar."""
    found: Groups = {}
    for row in in_order(table):
        values = row.values(table.figure)
        title, label = row.case, row.subject
        if table.ratio == "first":
            title, label = label, title
        if any(values):
            bar = Bar(label, row.median(table.figure), min(values), max(values), OURS in label)
            found.setdefault(title, []).append(bar)
    return {title: bars for title, bars in found.items() if len(bars) > 1}


def svg(title: str, unit: str, drawn: Groups) -> str:
    """A chart of horizontal bars, each with its figure and the spread of its rounds."""
    parts = [_text(0, HEAD - 14, f"{title}, in {unit}", "head")]
    y = HEAD
    for group, bars in drawn.items():
        if group:
            y += ROW
            parts.append(_text(0, y - 6, group, "head"))
        longest = max(bar.most for bar in bars)
        for bar in bars:
            parts += _bar(bar, y, BARS / longest)
            y += ROW
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + 6}" '
        f'viewBox="0 0 {WIDTH} {y + 6}" role="img" aria-label="{escape(title)}">'
        f"<style>{_STYLE}</style>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def _bar(bar: Bar, y: float, scale: float) -> list[str]:
    kind = "own" if bar.stands_out else "other"
    least, most = LABELS + bar.least * scale, LABELS + bar.most * scale
    middle = y + ROW / 2
    place = f'x="{LABELS}" y="{y + 3}" width="{bar.value * scale:.1f}" height="{ROW - 6}"'
    return [
        _text(LABELS - 8, middle + 5, bar.label, "label"),
        f'<rect class="{kind}" {place}/>',
        f'<path class="spread" d="M{least:.1f} {middle}H{most:.1f}"/>',
        _text(most + 8, middle + 5, number(bar.value)),
    ]


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    return f'<text class="{kind}" x="{x:.0f}" y="{y:.0f}">{escape(text)}</text>'
