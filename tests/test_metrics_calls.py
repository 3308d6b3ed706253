"""Counting and timing calls, served and made."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

import pycom_tx as pycom
from pycom_tx.components.observing import ICallObserver
from pycom_tx.metrics.calls import MAX_CODES, OTHER, UNKNOWN, Calls
from pycom_tx.metrics.client import MAX_METHODS, ClientCalls
from pycom_tx.metrics.served import CountedCalls
from pycom_tx.testing import MemoryNetwork
from pycom_tx.zerojson.interfaces import IRequestHandler
from tests.support import Caller
from tests.test_call_log import Handler, raising

SHOP = "com.foo.shop"
METHODS = {SHOP: {"buy": None, "look": None}}


class CallsCase(SynchronousTestCase):
    prefix = "pycom"

    def setUp(self):
        self.clock = Clock()
        self.registry = CollectorRegistry()

    def value(self, name, **labels):
        return self.registry.get_sample_value(f"{self.prefix}_{name}", labels)

    def count(self, method, code, interface=SHOP):
        """How many calls of a method have ended so."""
        return self.value("calls_total", interface=interface, method=method, code=code)

    def in_progress(self, method, interface=SHOP):
        return self.value("calls_in_progress", interface=interface, method=method)

    def counts(self):
        """All counts but those of nothing, by their labels."""
        return {
            (
                sample.labels["interface"],
                sample.labels["method"],
                sample.labels["code"],
            ): sample.value
            for metric in self.registry.collect()
            for sample in metric.samples
            if sample.name == f"{self.prefix}_calls_total" and sample.value
        }


class NamesTests(CallsCase):
    def test_no_text(self):
        """A name that is no text, as old nameservers take it, makes no page unreadable."""
        calls = Calls(self.registry, "pycom", "that there are")
        calls.of("com.foo.\ud800", "\udfff").count("0", 1)
        self.assertEqual(self.count("\\udfff", "0", interface="com.foo.\\ud800"), 1)
        self.assertIn(b"ud800", generate_latest(self.registry))


class CountedCallsTests(CallsCase):
    def setUp(self):
        super().setUp()
        self.calls = Calls(self.registry, "pycom", "served")

    def handler(self, answer, methods=METHODS):
        return CountedCalls(Handler(answer), self.calls, methods, self.clock)

    def call(self, answer, method="buy", interface=SHOP, **limits):
        """Who has made a call that *answer* answers."""
        caller = Caller(self.handler(answer), self.clock, **limits)
        caller.call(interface, method)
        return caller

    def test_interface(self):
        """What counts requests is a handler of requests itself."""
        verifyObject(IRequestHandler, self.handler(None))

    def test_known_from_the_beginning(self):
        """A method that nobody has called is there, with no calls."""
        self.handler(None)
        for method in "buy", "look":
            self.assertEqual((self.count(method, "0"), self.in_progress(method)), (0, 0))
            self.assertEqual(
                self.value("call_duration_seconds_count", interface=SHOP, method=method), 0
            )

    def test_answered(self):
        """An answer passes and is counted, with the time it took."""

        def answer(request):
            self.assertEqual(self.in_progress("buy"), 1)
            self.clock.advance(0.02)
            return pycom.Response("here you are")

        self.assertEqual([reply.result for reply in self.call(answer).replies], ["here you are"])
        self.assertEqual(self.counts(), {(SHOP, "buy", "0"): 1})
        self.assertEqual(self.in_progress("buy"), 0)
        duration = {"interface": SHOP, "method": "buy"}
        self.assertAlmostEqual(self.value("call_duration_seconds_sum", **duration), 0.02)
        buckets = [
            self.value("call_duration_seconds_bucket", le=le, **duration)
            for le in ("0.01", "0.025", "+Inf")
        ]
        self.assertEqual(buckets, [0, 1, 1])

    def test_answered_later(self):
        """An answer that comes later is counted when it comes; until then it is in progress."""
        later = [Deferred(), Deferred()]
        callers = [self.call(lambda _, answer=answer: answer) for answer in later]
        self.assertEqual((self.in_progress("buy"), self.counts()), (2, {}))
        self.clock.advance(2)
        later[0].callback(pycom.Response(code=17, error="no"))
        later[1].errback(pycom.AccessDenied("no"))
        self.assertEqual([reply.code for caller in callers for reply in caller.replies], [17, 5])
        self.assertEqual(self.counts(), {(SHOP, "buy", "17"): 1, (SHOP, "buy", "5"): 1})
        self.assertEqual(self.in_progress("buy"), 0)
        self.assertEqual(self.value("call_duration_seconds_sum", interface=SHOP, method="buy"), 4)

    def test_raised(self):
        """What is raised passes, and has the code that its client gets."""
        wrong = type("Wrong", (pycom.RemoteError,), {"code": "none"})
        for error, code in (
            (pycom.BadRequest("no"), "4"),
            (pycom.RemoteError("no", 99), "99"),
            (wrong("no"), "1"),
            (ValueError("bug"), "1"),
            (SystemExit(), "1"),
        ):
            before = self.count("look", code) or 0
            (reply,) = self.call(raising(error), "look").replies
            self.assertEqual(str(reply.code), code)
            self.assertEqual(self.count("look", code), before + 1)
        self.assertEqual(self.in_progress("look"), 0)
        self.flushLoggedErrors(ValueError, SystemExit)

    def test_cannot_be_sent(self):
        """An answer that cannot be sent is the error that its client gets."""
        responses = (
            pycom.Response({1}),
            pycom.Response(attachment="text"),
            pycom.Response(code="none"),
            pycom.Response("x" * 1000),
        )
        for response in responses:
            for answer in response, succeed(response):
                (reply,) = self.call(lambda _, answer=answer: answer, max_message=999).replies
                self.assertEqual(reply.code, 1)
        self.assertEqual(self.counts(), {(SHOP, "buy", "1"): 2 * len(responses)})
        self.assertEqual(self.in_progress("buy"), 0)
        self.flushLoggedErrors(pycom.NotSerializable, ValueError)

    def test_cancelled(self):
        """A call that is cancelled is over."""
        caller = self.call(lambda _: Deferred())
        caller.cancel()
        self.assertEqual(caller.replies, [])
        self.assertEqual(self.in_progress("buy"), 0)
        self.assertEqual(self.counts(), {(SHOP, "buy", "CancelledError"): 1})

    def test_out_of_time(self):
        """So is one whose time is over: neither counts as an error of the service."""
        handler = self.handler(lambda _: Deferred())
        caller = Caller(handler, self.clock)
        caller.call(SHOP, "buy", extensions={"org.pycom.deadline": 2000})
        self.clock.advance(2)
        self.assertEqual(self.counts(), {(SHOP, "buy", "CancelledError"): 1})

    def test_what_strangers_invent(self):
        """Methods and interfaces that there are not make no labels, however many are tried."""
        answer = raising(pycom.MethodNotFound("no"))
        for number in range(20):
            self.call(answer, f"invented{number}")
            self.call(answer, "buy", f"com.n{number}")
        self.assertEqual(self.counts(), {(SHOP, UNKNOWN, "2"): 20, (UNKNOWN, UNKNOWN, "2"): 20})

    def test_method_that_is_added(self):
        """A method that is added while the service runs is one that exists."""
        methods = {SHOP: {"buy": None}}
        caller = Caller(self.handler(lambda _: pycom.Response(), methods), self.clock)
        caller.call(SHOP, "sell")
        methods[SHOP]["sell"] = None
        caller.call(SHOP, "sell")
        self.assertEqual(self.counts(), {(SHOP, UNKNOWN, "0"): 1, (SHOP, "sell", "0"): 1})

    def test_codes_without_end(self):
        """A method that answers with ever new codes has so many labels, and no more."""
        for code in range(1, 3 * MAX_CODES):
            self.call(lambda request, code=code: request.error(code))
        counts = self.counts()
        self.assertEqual(len(counts), MAX_CODES)
        self.assertEqual(counts[SHOP, "buy", OTHER], 2 * MAX_CODES)
        self.assertEqual(sum(counts.values()), 3 * MAX_CODES - 1)

    def test_a_clock_that_is_put_back(self):
        """A call that ends before it has begun took no time."""

        def answer(request):
            self.clock.rightNow -= 3600
            return pycom.Response()

        self.call(answer)
        duration = {"interface": SHOP, "method": "buy"}
        self.assertEqual(self.value("call_duration_seconds_sum", **duration), 0)


class ClientCallsTests(CallsCase):
    prefix = "pycom_client"

    def setUp(self):
        super().setUp()
        self.observer = ClientCalls(self.registry, self.clock)
        self.context = pycom.Context(reactor=self.clock, network=MemoryNetwork(self.clock))
        self.component = self.successResultOf(self.context.connect("tcp://127.0.0.1:9", SHOP))
        self.addCleanup(self.context.close)

    def call(self, outcome, method="buy", interface=SHOP):
        """The Deferred of a call that ends as *outcome* does."""
        return self.observer.call(self.component, pycom.Request(interface, method), lambda: outcome)

    def test_interface(self):
        """It is an observer of calls."""
        verifyObject(ICallObserver, self.observer)

    def test_answered(self):
        """A call that is answered is counted under its name, with the time it took."""
        response = pycom.Response("here you are")
        for _ in range(2):
            outcome = Deferred()
            call = self.call(outcome)
            self.clock.advance(1.5)
            outcome.callback(response)
            self.assertIs(self.successResultOf(call), response)
        self.assertEqual(self.counts(), {(SHOP, "buy", "0"): 2})
        self.assertEqual(self.value("call_duration_seconds_sum", interface=SHOP, method="buy"), 3)

    def test_in_progress(self):
        """A call is in progress until it ends: under its name, once that is known."""
        first = Deferred()
        self.call(first)
        self.assertEqual(self.in_progress(UNKNOWN, UNKNOWN), 1)
        first.callback(pycom.Response())
        self.assertEqual(self.in_progress(UNKNOWN, UNKNOWN), 0)
        second = Deferred()
        self.call(second)
        self.assertEqual((self.in_progress("buy"), self.in_progress(UNKNOWN, UNKNOWN)), (1, 0))
        second.callback(pycom.Response())
        self.assertEqual(self.in_progress("buy"), 0)

    def test_failed(self):
        """A call that fails is counted by its code, or by the error where no code came."""
        self.call(succeed(pycom.Response()))
        for error, code in (
            (pycom.RemoteError("no", 99), "99"),
            (pycom.BadRequest("no"), "4"),
            (pycom.CallTimeout("late"), "CallTimeout"),
            (pycom.Overloaded("full"), "Overloaded"),
            (ValueError("a timeout is a number"), "ValueError"),
            (CancelledError(), "CancelledError"),
        ):
            self.failureResultOf(self.call(fail(error)), type(error))
            self.assertEqual(self.count("buy", code), 1)
        self.assertEqual(self.in_progress("buy"), 0)

    def test_what_strangers_invent(self):
        """Methods that nobody has answered make no labels, however many are tried."""
        for number in range(20):
            for error in (
                pycom.MethodNotFound("no"),
                pycom.ServiceNotFound("no"),
                pycom.BadRequest("Unsupported interface"),
                pycom.AccessDenied("no"),
                pycom.ServiceNotAvailable("no answer"),
            ):
                self.failureResultOf(self.call(fail(error), f"m{number}", f"com.n{number}"))
        self.assertEqual({key[:2] for key in self.counts()}, {(UNKNOWN, UNKNOWN)})

    def test_known_to_its_context(self):
        """A method that the context knows has its name from its first call on."""
        self.context.knows_method = lambda interface, method: (interface, method) == (SHOP, "buy")
        outcome = Deferred()
        call = self.call(outcome)
        self.assertEqual((self.in_progress("buy"), self.in_progress(UNKNOWN, UNKNOWN)), (1, 0))
        outcome.errback(pycom.CallTimeout("late"))
        self.failureResultOf(call)
        self.failureResultOf(self.call(fail(pycom.CallTimeout("late")), "sell"))
        self.assertEqual(
            self.counts(),
            {(SHOP, "buy", "CallTimeout"): 1, (UNKNOWN, UNKNOWN, "CallTimeout"): 1},
        )

    def test_error_that_proves_a_method(self):
        """An error of the method's own says that it exists."""
        self.failureResultOf(self.call(fail(pycom.RemoteError("sold out", 77))))
        self.assertEqual(self.counts(), {(SHOP, "buy", "77"): 1})

    def test_too_many_methods(self):
        """Services that answer whatever they are asked make so many labels, and no more."""
        for number in range(MAX_METHODS + 5):
            self.successResultOf(self.call(succeed(pycom.Response()), f"m{number}"))
        counts = self.counts()
        self.assertEqual(len(counts), MAX_METHODS + 1)
        self.assertEqual(counts[UNKNOWN, UNKNOWN, "0"], 5)
