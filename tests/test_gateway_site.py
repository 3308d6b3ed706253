"""Connections of HTTP: bodies that are too large, clients that are too slow, and browsers."""

import json

from twisted.logger import capturedLogs, formatEvent

from tests.gateway import GatewayCase, form

POST = b"POST /call/com.foo.example/echo HTTP/1.1\r\nHost: gateway\r\n"
ORIGIN = "https://app.example.com"


class BodyTests(GatewayCase):
    def setUp(self):
        super().setUp()
        self.running = self.gateway(max_body=1000)

    def test_largest(self):
        """A body may be as large as it may be."""
        body = json.dumps("x" * 998).encode()
        response = self.ask(self.running, "POST", "/call/com.foo.example/echo", body)
        self.assertEqual(self.result(response), "x" * 998)

    def test_too_large(self):
        """A body that says it is too large is refused before it comes; then the connection
        ends with it."""
        connection = self.connect(self.running)
        connection.send(POST + b"Content-Length: 1001\r\nExpect: 100-continue\r\n\r\n")
        self.assertNotIn(b"100 Continue", connection.received)
        response = connection.read()
        said = "The body has 1001 bytes, 1000 is what --max-body lets it have"
        self.assertEqual(self.problem(response, 413, not_started=True), said)
        self.assertEqual(response.headers["Connection"], "close")
        connection.send(b"x" * 1001)
        self.assertTrue(connection.transport.lost)

    def test_grows_too_large(self):
        """One that does not say is refused as soon as it is too large."""
        connection = self.connect(self.running)
        connection.send(POST + b"Transfer-Encoding: chunked\r\n\r\n")
        connection.send(b"1f4\r\n" + b"1" * 500 + b"\r\n")
        connection.send(b"1f4\r\n" + b"1" * 500 + b"\r\n")
        self.assertEqual(connection.received, b"")
        connection.send(b"1\r\n1")
        detail = self.problem(connection.read(), 413, not_started=True)
        self.assertIn("has 1001 or more bytes, 1000 is what --max-body", detail)
        connection.send(b"\r\n" + b"ffff\r\n" + b"1" * 0xFFFF)
        self.assertEqual(connection.received, b"")
        connection.send(b"\r\n0\r\n\r\n")
        self.assertTrue(connection.transport.lost)
        self.assertEqual(self.example.requests, [])

    def test_never_ends(self):
        """A client that goes on sending is cut off after a while."""
        connection = self.connect(self.running)
        connection.send(POST + b"Content-Length: 1000000\r\n\r\n")
        self.problem(connection.read(), 413)
        for _ in range(4):
            self.clock.advance(1)
            connection.send(b"x" * 1000)
        self.assertFalse(connection.transport.lost)
        self.clock.advance(1)
        self.assertTrue(connection.transport.lost)

    def test_hangs_up(self):
        """One that hangs up as it is told to leaves nothing behind."""
        connection = self.connect(self.running)
        connection.send(POST + b"Content-Length: 1000000\r\n\r\n")
        connection.hang_up()
        self.assertEqual(len(self.running.site), 0)

    def test_wrong_form(self):
        """A form that is wrong is refused where it is, not at its end."""
        body, headers = form(("other", b""))
        connection = self.connect(self.running)
        head = POST + f"Content-Type: {headers['Content-Type']}\r\n".encode()
        connection.send(head + b"Content-Length: 900\r\n\r\n" + body)
        self.problem(connection.read(), 400, code=4)

    def test_together(self):
        """All bodies under way have a limit as well, and what was refused makes room."""
        connections = [self.connect(self.running) for _ in range(5)]
        for connection in connections:
            connection.send(POST + b"Content-Length: 1000\r\n\r\n" + b"1" * 900)
        refused = connections.pop()
        response = refused.read()
        self.problem(response, 429, not_started=True)
        self.assertEqual(response.headers["Retry-After"], "1")
        for connection in connections:
            connection.send(b"1" * 100)
            self.assertEqual(len(connection.read().body), 1000)
        self.assertEqual(self.running.site.bodies.held, 0)
        refused.hang_up()

    def test_expected(self):
        """A client that asks whether to go on is told to."""
        connection = self.connect(self.running)
        connection.send(POST + b"Content-Length: 1\r\nExpect: 100-continue\r\n\r\n")
        self.assertIn(b"100 Continue", connection.received)
        connection.transport.clear()
        connection.send(b"1")
        self.assertEqual(self.result(connection.read()), 1)

    def test_get(self):
        """A request of any kind has no larger body."""
        connection = self.connect(self.running)
        connection.send(b"GET /services HTTP/1.1\r\nContent-Length: 1001\r\n\r\n")
        self.problem(connection.read(), 413)


class ConnectionTests(GatewayCase):
    def test_keep_alive(self):
        """A connection is good for many requests, also for some at once."""
        connection = self.connect(self.gateway())
        for number in range(3):
            connection.ask("POST", "/call/com.foo.example/echo", b"%d" % number)
            self.assertEqual(self.result(connection.read()), number)
        request = POST + b"Content-Length: 1\r\n\r\n"
        connection.send(request + b"7" + request + b"8")
        self.assertEqual([self.result(connection.read()) for _ in range(2)], [7, 8])
        self.assertFalse(connection.transport.lost)

    def test_old(self):
        """A client that speaks HTTP/1.0, or wants to, is answered and left."""
        for version, header in ("1.0", ""), ("1.1", "Connection: close\r\n"):
            connection = self.connect(self.gateway())
            text = f"POST /call/com.foo.example/echo HTTP/{version}\r\n{header}\r\n"
            connection.send(text.encode())
            self.assertIsNone(self.result(connection.read()))
            self.assertTrue(connection.transport.lost)

    def test_idle(self):
        """A connection without a request is closed after a minute."""
        connection = self.connect(self.gateway())
        connection.ask("GET", "/healthz")
        self.clock.advance(59)
        self.assertFalse(connection.transport.lost)
        self.clock.advance(1)
        self.assertTrue(connection.transport.lost)

    def test_slow(self):
        """A request that trickles in is given up, however it does: its first line, its
        headers, or its body."""
        for before in b"", POST, POST + b"Content-Length: 100000\r\n\r\n":
            connection = self.connect(self.gateway(max_calls=1))
            connection.send(before)
            for _ in range(29):
                self.clock.advance(1)
                connection.send(b"x")
            self.assertFalse(connection.transport.lost)
            self.clock.advance(1)
            self.assertTrue(connection.transport.lost)

    def test_steady(self):
        """One that is large, and comes steadily, may take its time."""
        connection = self.connect(self.gateway())
        connection.send(POST + b"Content-Length: 500000\r\n\r\n")
        for _ in range(50):
            self.clock.advance(5)
            connection.send(b"1" * 10_000)
        self.assertEqual(connection.read().status, 400)  # an integer with too many digits

    def test_slow_method(self):
        """While a call is in progress nobody has to say anything."""
        connection = self.connect(self.gateway())
        headers = {"PyCOM-Timeout": "200"}
        connection.ask("POST", "/call/com.foo.example/wait", b"", headers)
        connection.send(POST)  # the beginning of the next one
        self.clock.pump([20] * 9)
        self.assertFalse(connection.transport.lost)
        self.example.waiting[0].callback(1)
        connection.settle()
        self.assertEqual(self.result(connection.read()), 1)
        self.clock.pump([20] * 2)
        self.assertTrue(connection.transport.lost)

    def test_limit(self):
        """There are no more connections than there may be."""
        gateway = self.gateway(max_connections=2)
        first, second, third = (self.connect(gateway) for _ in range(3))
        self.assertTrue(third.transport.lost)
        first.hang_up()
        self.ask(gateway, "GET", "/healthz")
        self.assertFalse(second.transport.lost)

    def test_tls(self):
        """Who speaks TLS where there is none is told so at once; in a body anything may be."""
        hello = b"\x16\x03\x01\x02\x00\x01\x00"
        connection = self.connect(self.gateway())
        connection.send(hello)
        self.problem(connection.read(), 400)
        self.assertTrue(connection.transport.lost)
        connection = self.connect(self.gateway())
        length = {"Content-Length": str(len(hello)), "Content-Type": "application/octet-stream"}
        connection.ask("POST", "/call/com.foo.example/mirror", None, length)
        connection.send(hello)
        self.assertEqual(connection.read().status, 200)

    def test_long_url(self):
        """A URL that is too long is refused, be its line at an end or not."""
        for end in b"", b" HTTP/1.1\r\nHost: gateway\r\n\r\n":
            connection = self.connect(self.gateway())
            connection.send(b"GET /" + b"x" * 20_000 + end)
            self.problem(connection.read(), 414)
            self.assertTrue(connection.transport.lost)

    def test_long_headers(self):
        """So are headers: one that is too long, and all of them together."""
        for headers in b"X: " + b"x" * 20_000, b"X: y\r\n" * 5000:
            connection = self.connect(self.gateway())
            connection.send(POST + headers)
            self.problem(connection.read(), 431)
            self.assertTrue(connection.transport.lost)

    def test_nonsense(self):
        """What is no HTTP is refused, once, and ends."""
        chunked = POST + b"Transfer-Encoding: chunked\r\n\r\n"
        for data in (
            b"\x16\x03\x01\r\n",
            b"GET\r\n",
            b"GET / HTTP/9\r\n",
            b"GET /\xff HTTP/1.1\r\n\r\n",
            POST + b"nonsense\r\n\r\n",
            POST + b"X : nonsense\r\nY: z\r\nX : nonsense\r\n\r\n",
            POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
            chunked + b"x\r\n",
            chunked + b"1\r\n1nonsense",
        ):
            connection = self.connect(self.gateway())
            connection.send(data)
            self.problem(connection.read(), 400, not_started=True)
            self.assertEqual(connection.received, b"")
            self.assertTrue(connection.transport.lost)
        self.assertEqual(self.example.requests, [])

    def test_refused_before(self):
        """Where a body is refused, and then goes wrong as well, nothing more is said."""
        connection = self.connect(self.gateway(max_body=1))
        connection.send(POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n11")
        self.problem(connection.read(), 413, not_started=True)
        connection.send(b"nonsense")
        self.assertEqual(connection.received, b"")
        self.assertTrue(connection.transport.lost)

    def test_smuggling(self):
        """Two lengths, or a length and chunks, are refused: somebody in front may have
        believed the other one."""
        for headers in (
            b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
            b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"Content-Length: +1\r\n\r\n",
            b"Transfer-Encoding: gzip, chunked\r\n\r\n",
        ):
            connection = self.connect(self.gateway())
            connection.send(POST + headers)
            self.problem(connection.read(), 400)
            self.assertTrue(connection.transport.lost)


class PageTests(GatewayCase):
    def test_unknown(self):
        """Any other path is a problem, whatever the method."""
        gateway = self.gateway()
        for path in "/nothing", "/services/a/b", "/healthz/", "/%FF", "/..", "//", "/metrics":
            for method in "GET", "POST", "DELETE", "OPTIONS", "TRACE", "ANY":
                self.problem(self.ask(gateway, method, path), 404)
            self.assertEqual(self.ask(gateway, "HEAD", path).status, 404)

    def test_read_only(self):
        """Pages that tell something are only read."""
        gateway = self.gateway()
        for path in (
            "/services",
            "/services/com.foo.example",
            "/openapi.json",
            "/events",
            "/healthz",
        ):
            response = self.ask(gateway, "POST", path)
            self.assertIn("POST", self.problem(response, 405))
            self.assertEqual(response.headers["Allow"], "GET, HEAD, OPTIONS")

    def test_head(self):
        """HEAD is answered as GET is, without a body."""
        gateway = self.gateway()
        for path in "/services", "/openapi.json", "/healthz", "/events", "/nothing":
            connection = self.connect(gateway)
            connection.ask("HEAD", path)
            head, _, body = connection.received.partition(b"\r\n\r\n")
            self.assertEqual(body, b"", path)
            connection.hang_up()
            if path != "/events":
                length = len(self.ask(gateway, "GET", path).body)
                self.assertIn(f"Content-Length: {length}".encode(), head)

    def test_whole_url(self):
        """A request may name the whole URL, as those to proxies do."""
        self.assertEqual(self.ask(self.gateway(), "GET", "http://gateway/healthz").status, 200)

    def test_star(self):
        """The server as a whole may be asked for its options."""
        self.assertEqual(self.ask(self.gateway(), "OPTIONS", "*").status, 200)
        response = self.ask(self.gateway(), "GET", "*")
        self.problem(response, 405)
        self.assertEqual(response.headers["Allow"], "OPTIONS")

    def test_server(self):
        """The answer does not say what we are made of."""
        self.assertEqual(self.ask(self.gateway(), "GET", "/healthz").headers["Server"], "pycom_tx")

    def test_health(self):
        """The gateway is well while the nameserver answers, however many ask."""
        gateway = self.gateway()
        connections = [self.connect(gateway) for _ in range(3)]
        for connection in connections:
            connection.protocol.dataReceived(b"GET /healthz HTTP/1.1\r\n\r\n")
        connections[0].hang_up()
        for connection in connections[1:]:
            self.assertEqual(self.result(connection.read()), {"status": "ok"})
        self.network.crash("tcp://127.0.0.1:2012")
        response = self.ask(gateway, "GET", "/healthz")
        self.problem(response, 503)
        self.assertEqual(response.headers["Retry-After"], "1")

    def test_broken_health(self):
        """Where it cannot even be asked, that is an error, of all who wanted to know."""
        gateway = self.gateway()

        def deliver(frames):
            if any(b'"stat"' in frame for frame in frames):
                raise ZeroDivisionError
            return (0.0,)

        self.network.delivery = deliver
        for _ in range(2):
            self.problem(self.ask(gateway, "GET", "/healthz"), 500)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)

    def test_log(self):
        """Requests are logged if that is wanted, without what they ask and what they say."""
        echo = "POST /call/com.foo.example/echo"
        for options, count in ({}, 0), ({"verbose": True}, 3):
            gateway = self.gateway(**options)
            with capturedLogs() as events:
                self.ask(gateway, "GET", "/healthz?secret")
                connection = self.connect(gateway)
                connection.send(POST + b"Content-Length: 10")
                connection.hang_up()
                self.ask(gateway, "POST", "/call/com.foo.example/echo", b"{")
            lines = [formatEvent(event) for event in events if "duration" in event]
            self.assertEqual(len(lines), count)
            for line, expected in zip(
                lines,
                (
                    "GET /healthz: 200 in 0.0 ms for 192.168.1.1",
                    f"{echo}: its client hung up after 0.0 ms for 192.168.1.1",
                    f"{echo}: 400 in 0.0 ms for 192.168.1.1",
                ),
                strict=False,
            ):
                self.assertEqual(line, expected)

    def test_logged_fields(self):
        """What is logged of a call has the fields that services have, and those of HTTP."""
        gateway = self.gateway(verbose=True)
        with capturedLogs() as events:
            self.call(gateway, "echo")
            self.call(gateway, "fail", {"code": 99})
            connection = self.connect(gateway)
            connection.ask("POST", "/call/com.foo.example/wait")
            self.clock.advance(1.5)
            connection.hang_up()
            self.call(gateway, "echo", interface="com.nobody")
            self.ask(gateway, "GET", "/nothing")
        names = "verb", "status", "interface", "method", "code", "peer", "duration"
        told = [[event.get(name) for name in names] for event in events if "duration" in event]
        peer, foo = "192.168.1.1", "com.foo.example"
        self.assertEqual(
            told,
            [
                ["POST", 200, foo, "echo", 0, peer, 0],
                ["POST", 500, foo, "fail", 99, peer, 0],
                ["POST", None, foo, "wait", None, peer, 1.5],
                ["POST", 404, "com.nobody", "echo", 3, peer, 0],
                ["GET", 404, None, None, None, peer, 0],
            ],
        )


class BrowserTests(GatewayCase):
    def echo(self, gateway, origin, **headers):
        return self.call(gateway, "echo", 1, {"Origin": origin, **headers})

    def preflight(self, gateway, origin):
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        return self.ask(gateway, "OPTIONS", "/call/com.foo.example/echo", None, headers)

    def test_off(self):
        """Without an origin given, pages from elsewhere can neither call nor read."""
        gateway = self.gateway()
        self.problem(self.echo(gateway, ORIGIN), 403, not_started=True)
        self.assertEqual(self.example.requests, [])
        self.problem(self.preflight(gateway, ORIGIN), 403)
        response = self.ask(gateway, "GET", "/services", None, {"Origin": ORIGIN})
        self.assertEqual(response.status, 200)
        self.assertNotIn("Access-Control-Allow-Origin", response.headers)

    def test_own(self):
        """A page of the gateway's own can call, also behind something that speaks TLS."""
        gateway = self.gateway()
        for origin in "http://gateway", "https://gateway", "https://GATEWAY":
            self.assertEqual(self.result(self.echo(gateway, origin)), 1)
        for origin in "https://gateway:8443", "null", "https://gateway.example.com", "http://[":
            self.problem(self.echo(gateway, origin), 403)

    def test_given(self):
        """Pages from an origin that is given can call and read, others cannot."""
        gateway = self.gateway(origins=[ORIGIN, "http://localhost:3000"])
        for origin in ORIGIN, "http://localhost:3000":
            response = self.echo(gateway, origin)
            self.assertEqual(self.result(response), 1)
            self.assertEqual(response.headers["Access-Control-Allow-Origin"], origin)
            self.assertIn("PyCOM-Session", response.headers["Access-Control-Expose-Headers"])
            self.assertIn("Origin", response.headers["Vary"])
        for origin in "https://other.example.com", f"{ORIGIN}.evil.com", "null":
            response = self.echo(gateway, origin)
            self.problem(response, 403)
            self.assertNotIn("Access-Control-Allow-Origin", response.headers)
            self.assertIn("Origin", response.headers["Vary"])

    def test_everybody(self):
        """With * every page can."""
        gateway = self.gateway(origins=["*"])
        for origin in ORIGIN, "null":
            response = self.echo(gateway, origin)
            self.assertEqual(self.result(response), 1)
            self.assertEqual(response.headers["Access-Control-Allow-Origin"], "*")

    def test_preflight(self):
        """A browser that asks first is told what a page may send."""
        response = self.preflight(self.gateway(origins=[ORIGIN]), ORIGIN)
        self.assertEqual((response.status, response.body), (204, b""))
        self.assertEqual(response.headers["Access-Control-Allow-Origin"], ORIGIN)
        self.assertIn("POST", response.headers["Access-Control-Allow-Methods"])
        allowed = response.headers["Access-Control-Allow-Headers"].split(", ")
        for header in "Authorization", "Content-Type", "PyCOM-Session", "PyCOM-Timeout":
            self.assertIn(header, allowed)

    def test_problems(self):
        """A page may read what was wrong, also where it was refused early."""
        gateway = self.gateway(origins=[ORIGIN], max_body=10)
        connection = self.connect(gateway)
        connection.send(POST + f"Origin: {ORIGIN}\r\nContent-Length: 100\r\n\r\n".encode())
        response = connection.read()
        self.problem(response, 413)
        self.assertEqual(response.headers["Access-Control-Allow-Origin"], ORIGIN)
        connection.hang_up()
        response = self.call(gateway, "missing", None, {"Origin": ORIGIN})
        self.problem(response, 404, code=2)
        self.assertEqual(response.headers["Access-Control-Allow-Origin"], ORIGIN)

    def test_early(self):
        """A page that may not call is not told that its body is too large."""
        connection = self.connect(self.gateway(max_body=10))
        connection.send(POST + f"Origin: {ORIGIN}\r\nContent-Length: 100\r\n\r\n".encode())
        self.problem(connection.read(), 403)
        connection.hang_up()
