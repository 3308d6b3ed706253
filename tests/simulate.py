"""Random faults in simulated networks, for as long as one likes.

::

    python -m tests.simulate --minutes 60
    python -m tests.simulate --seed 1234

The first tries seeds until the time is over and tells those that fail; the second plays one of
them again.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
from collections import Counter

from twisted.logger import LogLevel, globalLogPublisher

from tests.scenario import play, script


def say(text):
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class Complaints:
    """The failures that were logged."""

    def __init__(self):
        self.logged = []

    def __call__(self, event):
        if event.get("log_failure") is not None and event["log_level"] >= LogLevel.critical:
            self.logged.append(event["log_failure"].getTraceback())


def once(seed, complaints):
    """Play one seed; gives the scenario, or None where it failed."""
    complaints.logged.clear()
    length = random.Random(seed).choice((20, 60, 200))
    try:
        scenario = play(seed, script(seed, length))
        if complaints.logged:
            raise AssertionError("\n".join(complaints.logged))
    except Exception:
        say(f"seed {seed} with {length} events failed:")
        say(traceback.format_exc())
        return None
    return scenario


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1.0, help="how long")
    parser.add_argument("--seed", type=int, help="play this one only")
    parser.add_argument("--failures", type=int, default=5, help="stop after so many")
    options = parser.parse_args()
    complaints = Complaints()
    globalLogPublisher.addObserver(complaints)
    if options.seed is not None:
        sys.exit(once(options.seed, complaints) is None)
    end = time.monotonic() + options.minutes * 60
    counts, runs, failed, simulated = Counter(), 0, [], 0.0
    while time.monotonic() < end and len(failed) < options.failures:
        seed = random.SystemRandom().randrange(2**32)
        scenario = once(seed, complaints)
        runs += 1
        if scenario is None:
            failed.append(seed)
            continue
        simulated += scenario.simulation.clock.seconds()
        counts["calls"] += len(scenario.calls)
        counts.update(f"event {event}" for event in scenario.events.elements())
        counts.update(scenario.simulation.network.counts)
    say(f"{runs} runs, {simulated / 3600:.1f} h simulated, {len(failed)} failed: {failed}")
    for what, number in sorted(counts.items()):
        say(f"{number:12} {what}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
