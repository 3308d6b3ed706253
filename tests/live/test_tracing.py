"""One trace, across real processes."""

from __future__ import annotations

import json
import signal
from threading import Event, get_ident

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

import pycom_tx as pycom
from pycom_tx.tracing import trace_context
from pycom_tx.tracing.tracer import PATIENCE, flush
from tests.live.test_twistd import ANY, CommandCase
from tests.test_trace import TRACE

TRACED = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

provider = TracerProvider()
exporter = ConsoleSpanExporter(
    out=open("{name}.spans", "w"), formatter=lambda span: span.to_json(indent=None) + "\\n"
)
provider.add_span_processor(BatchSpanProcessor(exporter))
trace.set_tracer_provider(provider)
"""

HANGING = """
import time

exporter.export = lambda spans: time.sleep(60)
"""

INNER = """
import pycom_tx as pycom

@pycom.interface("com.foo.inner")
class Inner(pycom.Service):

    @pycom.method
    def tell(self, request):
        return request.extensions.get("org.pycom.trace")
"""

OUTER = """
import pycom_tx as pycom

@pycom.interface("com.foo.outer")
class Outer(pycom.Service):

    @pycom.method
    async def ask(self, request):
        async with self.context.locate("com.foo.inner") as inner:
            return await inner.invoke("tell")
"""


class TracingCase(CommandCase):
    async def serve(self, where, **sources):
        """A process for each module, registered."""
        processes = {}
        for name, source in sources.items():
            self.write_module(name, source)
            command = ("pycom-service", "-a", ANY, "-n", where, name)
            processes[name], _ = await self.registered(*command)
        return processes

    def spans(self, name):
        """What a process has exported."""
        text = (self.folder / f"{name}.spans").read_text("utf-8")
        return [json.loads(line) for line in text.splitlines()]


class FlushTests(TestCase):
    """Exporting the last spans of a program."""

    async def test_exported(self):
        """What was collected is exported, by a thread, before the Deferred fires."""
        threads = []

        class Provider:
            def force_flush(self):
                threads.append(get_ident())

        await flush(reactor, Provider())
        self.assertEqual(len(threads), 1)
        self.assertNotEqual(threads, [get_ident()])

    async def test_failed(self):
        """An exporter that fails is no reason to wait."""

        class Provider:
            def force_flush(self):
                raise OSError("gone")

        await flush(reactor, Provider())

    async def test_hangs(self):
        """One that hangs is waited for, and no longer than for so long."""
        clock, goes_on = Clock(), Event()
        done = Deferred()
        clock.callFromThread = lambda function: reactor.callFromThread(
            lambda: (function(), done.callback(None))
        )

        class Provider:
            def force_flush(self):
                goes_on.wait()

        waiting = flush(clock, Provider())
        clock.advance(PATIENCE - 0.1)
        self.assertNoResult(waiting)
        clock.advance(0.1)
        self.successResultOf(waiting)
        goes_on.set()
        await done
        self.assertEqual(clock.getDelayedCalls(), [])


class TracingTests(TracingCase):
    async def test_spans(self):
        """Client, service and nested service are one trace; the last spans are not lost."""
        where = self.nameserver_here()
        processes = await self.serve(
            where,
            inner=TRACED.format(name="inner") + INNER,
            outer=TRACED.format(name="outer") + OUTER,
        )
        exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        context = pycom.Context(where, tracer_provider=provider)
        self.addCleanup(context.close)
        async with context.locate("com.foo.outer") as outer:
            carried = await outer.invoke("ask")
        for process in processes.values():
            # Long before a batch is exported by itself.
            self.assertStopped(process, await process.stop())
        (client,) = exporter.get_finished_spans()
        served, nested = sorted(self.spans("outer"), key=lambda span: span["start_time"])
        (last,) = self.spans("inner")
        trace = f"0x{client.context.trace_id:032x}"
        chain = [f"0x{client.context.span_id:016x}"]
        for span, kind, name in (
            (served, "SERVER", "com.foo.outer/ask"),
            (nested, "CLIENT", "com.foo.inner/tell"),
            (last, "SERVER", "com.foo.inner/tell"),
        ):
            self.assertEqual((span["kind"], span["name"]), (f"SpanKind.{kind}", name))
            self.assertEqual(span["context"]["trace_id"], trace)
            self.assertEqual(span["parent_id"], chain[-1])
            chain.append(span["context"]["span_id"])
        self.assertEqual(carried["traceparent"].split("-")[1:3], [trace[2:], chain[2][2:]])

    async def test_without(self):
        """Without OpenTelemetry a trace goes through a service to the next one all the same."""
        where = self.nameserver_here()
        await self.serve(where, inner=INNER, outer=OUTER)
        context = pycom.Context(where)
        self.addCleanup(context.close)
        async with context.locate("com.foo.outer") as outer:
            self.assertIsNone(await outer.invoke("ask"))
            token = trace_context.set(TRACE)
            call = outer.invoke("ask")
            trace_context.reset(token)
            self.assertEqual(await call, TRACE)

    async def test_an_exporter_that_hangs(self):
        """A collector that does not answer holds up no service that stops."""
        where = self.nameserver_here()
        hanging = TRACED.format(name="inner") + HANGING + INNER
        processes = await self.serve(where, inner=hanging)
        async with self.client(where).locate("com.foo.inner") as inner:
            await inner.tell()
        service = processes["inner"]
        self.assertEqual(await service.stop(), -signal.SIGTERM)
        self.assertIn("Server Shut Down.", service.log)
