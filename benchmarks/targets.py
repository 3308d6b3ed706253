"""What must hold, as ratios within one run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from benchmarks.peers import PEERS
from benchmarks.results import Results
from benchmarks.workload import Case
from benchmarks.workloads.calls import case as in_flight
from benchmarks.workloads.nameserver import OPERATIONS, SERVICES
from benchmarks.workloads.nameserver import case as of_services

NOT_MEASURED: Final = "not measured"


@dataclass(frozen=True)
class Target:
    """A ratio of two cases of a workload, and its bound.

    :ivar text: what must hold.
    :ivar workload: its name.
    :ivar case: the one that is compared,
    :ivar to: and with which.
    :ivar least: what the ratio is at least,
    :ivar most: or at most.
    :ivar reason: what to say, in ReST, where it does not hold: what stands in the way. It has no
        figures, which are those of a run.
    """

    text: str
    workload: str
    case: Case
    to: Case
    least: float = 0.0
    most: float = float("inf")
    reason: str = ""

    def ratio(self, results: Results) -> float | None:
        """What it came to; None if one of the cases was not measured."""
        table = results.tables.get(self.workload)
        if table is None:
            return None
        row, to = table.row(*self.case), table.row(*self.to)
        return None if row is None or to is None else table.quotient(row, to)

    def holds(self, results: Results) -> bool:
        """Whether it was measured, and is as it must be."""
        ratio = self.ratio(results)
        return ratio is not None and self.least <= ratio <= self.most

    def fails(self, results: Results) -> bool:
        """Whether it was measured, and is not as it must be."""
        return self.ratio(results) is not None and not self.holds(results)

    def cells(self, results: Results) -> tuple[str, str, str, str]:
        """What must hold, the bound, what it came to, and what that means."""
        ratio = self.ratio(results)
        bound = f"at least {self.least:g}" if self.least else f"at most {self.most:g}"
        if ratio is None:
            return self.text, bound, "", NOT_MEASURED
        verdict = "holds" if self.holds(results) else "does not hold"
        return self.text, bound, _apart(ratio, self.least or self.most), verdict


def _apart(ratio: float, bound: float) -> str:
    """A ratio with two digits, or as many as tell it from its bound."""
    digits = 2
    while round(ratio, digits) == bound != ratio:
        digits += 1
    return f"{ratio:.{digits}f}"


_NOTHING_OVERLAPS: Final = (
    "With one call in flight nothing overlaps: what Python does for a call from the arrival of a "
    "message to the departure of the next, on both sides, adds to what 0MQ and the system need to "
    "wake either of them. The turn of Twisted's reactor that reads the socket takes most of what "
    "the bound leaves. `Where the time of a call goes`_ has the rest. Rounds differ by more than "
    "the bound leaves, by where the system lets threads run, and runs by some hundredths."
)

_THE_CLIENTS_HALF: Final = (
    "With many calls in flight the client has more to do for each than the service: arguments, the "
    "choice of a provider, a deadline, Deferreds. Bare sockets do none of it. How close the two "
    "come differs from run to run."
)

_WITH_A_CALL: Final = (
    "An attachment comes with a call, and with all that is done for one. The service has several "
    "at a time, until 0MQ has sent them."
)


def _calls(peer: str, number: int, least: float, reason: str = "") -> Target:
    case = in_flight(number)
    title = PEERS[peer].title
    own = PEERS["pycom_tx"].title
    text = f"calls per second, {case}, to those of {title}"
    return Target(text, "calls", (own, case), (title, case), least, reason=reason)


def _attachments(number: int, least: float) -> Target:
    case = f"1 MiB, {in_flight(number)}"
    own, title = (PEERS[peer].title for peer in ("pycom_tx", "pyzmq"))
    text = f"bytes per second of attachments, {case}, to those of {title}"
    return Target(text, "attachments", (own, case), (title, case), least, reason=_WITH_A_CALL)


def _nameserver(operation: str, most: float) -> Target:
    few, many = (of_services(services) for services in (SERVICES[0], SERVICES[-1]))
    title = OPERATIONS[operation]
    text = f"cost of {title}, {many}, to that of {few}"
    return Target(text, "nameserver", (title, many), (title, few), most=most)


TARGETS: Final = (
    _calls("pyzmq", 100, 0.9, _THE_CLIENTS_HALF),
    _calls("amp", 100, 1.3),
    _calls("grpc", 100, 5),
    _calls("pyzmq", 1, 0.9, _NOTHING_OVERLAPS),
    _calls("pycom06", 1, 2),
    _attachments(1, 0.7),
    _attachments(8, 0.7),
    _nameserver("locate", 1.2),
    _nameserver("watch", 1.2),
    _nameserver("renew", 1.2),
)


def all_hold(results: Results) -> bool:
    """Whether all that must hold was measured and does, and nothing is left out."""
    return not results.left_out and all(target.holds(results) for target in TARGETS)
