"""The measurement of several processes does what it says; how fast they are is no test's affair."""

import json
import sys
from pathlib import Path

from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import TestCase

from tests.live.processes import uncovered

ROOT = Path(__file__).parents[2]


class ScalingTests(TestCase):
    def setUp(self):
        self.file = Path(self.mktemp()).absolute()

    async def test_measures(self):
        """It prints the rates for one and for two processes, and writes them as JSON."""
        out, err, status = await getProcessOutputAndValue(
            sys.executable,
            [
                *("-m", "benchmarks.scaling", "--rounds=1", "--seconds=0.2", "--clients=1"),
                f"--json={self.file}",
            ],
            env=uncovered(),
            path=str(ROOT),
        )
        self.assertEqual((err, status), (b"", 0))
        self.assertRegex(
            out.decode(),
            r"\Acalls/s, processes: +1 +2 *\n"
            r"bar +[\d,]+ \(1\.00\) +[\d,]+ \([\d.]+\) *\ncompute +[\d,]+ \(1\.00\) ",
        )
        rates = json.loads(self.file.read_text("utf-8"))["rates"]
        for method in "bar", "compute":
            for count in "1", "2":
                (rate,) = rates[method][count]
                self.assertGreater(rate, 0)
