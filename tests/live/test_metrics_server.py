"""Metrics over HTTP, at endpoints of the reactor."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families
from twisted.application.service import IService
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, connectProtocol, serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Protocol
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent, HTTPConnectionPool, readBody
from twisted.web.http_headers import Headers
from zope.interface.verify import verifyObject

import pycom_tx as pycom
from pycom_tx.metrics import MetricsServer

ANY = "tcp:0:interface=127.0.0.1"


async def get(url, method=b"GET", agent=None, **headers):
    """The response to a request, and its body."""
    agent = agent or Agent(reactor)
    sent = Headers({name: [value] for name, value in headers.items()})
    response = await agent.request(method, url.encode(), sent)
    return response, (await readBody(response)).decode()


class Lasting(Protocol):
    """A connection that says nothing, and tells when it is gone."""

    def __init__(self):
        self.gone = Deferred()

    def connectionLost(self, reason):
        self.gone.callback(None)


class _Always:
    """Connects to one endpoint, whatever the URL says."""

    def __init__(self, endpoint):
        self._endpoint = endpoint

    def endpointForURI(self, uri):
        return self._endpoint


class MetricsServerTests(TestCase):
    def setUp(self):
        self.registry = CollectorRegistry()
        Counter("things", "Things that were counted.", registry=self.registry).inc(3)
        Gauge("level", "How high it is.", registry=self.registry).set(1.5)

    def serve(self, description=ANY, gave_up=None):
        """A server that runs until the test ends, and the URL of its metrics."""
        server = MetricsServer(self.registry, serverFromString(reactor, description), gave_up)
        with capturedLogs() as events:
            server.startService()
        self.addCleanup(server.stopService)
        (line,) = [formatEvent(event) for event in events if "address" in event]
        return server, line.rpartition(" ")[2]

    def test_interface(self):
        """It is a service of Twisted."""
        server = MetricsServer(self.registry, serverFromString(reactor, ANY))
        verifyObject(IService, server)

    async def test_text(self):
        """Whoever says nothing gets the text that Prometheus has always understood."""
        _, url = self.serve()
        response, body = await get(url)
        self.assertEqual(response.code, 200)
        self.assertEqual(
            response.headers.getRawHeaders("content-type"),
            ["text/plain; version=0.0.4; charset=utf-8"],
        )
        families = {family.name: family for family in text_string_to_metric_families(body)}
        self.assertEqual(families["things"].samples[0].value, 3)
        self.assertEqual(families["level"].documentation, "How high it is.")

    async def test_openmetrics(self):
        """Whoever asks for OpenMetrics gets that."""
        _, url = self.serve()
        response, body = await get(
            url, accept="application/openmetrics-text;version=1.0.0,text/plain;q=0.5"
        )
        (content_type,) = response.headers.getRawHeaders("content-type")
        self.assertTrue(content_type.startswith("application/openmetrics-text; version=1.0.0"))
        families = {family.name for family in openmetrics.text_string_to_metric_families(body)}
        self.assertEqual(families, {"things", "level"})

    async def test_names(self):
        """Whoever names metrics gets these."""
        _, url = self.serve()
        _, body = await get(f"{url}?name[]=level")
        self.assertEqual([f.name for f in text_string_to_metric_families(body)], ["level"])

    async def test_only_read(self):
        """Metrics are read; nothing else is there, and nothing can be written."""
        _, url = self.serve()
        response, body = await get(url, b"HEAD")
        self.assertEqual((response.code, body), (200, ""))
        response, body = await get(url, b"POST")
        self.assertEqual((response.code, body), (405, "Metrics are for GET, HEAD, got POST\n"))
        for name, value in (
            (b"Allow", b"GET, HEAD"),
            (b"Content-Type", b"text/plain; charset=utf-8"),
        ):
            self.assertEqual(response.headers.getRawHeaders(name), [value])
        response, _ = await get(url.removesuffix("metrics"))
        self.assertEqual(response.code, 404)

    async def test_path(self):
        """An endpoint may be a path."""
        folder = Path(tempfile.mkdtemp())
        path = folder / "m"
        self.addCleanup(os.rmdir, folder)
        self.serve(f"unix:{path}")
        client = clientFromString(reactor, f"unix:{path}")
        agent = Agent.usingEndpointFactory(reactor, _Always(client))
        _, body = await get("http://here/metrics", agent=agent)
        self.assertIn("level 1.5", body)

    async def test_stopped(self):
        """A server that stops gives its port back, and hangs up on everybody."""
        server, url = self.serve()
        pool = HTTPConnectionPool(reactor)
        self.addCleanup(pool.closeCachedConnections)
        await get(url, agent=Agent(reactor, pool=pool))
        port = url.split(":")[2].partition("/")[0]
        silent = await connectProtocol(
            clientFromString(reactor, f"tcp:127.0.0.1:{port}"), Lasting()
        )
        await server.stopService()
        await silent.gone
        self.assertEqual(server._factory.protocols, {})
        again, same = self.serve(f"tcp:{port}:interface=127.0.0.1")
        self.assertEqual(same, url)
        await again.stopService()

    async def test_again(self):
        """It can be started again."""
        server, _ = self.serve()
        await server.stopService()
        with capturedLogs() as events:
            server.startService()
        (line,) = [formatEvent(event) for event in events if "address" in event]
        _, body = await get(line.rpartition(" ")[2])
        self.assertIn("things_total 3.0", body)

    async def test_a_collector_that_fails(self):
        """Where a collector fails, the reader is told that, and the server goes on."""

        class Wrong:
            def collect(self):
                raise ValueError("no")

        _, url = self.serve()
        wrong = Wrong()
        self.registry.register(wrong)
        response, body = await get(url)
        self.assertEqual(response.code, 500)
        self.assertNotIn("ValueError", body)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.registry.unregister(wrong)
        response, _ = await get(url)
        self.assertEqual(response.code, 200)

    def test_taken(self):
        """An endpoint that is in use is refused at once, with what the system says."""
        _, url = self.serve()
        port = url.split(":")[2].partition("/")[0]
        other = MetricsServer(
            self.registry, serverFromString(reactor, f"tcp:{port}:interface=127.0.0.1")
        )
        error = self.assertRaises(pycom.ConfigurationError, other.startService)
        self.assertIn("metrics cannot be served: Couldn't listen on 127.0.0.1:", str(error))
        self.assertFalse(other.running)
        return other.stopService()

    def slow(self, gave_up=None):
        """A server whose endpoint takes its time, and the Deferred of that."""
        opening = Deferred()

        class Endpoint:
            def listen(self, factory):
                return opening

        server = MetricsServer(self.registry, Endpoint(), gave_up)
        server.startService()
        return server, opening

    def test_refused_later(self):
        """An endpoint that turns out not to open is told of, or logged."""
        told = []
        _, opening = self.slow(told.append)
        opening.errback(CannotListenError("box", 1, "no such thing"))
        self.assertEqual(
            told, ["metrics cannot be served: Couldn't listen on box:1: no such thing."]
        )
        _, opening = self.slow()
        with capturedLogs() as events:
            opening.errback(OSError("no"))
        self.assertEqual(
            [(event["log_level"], formatEvent(event)) for event in events],
            [(LogLevel.critical, "metrics cannot be served: no")],
        )

    def test_stopped_while_it_opens(self):
        """A server that stops before its endpoint has opened opens it no more."""
        told = []
        server, opening = self.slow(told.append)
        self.successResultOf(server.stopService())
        self.assertTrue(opening.called)
        self.assertEqual(told, [])

    def test_ipv6(self):
        """What is logged is a URL, also where hosts have colons."""
        try:
            _, url = self.serve("tcp6:0:interface=\\:\\:1")
        except pycom.ConfigurationError:
            # A machine without IPv6 has no such address, and says so.
            return
        self.assertRegex(url, r"\Ahttp://\[::1\]:[0-9]+/metrics\Z")
