"""What is measured of a gateway."""

from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from pycom_tx.testing import at_once
from tests.gateway import GatewayCase


class FiguresTests(GatewayCase):
    def setUp(self):
        super().setUp()
        self.measured = self.gateway(registry=CollectorRegistry())

    def samples(self, name):
        """The values of a metric, by what its samples are labelled with."""
        page = self.ask(self.measured, "GET", "/metrics")
        self.assertEqual(page.status, 200)
        return {
            tuple(value for _, value in sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(page.body.decode())
            for sample in family.samples
            if sample.name == name
        }

    def test_calls(self):
        """The calls that it makes are counted, as those of any client."""
        body = b'{"a": 1}'
        json = {"Content-Type": "application/json"}
        for method in "add", "add", "nothing":
            self.ask(self.measured, "POST", f"/call/com.foo.example/{method}", body, json)
        calls = self.samples("pycom_client_calls_total")
        self.assertEqual(calls["0", "com.foo.example", "add"], 2)
        self.assertEqual(calls["2", "(unknown)", "(unknown)"], 1)

    def test_no_answer(self):
        """A call that nobody answers has its name, if a service has told of the method, and
        none if somebody has invented it."""
        connection = self.connect(self.measured)
        connection.ask("POST", "/call/com.foo.example/wait")
        in_progress = self.samples("pycom_client_calls_in_progress")
        self.assertEqual(in_progress["com.foo.example", "wait"], 1)
        self.clock.advance(5)
        connection.settle()
        self.problem(connection.read(), 504)
        self.network.delivery = lambda frames: (
            () if any(b'"invented"' in frame for frame in frames) else (0.0,)
        )
        connection.ask("POST", "/call/com.foo.example/invented")
        self.clock.advance(5)
        connection.settle()
        self.problem(connection.read(), 504)
        self.network.delivery = at_once
        calls = self.samples("pycom_client_calls_total")
        self.assertEqual(calls["CallTimeout", "com.foo.example", "wait"], 1)
        self.assertEqual(calls["CallTimeout", "(unknown)", "(unknown)"], 1)

    def test_requests(self):
        """So are requests, by their status; and those whose client was gone before."""
        self.ask(self.measured, "GET", "/healthz")
        self.ask(self.measured, "GET", "/nothing")
        connection = self.connect(self.measured)
        connection.ask("POST", "/call/com.foo.example/wait")
        connection.hang_up()
        requests = self.samples("pycom_http_requests_total")
        self.assertEqual((requests["200",], requests["404",], requests["gone",]), (1, 1, 1))

    def test_connections(self):
        """Connections and streams of events are counted while they are open."""
        stream = self.connect(self.measured)
        stream.ask("GET", "/events")
        self.assertEqual(self.samples("pycom_http_event_streams"), {(): 1})
        self.assertGreaterEqual(self.samples("pycom_http_connections")[()], 2)
        stream.hang_up()
        self.assertEqual(self.samples("pycom_http_event_streams"), {(): 0})

    def test_versions_that_there_are_not(self):
        """Who accepts what is no version gets the text that has always been understood."""
        kinds = (
            *("application/openmetrics-text;version=x", "text/plain;version=", ";version=1.x"),
            *("\xff", ";;;q=x,*/*"),
        )
        for kind in kinds:
            page = self.ask(self.measured, "GET", "/metrics", None, {"Accept": kind})
            self.assertEqual((page.status, page.headers.get_content_type()), (200, "text/plain"))

    def test_only_read(self):
        """They are only read; HEAD has what GET has, but for the body."""
        for method in "POST", "DELETE":
            response = self.ask(self.measured, method, "/metrics", b"x")
            self.assertIn(method, self.problem(response, 405))
            self.assertEqual(response.headers["Allow"], "GET, HEAD, OPTIONS")
        self.problem(self.ask(self.measured, "GET", "/metrics/more"), 404)
        head = self.ask(self.measured, "HEAD", "/metrics")
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertGreater(int(head.headers["Content-Length"]), 100)

    def test_started_again(self):
        """A gateway that stops has none, and counts on when it starts again."""
        self.ask(self.measured, "GET", "/healthz")
        self.stop(self.measured)
        self.measured.startService()
        self.settle()
        self.assertEqual(self.samples("pycom_http_requests_total")["200",], 1)

    def test_unmeasured(self):
        """Without a registry there is no such page."""
        self.assertEqual(self.ask(self.gateway(), "GET", "/metrics").status, 404)
