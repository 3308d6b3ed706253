"""Lines of JSON, whatever an event holds."""

from __future__ import annotations

import json
import signal
import sys
from io import BytesIO, StringIO
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.logger import ILogObserver, Logger, LogLevel, LogPublisher
from twisted.python import log as legacy
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

import pycom_tx as pycom
from pycom_tx.tap.json_log import json_line, json_log, twistd_log
from pycom_tx.tracing import trace_context
from tests.test_trace import TRACE, TRACE_ID


class Hostile:
    """An object that cannot be shown."""

    def __repr__(self):
        raise ValueError("no")


class Loud(str):
    """A string that is one only at first sight."""

    __slots__ = ()

    def __str__(self):
        raise ValueError("no")


def failure(error):
    """What a Failure is that was caught."""
    try:
        raise error
    except BaseException:
        return Failure()


class LinesCase(SynchronousTestCase):
    def setUp(self):
        self.file = StringIO()
        self.publisher = LogPublisher(json_log(self.file))
        self.log = Logger("com.foo.log", observer=self.publisher)

    def line(self):
        """The one line that was written since the last look, as an object."""
        text = self.file.getvalue()
        self.file.seek(0)
        self.file.truncate()
        self.assertEqual(text.count("\n"), 1)
        return self.read(text)

    def read(self, text):
        """A line as an object: JSON as the standard has it, and flat."""

        def refuse(word):
            self.fail(f"{word} is no JSON")

        line = json.loads(text, parse_constant=refuse)
        self.assertEqual(list(line)[:4], ["time", "level", "namespace", "message"])
        for value in line.values():
            self.assertNotIsInstance(value, (list, dict))
        self.assertRegex(line["time"], r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\Z")
        return line


class JsonLineTests(LinesCase):
    def test_interface(self):
        """What writes them is an observer of the log."""
        verifyObject(ILogObserver, json_log(self.file))

    def test_line(self):
        """A line has the time, the level, the namespace and the message, and the fields."""
        self.log.error("{service} is at {address}", service="/com/foo", address="tcp://box:1", n=7)
        line = self.line()
        self.assertEqual(
            {name: value for name, value in line.items() if name != "time"},
            {
                "level": "error",
                "namespace": "com.foo.log",
                "message": "/com/foo is at tcp://box:1",
                "service": "/com/foo",
                "address": "tcp://box:1",
                "n": 7,
            },
        )

    def test_time(self):
        """The time is that of the event, in UTC."""
        line = self.read(json_line({"log_time": 1_700_000_000.25}))
        self.assertEqual(line["time"], "2023-11-14T22:13:20.250000Z")

    def test_levels(self):
        """Each level has its name."""
        for level in LogLevel.iterconstants():
            self.assertEqual(self.read(json_line({"log_level": level}))["level"], level.name)

    def test_flat(self):
        """Numbers, strings, booleans and null stay what they are; all else is text."""
        values = {
            "integer": 1 << 80,
            "number": 0.25,
            "text": "ö\n\u2028\x00",
            "yes": True,
            "nothing": None,
        }
        self.log.info("fields", **values, list=[1, 2], map={"a": 1}, nan=float("nan"), b=b"x")
        line = self.line()
        self.assertEqual({name: line[name] for name in values}, values)
        self.assertEqual(
            [line["list"], line["map"], line["nan"], line["b"]],
            ["[1, 2]", "{'a': 1}", "nan", "b'x'"],
        )

    def test_digits_without_end(self):
        """A number that Python refuses to write costs no more than itself."""
        line = self.read(json_line({"log_format": "one", "number": 1 << 100_000}))
        self.assertEqual(line["message"], "one")
        self.assertIn("cannot be shown", line["number"])

    def test_failure(self):
        """A failure has its class and its traceback, which is one string."""
        try:
            raise pycom.AccessDenied("not you")
        except pycom.AccessDenied:
            self.log.failure("{what} failed", what="it")
        line = self.line()
        self.assertEqual(
            (line["level"], line["message"], line["error"]),
            ("critical", "it failed", "AccessDenied"),
        )
        self.assertIn("AccessDenied: not you\n", line["traceback"])
        self.assertIn("test_json_log.py", line["traceback"])

    def test_failure_without_words(self):
        """A failure that says nothing else says what was wrong."""
        self.log.failure("", failure=failure(ZeroDivisionError("by zero")))
        line = self.line()
        self.assertEqual((line["message"], line["error"]), ("by zero", "ZeroDivisionError"))

    def test_error(self):
        """An exception that a line tells of is its class, as that of a failure is."""
        self.log.error("trying on: {error}", error=pycom.ServiceNotAvailable("nobody is there"))
        line = self.line()
        self.assertEqual(
            (line["message"], line["error"]),
            ("trying on: nobody is there", "ServiceNotAvailable"),
        )

    def test_names_that_are_taken(self):
        """A field takes the place of none of those that every line has."""
        names = ("time", "level", "namespace", "message")
        line = self.read(json_line({"log_format": "the message", **dict.fromkeys(names, "mine")}))
        self.assertNotIn("mine", line.values())

    def test_old_code(self):
        """What old code logs has the same shape, and none of its own fields."""
        publisher = legacy.LogPublisher(publishPublisher=self.publisher)
        publisher.msg("several", "words", system="there")
        line = self.line()
        self.assertEqual((line["message"], line["level"]), ("several words", "info"))
        self.assertEqual(line["namespace"], "there")
        self.assertEqual(set(line), {"time", "level", "namespace", "message"})
        publisher.msg("nothing more")
        self.assertEqual(self.line()["namespace"], "twisted.python.log")
        publisher.msg(format="%(number)d things", number=3)
        line = self.line()
        self.assertEqual((line["message"], line["number"]), ("3 things", 3))
        error = failure(ZeroDivisionError("by zero"))
        publisher.msg(failure=error, why="it broke", isError=1)
        line = self.line()
        self.assertEqual((line["error"], line["level"]), ("ZeroDivisionError", "critical"))
        self.assertEqual(line["message"], "it broke")
        self.assertIn("by zero", line["traceback"])
        publisher.msg(failure=error, isError=1)
        self.assertEqual(self.line()["message"], "by zero")

    def test_trace(self):
        """What is logged as part of a trace says which; an event's own word comes first."""
        token = trace_context.set(TRACE)
        self.addCleanup(trace_context.reset, token)
        self.log.info("within")
        self.assertEqual(self.line()["trace_id"], TRACE_ID)
        self.log.info("of another", trace_id="its own")
        self.assertEqual(self.line()["trace_id"], "its own")

    def test_trace_of_a_call(self):
        """What is logged of a call while none is in progress names its trace in the same way."""
        for carried, told in (TRACE, {"trace_id": TRACE_ID}), (None, {}), ({"traceparent": 5}, {}):
            self.log.info("failed", trace=carried)
            line = self.line()
            self.assertEqual({name: line[name] for name in line if "trace" in name}, told)

    def test_hostile(self):
        """What cannot be shown says so, in a line like others."""
        for fields in (
            {"field": Hostile()},
            {"field": Loud("x")},
            {"field": [Hostile()]},
            {"log_format": "{field}", "field": Hostile()},
            {"log_format": "{missing} {0} {!z}"},
            {"log_format": b"\xff{field}", "field": 1},
            {"log_format": 7},
            {"log_level": "info"},
            {"log_time": "yesterday"},
            {"log_time": float("nan")},
            {"log_time": 1e300},
            {"log_failure": "none"},
            {"log_namespace": Hostile()},
            {"isError": 1, "message": Hostile(), "failure": Hostile()},
            {7: "seven", (1, 2): "pair"},
            {"\ud800": "\udfff"},
            {"field": sys.float_info.max, "other": -float("inf")},
        ):
            self.read(json_line(dict(fields)))

    def test_long(self):
        """What an object shows of itself is cut, and text is not."""
        line = self.read(json_line({"object": ["x" * 100_000], "text": "x" * 100_000}))
        self.assertEqual((len(line["object"]), len(line["text"])), (1000, 100_000))

    # A busy machine makes values slowly.
    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.dictionaries(
            st.text() | st.sampled_from(["log_format", "log_time", "log_level", "log_failure"]),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
                lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
                max_leaves=4,
            ),
            max_size=5,
        )
    )
    def test_anything(self, event):
        """Whatever an event holds, its line is JSON, in ASCII."""
        text = json_line(event)
        self.assertEqual((text.count("\n"), text.isascii()), (1, True))
        self.read(text)

    def test_bytes(self):
        """A file of bytes gets the same."""
        file = BytesIO()
        json_log(file)({"log_format": "hello"})
        self.assertEqual(self.read(file.getvalue().decode("ascii"))["message"], "hello")


class TwistdLogTests(SynchronousTestCase):
    """Where twistd would write it."""

    def setUp(self):
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        before = signal.getsignal(signal.SIGUSR1)
        self.addCleanup(signal.signal, signal.SIGUSR1, before)

    def options(self, **given):
        return {"logfile": None, "syslog": False, "nodaemon": False, **given}

    def written(self, **options):
        """What is in the file that an observer with these options has written to."""
        observer = twistd_log(self.options(**options))
        observer({"log_format": "hello"})
        self.addCleanup(observer._outFile.close)
        return Path(observer._outFile.path)

    def test_foreground(self):
        """In the foreground it is standard output, unless a file is named."""
        file = StringIO()
        self.patch(sys, "stdout", file)
        for logfile in None, "-":
            twistd_log(self.options(nodaemon=True, logfile=logfile))({"log_format": "hello"})
        self.assertEqual(file.getvalue().count('"message": "hello"'), 2)

    def test_file(self):
        """A file that is named is written to, in the foreground too."""
        for name, nodaemon in ("one.log", True), ("two.log", False):
            path = self.written(logfile=str(self.folder / name), nodaemon=nodaemon)
            self.assertEqual(path, self.folder / name)
            self.assertEqual(json.loads(path.read_text("ascii"))["message"], "hello")

    def test_signal(self):
        """SIGUSR1 begins a new file, as it does with twistd, unless somebody else wants it."""
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)
        self.written(logfile=str(self.folder / "one.log"))
        self.assertNotIn(signal.getsignal(signal.SIGUSR1), (None, signal.SIG_DFL))
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        self.written(logfile=str(self.folder / "two.log"))
        self.assertEqual(signal.getsignal(signal.SIGUSR1), signal.SIG_IGN)

    def test_no_file(self):
        """What is no file is refused."""
        for options, words in (
            ({"syslog": True}, "not to syslog"),
            ({"logfile": "-"}, "a daemon has no standard output"),
        ):
            error = self.assertRaises(ValueError, twistd_log, self.options(**options))
            self.assertIn(words, str(error))
