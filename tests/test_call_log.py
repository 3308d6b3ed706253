"""The log line of every call."""

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

import pycom_tx as pycom
from pycom_tx.host.call_log import CallLog
from pycom_tx.zerojson.interfaces import IRequestHandler
from tests.support import Caller
from tests.test_trace import PARENT, TRACE_ID

NAMESPACE = "pycom_tx.host.call_log.CallLog"


@implementer(IRequestHandler)
class Handler:
    def __init__(self, answer):
        self.handle = answer


def raising(error):
    """An answer that is an exception."""

    def answer(request):
        raise error

    return answer


class CallLogTests(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()

    def caller(self, answer, **limits):
        """Who calls what *answer* answers, through a log of calls."""
        return Caller(CallLog(Handler(answer), self.clock), self.clock, **limits)

    def logged(self, act):
        """The events that the log of calls makes of what a function does."""
        with capturedLogs() as events:
            act()
        calls = [event for event in events if event["log_namespace"] == NAMESPACE]
        self.assertEqual({event["log_level"] for event in calls} - {LogLevel.info}, set())
        return calls

    def call(self, caller, **options):
        """The events of a call."""
        return self.logged(lambda: caller.call("com.example.greeter", "greet", **options))

    def handle(self, answer, **limits):
        """The reply to a call that *answer* answers, and the lines that it leaves."""
        caller = self.caller(answer, **limits)
        lines = [formatEvent(event) for event in self.call(caller)]
        (reply,) = caller.replies
        return reply, lines

    def test_interface(self):
        """A log of calls is a handler of requests itself."""
        verifyObject(IRequestHandler, CallLog(Handler(None), self.clock))

    def test_answered(self):
        """An answer passes, and is logged with the time it took."""

        def answer(request):
            self.clock.advance(0.0125)
            return pycom.Response("hello")

        reply, lines = self.handle(answer)
        self.assertEqual(reply.result, "hello")
        self.assertEqual(lines, ["com.example.greeter.greet: answered in 12.5 ms"])

    def test_fields(self):
        """A line has its parts as fields, with the duration in seconds."""

        def answer(request):
            self.clock.advance(0.0125)
            return pycom.Response("hello")

        (event,) = self.call(self.caller(answer))
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
        caller = self.caller(lambda _: pycom.Response("hello"), name_peers=True)
        extensions = {"org.pycom.trace": {"traceparent": PARENT}}
        (event,) = self.call(caller, extensions=extensions)
        self.assertEqual((event["peer"], event["trace_id"]), (caller.sender, TRACE_ID))
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
            caller = self.caller(raising(error))
            (event,) = self.call(caller)
            self.assertEqual((event["code"], event["error"]), (code, type(error).__name__))
            self.assertNotIn("password", formatEvent(event) + repr(event))
            self.assertEqual([reply.code for reply in caller.replies], [code])
        self.flushLoggedErrors(ValueError)

    def test_answered_with_an_error(self):
        """An answer that is an error is logged with its code."""
        reply, lines = self.handle(lambda _: pycom.Response(code=17, error="no"))
        self.assertEqual((reply.code, reply.error), (17, "no"))
        self.assertEqual(lines, ["com.example.greeter.greet: error 17 in 0.0 ms"])

    def test_raised(self):
        """An exception passes, and is logged with its class and code."""
        reply, lines = self.handle(raising(pycom.MethodNotFound("no such method")))
        self.assertEqual((reply.code, reply.error), (2, "no such method"))
        self.assertEqual(lines, ["com.example.greeter.greet: MethodNotFound 2 in 0.0 ms"])

    def test_cannot_be_sent(self):
        """An answer that cannot be sent is logged as the error that its client gets."""
        for response, line in (
            (pycom.Response({1}), "NotSerializable"),
            (pycom.Response(attachment="text"), "NotSerializable"),
            (pycom.Response(code="none"), "ValueError"),
            (pycom.Response("x" * 1000), "error 1"),
        ):
            for answer in response, succeed(response):
                reply, lines = self.handle(lambda _, answer=answer: answer, max_message=999)
                self.assertEqual(reply.code, 1)
                self.assertEqual(lines, [f"com.example.greeter.greet: {line} in 0.0 ms"])
        self.flushLoggedErrors(pycom.NotSerializable, ValueError)

    def later(self, caller, act):
        """The lines that something leaves, two seconds after a call that was not answered."""
        self.assertEqual(self.call(caller), [])
        self.clock.advance(2)
        return [formatEvent(event) for event in self.logged(act)]

    def test_answered_later(self):
        """An answer that comes later is logged when it comes."""
        answer = Deferred()
        caller = self.caller(lambda _: answer)
        lines = self.later(caller, lambda: answer.callback(pycom.Response("hello")))
        self.assertEqual(lines, ["com.example.greeter.greet: answered in 2000.0 ms"])
        self.assertEqual([reply.result for reply in caller.replies], ["hello"])

    def test_failed_later(self):
        """A failure that comes later passes, and is logged when it comes."""
        answer = Deferred()
        caller = self.caller(lambda _: answer)
        lines = self.later(caller, lambda: answer.errback(ValueError("no good")))
        self.assertEqual(lines, ["com.example.greeter.greet: ValueError in 2000.0 ms"])
        self.assertEqual([reply.code for reply in caller.replies], [1])
        self.flushLoggedErrors(ValueError)

    def test_cancelled(self):
        """A call that its client has given up is logged when it ends."""
        cancelled = []
        caller = self.caller(lambda _: Deferred(cancelled.append))
        lines = self.later(caller, caller.cancel)
        self.assertEqual(lines, ["com.example.greeter.greet: CancelledError in 2000.0 ms"])
        self.assertEqual((len(cancelled), caller.replies), (1, []))

    def test_code_of_a_cancelled_call(self):
        """It has none, as nobody was told one."""
        caller = self.caller(lambda _: Deferred())
        self.call(caller)
        (event,) = self.logged(caller.cancel)
        self.assertEqual((event["code"], event["error"]), (None, "CancelledError"))
