"""Counting the calls of a round, and how long each of them took."""

from __future__ import annotations

from math import ceil, inf
from time import perf_counter


class Tally:
    """What a client tells about the calls of one round.

    It makes calls as long as there are :attr:`more`, and says of each when it began, once
    it is answered. Those answered before the warm-up is over do not count.

    :param seconds: how long calls count.
    :param calls: how many count at most.
    :param warm_up: seconds until they do.

    .. attribute:: more

        Whether to make another call.
    """

    def __init__(self, seconds: float, calls: float = inf, warm_up: float = 0.0) -> None:
        self.more = True
        self.longest = warm_up + seconds
        self.calls = calls
        self._latencies: list[float] = []
        self._counts_from = perf_counter() + warm_up
        self._counts_until = self._counts_from + seconds
        self._first: float | None = None
        self._last = 0.0

    def answered(self, began: float, now: float | None = None) -> None:
        """A call is answered.

        :param began: when it was made, by :func:`time.perf_counter`.
        :param now: when it was answered, if that is past.
        """
        if now is None:
            now = perf_counter()
        if self._first is None:
            # The clock starts with an answer, so that it ends with one.
            if now >= self._counts_from:
                self._first = now
            return
        if not self.more:
            return
        self._latencies.append(now - began)
        self._last = now
        if now >= self._counts_until or len(self._latencies) >= self.calls:
            self.more = False

    def result(self) -> dict[str, float]:
        """Calls per second, and the latencies that half and all but one in a hundred keep."""
        if self._first is None or not self._latencies:
            msg = "No call was answered in time: give the round more seconds"
            raise RuntimeError(msg)
        latencies = sorted(self._latencies)
        return {
            "calls": len(latencies),
            "rate": len(latencies) / (self._last - self._first),
            "p50": percentile(latencies, 0.5),
            "p99": percentile(latencies, 0.99),
        }


def percentile(ordered: list[float], share: float) -> float:
    """The least of *ordered* values that is not exceeded by that share of them."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)]
