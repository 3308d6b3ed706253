"""Log events on their way to a supervisor."""

import io

from twisted.logger import FileLogObserver, ILogObserver, Logger, LogLevel, LogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pycom_tx.tap import records
from pycom_tx.tap.child import LONGEST


class RecordsTests(SynchronousTestCase):
    def setUp(self):
        self.output = io.StringIO()
        publisher = LogPublisher(FileLogObserver(self.output, records.written))
        self.emit = Logger(namespace="some.where", observer=publisher).emit

    def lines(self):
        return self.output.getvalue().split("\n")[:-1]

    def test_there_and_back(self):
        """An event arrives with its level, its namespace and its text."""
        self.emit(LogLevel.warn, "{a} and {b}", a="one", b=["zwei", "drü\ud800"])
        self.emit(LogLevel.debug, "two\nlines")
        self.assertEqual(
            [records.read(line) for line in self.lines()],
            [
                (
                    LogLevel.warn,
                    "some.where",
                    "one and ['zwei', 'drü\\ud800']",
                    {"a": "one", "b": "['zwei', 'drü\\ud800']"},
                ),
                (LogLevel.debug, "some.where", "two\nlines", {}),
            ],
        )

    def test_ascii(self):
        """A line is ASCII, whatever encoding a process has."""
        self.emit(LogLevel.info, "drü\u2028ben\x1e")
        (line,) = self.lines()
        self.assertTrue(line.isascii())
        self.assertEqual(records.read(line).text, "drü\u2028ben\x1e")

    def test_failure(self):
        """A traceback is part of the text."""
        try:
            raise ValueError("no fuel")
        except ValueError:
            self.emit(LogLevel.critical, "It failed", log_failure=Failure())
        (line,) = self.lines()
        level, _, text, fields = records.read(line)
        self.assertIs(level, LogLevel.critical)
        self.assertEqual(fields["error"], "ValueError")
        self.assertRegex(text, r"\AIt failed\nTraceback (?s:.*)ValueError: no fuel")

    def test_nothing(self):
        """An event without a text is no line."""
        self.emit(LogLevel.info, "")
        self.assertEqual(self.lines(), [])

    def test_bare(self):
        """An event that lacks what others have arrives as well."""
        line = records.written({"log_format": "x", "log_failure": Failure(ValueError("y"))})
        self.assertEqual(records.read(line)[:2], (LogLevel.info, "-"))

    def test_long(self):
        """A text that is very long is cut, so that its line stays whole."""
        self.emit(LogLevel.info, "{text}", text="\U0001f600" * 100_000)
        (line,) = self.lines()
        self.assertLess(len(line), LONGEST)
        self.assertTrue(records.read(line).text.endswith("😀… (50000 more characters)"))

    def test_no_records(self):
        """Other lines are none, also if they look like it."""
        for line in (
            "",
            "text",
            '["info", "a", "b"]',
            "\x1e",
            "\x1e{",
            "\x1e1",
            "\x1e[1]",
            '\x1e["x", "a", "b"]',
            '\x1e[[], "a", "b"]',
            "\x1e" + "[" * 100_000,
        ):
            self.assertIsNone(records.read(line))

    def test_observer(self):
        """What twistd is given observes the log."""
        verifyObject(ILogObserver, records.to_supervisor())
