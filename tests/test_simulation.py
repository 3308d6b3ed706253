"""Whatever happens in a network: calls end once, are not executed twice, and nothing is left."""

import os
import subprocess
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.scenario import EVENTS, WEIGHTS, play, script

LIKELY = [event for event in EVENTS for _ in range(WEIGHTS.get(event, 1))]
HAPPENINGS = st.lists(st.tuples(st.sampled_from(LIKELY), st.integers(0, 2**16 - 1)), max_size=60)


class SimulationTests(SynchronousTestCase):
    """``python -m tests.simulate --minutes 60`` looks further."""

    def play(self, seed, events):
        scenario = play(seed, events)
        self.assertEqual(self.flushLoggedErrors(), [])
        return scenario

    @settings(max_examples=40, deadline=None)
    @given(st.integers(0, 1000), HAPPENINGS)
    def test_anything(self, seed, events):
        """Nobody can do anything that a call, or what is left at the end, suffers from."""
        self.play(seed, events)

    def test_seeds(self):
        """Nor can much happen at once that it suffers from."""
        for seed in range(10):
            self.play(seed, script(seed, 150))

    def test_same(self):
        """With one seed the same happens each time, with another something else."""
        first, again, other = (
            self.play(seed, script(7, 100)).simulation.network.trace for seed in (1, 1, 2)
        )
        self.assertEqual(first, again)
        self.assertNotEqual(first, other)
        self.assertGreater(len(first), 100)

    def test_same_elsewhere(self):
        """And so in another process, which puts things elsewhere in its memory."""
        program = (
            "from tests.scenario import play, script\n"
            "for seed in range(3): print(play(seed, script(seed, 100)).simulation.network.trace)"
        )
        traces = [
            subprocess.run(
                [sys.executable, "-c", program],
                cwd=Path(__file__).parents[1],
                env={**os.environ, "PYTHONHASHSEED": seed},
                capture_output=True,
                check=True,
            ).stdout
            for seed in ("1", "2")
        ]
        self.assertEqual(*traces)
