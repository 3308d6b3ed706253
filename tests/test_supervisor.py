"""Processes under a supervisor: started, restarted, stopped; the processes are none."""

import json
import os
import signal
import sys

from twisted.application.service import IService
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs, formatEvent, formatEventAsClassicLogText
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pycom_tx.tap.child import LAST_WORDS, LONGEST
from pycom_tx.tap.json_log import flat
from pycom_tx.tap.place import AT_ONCE, MARGIN, STEADY
from pycom_tx.tap.records import MARK
from pycom_tx.tap.supervisor import Supervisor


class Process:
    """A process that does what a test says, and the transport of its protocol."""

    def __init__(self, protocol, pid, arguments, folder):
        self.protocol = protocol
        self.pid = pid
        self.arguments = arguments
        self.folder = folder
        self.told = b""
        self.signals = []
        self.open = self.alive = True

    def write(self, data):
        self.told += data

    def signalProcess(self, name):
        if not self.alive:
            raise ProcessExitedAlready
        self.signals.append(name)

    def loseConnection(self):
        self.open = False

    def exit(self, status=0, signal=None):
        """End, while something still holds the pipes."""
        self.alive = False
        end = ProcessTerminated(status, signal) if status or signal else ProcessDone(0)
        self.reason = Failure(end)
        self.protocol.processExited(self.reason)

    def end(self, status=0, signal=None):
        """End, and close the pipes."""
        self.exit(status, signal)
        self.protocol.processEnded(self.reason)

    def say(self, *lines):
        """Write to standard error."""
        self.protocol.errReceived("".join(f"{line}\n" for line in lines).encode())

    def log(self, **fields):
        """Log an event with these fields."""
        record = json.dumps(["info", "shop", "said", fields])
        self.protocol.outReceived(f"{MARK}{record}\n".encode())


class Reactor(Clock):
    """Starts such processes."""

    def __init__(self):
        super().__init__()
        self.started = []
        self.refuses = False

    def spawnProcess(self, protocol, executable, args, env, path):
        if self.refuses:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        assert (executable, args[0], env) == (sys.executable, sys.executable, os.environ)
        process = Process(protocol, 100 + len(self.started), args[1:], path)
        self.started.append(process)
        protocol.makeConnection(process)
        return process


class SupervisorCase(SynchronousTestCase):
    """With a supervisor of two; at the end it has stopped, and nothing is left."""

    def setUp(self):
        self.reactor = Reactor()
        self.reasons = []
        self.supervisor = Supervisor(
            {"/one": ["1"], "/two": ["2"]},
            command="pycom-service",
            drain=3,
            gave_up=self.reasons.append,
            folder="/somewhere",
            reactor=self.reactor,
        )
        self.supervisor.startService()
        self.first, self.second = self.reactor.started
        self.addCleanup(self.assertStops)

    def assertStops(self):
        stopped = self.supervisor.stopService()
        for process in self.reactor.started:
            if process.alive:
                process.end()
        self.successResultOf(stopped)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def messages(self, events, level=None):
        return [
            formatEvent(event) for event in events if level is None or event["log_level"] is level
        ]

    def told(self):
        return [len(process.told) for process in self.reactor.started]


class RestartTests(SupervisorCase):
    def newcomer(self, *delays):
        """The process that is started when these are over, and not before."""
        count = len(self.reactor.started)
        for delay in delays:
            self.assertEqual(len(self.reactor.started), count)
            self.reactor.advance(delay)
        self.assertEqual(len(self.reactor.started), count + 1)
        return self.reactor.started[-1]

    def test_start(self):
        """Each is started with its arguments, in the folder."""
        verifyObject(IService, self.supervisor)
        self.assertEqual([process.arguments for process in self.reactor.started], [["1"], ["2"]])
        self.assertEqual({process.folder for process in self.reactor.started}, {"/somewhere"})

    def test_death(self):
        """One that has died is started again, with the same arguments; others go on."""
        with capturedLogs() as events:
            self.first.end(signal=signal.SIGKILL)
        self.assertEqual(
            self.messages(events, LogLevel.error),
            ["/one has ended with SIGKILL; it is started again in 0.1 s"],
        )
        with capturedLogs() as events:
            again = self.newcomer(0.09, 0.02)
        self.assertEqual(self.messages(events), ["/one is process 102"])
        self.assertEqual(again.arguments, ["1"])
        self.assertTrue(self.second.alive)
        self.assertEqual(self.reasons, [])

    def test_any_end(self):
        """However it has ended: one that ends by itself is missing as well."""
        for end in {}, {"status": 3}, {"status": 1}, {"signal": 50}:
            process = self.reactor.started[-1]
            with capturedLogs() as events:
                process.end(**end)
            (message,) = self.messages(events, LogLevel.error)
            named = f"signal {end['signal']}" if "signal" in end else end.get("status", 0)
            self.assertRegex(message, rf"\A/two has ended with (exit status )?{named}; it is")
            self.reactor.advance(30)
        self.assertEqual(len(self.reactor.started), 6)

    def test_growing_delay(self):
        """One that dies again and again is started less and less often, but always again."""
        process = self.first
        for delay in 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30:
            process.end(signal=signal.SIGSEGV)
            process = self.newcomer(delay - 0.01, 0.02)

    def test_delay_starts_anew(self):
        """One that has run for a while is started again soon."""
        for _ in range(5):
            self.reactor.started[-1].end(1)
            self.reactor.advance(30)
        self.reactor.advance(STEADY)
        self.reactor.started[-1].end(1)
        self.newcomer(0.1)

    def test_no_process(self):
        """When the system has no process to give, it is asked again, later each time."""
        self.first.end(1)
        self.reactor.refuses = True
        with capturedLogs() as events:
            self.reactor.pump([0.1, 0.2])
        self.assertEqual(
            self.messages(events, LogLevel.error),
            [
                f"/one cannot be started: [Errno 11] Resource temporarily unavailable; "
                f"it is started again in {delay} s"
                for delay in (0.2, 0.4)
            ],
        )
        self.reactor.refuses = False
        self.assertEqual(self.newcomer(0.4).arguments, ["1"])

    def test_no_process_at_the_start(self):
        """When it has none from the start, the supervisor does not start."""
        self.assertStops()
        self.reactor.refuses = True
        self.assertRaises(BlockingIOError, self.supervisor.startService)

    def test_started_again(self):
        """A supervisor that has stopped can start again."""
        self.assertStops()
        self.supervisor.startService()
        self.assertEqual(
            [process.arguments for process in self.reactor.started[2:]], [["1"], ["2"]]
        )


class GivingUpTests(SupervisorCase):
    def test_reason(self):
        """One that says why it cannot start ends all: the reason is told, and not logged."""
        self.first.say("pycom-service: Cannot listen at 'x'")
        with capturedLogs() as events:
            self.first.end(1)
        self.assertEqual(self.reasons, ["Cannot listen at 'x'"])
        self.assertEqual(events, [])
        self.assertEqual(self.told(), [0, 1])

    def test_same_reason(self):
        """What others say then is not told: it is the same."""
        for process in self.first, self.second:
            process.say("pycom-service: no fuel")
        self.first.end(1)
        with capturedLogs() as events:
            self.second.end(1)
        self.assertEqual(self.reasons, ["no fuel"])
        self.assertEqual(self.messages(events), ["/two has ended with exit status 1"])

    def test_same_reason_while_it_ends(self):
        """Nor is it when the second one is told to end before it has ended by itself."""
        for process in self.first, self.second:
            process.say("pycom-service: no fuel")
        self.first.end(1)
        with capturedLogs() as events:
            self.second.end(signal=signal.SIGTERM)
        self.assertEqual(self.reasons, ["no fuel"])
        self.assertEqual(self.messages(events), ["/two has ended with SIGTERM"])

    def test_later(self):
        """One that could start before is started again, whatever it says now."""
        self.first.end(signal=signal.SIGKILL)
        self.reactor.advance(0.1)
        self.reactor.started[-1].say("pycom-service: no fuel")
        with capturedLogs() as events:
            self.reactor.started[-1].end(1)
        self.assertEqual(
            self.messages(events),
            ["/one has ended with exit status 1: no fuel; it is started again in 0.2 s"],
        )
        self.assertEqual((self.reasons, self.told()), ([], [0, 0, 0]))

    def test_after_it_was_registered(self):
        """One that was registered could start: it is started again the first time, too."""
        self.first.log(registered=True)
        self.first.say("pycom-service: no fuel")
        with capturedLogs() as events:
            self.first.end(1)
        self.assertEqual(
            self.messages(events),
            ["/one has ended with exit status 1: no fuel; it is started again in 0.1 s"],
        )
        self.assertEqual((self.reasons, self.told()), ([], [0, 0]))

    def test_not_registered_yet(self):
        """One that has logged anything else may be one that cannot start."""
        self.first.log(service="/one")
        self.first.log(registered=False)
        self.first.say("pycom-service: no fuel")
        self.first.end(1)
        self.assertEqual(self.reasons, ["no fuel"])

    def test_without_a_reason(self):
        """One that dies without giving one is started again, also the first time."""
        self.first.say("Segmentation fault")
        self.first.end(1)
        self.assertEqual(self.reasons, [])
        self.reactor.advance(0.1)
        self.assertEqual(len(self.reactor.started), 3)

    def test_other_status(self):
        """What one says is its reason only if it ends as a command does that says one."""
        self.first.say("pycom-service: all is well")
        with capturedLogs() as events:
            self.first.end(2)
        self.assertEqual(
            self.messages(events),
            [
                "pycom-service: all is well",
                "/one has ended with exit status 2; it is started again in 0.1 s",
            ],
        )
        self.assertEqual(self.reasons, [])

    def test_last_reason(self):
        """Of two reasons the last one counts, and the other one is logged."""
        with capturedLogs() as events:
            self.first.say("pycom-service: this", "pycom-service: that")
            self.first.end(1)
        self.assertEqual(self.messages(events), ["pycom-service: this"])
        self.assertEqual(self.reasons, ["that"])


class StopTests(SupervisorCase):
    def test_together(self):
        """All are told at the same moment, and the supervisor has stopped when all have."""
        stopped = self.supervisor.stopService()
        self.assertEqual(self.told(), [1, 1])
        self.second.end(signal=signal.SIGTERM)
        self.assertNoResult(stopped)
        with capturedLogs() as events:
            self.first.end()
        self.assertEqual(self.messages(events), ["/one has ended with exit status 0"])
        self.successResultOf(stopped)

    def test_asked_twice(self):
        """Whoever asks for the stop again waits for the same, and tells nobody."""
        waiting = [self.supervisor.stopService() for _ in range(2)]
        self.assertEqual(self.told(), [1, 1])
        self.first.end()
        self.second.end()
        for stopped in waiting:
            self.successResultOf(stopped)

    def test_at_once(self):
        """A second signal is passed on."""
        stopped = self.supervisor.stopService()
        self.first.end()
        at_once = self.supervisor.stop_at_once()
        self.assertEqual(self.told(), [1, 2])
        self.second.end()
        self.successResultOf(stopped)
        self.successResultOf(at_once)

    def test_at_once_without_a_stop(self):
        """Who is to stop at once is told to stop before."""
        self.supervisor.stop_at_once()
        self.assertEqual(self.told(), [2, 2])

    def test_while_one_is_dead(self):
        """One that would be started again is not."""
        self.first.end(1)
        stopped = self.supervisor.stopService()
        self.assertEqual(self.told(), [0, 1])
        self.second.end()
        self.successResultOf(stopped)
        self.reactor.advance(60)
        self.assertEqual(len(self.reactor.started), 2)

    def assertKilled(self, after):
        self.reactor.advance(after - 0.01)
        self.assertEqual((self.first.signals, self.second.signals), ([], []))
        with capturedLogs() as events:
            self.reactor.advance(0.01)
        self.assertEqual((self.first.signals, self.second.signals), (["KILL"], []))
        self.assertEqual(
            self.messages(events, LogLevel.error),
            [f"/one has not ended {after:g} s after it was told to: it is killed"],
        )

    def test_killed(self):
        """One that has not ended when its time and a margin are over is killed."""
        stopped = self.supervisor.stopService()
        self.second.end()
        self.assertKilled(3 + MARGIN)
        self.assertNoResult(stopped)
        self.first.end(signal=signal.SIGKILL)
        self.successResultOf(stopped)

    def test_killed_at_once(self):
        """After the second signal it has less time, and not more than was left."""
        self.supervisor.stopService()
        self.reactor.advance(1)
        self.supervisor.stop_at_once()
        self.second.end()
        self.assertKilled(AT_ONCE)

    def test_killed_too_late(self):
        """One that has just ended cannot be killed, which is no error."""
        stopped = self.supervisor.stopService()
        self.second.end()
        self.reactor.advance(2.5 + MARGIN)
        self.first.exit()
        self.reactor.advance(0.5)
        self.assertEqual(self.first.signals, [])
        self.first.protocol.processEnded(self.first.reason)
        self.successResultOf(stopped)


class OutputTests(SupervisorCase):
    def logged(self, *pieces, errors=False):
        """The events that come of what the first one writes, and ends."""
        receive = self.first.protocol.errReceived if errors else self.first.protocol.outReceived
        with capturedLogs() as events:
            for piece in pieces:
                receive(piece)
            self.supervisor.stopService()
            self.first.end()
        # What the garbage of other tests has to say is none of it.
        ours = [event for event in events if event.get("process") == "/one"]
        return [
            (event["log_level"].name, event["log_namespace"], formatEvent(event)) for event in ours
        ]

    def test_lines(self):
        """Lines are logged whole and once each, however they come."""
        expected = [("info", "stdout", line) for line in ("one", "", "two", "three")]
        text = b"one\n\ntwo\nthree"
        self.assertEqual(self.logged(text), expected)

    def test_pieces(self):
        """So are those that come byte by byte."""
        expected = [("info", "stdout", line) for line in ("one", "{two}")]
        self.assertEqual(self.logged(*(b"%c" % byte for byte in b"one\n{two}\n")), expected)

    def test_of_two(self):
        """Those of two processes do not mix."""
        with capturedLogs() as events:
            self.first.protocol.outReceived(b"on")
            self.second.protocol.outReceived(b"two\n")
            self.first.protocol.outReceived(b"e\n")
        self.assertEqual(
            [(event["process"], formatEvent(event)) for event in events],
            [("/two", "two"), ("/one", "one")],
        )

    def test_errors(self):
        """What is written to standard error is logged as an error."""
        self.assertEqual(
            self.logged(b"Warning: x\n", errors=True), [("error", "stderr", "Warning: x")]
        )

    def test_no_text(self):
        """What is no UTF-8 is shown."""
        self.assertEqual(self.logged(b"\xff\n"), [("info", "stdout", "\\xff")])

    def test_long_line(self):
        """A line that does not end is not kept for ever, and nothing of it is lost."""
        pieces = [b"x" * 100_000] * 30
        lines = [text for _, _, text in self.logged(*pieces, b"\n")]
        self.assertEqual("".join(lines), "x" * 3_000_000)
        self.assertEqual(len(lines), 3)
        self.assertLessEqual(max(map(len, lines)), LONGEST + 100_000)

    def test_record(self):
        """A log event keeps its level, its namespace, and its lines together."""
        line = MARK + '["warn", "pycom_tx.host", "two\\nlines {with} \\u00fc", {"x": 1}]\n'
        self.assertEqual(
            self.logged(line.encode()),
            [("warn", "pycom_tx.host", "two\nlines {with} ü")],
        )

    def test_whose(self):
        """A log of text has the service before who says it, one of JSON has each by itself."""
        with capturedLogs() as events:
            self.first.log()
        (event,) = events
        self.assertRegex(formatEventAsClassicLogText(event), r" \[/one shop#info\] said\n\Z")
        told = flat(event)
        self.assertEqual((told["namespace"], told["process"]), ("shop", "/one"))

    def test_held_pipes(self):
        """What a dead process has started may hold its pipes: they are closed after a while."""
        self.first.exit(1)
        self.reactor.advance(LAST_WORDS / 2)
        with capturedLogs() as events:
            self.first.protocol.outReceived(b"last words\n")
        self.assertEqual(self.messages(events), ["last words"])
        self.assertTrue(self.first.open)
        self.reactor.advance(LAST_WORDS / 2)
        self.assertFalse(self.first.open)
        self.first.protocol.processEnded(self.first.reason)
        self.reactor.advance(0.1)
        self.assertEqual(len(self.reactor.started), 3)
