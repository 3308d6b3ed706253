"""Calls as spans of OpenTelemetry."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import (
    SpanKind,
    StatusCode,
    TraceFlags,
    format_trace_id,
    get_current_span,
)
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

import pycom_tx as pycom
from pycom_tx.components.observing import ICallObserver
from pycom_tx.components.proven import MAX_METHODS
from pycom_tx.testing import MemoryNetwork
from pycom_tx.tracing import client_spans, served, trace_context
from pycom_tx.tracing.spans import OTHER
from pycom_tx.tracing.tracer import flush
from pycom_tx.zerojson.interfaces import IRequestHandler
from tests.support import Caller, MemoryCase
from tests.test_call_log import Handler
from tests.test_dispatch import WAYS, DispatchCase, Ways
from tests.test_trace import PARENT, TRACE, TRACE_ID


@pycom.interface("com.foo.inner")
class Inner(pycom.Service):
    @pycom.method
    def tell(self, request):
        return request.extensions.get("org.pycom.trace")

    @pycom.method
    def fail(self, request, how):
        raise {
            "remote": pycom.RemoteError("no such thing", 17),
            "denied": pycom.AccessDenied("not you"),
            "bug": ZeroDivisionError("by zero"),
        }[how]

    @pycom.method
    async def fail_later(self, request):
        await succeed(None)
        return 1 // 0

    @pycom.method
    def give(self, request, what):
        return {
            "set": {1},
            "text for bytes": request.response(attachment="text"),
            "too much": "x" * 10_000,
        }[what]

    @pycom.method
    async def give_later(self, request, what):
        await succeed(None)
        return self.give(request, what)

    @pycom.method
    def answer_with(self, request, code):
        return request.error(code, "no")

    @pycom.method
    def wait(self, request):
        return Deferred()


@pycom.interface("com.foo.outer")
class Outer(pycom.Service):
    def __init__(self):
        self.ready = Deferred()

    @pycom.method
    async def ask(self, request):
        async with self.context.locate("com.foo.inner") as inner:
            return await inner.invoke("tell")

    @pycom.method
    async def ask_later(self, request):
        await self.ready
        return await self.ask(request)

    @pycom.method
    async def ask_for_caller(self, request):
        async with request.context().locate("com.foo.inner") as inner:
            return await inner.invoke("tell")


@pycom.interface("com.foo.between")
class Between(Outer):
    pass


class SpansCase(MemoryCase):
    """Hosts and a client whose calls are spans, all exported to one place."""

    def setUp(self):
        super().setUp()
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.outer = Outer()
        self.inner_host = self.host(Inner, tracer_provider=self.provider, max_message=9_999)
        self.outer_host = self.host(self.outer, tracer_provider=self.provider)
        self.client = pycom.Context(
            reactor=self.clock, network=self.network, tracer_provider=self.provider
        )
        self.addCleanup(self.client.close)

    def call(self, method, args=None, interface="com.foo.inner", context=None, **options):
        """The Deferred of a call that has arrived."""
        component = self.result((context or self.client).locate(interface))
        call = component.invoke(method, args, **options)
        component.close()
        self.clock.pump([0] * 20)
        return call

    def spans(self):
        """All spans that have ended since the last look, in the order that they began in."""
        spans = sorted(self.exporter.get_finished_spans(), key=lambda span: span.start_time)
        self.exporter.clear()
        return spans

    def assertChain(self, spans):
        """Each is the child of the one before it."""
        for parent, child in pairwise(spans):
            self.assertEqual(child.parent.span_id, parent.context.span_id)
            self.assertEqual(child.context.trace_id, parent.context.trace_id)


class SpansTests(SpansCase):
    def test_interfaces(self):
        """What makes them are an observer of calls and a handler of requests."""
        verifyObject(ICallObserver, client_spans(self.provider))
        verifyObject(IRequestHandler, served(Handler(None), {}, self.provider))

    def test_a_call(self):
        """A call is a client's span, and a server's that is its child."""
        carried = self.successResultOf(self.call("tell"))
        client, server = self.spans()
        self.assertEqual((client.kind, server.kind), (SpanKind.CLIENT, SpanKind.SERVER))
        self.assertChain([client, server])
        self.assertIsNone(client.parent)
        self.assertTrue(server.parent.is_remote)
        self.assertEqual(
            carried["traceparent"].split("-")[1], format_trace_id(client.context.trace_id)
        )
        host, port = self.inner_host.address.removeprefix("tcp://").split(":")
        what = {
            "rpc.system": "pycom",
            "rpc.service": "com.foo.inner",
            "rpc.method": "tell",
            "rpc.response.status_code": "0",
        }
        self.assertEqual(
            dict(client.attributes), {**what, "server.address": host, "server.port": int(port)}
        )
        self.assertEqual(dict(server.attributes), what)
        for span in client, server:
            self.assertEqual(span.name, "com.foo.inner/tell")
            self.assertEqual(span.status.status_code, StatusCode.UNSET)

    def test_peer(self):
        """Where a host knows who calls, its spans say so."""
        handler = served(Handler(lambda _: pycom.Response()), {}, self.provider)
        caller = Caller(handler, self.clock, name_peers=True)
        caller.call("com.foo", "bar")
        (span,) = self.spans()
        self.assertEqual(span.attributes["network.peer.address"], caller.sender)

    def test_exit(self):
        """What ends a program ends the span, and is recorded as no exception."""

        def leave(request):
            raise SystemExit

        handler = served(Handler(leave), {}, self.provider)
        Caller(handler, self.clock).call("com.foo", "bar")
        self.flushLoggedErrors(SystemExit)
        (span,) = self.spans()
        self.assertEqual((span.attributes["error.type"], span.events), ("SystemExit", ()))

    def test_nested(self):
        """What a method calls is part of the same trace, across three services."""
        for method in "ask", "ask_for_caller":
            self.successResultOf(self.call(method, interface="com.foo.outer"))
            spans = self.spans()
            self.assertEqual(
                [(span.name, span.kind) for span in spans],
                [
                    (f"com.foo.outer/{method}", SpanKind.CLIENT),
                    (f"com.foo.outer/{method}", SpanKind.SERVER),
                    ("com.foo.inner/tell", SpanKind.CLIENT),
                    ("com.foo.inner/tell", SpanKind.SERVER),
                ],
            )
            self.assertChain(spans)

    def test_across_a_wait(self):
        """Calls that wait at the same time stay in their own traces, whoever wakes them."""
        calls = [self.call("ask_later", interface="com.foo.outer") for _ in range(3)]
        self.assertEqual(self.spans(), [])
        self.outer.ready.callback(None)
        self.clock.pump([0] * 20)
        for call in calls:
            self.successResultOf(call)
        traces = {}
        for span in self.spans():
            traces.setdefault(span.context.trace_id, []).append(span)
        self.assertEqual([len(spans) for spans in traces.values()], [4, 4, 4])
        for spans in traces.values():
            self.assertChain(spans)

    def test_within_a_span(self):
        """A client's span is a child of the current one."""
        with self.provider.get_tracer("test").start_as_current_span("work") as work:
            call = self.call("tell")
        self.successResultOf(call)
        client, _ = (span for span in self.spans() if span.name != "work")
        self.assertEqual(client.parent.span_id, work.get_span_context().span_id)

    def test_within_a_trace(self):
        """Or of the trace that the program is in without OpenTelemetry."""
        token = trace_context.set(TRACE)
        call = self.call("tell")
        trace_context.reset(token)
        carried = self.successResultOf(call)
        client, server = self.spans()
        self.assertEqual(format_trace_id(client.parent.trace_id), TRACE_ID)
        self.assertChain([client, server])
        self.assertEqual(carried["tracestate"], TRACE["tracestate"])
        self.assertNotEqual(carried["traceparent"], PARENT)

    def test_brought_along(self):
        """Or of the one that its request brings along."""
        component = self.result(self.client.locate("com.foo.inner"))
        request = pycom.Request(
            "com.foo.inner", "tell", extensions={"org.pycom.trace": {"traceparent": PARENT}}
        )
        call = component.call(request)
        component.close()
        self.clock.pump([0] * 5)
        self.successResultOf(call)
        client, server = self.spans()
        self.assertEqual(format_trace_id(client.parent.trace_id), TRACE_ID)
        self.assertChain([client, server])

    def test_client_without(self):
        """A client without OpenTelemetry begins no trace, and its trace goes on at a server."""
        self.successResultOf(self.call("tell", context=self.context))
        (server,) = self.spans()
        self.assertIsNone(server.parent)
        token = trace_context.set(TRACE)
        call = self.call("tell", context=self.context)
        trace_context.reset(token)
        self.assertEqual(self.successResultOf(call), TRACE)
        (server,) = self.spans()
        self.assertEqual(format_trace_id(server.parent.trace_id), TRACE_ID)

    def test_server_without(self):
        """A service without it passes on what it got."""
        self.host(Between)
        carried = self.successResultOf(self.call("ask", interface="com.foo.between"))
        client, server = self.spans()
        self.assertEqual(server.name, "com.foo.inner/tell")
        self.assertChain([client, server])
        self.assertIn(f"{client.context.span_id:016x}", carried["traceparent"])

    def test_not_sampled(self):
        """What is not sampled is no span, and the next service is told so."""
        quiet = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
        context = pycom.Context(reactor=self.clock, network=self.network, tracer_provider=quiet)
        self.addCleanup(context.close)
        carried = self.successResultOf(self.call("tell", context=context))
        flags = int(carried["traceparent"].rpartition("-")[2], 16)
        self.assertEqual(flags & TraceFlags.SAMPLED, 0)
        self.assertEqual(self.spans(), [])


class CurrentTests(DispatchCase):
    """The span of a call is the current one while its method runs."""

    def test_in_every_way(self):
        """In plain methods, Deferreds, coroutines and threads."""
        dispatcher = self.serve(Ways(lambda request: get_current_span().name))
        provider = TracerProvider(shutdown_on_exit=False)
        handler = served(dispatcher, dispatcher.methods, provider)
        for way in WAYS:
            answer = handler.handle(self.asked(way))
            for thread in self.threads:
                thread()
            self.threads.clear()
            response = self.successResultOf(maybeDeferred(lambda answer=answer: answer))
            self.assertEqual(response.result, f"com.foo.ways/{way}")
            self.assertFalse(get_current_span().get_span_context().is_valid)


class FailureTests(SpansCase):
    def failed(self, method, args=None, **options):
        """The spans of a call that fails, and what it fails with."""
        call = self.call(method, args, **options)
        error = self.failureResultOf(call).value
        return (*self.spans(), error)

    def recorded(self, span):
        """What was recorded as raised."""
        return [
            (event.attributes["exception.type"], event.attributes["exception.message"])
            for event in span.events
        ]

    def test_remote_error(self):
        """A code of the service's is the client's error; the server meant it."""
        client, server, error = self.failed("fail", {"how": "remote"})
        self.assertEqual(error.code, 17)
        for span in client, server:
            self.assertEqual(span.attributes["rpc.response.status_code"], "17")
            self.assertEqual(span.attributes["error.type"], "RemoteError")
            self.assertEqual(
                self.recorded(span), [("pycom_tx.zerojson.errors.RemoteError", "no such thing")]
            )
        self.assertEqual(client.status.status_code, StatusCode.ERROR)
        self.assertEqual(client.status.description, "no such thing")
        self.assertEqual(server.status.status_code, StatusCode.UNSET)

    def test_bug(self):
        """A bug is the server's error, with its traceback; the client learns nothing of it."""
        for method, args, words in (
            ("fail", {"how": "bug"}, "by zero"),
            ("fail_later", None, "integer division or modulo by zero"),
        ):
            client, server, _ = self.failed(method, args)
            self.flushLoggedErrors(ZeroDivisionError)
            self.assertEqual(server.status.status_code, StatusCode.ERROR)
            self.assertEqual(server.status.description, f"ZeroDivisionError: {words}")
            self.assertEqual(self.recorded(server), [("ZeroDivisionError", words)])
            self.assertIn(f"in {method}\n", server.events[0].attributes["exception.stacktrace"])
            self.assertEqual(client.attributes["rpc.response.status_code"], "1")
            self.assertNotIn("by zero", str(client.status.description))

    def test_answered_with_an_error(self):
        """An error that is returned counts as one that is raised."""
        for code, status in (17, StatusCode.UNSET), (1, StatusCode.ERROR):
            client, server, _ = self.failed("answer_with", {"code": code})
            self.assertEqual(server.attributes["error.type"], str(code))
            self.assertEqual(server.attributes["rpc.response.status_code"], str(code))
            self.assertEqual(server.status.status_code, status)
            self.assertEqual(client.status.status_code, StatusCode.ERROR)

    def test_cannot_be_sent(self):
        """An answer that cannot be sent is the server's error, as it is for its client."""
        for what, kind, words in (
            ("set", "NotSerializable", "NotSerializable: Object of type set is not JSON"),
            ("text for bytes", "NotSerializable", "NotSerializable: An attachment is bytes"),
            ("too much", "1", "The reply has "),
        ):
            for method in "give", "give_later":
                client, server, error = self.failed(method, {"what": what})
                self.assertEqual(error.code, 1)
                self.assertEqual(server.attributes["error.type"], kind)
                self.assertEqual(server.attributes["rpc.response.status_code"], "1")
                self.assertEqual(server.status.status_code, StatusCode.ERROR)
                self.assertIn(words, server.status.description)
                self.assertEqual(client.attributes["rpc.response.status_code"], "1")
        self.flushLoggedErrors(pycom.NotSerializable)

    def test_unknown(self):
        """What a stranger invents is no name at a server."""
        _, server, _ = self.failed("invented")
        self.assertEqual((server.name, server.attributes["rpc.method"]), (OTHER, OTHER))
        self.assertEqual(server.attributes["rpc.service"], "com.foo.inner")
        component = self.result(self.client.connect(self.inner_host.address, "com.invented"))
        call = component.invoke("tell")
        component.close()
        self.clock.pump([0] * 5)
        self.failureResultOf(call, pycom.BadRequest)
        _, server = self.spans()
        self.assertEqual((server.name, server.attributes["rpc.service"]), (OTHER, OTHER))

    def test_unknown_to_a_client(self):
        """Nor at a client, until a service has answered; what was meant is told beside it."""
        for method in "invented", "x" * 200:
            client, _, _ = self.failed(method)
            self.assertEqual((client.name, client.attributes["rpc.method"]), (OTHER, OTHER))
            self.assertEqual(client.attributes["rpc.method_original"], method[:100])
            self.assertEqual(client.attributes["rpc.service"], "com.foo.inner")
        names = []
        for how in "denied", "remote", "denied":
            client, _, _ = self.failed("fail", {"how": how})
            names.append((client.name, client.attributes["rpc.method"]))
        self.assertEqual(names, [(OTHER, OTHER), *[("com.foo.inner/fail", "fail")] * 2])

    def test_known_to_its_context(self):
        """A method that the context knows names its span, also when nobody answers."""
        self.client.knows_method = lambda interface, method: method == "wait"
        call = self.call("wait", timeout=3)
        self.clock.pump([3, 0])
        self.failureResultOf(call, pycom.CallTimeout)
        client = next(span for span in self.spans() if span.kind == SpanKind.CLIENT)
        self.assertEqual(
            (client.name, client.attributes["rpc.method"]), ("com.foo.inner/wait", "wait")
        )

    def test_many_methods(self):
        """There are no more names than there may be."""
        answered = {("com.foo", str(number)) for number in range(MAX_METHODS)}
        spans = client_spans(self.provider, answered)
        component = self.result(self.client.connect("tcp://127.0.0.1:9", "com.foo"))
        self.addCleanup(component.close)
        for method in "more", "7":
            request = pycom.Request("com.foo", method)
            spans.call(component, request, lambda _: succeed(pycom.Response()))
        self.assertEqual([span.name for span in self.spans()], [OTHER, "com.foo/7"])
        self.assertEqual(len(answered), MAX_METHODS)

    def test_no_answer(self):
        """A call without an answer has no code, and ends when its time is over."""
        call = self.call("wait", timeout=3)
        self.clock.advance(3)
        self.clock.advance(0)
        self.failureResultOf(call, pycom.CallTimeout)
        spans = {span.kind: span for span in self.spans()}
        client = spans[SpanKind.CLIENT]
        self.assertEqual(client.status.status_code, StatusCode.ERROR)
        self.assertEqual(client.attributes["error.type"], "CallTimeout")
        self.assertNotIn("rpc.response.status_code", client.attributes)
        server = spans[SpanKind.SERVER]
        self.assertEqual(server.attributes["error.type"], "CancelledError")
        self.assertEqual(server.status.status_code, StatusCode.UNSET)

    def test_cancelled(self):
        """A call that is cancelled ends both."""
        call = self.call("wait")
        call.cancel()
        self.failureResultOf(call)
        self.clock.pump([0] * 5)
        self.assertEqual(len(self.spans()), 2)

    def test_nowhere(self):
        """A call that cannot be made at all is a span, too."""
        component = self.result(self.client.connect("ipc:///nowhere", "com.foo.inner"))
        call = component.invoke("tell")
        component.close()
        self.clock.pump([0] * 5)
        self.failureResultOf(call, pycom.ServiceNotAvailable)
        (client,) = self.spans()
        self.assertEqual(client.attributes["server.address"], "ipc:///nowhere")
        self.assertEqual(client.attributes["error.type"], "ServiceNotAvailable")


class NobodyTests(SynchronousTestCase):
    """Nobody has set a tracer provider in the process that runs the tests."""

    def test_no_provider(self):
        """Without a tracer provider there is nothing that a call passes."""
        handler = Handler(None)
        self.assertIsNone(client_spans())
        self.assertIs(served(handler, {}), handler)
        self.successResultOf(flush(None))

    def test_component(self):
        """A component that is opened then has no observers."""
        clock = Clock()
        context = pycom.Context(reactor=clock, network=MemoryNetwork(clock))
        self.addCleanup(context.close)
        component = self.successResultOf(context.connect("tcp://127.0.0.1:9", "com.foo"))
        self.assertEqual(component._observers, ())

    def run_python(self, program):
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, env=env, text=True, check=False
        )
        self.assertEqual((done.stderr, done.returncode), ("", 0))
        return done.stdout.split()

    def test_the_programs_provider(self):
        """The provider that a program sets later counts for what is opened from then on."""
        program = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from pycom_tx.tracing import client_spans
print(client_spans() is None)
trace.set_tracer_provider(TracerProvider())
print(client_spans() is None)
"""
        self.assertEqual(self.run_python(program), ["True", "False"])

    def test_not_installed(self):
        """Without OpenTelemetry all is well, and nothing of it is imported."""
        program = """
import sys
sys.modules["opentelemetry"] = None  # as if it were not installed
import pycom_tx
from twisted.internet.task import Clock
from pycom_tx.testing import MemoryNetwork
from pycom_tx.tracing import client_spans, served
clock = Clock()
context = pycom_tx.Context(reactor=clock, network=MemoryNetwork(clock))
context.connect("tcp://127.0.0.1:9", "com.foo")
print(client_spans(), served(7, {}), *(name for name in sys.modules if "opentel" in name))
"""
        self.assertEqual(self.run_python(program), ["None", "7", "opentelemetry"])
