"""The log line of every call."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

import pycom_tx as pycom
from pycom_tx.host.call_log import CallLog
from pycom_tx.zerojson.interfaces import IRequestHandler
from tests.test_trace import PARENT, TRACE_ID


@implementer(IRequestHandler)
class Handler:
    def __init__(self, answer):
        self.handle = answer


class CallLogTests(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.request = pycom.Request("com.example.greeter", "greet")

    def log(self, answer):
        """A log of calls that *answer* answers."""
        return CallLog(Handler(answer), self.clock)

    def handle(self, answer):
        """What comes of a call that *answer* answers, and the lines that it leaves."""
        with capturedLogs() as events:
            result = self.log(answer).handle(self.request)
        return result, self.lines(events)

    def lines(self, events):
        self.assertEqual({event["log_level"] for event in events} - {LogLevel.info}, set())
        return [formatEvent(event) for event in events]

    def test_interface(self):
        """A log of calls is a handler of requests itself."""
        verifyObject(IRequestHandler, self.log(pycom.Response))

    def test_answered(self):
        """An answer passes, and is logged with the time it took."""
        response = pycom.Response("hello")

        def answer(request):
            self.assertIs(request, self.request)
            self.clock.advance(0.0125)
            return response

        result, lines = self.handle(answer)
        self.assertIs(result, response)
        self.assertEqual(lines, ["com.example.greeter.greet: answered in 12.5 ms"])

    def test_fields(self):
        """A line has its parts as fields, with the duration in seconds."""

        def answer(request):
            self.clock.advance(0.0125)
            return pycom.Response("hello")

        with capturedLogs() as events:
            self.log(answer).handle(self.request)
        (event,) = events
        self.assertEqual(event["log_namespace"], "pycom_tx.host.call_log.CallLog")
        known = ("interface", "method", "code", "duration", "peer", "error", "trace_id")
        self.assertEqual(
            {name: event[name] for name in known if name in event},
            {
                "interface": "com.example.greeter",
                "method": "greet",
                "code": 0,
                "duration": 0.0125,
            },
        )

    def test_peer_and_trace(self):
        """Where they are known, so are who called and the trace that the call is part of."""
        self.request.peer = "192.168.10.1"
        self.request.extensions = {"org.pycom.trace": {"traceparent": PARENT}}
        with capturedLogs() as events:
            self.log(lambda _: pycom.Response("hello")).handle(self.request)
        (event,) = events
        self.assertEqual((event["peer"], event["trace_id"]), ("192.168.10.1", TRACE_ID))
        self.assertEqual(
            formatEvent(event),
            "com.example.greeter.greet: answered in 0.0 ms for 192.168.10.1",
        )

    def test_code_of_an_error(self):
        """What is raised has the code that its client gets, and its class; not its words."""
        for error, code in (
            (pycom.RemoteError("the password is 1234", 99), 99),
            (ValueError("the password is 1234"), 1),
        ):

            def answer(request, error=error):
                raise error

            with capturedLogs() as events:
                self.assertRaises(type(error), self.log(answer).handle, self.request)
            (event,) = events
            self.assertEqual((event["code"], event["error"]), (code, type(error).__name__))
            self.assertNotIn("password", formatEvent(event) + repr(event))

    def test_answered_with_an_error(self):
        """An answer that is an error is logged with its code."""
        response = pycom.Response(code=17, error="no")
        result, lines = self.handle(lambda _: response)
        self.assertIs(result, response)
        self.assertEqual(lines, ["com.example.greeter.greet: error 17 in 0.0 ms"])

    def test_raised(self):
        """An exception passes, and is logged with its class and text."""

        def answer(request):
            raise pycom.MethodNotFound("no such method")

        with capturedLogs() as events:
            self.assertRaises(pycom.MethodNotFound, self.log(answer).handle, self.request)
        self.assertEqual(
            self.lines(events),
            ["com.example.greeter.greet: MethodNotFound 2 in 0.0 ms"],
        )

    def test_answered_later(self):
        """An answer that comes later is logged when it comes."""
        later = Deferred()
        result, lines = self.handle(lambda _: later)
        self.assertEqual(lines, [])
        self.clock.advance(0.25)
        response = pycom.Response("hello")
        with capturedLogs() as events:
            later.callback(response)
        self.assertIs(self.successResultOf(result), response)
        self.assertEqual(self.lines(events), ["com.example.greeter.greet: answered in 250.0 ms"])

    def test_failed_later(self):
        """A failure that comes later passes, and is logged when it comes."""
        later = Deferred()
        result, _ = self.handle(lambda _: later)
        self.clock.advance(2)
        error = ValueError("no good")
        with capturedLogs() as events:
            later.errback(error)
        self.assertIs(self.failureResultOf(result, ValueError).value, error)
        self.assertEqual(self.lines(events), ["com.example.greeter.greet: ValueError in 2000.0 ms"])

    def test_cancelled(self):
        """Cancelling the answer cancels the handler's, and is logged."""
        cancelled = []
        result, _ = self.handle(lambda _: Deferred(cancelled.append))
        with capturedLogs() as events:
            result.cancel()
        self.failureResultOf(result, CancelledError)
        self.assertEqual(len(cancelled), 1)
        self.assertEqual(
            self.lines(events), ["com.example.greeter.greet: CancelledError in 0.0 ms"]
        )
