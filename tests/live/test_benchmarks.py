"""The benchmarks run, with real processes and hardly any calls. Nothing is timed here."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.results import Results
from tests.live.processes import PATIENCE, uncovered

ROOT = Path(__file__).parents[2]


class BenchmarkTests(SynchronousTestCase):
    def measure(self, *arguments):
        """Run the benchmarks; gives the exit status, what was printed, and the results."""
        file = Path(self.mktemp()).absolute()
        command = [sys.executable, "-m", "benchmarks", "--warm-up", "0", "--json", file]
        # What ends a round is the number of its calls, however long these take.
        command += ["--seconds", str(PATIENCE)]
        done = subprocess.run(
            [*command, *arguments],
            cwd=ROOT,
            env={**uncovered(), "PYTHONWARNINGS": "ignore"},
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.stderr, "")
        return done.returncode, done.stdout, Results.load(file)

    def assertMeasured(self, results, figure, count):
        """Each row of the only table has that many rounds with a figure of something."""
        self.assertEqual(results.left_out, {})
        (table,) = results
        self.assertEqual(table.figure, figure)
        for row in table.rows:
            self.assertEqual(len(row.rounds), count)
            self.assertGreater(row.median(figure), 0, row)
        return table

    def test_calls(self):
        """Calls of three peers are measured in rounds, printed, checked and drawn."""
        charts = Path(self.mktemp()).absolute()
        peers = ["--only", "calls", "--peers", "pycom_tx,pyzmq,amp", "--charts", charts]
        status, printed, results = self.measure(*peers, "--calls", "20", "--rounds", "2", "--check")
        table = self.assertMeasured(results, "rate", 2)
        self.assertEqual(len(table.rows), 6)
        for row in table.rows:
            self.assertEqual(row.values("calls"), [20, 20])
            self.assertLessEqual(row.median("p50"), row.median("p99"))
        self.assertIn("1 in flight    raw pyzmq", printed)
        self.assertIn("not measured", printed)
        self.assertEqual(status, 1)
        (chart,) = charts.iterdir()
        self.assertEqual(len(ET.parse(chart).getroot().findall("{*}rect")), 6)

    def test_left_out(self):
        """Who cannot be measured is left out, with the reason."""
        self.patch(os, "environ", {**os.environ, "PYENV_ROOT": "/nowhere", "PATH": "", "CI": ""})
        status, printed, results = self.measure(
            "--only", "locate", "--peers", "pycom06", "--rounds", "1"
        )
        self.assertIn("There is no Python 2.7", results.left_out["PyCOM 0.6.0"])
        self.assertIn("PyCOM 0.6.0 is left out", printed)
        self.assertEqual(status, 0)

    def check_workload(self, name, figure, *options):
        arguments = ("--calls", "2", "--rounds", "1", "--scale", "0.002", *options)
        ours = ("--only", name, "--peers", "pycom_tx,pyzmq,amp")
        status, _, results = self.measure(*arguments, *ours)
        self.assertEqual(status, 0)
        return results, figure

    def test_attachments(self):
        """Attachments of all sizes."""
        self.assertMeasured(*self.check_workload("attachments", "megabytes"), 1)

    def test_clients(self):
        """Many clients."""
        self.assertMeasured(*self.check_workload("clients", "rate"), 1)

    def test_gateway(self):
        """Requests through the gateway, and direct calls."""
        arguments = ("--calls", "20", "--rounds", "1", "--only", "gateway")
        status, _, results = self.measure(*arguments, "--peers", "pycom_tx,gateway")
        self.assertEqual(status, 0)
        table = self.assertMeasured(results, "rate", 1)
        self.assertEqual([row.values("calls") for row in table.rows], [[20], [20]])
        self.assertEqual({row.case for row in table.rows}, {"20 calls on 50 connections"})

    def test_processes(self):
        """One process and two, each with two clients: both methods of both are called."""
        table = self.assertMeasured(*self.check_workload("processes", "rate"), 1)
        self.assertEqual(len({row.subject for row in table.rows}), 2)
        for row in table.rows:
            self.assertEqual(row.values("calls"), [4])

    def test_locate(self):
        """Locating for each call."""
        self.assertMeasured(*self.check_workload("locate", "rate"), 1)

    def test_nameserver(self):
        """Operations of nameservers."""
        table = self.assertMeasured(*self.check_workload("nameserver", "microseconds"), 1)
        self.assertEqual(len({row.subject for row in table.rows}), 5)

    def test_memory(self):
        """Memory of servers. What so few of them take is within what comes and goes."""
        results, figure = self.check_workload("memory", "bytes")
        self.assertEqual(results.left_out, {})
        self.assertEqual(
            [len(row.values(figure)) for row in results.tables["memory"].rows], [1] * 4
        )

    def test_start(self):
        """Starting processes."""
        self.assertMeasured(*self.check_workload("start", "milliseconds"), 1)

    def test_stages(self):
        """Where the time of a call goes: what the stages took is all there was."""
        results, figure = self.check_workload("stages", "microseconds", "--seconds", "0.2")
        self.assertEqual(results.left_out, {})
        table = results.tables["stages"]
        for case in ("client, 100 in flight", "server, 100 in flight"):
            whole = sum(row.median(figure) for row in table.rows if row.case == case)
            self.assertGreater(whole, 0)
