"""Figures of a gateway that makes calls, as Prometheus reads them, without any call."""

import random
from bisect import bisect_left
from itertools import accumulate

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

HELP = """\
# HELP pycom_client_calls_total Calls that were made as a client.
# TYPE pycom_client_calls_total counter
"""

BESIDE = """\
# HELP python_info Python platform information
# TYPE python_info gauge
python_info{implementation="CPython",version="3.13.1"} 1.0
process_open_fds 17.0
pycom_client_connections 4.0
"""


class Load:
    """Calls that somebody might make, counted.

    :param methods: what is called: interface, method, calls a second, seconds that most take,
        and what part of them fails.
    """

    def __init__(self, methods, seed=1):
        self._random = random.Random(seed)
        self._methods = methods
        self._calls = {}
        self._buckets = {(name, method): [0] * (len(BOUNDS) + 1) for name, method, *_ in methods}
        self._sums = dict.fromkeys(self._buckets, 0.0)

    def go_on(self, seconds):
        """Make the calls of some more seconds."""
        for name, method, rate, duration, failing in self._methods:
            number = max(0, round(self._random.gauss(rate * seconds, (rate * seconds) ** 0.5)))
            for _ in range(number):
                code = "100" if self._random.random() < failing else "0"
                took = self._random.lognormvariate(0, 0.6) * duration
                self.count(name, method, code, took)

    def count(self, name, method, code, took):
        """Count one call."""
        key = name, method, code
        self._calls[key] = self._calls.get(key, 0) + 1
        self._buckets.setdefault((name, method), [0] * (len(BOUNDS) + 1))[
            bisect_left(BOUNDS, took)
        ] += 1
        self._sums[name, method] = self._sums.get((name, method), 0.0) + took

    def __str__(self):
        """All of it, as text."""
        lines = [
            f"pycom_client_calls_total{{{_labels(name, method)},code={_quoted(code)}}} {count}.0\n"
            for (name, method, code), count in self._calls.items()
        ]
        lines.append("# TYPE pycom_client_call_duration_seconds histogram\n")
        for (name, method), buckets in self._buckets.items():
            metric, labels = "pycom_client_call_duration_seconds", _labels(name, method)
            for bound, count in zip((*BOUNDS, "+Inf"), accumulate(buckets), strict=True):
                lines.append(f'{metric}_bucket{{{labels},le="{bound}"}} {count}.0\n')
            lines.append(f"{metric}_count{{{labels}}} {sum(buckets)}.0\n")
            lines.append(f"{metric}_sum{{{labels}}} {self._sums[name, method]!r}\n")
        return BESIDE + HELP + "".join(lines)


def _labels(name, method):
    return f"interface={_quoted(name)},method={_quoted(method)}"


def _quoted(text):
    escaped = text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'"{escaped}"'
