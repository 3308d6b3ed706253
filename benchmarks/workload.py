"""What all workloads have: cases, each measured once a round."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from math import inf

Measured = dict[str, float]
"""What one round of a case came to, by the names of the figures."""

Cases = dict[tuple[str, str], Callable[[], Measured]]
"""What measures each case, by its subject and what is done with it."""


@dataclass(frozen=True)
class Settings:
    """How a run is made.

    :ivar rounds: how often each case is measured.
    :ivar seconds: how long calls count in a round.
    :ivar calls: how many of them count at most.
    :ivar warm_up: seconds of calls before they count.
    :ivar peers: the names of those that take part.
    """

    rounds: int
    seconds: float
    calls: float = inf
    warm_up: float = 0.3
    peers: tuple[str, ...] = ()


class LeftOut(dict[str, str]):
    """Why peers are left out, by what tables call them."""


@dataclass(frozen=True)
class Workload:
    """Something to measure.

    :ivar name: what it is chosen by.
    :ivar title: a line that says what is measured.
    :ivar figure: the name of the figure that counts, of those measured.
    :ivar unit: the unit of that.
    :ivar prepare: starts what it needs, which the stack ends, and gives its cases. It says of
        each subject that cannot be had why.
    :ivar most_rounds: how many rounds are enough.
    """

    name: str
    title: str
    figure: str
    unit: str
    prepare: Callable[[Settings, ExitStack, LeftOut], Cases]
    most_rounds: float = inf
