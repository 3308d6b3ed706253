"""The gateway bears whatever clients send."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.gateway import GatewayCase

EXAMPLES = settings(
    deadline=None,
    max_examples=150,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)

NAMES = (
    *("Content-Type", "Content-Length", "Content-Encoding", "Transfer-Encoding", "Expect"),
    *("Authorization", "PyCOM-Session", "PyCOM-Timeout", "PyCOM-Args", "traceparent", "Host"),
    *("PyCOM-Service", "PyCOM-Extensions"),
    *("Accept", "Origin", "Connection", "If-None-Match", "Access-Control-Request-Method"),
)
VALUES = (
    *(b"application/json", b"multipart/form-data; boundary=xyz", b"application/octet-stream"),
    *(b"multipart/form-data; boundary=", b'multipart/form-data; boundary="\\', b"0", b"5", b"-1"),
    *(b"chunked", b"identity", b"100-continue", b"close", b"keep-alive", b"*/*;q=x;;,,=", b"null"),
    *(b"a@0123456789abcdef", b"%ff%@0123456789abcdef", b"{", b'{"a": 1}', b"http://[", b"*"),
)
BODIES = (
    *(b"", b"1", b'{"a": 1}', b"--xyz\r\n", b"--xyz--\r\n", b"5\r\n12345\r\n0\r\n\r\n", b"x\r\n"),
    b'--xyz\r\nContent-Disposition: form-data; name="args"\r\n\r\n{}\r\n--xyz--\r\n',
    b"--xyz\r\nContent-Disposition: attachment\r\nContent-Length: x\r\n\r\n",
    b"--xyz\r\nnonsense\r\n\r\n--xyz--",
)
PATHS = (
    *(b"/call/com.foo.example/echo", b"/call/com.foo.example/mirror", b"/services", b"/events"),
    *(b"/services/com.foo.example", b"/openapi.json", b"/healthz", b"*", b"//", b"/call/%/%%"),
    *(b"/", b"/console/main.js", b"http://", b"https://[/x", b"/call/com.foo.example/add?%00=&&"),
)
METHODS = (b"GET", b"POST", b"HEAD", b"OPTIONS", b"PATCH", b"get", b"\xff")

headers = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES) | st.binary(max_size=20)), max_size=6
)
requests = st.tuples(
    st.sampled_from(METHODS),
    st.sampled_from(PATHS) | st.binary(max_size=20).map(lambda path: b"/" + path),
    headers,
    st.lists(st.sampled_from(BODIES) | st.binary(max_size=30), max_size=3),
)


class AnythingTests(GatewayCase):
    def setUp(self):
        super().setUp()
        self.running = self.gateway(max_body=1000, origins=["https://app.example.com"])

    def bear(self, pieces):
        """Send pieces of bytes and hang up: nothing is left, and the gateway is well."""
        connection = self.connect(self.running)
        for piece in pieces:
            connection.send(piece)
        data = connection.received
        self.assertTrue(data == b"" or data.startswith(b"HTTP/1.1 "), data)
        self.assertNotIn(b"HTTP/1.1 500", data)
        connection.hang_up()
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assertEqual(len(self.running.site), 0)
        self.assertEqual(self.running.site.bodies.held, 0)

    @EXAMPLES
    @given(requests)
    def test_requests(self, request):
        """Requests of any method, path, headers and body."""
        method, path, lines, body = request
        head = b"%b %b HTTP/1.1\r\n" % (method, path)
        head += b"".join(b"%b: %b\r\n" % (name.encode(), value) for name, value in lines)
        self.bear([head + b"\r\n", *body])
        self.assertEqual(self.result(self.call(self.running, "add", {"a": 1})), 2)

    def test_each_header(self):
        """Each header with each value, in each way to ask."""
        for path in b"/call/com.foo.example/echo", b"/services":
            for method in b"POST", b"GET", b"OPTIONS":
                for name in NAMES:
                    for value in VALUES:
                        line = b"%b: %b" % (name.encode(), value)
                        self.bear([b"%b %b HTTP/1.1\r\n%b\r\n\r\n12345" % (method, path, line)])

    @EXAMPLES
    @given(st.lists(st.sampled_from((*BODIES, *VALUES)) | st.binary(max_size=50), max_size=6))
    def test_bytes(self, pieces):
        """Bytes that are no requests."""
        self.bear(pieces)
