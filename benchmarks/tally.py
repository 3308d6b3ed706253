"""Counting the calls of a round, and how long each of them took."""

from __future__ import annotations

from math import ceil, inf
from time import perf_counter


class Tally:
    """What a client tells about the calls of one round.

    It makes calls as long as there are :attr:`more`, and says of each when it began, once
    it is answered. The warm-up begins with the first answer; what is answered before it is
    over does not count.

    :param seconds: how long calls count.
    :param calls: how many count at most.
    :param warm_up: seconds until they do.

    .. attribute:: more

        Whether to make another call.
    """

    def __init__(self, seconds: float, calls: float = inf, warm_up: float = 0.0) -> None:
        self.more = True
        self.seconds = seconds
        self.calls = calls
        self.warm_up = warm_up
        self._made = 0
        self._counts_from: float | None = None
        self._first: float | None = None
        self._last = 0.0
        self._latencies: list[float] = []

    def answered(self, began: float, now: float | None = None) -> None:
        """A call is answered.

        :param began: when it was made, by :func:`time.perf_counter`.
        :param now: when it was answered, if that is past.
        """
        if now is None:
            now = perf_counter()
        self._made += 1
        if self._first is None:
            self._warm(now)
        elif self.more:
            self._latencies.append(now - began)
            self._last = now
            self.more = now < self._first + self.seconds and len(self._latencies) < self.calls

    def _warm(self, now: float) -> None:
        if self._counts_from is None:
            self._counts_from = now + self.warm_up
        if now >= self._counts_from:
            # The clock starts with an answer, so that it ends with one.
            self._first = now

    def result(self) -> dict[str, float]:
        """Calls per second, and the latencies that half and all but one in a hundred keep.

        ``calls`` are those that count, ``made`` all that there were.

        :raises RuntimeError: none counts.
        """
        if self._first is None or not self._latencies:
            msg = "No call was answered in time: give the round more seconds"
            raise RuntimeError(msg)
        latencies = sorted(self._latencies)
        return {
            "made": self._made,
            "calls": len(latencies),
            "rate": len(latencies) / (self._last - self._first),
            "p50": percentile(latencies, 0.5),
            "p99": percentile(latencies, 0.99),
        }


def percentile(ordered: list[float], share: float) -> float:
    """The least of *ordered* values that is not exceeded by that share of them."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)]
