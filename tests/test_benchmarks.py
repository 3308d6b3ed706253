"""What the benchmarks make of their figures. None of these measures anything."""

import re
from contextlib import redirect_stderr
from functools import partial
from io import StringIO
from itertools import count
from pathlib import Path
from shlex import split
from xml.etree import ElementTree as ET

from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

import pycom_tx
from benchmarks import charts, options, report
from benchmarks.clients.gateway import Client
from benchmarks.peers import PEERS
from benchmarks.processes import Failed
from benchmarks.results import Results, Table
from benchmarks.rounds import run
from benchmarks.stages.sampler import ENCODING, OTHER, STAGES, WAITING, stage
from benchmarks.tables import aligned, cells, number, of_targets, printed
from benchmarks.tally import Tally, percentile
from benchmarks.targets import NOT_MEASURED, TARGETS, all_hold
from benchmarks.workload import Settings, Workload
from benchmarks.workloads import WORKLOADS

ROOT = Path(__file__).parents[1]


def figures(*rates):
    """What calls came to, round by round."""
    return [{"rate": rate, "p50": 1 / rate, "p99": 2 / rate} for rate in rates]


def compared(own, other):
    """A table of our rates and those of bare sockets, in each round."""
    table = Table("calls", "rate", "calls/s", "own")
    for subject, rates in (("pycom_tx", own), ("raw pyzmq", other)):
        for measured in figures(*rates):
            table.add(subject, "100 in flight", measured)
    return table


def results(**tables):
    """A run that came to some tables."""
    machine = {
        "date": "2026-01-31",
        "processor": "Z80",
        "cores": 1,
        "system": "CP/M",
        "Python": "3.10",
        "libzmq": "4",
        "packages": {"Twisted": "24.10"},
    }
    return Results(machine, {"rounds": 3, "seconds": 1.0}, {"RPyC": "it is not there"}, tables)


class FailedTests(SynchronousTestCase):
    def test_reason(self):
        """The reason why a process failed is the last line that it said."""
        self.assertEqual(Failed("It said this\nand that\n").reason, "and that")

    def test_missing_module(self):
        """Where a module is missing, it is told what installs it."""
        error = Failed("Traceback\nModuleNotFoundError: No module named 'gevent'\n")
        self.assertEqual(
            error.reason,
            "ModuleNotFoundError: No module named 'gevent'; make bench installs what is missing",
        )


class TallyTests(SynchronousTestCase):
    def test_rate(self):
        """The time from the first answer to the last one counts, and the answers after it."""
        tally = Tally(seconds=10)
        for now in (5.0, 5.5, 6.0, 7.0):
            tally.answered(now - 0.25, now)
        self.assertEqual(
            tally.result(), {"made": 4, "calls": 3, "rate": 1.5, "p50": 0.25, "p99": 0.25}
        )

    def test_warm_up(self):
        """What is answered within the warm-up, which the first answer begins, does not count."""
        tally = Tally(seconds=10, warm_up=1)
        for now in (5.0, 5.9, 6.0, 8.0):
            tally.answered(now - 0.5, now)
        self.assertEqual(
            tally.result(), {"made": 4, "calls": 1, "rate": 0.5, "p50": 0.5, "p99": 0.5}
        )

    def test_seconds(self):
        """There are no more calls when the time is over, and late answers do not count."""
        tally = Tally(seconds=1)
        for now in (1.0, 1.5):
            tally.answered(now, now)
        self.assertTrue(tally.more)
        for now in (2.0, 3.0):
            tally.answered(now, now)
        self.assertFalse(tally.more)
        self.assertEqual(tally.result()["calls"], 2)

    def test_calls(self):
        """There are no more calls when enough were answered."""
        tally = Tally(seconds=100, calls=2)
        for now in (1.0, 2.0, 3.0, 4.0):
            tally.answered(now, now)
        self.assertFalse(tally.more)
        self.assertEqual(tally.result()["calls"], 2)

    def test_clock(self):
        """Without being told, a call was answered just now."""
        tally = Tally(seconds=100, calls=1)
        tally.answered(0.0)
        tally.answered(0.0)
        self.assertGreater(tally.result()["p50"], 0)

    def test_nothing(self):
        """A round without an answer is no result."""
        tally = Tally(seconds=1)
        self.assertRaises(RuntimeError, tally.result)
        tally.answered(1.0, 1.5)
        self.assertRaises(RuntimeError, tally.result)

    def test_percentile(self):
        """A percentile is one of the values."""
        values = [float(value) for value in range(1, 201)]
        self.assertEqual(percentile(values, 0.5), 100)
        self.assertEqual(percentile(values, 0.99), 198)
        self.assertEqual(percentile([7.0], 0.99), 7)


class RoundsTests(SynchronousTestCase):
    """A workload of two steps, whose figures are how many measurements there were before."""

    def measure(self, rounds, failing=(), **options):
        """Run it; gives the results and whose turn it was, in order.

        :param failing: of those turns, the ones that fail.
        """
        turns = []

        def prepare(settings, stack, left_out):
            stack.callback(turns.append, "end")
            return {name: partial(step, name) for name in ("a", "b")}

        def step(name):
            turns.append(name)
            if len(turns) in failing:
                raise Failed("It said this\nand that")
            return {(name, "case"): {"count": len(turns)}}

        workload = Workload("turns", "turns", "count", "turns", prepare, **options)
        return run([workload], Settings(rounds=rounds, seconds=1.0, peers=("amp",))), turns

    def test_interleaved(self):
        """All have their turn in each round, and what was started is ended."""
        measured, turns = self.measure(3)
        self.assertEqual(turns, ["a", "b", "a", "b", "a", "b", "end"])
        first, second = measured.tables["turns"].rows
        self.assertEqual(first.values("count"), [1, 3, 5])
        self.assertEqual(second.values("count"), [2, 4, 6])

    def test_most_rounds(self):
        """Where fewer rounds are enough, there are no more."""
        self.assertEqual(self.measure(3, most_rounds=1)[1], ["a", "b", "end"])

    def test_failing(self):
        """What fails is left out from then on, with its rounds and the reason; others go on."""
        measured, turns = self.measure(3, failing=[3])
        self.assertEqual(turns, ["a", "b", "a", "b", "b", "end"])
        self.assertEqual(measured.left_out, {"turns: a": "and that"})
        (row,) = measured.tables["turns"].rows
        self.assertEqual(row.values("count"), [2, 4, 5])

    def test_not_prepared(self):
        """Where what a workload needs does not start, it is left out, and the rest goes on."""

        def prepare(settings, stack, left_out):
            raise Failed("No nameserver")

        workload = Workload("turns", "turns", "count", "turns", prepare)
        measured = run([workload], Settings(rounds=1, seconds=1.0))
        self.assertEqual(measured.left_out, {"turns": "No nameserver"})
        self.assertEqual(printed(measured), "turns is left out: No nameserver")

    def test_described(self):
        """A run says how and on what it was made, in what JSON can hold."""
        measured, _ = self.measure(1)
        self.assertEqual(measured.settings["rounds"], 1)
        self.assertNotIn("calls", measured.settings)
        self.assertEqual(list(measured.machine["packages"]), ["Twisted"])
        self.assertGreater(measured.machine["cores"], 0)

    def test_seconds(self):
        """A run says how long each workload took, and what is printed does."""
        measured, _ = self.measure(1)
        self.assertIn("\n\nseconds: turns 0", printed(measured))
        measured.tables["turns"].seconds = 12.3
        self.assertIn("\n\nseconds: turns 12", printed(measured))


class ResultsTests(SynchronousTestCase):
    def test_quotient(self):
        """A ratio is the median of those of the rounds, not the ratio of the medians."""
        table = compared([10, 20, 90], [10, 10, 100])
        own, other = table.rows
        self.assertEqual(table.quotient(own, other), 1.0)
        self.assertEqual(own.median("rate") / other.median("rate"), 2.0)

    def test_digits(self):
        """Figures keep five digits."""
        table = Table("calls", "rate", "calls/s")
        table.add("pycom_tx", "", {"rate": 123456.789})
        self.assertEqual(table.rows[0].rounds, [{"rate": 123460.0}])

    def test_saved(self):
        """What is saved is what is loaded, with a line for each row."""
        path = Path(self.mktemp())
        saved = results(calls=compared([1, 2], [3, 4]))
        saved.save(path)
        self.assertEqual(Results.load(path), saved)
        self.assertEqual(len(path.read_text("utf-8").splitlines()), 1 + 1 + 2)


class TableTests(SynchronousTestCase):
    def test_own(self):
        """Each row says how we stand to it, with the spread of the rounds and the latencies."""
        rows = cells(compared([10, 20, 30], [20, 20, 20]))
        self.assertEqual(
            rows,
            [
                ("", "", "calls/s", "least", "most", "p50, ms", "p99, ms", "pycom_tx / it"),
                ("100 in flight", "pycom_tx", "20.0", "10.0", "30.0", "50.0", "100", "1.00"),
                ("100 in flight", "raw pyzmq", "20.0", "20.0", "20.0", "50.0", "100", "1.00"),
            ],
        )

    def test_first(self):
        """What a case costs is compared with the first of the same subject."""
        table = Table("operations", "microseconds", "µs", "first")
        for subject in ("locate", "renew"):
            for case, cost in (("few", 10), ("many", 20)):
                table.add(subject, case, {"microseconds": cost})
        self.assertEqual([row[-1] for row in cells(table)[1:]], ["1.00", "2.00"] * 2)

    def test_without_us(self):
        """Where we did not take part there is no ratio."""
        table = compared([1], [2])
        del table.rows[0]
        self.assertEqual(cells(table)[1][-1], "")

    def test_side_by_side(self):
        """Cases that are not compared stand side by side; what is nothing is left out."""
        table = Table("stages", "microseconds", "µs")
        for subject, values in (("encode", (1, 2)), ("nothing", (0, 0))):
            for case, value in zip(("client", "server"), values, strict=True):
                table.add(subject, case, {"microseconds": value})
        self.assertEqual(cells(table), [("µs", "client", "server"), ("encode", "1.00", "2.00")])

    def test_plain(self):
        """Without cases there is no column for them."""
        table = Table("memory", "bytes", "bytes")
        table.add("a session", "", {"bytes": 1000})
        table.add("a session", "", {"bytes": 1010})
        self.assertEqual(
            cells(table),
            [("", "bytes", "least", "most"), ("a session", "1,005", "1,000", "1,010")],
        )

    def test_one_round(self):
        """What was measured once has no spread."""
        table = Table("memory", "bytes", "bytes")
        table.add("a session", "", {"bytes": 1000})
        self.assertEqual(cells(table), [("", "bytes"), ("a session", "1,000")])

    def test_numbers(self):
        """Figures have as many digits as mean something."""
        self.assertEqual(
            [number(value) for value in (12345.6, 100, 12.34, 1.234, -5)],
            ["12,346", "100", "12.3", "1.23", "-5.00"],
        )

    def test_aligned(self):
        """Figures are at the right, text is at the left."""
        rows = [("", "calls/s"), ("1 in flight", "9.00"), ("100 in flight", "10,000")]
        self.assertEqual(
            aligned(rows),
            "               calls/s\n1 in flight       9.00\n100 in flight   10,000",
        )

    def test_printed(self):
        """A run prints its tables, who is left out and why, and what must hold."""
        text = printed(results(calls=compared([1], [2])))
        for part in ("calls\n\n", "RPyC is left out: it is not there", "does not hold"):
            self.assertIn(part, text)

    def test_verdicts_of_a_short_run(self):
        """A run that is shorter than it could be says that its verdicts mean little."""
        measured = results(calls=compared([1], [2]))
        few = "shorter than the usual one of 15 rounds of 1 s: its verdicts mean little"
        for settings, is_short in (
            ({"rounds": 15, "seconds": 1.0}, False),
            ({"rounds": 16, "seconds": 2.0, "scale": 1.0}, False),
            ({"rounds": 14, "seconds": 1.0}, True),
            ({"rounds": 15, "seconds": 0.9}, True),
            ({"rounds": 15, "seconds": 1.0, "scale": 0.1}, True),
            ({"rounds": 15, "seconds": 1.0, "calls": 50}, True),
        ):
            measured.settings = settings
            self.assertEqual(few in printed(measured), is_short, settings)
        self.assertNotIn(few, printed(results()))


class TargetTests(SynchronousTestCase):
    def verdicts(self, *rates):
        """What is said of the first target, for our rate and that of bare sockets."""
        measured = results(calls=compared(*[[rate] for rate in rates]))
        return of_targets(measured)[1][1:], TARGETS[0].holds(measured)

    def test_holds(self):
        """What is at its bound holds."""
        self.assertEqual(self.verdicts(9, 10), (("at least 0.9", "0.90", "holds"), True))

    def test_close(self):
        """What is close to its bound has as many digits as tell the two apart."""
        for rate, shown, verdict in (
            (8999, "0.8999", "does not hold"),
            (8960, "0.896", "does not hold"),
            (9001, "0.9001", "holds"),
            (9100, "0.91", "holds"),
        ):
            self.assertEqual(self.verdicts(rate, 10_000)[0], ("at least 0.9", shown, verdict))

    def test_does_not_hold(self):
        """What is below its bound does not."""
        self.assertEqual(self.verdicts(8, 10), (("at least 0.9", "0.80", "does not hold"), False))

    def test_not_measured(self):
        """What was not measured does not hold."""
        empty = Table("calls", "rate", "calls/s", "own")
        for measured in (results(), results(calls=empty)):
            self.assertEqual({row[-1] for row in of_targets(measured)[1:]}, {NOT_MEASURED})
            self.assertFalse(any(target.holds(measured) for target in TARGETS))

    def test_cost(self):
        """A cost is at most what it may be."""
        (target,) = (target for target in TARGETS if target.text.startswith("cost of locate"))
        for cost, holds in ((12, True), (12.5, False)):
            table = Table("operations", "microseconds", "µs", "first")
            table.add("locate", "10 services", {"microseconds": 10})
            table.add("locate", "100,000 services", {"microseconds": cost})
            self.assertEqual(target.holds(results(nameserver=table)), holds)

    def test_all(self):
        """All is well if all targets hold, and nothing is left out that has none."""
        measured = results()
        measured.left_out.clear()
        for target in TARGETS:
            table = measured.tables.setdefault(target.workload, Table("", "figure", ""))
            for case, figure in ((target.case, 10 if target.least else 1), (target.to, 1)):
                if table.row(*case) is None:
                    table.add(*case, {"figure": figure})
        self.assertTrue(all_hold(measured))
        measured.left_out["zerorpc"] = "it is not there"
        self.assertFalse(all_hold(measured))
        measured.left_out.clear()
        measured.tables["calls"].rows[0].rounds[0]["figure"] = 0.1
        self.assertFalse(all_hold(measured))


class ReportTests(SynchronousTestCase):
    """What the documentation includes of a run."""

    def written(self, **tables):
        """Write it; gives the files' texts by their names."""
        folder = Path(self.mktemp())
        report.report(results(**tables), folder)
        return {path.name: path.read_text("utf-8") for path in folder.iterdir()}

    def test_chart(self):
        """A workload has its chart and its table."""
        text = self.written(calls=compared([1], [2]))["calls.txt"]
        self.assertIn(".. image:: performance/calls.svg\n   :alt: calls, in calls/s\n\n..", text)
        self.assertIn("   * - 100 in flight\n     - raw pyzmq\n", text)

    def test_no_chart(self):
        """One that has nothing to compare has its table only."""
        alone = Table("memory", "bytes", "bytes")
        alone.add("a session", "", {"bytes": 1})
        written = self.written(memory=alone)
        self.assertNotIn("memory.svg", written)
        self.assertTrue(written["memory.txt"].startswith(".. list-table::"))

    def test_not_measured(self):
        """One that was not measured says so, also where it could not start."""
        empty = Table("processes", "rate", "calls/s", "first")
        written = self.written(processes=empty)
        for name in WORKLOADS:
            self.assertEqual(written[f"{name}.txt"], "This is not measured.\n")

    def test_missed(self):
        """What does not hold is named, with its figure, its bound and the reason."""
        table = Table("calls", "rate", "calls/s", "own")
        for subject, rate in (("pycom_tx", 8), ("raw pyzmq", 10)):
            for case in ("1 in flight", "100 in flight"):
                table.add(subject, case, figures(rate)[0])
        missed = self.written(calls=table)["missed.txt"]
        many, one = missed.split("\n\n")
        name = "calls per second, {} in flight, to those of raw pyzmq"
        said = f"{name}\n   0.80, at least 0.9 is wanted."
        self.assertTrue(many.startswith(f"{said.format(100)} With many calls in flight "), many)
        self.assertTrue(one.startswith(f"{said.format(1)} With one call in flight "), one)

    def test_all_holds(self):
        """Where nothing is missed there is no reason either."""
        missed = self.written(calls=compared([9], [10]))["missed.txt"]
        self.assertEqual(missed, "All that was measured holds.\n")

    def test_minutes(self):
        """A run says how long it took, if that is known, and who was left out."""
        table = compared([1], [2])
        left_out = "\n\nRPyC is left out: it is not there\n"
        self.assertIn(f"; at most 3 rounds of 1 s.{left_out}", self.written()["machine.txt"])
        table.seconds = 100.0
        self.assertIn(
            f"; at most 3 rounds of 1 s, 2 minutes in all.{left_out}",
            self.written(calls=table)["machine.txt"],
        )

    def test_plain(self):
        """What those said who were left out is shown as it is, whatever it would be in ReST."""
        measured = results()
        measured.left_out["RPyC"] = r"*a `b` |c|_ \d"
        folder = Path(self.mktemp())
        report.report(measured, folder)
        text = (folder / "machine.txt").read_text("utf-8")
        self.assertTrue(text.endswith(": \\*a \\`b\\` \\|c\\|\\_ \\\\d\n"), text)


class HttpClientTests(SynchronousTestCase):
    """One of the clients of a gateway that wants two answers to count, behind a first one."""

    def setUp(self):
        self.tally = Tally(seconds=1000, calls=2)
        self.client = Client(count(), self.tally)
        self.transport = StringTransport()
        self.client.makeConnection(self.transport)

    def answer(self, body, status="200 OK"):
        """Give an answer, in small pieces."""
        answer = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        for begin in range(0, len(answer), 7):
            self.client.dataReceived(answer[begin : begin + 7])

    def lose(self):
        self.client.connectionLost(Failure(ConnectionDone()))

    def test_right(self):
        """Requests have numbers of their own, and follow each other until there are enough."""
        for value in range(3):
            asked = self.transport.value().decode()
            self.transport.clear()
            self.assertTrue(asked.startswith("POST /call/com.foo.example/bar HTTP/1.1\r\n"), asked)
            body = f'{{"name": "field1", "value": {value}}}'
            self.assertTrue(asked.endswith(f"\r\nContent-Length: {len(body)}\r\n\r\n{body}"), asked)
            self.answer(f'{{"field1":{value}}}')
        self.assertEqual(self.transport.value(), b"")
        self.assertTrue(self.transport.disconnecting)
        self.assertNoResult(self.client.ended)
        self.lose()
        self.successResultOf(self.client.ended)
        self.assertEqual(self.tally.result()["made"], 3)

    def assertWrong(self, *parts):
        """The connection is given up, with an error that has these parts; nothing counts."""
        self.assertTrue(self.transport.disconnecting)
        self.lose()
        error = self.failureResultOf(self.client.ended, ValueError).value
        for part in parts:
            self.assertIn(part, str(error))
        self.assertRaises(RuntimeError, self.tally.result)

    def test_of_another(self):
        """The answer to another request is wrong."""
        self.answer('{"field1":7}')
        self.assertWrong("The answer to bar('field1', 0) is {'field1': 0}, got {'field1': 7}")

    def test_no_success(self):
        """So is an error."""
        self.answer('{"code":3}', "503 Service Unavailable")
        self.assertWrong("got ", "503 Service Unavailable", '{"code":3}')

    def test_no_json(self):
        """So is what is no JSON."""
        self.answer("Hello")
        self.assertWrong("Expecting value")

    def test_lost(self):
        """A connection that ends before its answer came is an error."""
        self.answer('{"field1":0}')
        self.lose()
        self.failureResultOf(self.client.ended, ConnectionDone)


class ChartTests(SynchronousTestCase):
    def test_bars(self):
        """Bars are as long as their figures are large; ours stands out."""
        table = compared([10], [20])
        root = ET.fromstring(charts.svg("a < b", "calls/s", charts.groups(table)))
        bars = root.findall("{*}rect")
        ours, theirs = (float(bar.get("width")) for bar in bars)
        self.assertEqual(ours * 2, theirs)
        self.assertEqual([bar.get("class") for bar in bars], ["own", "other"])
        texts = [text.text for text in root.findall("{*}text")]
        self.assertEqual(texts[:2], ["a < b, in calls/s", "100 in flight"])
        self.assertEqual(texts[2:], ["pycom_tx", "10.0", "raw pyzmq", "20.0"])

    def test_nothing_to_compare(self):
        """There is no chart with one bar."""
        folder = Path(self.mktemp())
        table = compared([10], [20])
        alone = Table("memory", "bytes", "bytes")
        alone.add("a session", "", {"bytes": 1})
        charts.draw(results(calls=table, memory=alone), folder)
        self.assertEqual([path.name for path in folder.iterdir()], ["calls.svg"])


class StageTests(SynchronousTestCase):
    def test_ours(self):
        """Whatever this package does is part of a stage."""
        files = Path(pycom_tx.__file__).parent.rglob("*.py")
        ours = [file for file in files if file.parts[-2] in {"zerojson", "client", "components"}]
        self.assertGreater(len(ours), 30)
        for file in ours:
            self.assertIn(stage(str(file), "function"), STAGES, file)

    def test_directions(self):
        """Writing and reading are told apart, and so is waiting."""
        folder = "/lib/pycom_tx/zerojson"
        self.assertEqual(stage(f"{folder}/messages.py", "encode_request"), ENCODING)
        self.assertEqual(stage(f"{folder}/messages.py", "decode_request"), "messages: decode")
        self.assertEqual(stage(f"{folder}/txzmq_base.py", "send"), "0MQ: send")
        self.assertEqual(stage("/lib/zmq/sugar/socket.py", "recv_multipart"), "0MQ: receive")
        self.assertEqual(stage("/lib/twisted/internet/epollreactor.py", "doPoll"), WAITING)
        self.assertEqual(stage("/lib/python/threading.py", "wait"), None)
        self.assertIn(OTHER, STAGES)


class OptionTests(SynchronousTestCase):
    def read(self, *arguments):
        return options.settings(options.parser().parse_args(arguments))

    def test_defaults(self):
        """Everything is measured, of everybody."""
        self.assertEqual(self.read().peers, tuple(PEERS))
        self.assertEqual(self.read().rounds, options.FULL["rounds"])

    def test_quick(self):
        """A quick run has fewer rounds, unless it is told how many."""
        self.assertEqual(self.read("--quick").rounds, options.QUICK["rounds"])
        self.assertEqual(self.read("--quick", "--rounds", "9").rounds, 9)

    def test_names(self):
        """Names are those that there are, and keep their order."""
        self.assertEqual(self.read("--peers", "amp,pycom_tx").peers, ("pycom_tx", "amp"))
        errors = StringIO()
        with redirect_stderr(errors):
            self.assertRaises(SystemExit, self.read, "--only", "calls,everything")
        self.assertIn("there is no 'everything', there are calls, ", errors.getvalue())

    def test_scaled(self):
        """Numbers are scaled, to one at least."""
        settings = self.read("--scale", "0.01")
        self.assertEqual([settings.scaled(number) for number in (10, 1000)], [1, 10])


class DocumentationTests(SynchronousTestCase):
    page = (ROOT / "docs" / "performance.rst").read_text("utf-8")

    def test_generated(self):
        """The tables and charts that the documentation shows are made of the committed results."""
        folder = Path(self.mktemp())
        report.report(Results.load(report.RESULTS), folder)
        for path in folder.iterdir():
            committed = report.FOLDER / path.name
            self.assertEqual(path.read_text("utf-8"), committed.read_text("utf-8"), committed)
        self.assertEqual(
            {path.name for path in folder.iterdir()},
            {path.name for path in report.FOLDER.iterdir()},
        )

    def test_shown(self):
        """The page shows each of them, tables as they are and charts where tables have them."""
        included = re.findall(r"include:: performance/(\S+)", self.page)
        texts = [(report.FOLDER / name).read_text("utf-8") for name in included]
        shown = re.findall(r"image:: performance/(\S+)", "".join(texts))
        files = {path.name for path in report.FOLDER.iterdir()}
        self.assertEqual({*included, *shown}, files)
        self.assertEqual(len(included) + len(shown), len(files))

    def test_whole(self):
        """The committed results are of a run that was not shortened, and nobody is left out."""
        committed = Results.load(report.RESULTS)
        whole = options.settings(options.parser().parse_args([]))
        self.assertEqual(committed.left_out, {})
        self.assertEqual(committed.settings["peers"], list(whole.peers))
        for name in ("rounds", "seconds", "warm_up", "scale"):
            self.assertEqual(committed.settings[name], getattr(whole, name), name)
        self.assertEqual(list(committed.tables), list(WORKLOADS))
        self.assertNotIn(NOT_MEASURED, {row[-1] for row in of_targets(committed)})

    def test_commands(self):
        """The commands of the page are understood."""
        commands = re.findall(r"^   \$ python -m benchmarks( .*)?$", self.page, re.MULTILINE)
        self.assertGreater(len(commands), 2)
        for command in commands:
            options.parser().parse_args(split(command))

    def test_peers(self):
        """What the peers are made of is what the extra installs."""
        setup = (ROOT / "setup.py").read_text("utf-8")
        extra = re.search(r'"bench": \[(.*?)\]', setup, re.DOTALL)[1]
        installed = set(re.findall(r'"([\w.]+)>=', extra))
        made_of = {package for peer in PEERS.values() for package in peer.packages}
        self.assertEqual(
            made_of - installed,
            {"Twisted", "msgpack", "msgspec", "pycom_tx", "pyzmq", "serpent", "txzmq"},
        )
        self.assertEqual(installed - made_of, set())
