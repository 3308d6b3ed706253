"""How many calls there are, how they end, and how long they take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import Counter, Gauge, Histogram

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

UNKNOWN: Final = "(unknown)"
"""The label of interfaces and methods that there are not: what strangers invent makes no time
series."""

OTHER: Final = "(other)"
"""The label of codes, once there are too many."""

MAX_CODES: Final = 50
"""Codes that a method may have: services choose them, and may choose badly."""

BUCKETS: Final = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)
"""Seconds: from what a call on one machine takes to the longest that somebody waits for."""


class MethodFigures:
    """The calls of one method."""

    __slots__ = ("_codes", "_duration", "_in_progress", "_labels", "_total")

    def __init__(self, calls: Calls, interface: str, method: str) -> None:
        # Half a surrogate pair in a name would make a page of nothing at all.
        interface, method = (
            name.encode("utf-8", "backslashreplace").decode() for name in (interface, method)
        )
        self._labels = interface, method
        self._total = calls.total
        self._duration = calls.duration.labels(interface, method)
        self._in_progress = calls.in_progress.labels(interface, method)
        # So that the first error is one more than none, rather than a series that begins.
        self._codes = {"0": self._total.labels(interface, method, "0")}

    def started(self) -> None:
        """A call has begun."""
        self._in_progress.inc()

    def ended(self) -> None:
        """A call is over, whichever method it turned out to be of."""
        self._in_progress.dec()

    def count(self, code: str, seconds: float) -> None:
        """A call was of this method.

        :param code: how it ended; 0 is well.
        :param seconds: how long it took.
        """
        # The clock of a machine may be put back.
        self._duration.observe(max(0.0, seconds))
        counter = self._codes.get(code)
        if counter is None:
            if len(self._codes) >= MAX_CODES:
                code = OTHER
            counter = self._codes[code] = self._total.labels(*self._labels, code)
        counter.inc()


class Calls:
    """The calls of all methods.

    :param registry: where they belong.
    :param prefix: what the names of the metrics begin with.
    :param which: which calls they are, for a reader.
    """

    def __init__(self, registry: CollectorRegistry, prefix: str, which: str) -> None:
        labels = ("interface", "method")
        self.total = Counter(
            f"{prefix}_calls",
            f"Calls {which}, by the code that they ended with: 0 is well.",
            (*labels, "code"),
            registry=registry,
        )
        self.duration = Histogram(
            f"{prefix}_call_duration_seconds",
            f"Seconds that calls {which} took.",
            labels,
            buckets=BUCKETS,
            registry=registry,
        )
        self.in_progress = Gauge(
            f"{prefix}_calls_in_progress",
            f"Calls {which} that have no answer yet.",
            labels,
            registry=registry,
        )
        self._methods: dict[tuple[str, str], MethodFigures] = {}

    def of(self, interface: str, method: str) -> MethodFigures:
        """Those of one method, which is one that exists or :data:`UNKNOWN`."""
        key = interface, method
        figures = self._methods.get(key)
        if figures is None:
            figures = self._methods[key] = MethodFigures(self, interface, method)
        return figures
