"""What all workloads have: steps that are made once a round, and cases that they measure."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from math import inf

Figures = dict[str, float]
"""What one round of a case came to, by the names of the figures."""

Case = tuple[str, str]
"""Whose figures they are, and of what: the two first columns of a table."""

Steps = dict[str, Callable[[], dict[Case, Figures]]]
"""What measures a case, or some at once, by what is shown meanwhile."""


@dataclass(frozen=True)
class Settings:
    """How a run is made.

    :ivar rounds: how often each case is measured.
    :ivar seconds: how long calls count in a round.
    :ivar calls: how many of them count at most.
    :ivar warm_up: seconds of calls before they count.
    :ivar scale: a factor to all numbers of services, connections and so on.
    :ivar peers: the names of those that take part.
    """

    rounds: int
    seconds: float
    calls: float = inf
    warm_up: float = 0.3
    scale: float = 1.0
    peers: tuple[str, ...] = ()

    def scaled(self, number: int) -> int:
        """A number of services or the like."""
        return max(1, round(number * self.scale))


LeftOut = dict[str, str]
"""Why peers are left out, by what tables call them."""


@dataclass(frozen=True)
class Workload:
    """Something to measure.

    :ivar name: what it is chosen by.
    :ivar title: a line that says what is measured.
    :ivar figure: the name of the figure that counts, of those measured.
    :ivar unit: the unit of that.
    :ivar prepare: starts what it needs, which the stack ends, and gives its steps. It says of
        each peer that cannot be had why.
    :ivar ratio: what each row's figure is compared with: ``"own"``, that of this project in the
        same case; ``"first"``, that of the same subject in the first case; or nothing.
    :ivar most_rounds: how many rounds are enough.
    """

    name: str
    title: str
    figure: str
    unit: str
    prepare: Callable[[Settings, ExitStack, LeftOut], Steps]
    ratio: str = ""
    most_rounds: float = 7
