"""The trace context that goes with calls, where nobody makes spans."""

from __future__ import annotations

from contextvars import copy_context

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

import pycom_tx as pycom
from pycom_tx.components.trace import trace_id, trace_in
from pycom_tx.testing import at_once
from pycom_tx.tracing import trace_context
from tests.support import MemoryCase
from tests.test_attempts import ProvidersCase

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE_ID}-b7ad6b7169203331-01"
TRACE = {"traceparent": PARENT, "tracestate": "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"}


class TraceInTests(SynchronousTestCase):
    """What the W3C's Trace Context says of ``traceparent`` and ``tracestate``."""

    def test_whole(self):
        """A trace context is what is passed on."""
        self.assertEqual(trace_in(TRACE), TRACE)
        self.assertEqual(trace_in({"traceparent": PARENT}), {"traceparent": PARENT})

    def test_other_fields(self):
        """What else stands there is left out."""
        self.assertEqual(trace_in({**TRACE, "baggage": "a=b"}), TRACE)

    def test_malformed_parent(self):
        """A parent that is none makes the whole one none."""
        for parent in (
            "",
            None,
            7,
            [PARENT],
            "nonsense",
            PARENT[:-1],
            f" {PARENT}",
            f"{PARENT}\n",
            f"{PARENT}-00",
            f"{PARENT}.",
            PARENT.upper(),
            PARENT.replace("-", "_"),
            f"ff{PARENT[2:]}",
            f"ff{PARENT[2:]}-00",
            f"0{PARENT[1:]}0",
            f"01{PARENT[2:]}.00",
            f"00-{'0' * 32}-b7ad6b7169203331-01",
            f"00-{TRACE_ID}-{'0' * 16}-01",
            f"00-{'g' * 32}-b7ad6b7169203331-01",
            f"00-{TRACE_ID}-b7ad6b7169203331-\u0661\u0661",
        ):
            self.assertIsNone(trace_in({"traceparent": parent}), parent)

    def test_nothing(self):
        """What is no object is none, and so is one without a parent."""
        for carried in None, 7, PARENT, [], {}, {"tracestate": "a=b"}, True:
            self.assertIsNone(trace_in(carried))

    def test_versions_to_come(self):
        """A later version is passed on as the one that is known, whatever it has behind that."""
        for parent in f"01{PARENT[2:]}", f"cc{PARENT[2:]}-what-the-future-brings":
            self.assertEqual(trace_in({"traceparent": parent}), {"traceparent": PARENT})

    def test_state(self):
        """A state is passed on as it is."""
        for state in (
            "a=1",
            "a=1, b=2",
            "a=1,,b=2",
            "",
            "0tenant@system=x",
            "a_-*/0=!~ x",
            ",".join(f"a{number}=1" for number in range(32)),
            f"a={'x' * 256}",
        ):
            carried = {"traceparent": PARENT, "tracestate": state}
            self.assertEqual(trace_in(carried), carried)

    def test_malformed_state(self):
        """A state that is none is left out, and the parent stands."""
        for state in (
            None,
            7,
            "a",
            "=1",
            "A=1",
            "a=",
            "a=b=c",
            "a=1;b=2",
            "a=\u00e4",
            "a=1\n",
            "a@=1",
            "a=1 ,b =2",
            ",".join(f"a{number}=1" for number in range(33)),
            f"a={'x' * 257}",
            ",".join(["a=" + "x" * 200] * 3),
        ):
            carried = {"traceparent": PARENT, "tracestate": state}
            self.assertEqual(trace_in(carried), {"traceparent": PARENT}, state)

    def test_trace_id(self):
        """A trace has an id; what is none has no id."""
        self.assertEqual(trace_id(TRACE), TRACE_ID)
        self.assertIsNone(trace_id({"traceparent": "nonsense"}))


@pycom.interface("com.foo.inner")
class Inner(pycom.Service):
    """Tells what came with each call."""

    @pycom.method
    def tell(self, request):
        return request.extensions.get("org.pycom.trace")


@pycom.interface("com.foo.outer")
class Outer(pycom.Service):
    """Calls the other one, in every way that a method can."""

    def __init__(self):
        self.ready = Deferred()

    async def _told(self):
        async with self.context.locate("com.foo.inner") as inner:
            return await inner.invoke("tell")

    @pycom.method
    def sees(self, request):
        return [trace_context.get(), request.extensions.get("org.pycom.trace")]

    @pycom.method
    async def ask(self, request):
        return await self._told()

    @pycom.method
    async def ask_later(self, request):
        await self.ready
        return await self._told()

    @pycom.method
    async def ask_for_caller(self, request):
        async with request.context().locate("com.foo.inner") as inner:
            return await inner.invoke("tell")


class PassedOnTests(MemoryCase):
    def setUp(self):
        super().setUp()
        self.outer = Outer()
        self.inner_host = self.host(Inner)
        self.outer_host = self.host(self.outer)

    def call(self, method, trace=None, interface="com.foo.outer"):
        """The Deferred of a call that has arrived."""
        component = self.result(self.context.locate(interface))
        extensions = {} if trace is None else {"org.pycom.trace": trace}
        call = component.call(pycom.Request(interface, method, extensions=extensions))
        component.close()
        self.clock.pump([0] * 20)
        return call.addCallback(lambda response: response.result)

    def test_seen(self):
        """A method finds the trace of its call, as it came and as the context variable."""
        self.assertEqual(self.successResultOf(self.call("sees", TRACE)), [TRACE, TRACE])
        self.assertEqual(self.successResultOf(self.call("sees")), [None, None])
        self.assertIsNone(trace_context.get())

    def test_malformed(self):
        """A malformed one is no trace, and the call goes on."""
        wrong = {"traceparent": "nonsense"}
        self.assertEqual(self.successResultOf(self.call("sees", wrong)), [None, wrong])
        self.assertIsNone(self.successResultOf(self.call("ask", wrong)))

    def test_nested(self):
        """What a method calls on its way carries the trace along, and nothing else does."""
        for method in "ask", "ask_for_caller":
            for trace in TRACE, None:
                self.assertEqual(self.successResultOf(self.call(method, trace)), trace)

    def test_across_a_wait(self):
        """A method that waits goes on in its own trace, whoever wakes it."""
        other = {"traceparent": PARENT.replace("b7", "c8")}
        calls = [(self.call("ask_later", trace), trace) for trace in (TRACE, None, other)]
        self.outer.ready.callback(None)
        self.clock.pump([0] * 20)
        for call, trace in calls:
            self.assertEqual(self.successResultOf(call), trace)

    def test_not_inherited_from_whoever_serves(self):
        """A call outside of a trace is outside, also where something inside of one serves it."""
        component = self.result(self.context.connect(self.outer_host.address, "com.foo.outer"))
        call = component.invoke("sees")
        component.close()
        inside = copy_context()
        inside.run(trace_context.set, TRACE)
        inside.run(self.clock.pump, [0] * 3)
        self.assertEqual(self.successResultOf(call), [None, None])

    def test_a_program_in_a_trace(self):
        """What a program calls while the variable is set is part of that trace."""
        token = trace_context.set(TRACE)
        call = self.call("tell", interface="com.foo.inner")
        trace_context.reset(token)
        self.assertEqual(self.successResultOf(call), TRACE)
        self.assertIsNone(self.successResultOf(self.call("tell", interface="com.foo.inner")))

    def test_variable_before_request(self):
        """It is that of the variable, also where a request brings another."""
        token = trace_context.set(TRACE)
        other = {"traceparent": PARENT.replace("b7", "c8")}
        call = self.call("tell", other, interface="com.foo.inner")
        trace_context.reset(token)
        self.assertEqual(self.successResultOf(call), TRACE)

    def test_hook(self):
        """A hook may begin a trace, for its call only."""

        def begin(component, request):
            trace_context.set(TRACE)
            return request

        self.context.prehooks.append(begin)
        self.assertEqual(self.successResultOf(self.call("ask")), TRACE)
        self.context.prehooks.clear()
        self.assertIsNone(trace_context.get())
        self.assertIsNone(self.successResultOf(self.call("ask")))

    def test_nameserver(self):
        """The nameserver hears nothing of it."""
        sent = []

        def delivery(frames):
            sent.append(b"".join(frames))
            return at_once(frames)

        self.network.delivery = delivery
        token = trace_context.set(TRACE)
        self.result(self.call("tell", interface="com.foo.inner"))
        trace_context.reset(token)
        with_trace = [message for message in sent if b"org.pycom.trace" in message]
        self.assertEqual(len(with_trace), 1)
        self.assertIn(b"com.foo.inner", with_trace[0])
        self.assertGreater(len([m for m in sent if b"org.pycom.nameserver" in m]), 0)


class RepeatedTests(ProvidersCase):
    def test_again(self):
        """A call that is made again elsewhere is part of the same trace."""
        token = trace_context.set(TRACE)
        call = self.component.invoke("look")
        trace_context.reset(token)
        self.clock.advance(0)
        self.network.crash(self.component.address)
        self.clock.pump([0] * 5)
        first, second = (request for shop in self.shops.values() for request in shop.calls)
        for request in first, second:
            self.assertEqual(request.extensions["org.pycom.trace"], TRACE)
        call.cancel()
        self.failureResultOf(call)
