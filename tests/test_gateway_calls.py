"""Calls over HTTP: what goes in, what comes out, and what is said when it does not."""

import json
from urllib.parse import quote

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

import pycom_tx as pycom
from pycom_tx.gateway.calls import MAX_ARGS
from pycom_tx.gateway.located import Located
from pycom_tx.gateway.pages import Page
from pycom_tx.testing import at_once
from pycom_tx.zerojson.extensions import AUTH, DEADLINE, TRACE
from tests.gateway import Example, GatewayCase, form, parts

BYTES = {"Content-Type": "application/octet-stream"}
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pycom.interface("com.foo.odd")
class Odd(pycom.Service):
    """Answers that are hard to write."""

    @pycom.method
    def give(self, request, what):
        return {
            "nan": float("nan"),
            "infinity": [float("-inf")],
            "integer": 2**100,
            "text": "Zoë \ud800",
        }[what]

    @pycom.method
    def extend(self, request, more=None):
        own = {name: told for name, told in request.extensions.items() if "com.foo." in name}
        return pycom.Response(extensions={**own, "org.pycom.more": 1} if more is None else more)

    @pycom.method
    def broken(self, request):
        return pycom.Response(extensions={"com.foo.a": float("nan")})

    @pycom.method(attachments=(None, "blob"), results=("text", "blob"))
    def blob(self, request, text):
        return text, b"x" * 10


class CallTests(GatewayCase):
    def test_result(self):
        """The body is args, and the answer the result, as JSON."""
        gateway = self.gateway()
        response = self.call(gateway, "add", {"a": 2, "b": 3})
        self.assertEqual((response.status, response.body), (200, b"5"))
        self.assertEqual(response.headers["Cache-Control"], "no-store")
        self.assertEqual(response.headers["X-Content-Type-Options"], "nosniff")

    def test_any_json(self):
        """Any JSON may be args and the result, and comes out as it went in."""
        gateway = self.gateway()
        for args in None, [], {}, "Zoë", 2**70, -1.5, [{"a": [None, True]}]:
            self.assertEqual(self.result(self.call(gateway, "echo", args)), args)

    def test_empty(self):
        """No body is null, with or without a type."""
        gateway = self.gateway()
        for headers in {}, {"Content-Type": "application/x-www-form-urlencoded"}:
            response = self.ask(gateway, "POST", "/call/com.foo.example/echo", b"", headers)
            self.assertIsNone(self.result(response))

    def test_no_json(self):
        """A body that is no JSON, or none that is standard, is refused with what is wrong."""
        gateway = self.gateway()
        for body, said in (
            (b"{", "The body is no JSON"),
            (b"NaN", "NaN is no JSON"),
            (b"[1e999]", "too large"),
            (b"\xff", "UTF-8"),
            (b"[" * 100_000, "Nested too deeply"),
        ):
            headers = {"Content-Type": "application/json"}
            response = self.ask(gateway, "POST", "/call/com.foo.example/echo", body, headers)
            self.assertIn(said, self.problem(response, 400, code=4, not_started=True))
        self.assertEqual(self.example.requests, [])

    def test_other_encoding(self):
        """JSON in another encoding than UTF-8 is refused."""
        gateway = self.gateway()
        for charset, status in ("UTF-8", 200), ("utf8", 200), ("latin-1", 415):
            headers = {"Content-Type": f"application/json; charset={charset}"}
            response = self.ask(gateway, "POST", "/call/com.foo.example/echo", b"1", headers)
            self.assertEqual(response.status, status)

    def test_result_that_is_no_json(self):
        """A result that standard JSON cannot hold is an error; one that it can is exact."""
        self.host(Odd())
        gateway = self.gateway()
        for what in "nan", "infinity":
            response = self.call(gateway, "give", {"what": what}, interface="com.foo.odd")
            detail = self.problem(response, 502, not_started=False, reason="invalid")
            self.assertIn("JSON", detail)
        for what, result in ("integer", 2**100), ("text", "Zoë \ud800"):
            response = self.call(gateway, "give", {"what": what}, interface="com.foo.odd")
            self.assertEqual(self.result(response), result)

    def test_names(self):
        """Names may be percent-encoded; paths that are no call are not found."""
        gateway = self.gateway()
        for path in "/call/com.foo.example/ech%6F", "/call/com%2Efoo.example/echo":
            self.assertIsNone(self.result(self.ask(gateway, "POST", path)))
        for path in (
            "/call",
            "/call/",
            "/call/com.foo.example",
            "/call/com.foo.example/",
            "/call//echo",
            "/call/com.foo.example/echo/",
            "/call/com.foo.example/echo/more",
            "/call/com.foo.example/%FF",
            "/call/%C3/echo",
        ):
            self.problem(self.ask(gateway, "POST", path), 404)

    def test_other_methods(self):
        """Calls are POST; the answer to another method says so."""
        gateway = self.gateway()
        for method in "GET", "HEAD", "PUT", "DELETE", "NONSENSE":
            response = self.ask(gateway, method, "/call/com.foo.example/echo")
            self.assertEqual(response.status, 405)
            self.assertEqual(response.headers["Allow"], "POST, OPTIONS")
        response = self.ask(gateway, "OPTIONS", "/call/com.foo.example/echo")
        self.assertEqual((response.status, response.headers["Allow"]), (204, "POST, OPTIONS"))

    def test_unknown_content_type(self):
        """A body of another type is refused, with those that are taken."""
        gateway = self.gateway()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        response = self.ask(gateway, "POST", "/call/com.foo.example/echo", b"a=1", headers)
        detail = self.problem(response, 415, not_started=True)
        self.assertIn("application/x-www-form-urlencoded", detail)
        self.assertIn("application/json", response.headers["Accept-Post"])

    def test_content_encoding(self):
        """An encoded body is refused."""
        gateway = self.gateway()
        response = self.call(gateway, "echo", 1, {"Content-Encoding": "gzip"})
        self.assertIn("gzip", self.problem(response, 415, not_started=True))
        self.assertEqual(
            self.result(self.call(gateway, "echo", 1, {"Content-Encoding": "identity"})), 1
        )

    def test_follows_providers(self):
        """Calls go to whoever provides the interface now."""
        gateway = self.gateway()
        self.assertEqual(self.result(self.call(gateway, "echo", 1)), 1)
        self.result(self.service.stopService())
        self.clock.pump([0.3] * 3)
        self.problem(self.call(gateway, "echo", 1), 404, code=3)
        self.host(self.example, service="/com/foo/two")
        self.clock.pump([0.3] * 3)
        self.assertEqual(self.result(self.call(gateway, "echo", 1)), 1)

    def test_service(self):
        """A call may name the one service that will do, whose path may be any text."""
        paths = "/com/foo/two", "/com/foo/drei und vierzig", "/com/foo/\u00f6"
        others = {path: Example() for path in paths}
        for path, example in others.items():
            self.host(example, service=path)
        gateway = self.gateway()
        for path in paths * 2:
            self.result(self.call(gateway, "echo", path, {"PyCOM-Service": quote(path)}))
        for path, example in others.items():
            self.assertEqual([request.args for request in example.requests], [path] * 2)
        response = self.call(gateway, "echo", 1, {"PyCOM-Service": "/com/foo/three"})
        detail = self.problem(response, 404, code=3, not_started=True)
        self.assertEqual(detail, "Nobody provides 'com.foo.example' as '/com/foo/three' here")
        self.assertEqual(self.example.requests, [])

    def test_unused(self):
        """The providers of an interface are not followed any more when nobody calls it."""
        gateway = self.gateway()
        self.call(gateway, "echo")
        (nameserver,) = self.nameserver._components
        self.clock.pump([0.3, 0])
        self.assertEqual(len(nameserver._watches), 2)  # the catalogue's, and of this interface
        self.clock.pump([30] * 3)
        self.clock.pump([0.3] * 3)
        self.assertEqual(len(nameserver._watches), 1)
        self.assertIsNone(self.result(self.call(gateway, "echo")))

    def test_many_interfaces(self):
        """No more interfaces are followed than may be; others can be called as well."""
        self.host(Odd())
        located = Located(self.context, self.clock, lambda _: [], limit=1)
        self.addCleanup(located.close)
        (nameserver,) = self.nameserver._components
        for interface in ("com.foo.example", "com.foo.odd") * 2:
            component = self.result(Deferred.fromCoroutine(located.open(interface)))
            self.assertEqual(component.interface, interface)
            component.close()
        self.clock.pump([0.3] * 3)
        self.assertEqual(len(nameserver._watches), 1)


class URLTests(GatewayCase):
    def test_query(self):
        """Who puts arguments into the URL is told where they belong; nothing is called."""
        gateway = self.gateway()
        for query in "a=1", "x" * 100, "&", "%ff":
            path = f"/call/com.foo.example/echo?{query}"
            response = self.ask(gateway, "POST", path, b"{}")
            detail = self.problem(response, 400, code=4, not_started=True)
            self.assertIn("args are in the body or in PyCOM-Args, not in the URL, got", detail)
        self.assertEqual(self.example.requests, [])
        self.assertEqual(self.result(self.ask(gateway, "POST", path.partition("?")[0] + "?")), None)

    def test_more(self):
        """What a method does not declare is ignored, as everywhere."""
        self.assertEqual(self.result(self.call(self.gateway(), "add", {"a": 1, "c": 5})), 2)


class HeaderTests(GatewayCase):
    def extensions(self, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.call(self.running, "echo", None, headers)
        return self.example.requests[-1].extensions

    def setUp(self):
        super().setUp()
        self.running = self.gateway(timeout=7, max_timeout=60)

    def test_token(self):
        """A bearer's token goes along with the call; nothing else does."""
        self.assertEqual(self.extensions(Authorization="Bearer abc.d=")[AUTH], "abc.d=")
        self.assertEqual(self.extensions(Authorization="bearer   x ")[AUTH], "x")
        for other in "Basic abc", "Bearer", "Bearer a b", "", "Bearer \xff":
            self.assertNotIn(AUTH, self.extensions(Authorization=other))
        self.assertNotIn(AUTH, self.extensions())

    def test_trace(self):
        """What traces a call is passed on; what is none is left out."""
        self.assertEqual(self.extensions(traceparent=PARENT)[TRACE], {"traceparent": PARENT})
        self.assertEqual(
            self.extensions(traceparent=PARENT, tracestate="a=1,b=2")[TRACE],
            {"traceparent": PARENT, "tracestate": "a=1,b=2"},
        )
        for other in "", "nonsense", PARENT.upper(), PARENT[:-1], "\xff":
            self.assertNotIn(TRACE, self.extensions(traceparent=other, tracestate="a=1"))
        self.assertNotIn(TRACE, self.extensions())
        self.assertNotIn(TRACE, self.extensions(tracestate="a=1"))

    def test_extensions(self):
        """Extensions of a client's own go along, and those of the answer come back."""
        self.host(Odd())
        gone = {"com.foo.a": [1, None], "com.foo.\u00f6": "\u00f6"}
        headers = {"PyCOM-Extensions": json.dumps(gone)}
        response = self.call(self.running, "extend", None, headers, "com.foo.odd")
        self.assertIsNone(self.result(response))
        came = json.loads(response.headers["PyCOM-Extensions"])
        self.assertEqual(came, gone)
        self.assertNotIn("PyCOM-Extensions", self.call(self.running, "echo").headers)

    def test_extensions_that_a_header_cannot_hold(self):
        """Extensions of an answer are left out that are too long, or no JSON."""
        self.host(Odd())
        more = {"more": {"com.foo.a": "x" * 4096}}
        for method, args in ("extend", more), ("broken", None):
            response = self.call(self.running, method, args, interface="com.foo.odd")
            self.assertIsNone(self.result(response))
            self.assertNotIn("PyCOM-Extensions", response.headers)

    def test_wrong_extensions(self):
        """Extensions that are none, or not a client's to set, are refused."""
        for text in "", "[]", "{", "1", '{"org.pycom.deadline": 5}', '{"a": NaN}', "\xff":
            response = self.call(self.running, "echo", None, {"PyCOM-Extensions": text})
            detail = self.problem(response, 400, code=4, not_started=True)
            self.assertIn("PyCOM-Extensions is a JSON object", detail)
        self.assertEqual(self.example.requests, [])

    def test_timeout(self):
        """A call has the time that its client gives it, as long as that may be."""
        for text, seconds in ("2.5", 2.5), ("1", 1), ("60", 60), ("61", 60), ("999999999999", 60):
            self.assertEqual(self.extensions(PyCOM_Timeout=text)[DEADLINE], seconds * 1000)
        self.assertEqual(self.extensions()[DEADLINE], 7000)

    def test_wrong_timeout(self):
        """A time that is none is refused with what would be one."""
        for text in "0", "0.0", "-1", "inf", "nan", "soon", "", "1e3", "1 ", "\u0661":
            headers = {"PyCOM-Timeout": text.encode("utf-8").decode("latin-1")}
            if text == "1 ":
                headers = {"PyCOM-Timeout": "1 s"}
            detail = self.problem(self.call(self.running, "echo", None, headers), 400, code=4)
            self.assertIn("a number of seconds more than 0", detail)

    def test_no_text(self):
        """Headers that are no UTF-8 do no harm."""
        names = (
            *("Accept", "Authorization", "Origin", "Host", "traceparent", "tracestate"),
            *("PyCOM-Session", "PyCOM-Timeout", "PyCOM-Args", "Content-Type", "Content-Encoding"),
        )
        for name in names:
            headers = {"Content-Type": "application/json", name: "\xff\xfe"}
            response = self.ask(self.running, "POST", "/call/com.foo.example/echo", b"", headers)
            self.assertIn(response.status, (200, 400, 403, 415), name)


class FailureTests(GatewayCase):
    def test_codes(self):
        """Each code has its status, and the problem has the code and the service's words.

        Whether its method had begun when it said so is not known.
        """
        gateway = self.gateway()
        for code, status in (
            (1, 500),
            (2, 404),
            (3, 404),
            (4, 400),
            (5, 401),
            (6, 410),
            (7, 500),
            (-1, 500),
            (10**30, 500),
        ):
            response = self.call(gateway, "fail", {"code": code, "text": "Zoë says no"})
            names = {"interface": "com.foo.example", "method": "fail"}
            detail = self.problem(response, status, code=code, not_started=None, **names)
            self.assertEqual(detail, "Zoë says no")

    def test_method_not_found(self):
        """A method that is not there is not found."""
        self.problem(self.call(self.gateway(), "missing"), 404, code=2)

    def test_denied(self):
        """Access denied is 401 for who has no token, with what to send, and 403 for who has."""
        gateway = self.gateway()
        response = self.call(gateway, "fail", {"code": 5})
        self.assertEqual(response.headers["WWW-Authenticate"], "Bearer")
        response = self.call(gateway, "fail", {"code": 5}, {"Authorization": "Bearer abc"})
        self.problem(response, 403, code=5)
        self.assertNotIn("WWW-Authenticate", response.headers)

    def test_timeout(self):
        """A call without an answer in time ends with 504."""
        gateway = self.gateway()
        connection = self.connect(gateway)
        connection.ask("POST", "/call/com.foo.example/wait", b"", {"PyCOM-Timeout": "2"})
        self.clock.advance(1.9)
        self.assertEqual(connection.received, b"")
        self.clock.advance(0.1)
        self.assertIn("in time", self.problem(connection.read(), 504, not_started=False))

    def test_broken(self):
        """A connection that breaks in the middle is 502: the call may have been executed."""
        gateway = self.gateway()
        connection = self.connect(gateway)
        connection.ask("POST", "/call/com.foo.example/wait")
        self.network.disconnect(self.service.address)
        connection.settle()
        detail = self.problem(connection.read(), 502, not_started=False, reason=None)
        self.assertIn("may have", detail)

    def test_nobody_reachable(self):
        """Where nobody can be reached it is 503, and the call was not started."""
        gateway = self.gateway()
        self.call(gateway, "echo")
        self.network.crash(self.service.address)
        response = self.call(gateway, "echo")
        self.problem(response, 503, not_started=True, reason=None)
        self.assertEqual(response.headers["Retry-After"], "1")

    def test_overloaded(self):
        """A service that has too much to do is 429, and says when to try again."""
        self.result(self.service.stopService())
        self.host(self.example, service="/com/foo/busy", max_calls=1, max_waiting=0)
        gateway = self.gateway()
        connection = self.connect(gateway)
        connection.ask("POST", "/call/com.foo.example/wait")
        response = self.call(gateway, "echo")
        self.problem(response, 429, not_started=True)
        self.assertRegex(response.headers["Retry-After"], r"\A[1-9][0-9]*\Z")
        connection.hang_up()

    def test_addresses(self):
        """Errors name no address unless that is wanted."""
        self.network.crash(self.service.address)
        for options, named in ({}, False), ({"show_addresses": True}, True):
            response = self.call(self.gateway(**options), "echo")
            detail = self.problem(response, 503, not_started=True)
            self.assertEqual(self.service.address in detail, named, detail)

    def test_no_nameserver(self):
        """While the nameserver does not answer, what is not known yet is 503."""
        gateway = self.gateway()
        self.network.crash("tcp://127.0.0.1:2012")
        response = self.call(gateway, "echo", interface="com.foo.missing")
        detail = self.problem(response, 503, not_started=True)
        self.assertEqual(detail, "The nameserver does not answer")
        self.assertEqual(response.headers["Retry-After"], "1")

    def test_silent_nameserver(self):
        """A call whose nameserver says nothing ends when its time is over."""
        gateway = self.gateway()
        self.network.delivery = lambda frames: ()
        connection = self.connect(gateway)
        connection.ask("POST", "/call/com.foo.missing/echo", None, {"PyCOM-Timeout": "2"})
        self.clock.advance(2)
        self.problem(connection.read(), 503, not_started=True)
        self.network.delivery = at_once

    def test_hidden(self):
        """What is not exposed is answered as what does not exist."""
        gateway = self.gateway(expose=["com.bar.*"])
        hidden = self.call(gateway, "echo")
        missing = self.call(gateway, "echo", interface="com.foo.missing")
        self.problem(hidden, 404, code=3)
        self.assertEqual(
            hidden.body.replace(b"com.foo.example", b"X"),
            missing.body.replace(b"com.foo.missing", b"X"),
        )
        missing = self.call(gateway, "echo", interface="com.bar.missing")
        self.assertEqual(
            hidden.body.replace(b"com.foo.example", b"X"),
            missing.body.replace(b"com.bar.missing", b"X"),
        )
        self.assertEqual(self.example.requests, [])

    def test_own_interfaces(self):
        """The nameserver is not exposed, unless a pattern says so."""
        args = {"interface": "com.foo.example"}
        name = "org.pycom.nameserver"
        self.problem(self.call(self.gateway(), "locate", args, interface=name), 404, code=3)
        gateway = self.gateway(expose=["*", "org.pycom.name*"])
        answer = self.result(self.call(gateway, "locate", args, interface=name))
        self.assertEqual(answer["service"], "/com/foo/one")


class CancelTests(GatewayCase):
    def test_hang_up(self):
        """A client that hangs up cancels its call."""
        gateway = self.gateway()
        self.call(gateway, "echo")
        connection = self.connect(gateway)
        connection.ask("POST", "/call/com.foo.example/wait")
        self.assertEqual((len(self.example.waiting), self.example.cancelled), (1, []))
        connection.hang_up()
        self.assertEqual(self.example.cancelled, self.example.waiting)

    def test_hang_up_while_locating(self):
        """So does one that hangs up before anybody was found."""
        gateway = self.gateway()
        connection = self.connect(gateway)
        head = b"POST /call/com.foo.example/echo HTTP/1.1\r\n\r\n"
        connection.protocol.dataReceived(head)
        connection.hang_up()
        self.assertEqual(self.example.requests, [])

    def test_limit(self):
        """There are no more calls in progress than there may be; the next one is welcome."""
        gateway = self.gateway(max_calls=2)
        connections = [self.connect(gateway) for _ in range(2)]
        for connection in connections:
            connection.ask("POST", "/call/com.foo.example/wait")
        response = self.call(gateway, "echo")
        self.assertIn("2 calls", self.problem(response, 429, not_started=True))
        self.assertEqual(response.headers["Retry-After"], "1")
        connections[0].hang_up()
        self.assertIsNone(self.result(self.call(gateway, "echo")))
        self.example.waiting[1].callback("done")
        connections[1].settle()
        self.assertEqual(self.result(connections[1].read()), "done")

    def test_answer_counts(self):
        """A call is in progress until its client has taken the answer."""
        gateway = self.gateway(max_calls=1)
        connection = self.connect(gateway)
        connection.transport.slow = True
        connection.ask("POST", "/call/com.foo.example/mirror", b"x" * 1_000_000, BYTES)
        self.problem(self.call(gateway, "echo"), 429)
        connection.transport.take_all()
        self.assertIsNone(self.result(self.call(gateway, "echo")))


class AttachmentTests(GatewayCase):
    def test_form(self):
        """A form brings args and an attachment, and the answer is one with both."""
        gateway = self.gateway()
        body, headers = form(("args", b'{"note": "new"}'), ("attachment", b"\r\n--\x00\xff"))
        response = self.ask(gateway, "POST", "/call/com.foo.example/mirror", body, headers)
        self.assertEqual(response.status, 200)
        self.assertEqual(
            parts(response),
            {
                "result": ("application/json", b'{"size":6}'),
                "attachment": ("application/octet-stream", b"\r\n--\x00\xff"),
            },
        )
        self.assertEqual(self.example.requests[0].args["note"], "new")

    def test_in_pieces(self):
        """It does not matter in which pieces a body comes."""
        gateway = self.gateway()
        body, headers = form(("args", b'{"note": "new"}'), ("attachment", b"\r\n--xy\x00"))
        kind = headers["Content-Type"]
        head = (
            f"POST /call/com.foo.example/mirror HTTP/1.1\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        for size in 1, 2, 3, 7, len(body) - 1:
            connection = self.connect(gateway)
            connection.send(head.encode())
            for start in range(0, len(body), size):
                connection.send(body[start : start + size])
            self.assertEqual(parts(connection.read())["attachment"][1], b"\r\n--xy\x00", size)
            connection.hang_up()

    def test_form_without(self):
        """Either part may be left out."""
        gateway = self.gateway()
        body, headers = form(("args", b"[1]"))
        path = "/call/com.foo.example/echo"
        self.assertEqual(self.result(self.ask(gateway, "POST", path, body, headers)), [1])
        self.assertIsNone(self.example.requests[-1].attachment)
        body, headers = form(("attachment", b""))
        self.assertIsNone(self.result(self.ask(gateway, "POST", path, body, headers)))
        self.assertEqual(self.example.requests[-1].attachment, b"")

    def test_form_that_is_wrong(self):
        """Other parts, the same twice, no JSON, no end, no boundary: each is refused."""
        gateway = self.gateway()
        multipart = {"Content-Type": "multipart/form-data; boundary=xyz"}
        for (body, headers), said in (
            (form(("other", b"1")), "'other'"),
            (form(("args", b"1"), ("args", b"1")), "once"),
            (form(("args", b"{")), "The part 'args' is no JSON"),
            ((form(("args", b"1"))[0][:-5], multipart), "no proper form"),
            ((b"nonsense" * 10, multipart), "no proper form"),
            ((b"", {"Content-Type": "multipart/form-data"}), "no proper form"),
            (form(("args", b"1"), ("attachment", b""), ("args", b"")), "more than two parts"),
        ):
            response = self.ask(gateway, "POST", "/call/com.foo.example/echo", body, headers)
            self.assertIn(said, self.problem(response, 400, code=4, not_started=True))
        self.assertEqual(self.example.requests, [])

    def test_alone(self):
        """An attachment may go in alone, with args in a header, and come out alone, with the
        result in one."""
        gateway = self.gateway()
        headers = {
            **BYTES,
            "Accept": "application/octet-stream",
            "PyCOM-Args": '{"note": "Zo\\u00eb"}',
        }
        for blob in b"some bytes", b"":
            response = self.ask(gateway, "POST", "/call/com.foo.example/mirror", blob, headers)
            self.assertEqual((response.status, response.body), (200, blob))
            self.assertEqual(response.headers["Content-Type"], "application/octet-stream")
            self.assertEqual(json.loads(response.headers["PyCOM-Result"]), {"size": len(blob)})
            self.assertEqual(self.example.requests[-1].args["note"], "Zoë")

    def test_args_too_large(self):
        """Args have a bound of their own: JSON costs many times its bytes."""
        gateway = self.gateway()
        fits = "x" * (MAX_ARGS - 2)
        self.assertEqual(self.result(self.call(gateway, "echo", fits)), fits)
        response = self.call(gateway, "echo", fits + "x")
        detail = self.problem(response, 413, not_started=True)
        self.assertIn("what is larger goes as an attachment", detail)

    def test_args_twice(self):
        """args in the body and in the header are refused, and so is a header without JSON."""
        gateway = self.gateway()
        response = self.call(gateway, "echo", 1, {"PyCOM-Args": "2"})
        self.assertIn("not in both", self.problem(response, 400, code=4))
        response = self.call(gateway, "echo", None, {"PyCOM-Args": "{"})
        self.assertIn("PyCOM-Args is no JSON", self.problem(response, 400, code=4))
        self.assertEqual(self.result(self.call(gateway, "echo", None, {"PyCOM-Args": "2"})), 2)

    def test_result_in_a_header(self):
        """A result goes into a header as ASCII, unless it is long."""
        self.host(Odd())
        gateway = self.gateway()
        headers = {"Accept": "application/octet-stream"}
        for text, told in ("Zoë \u2028", True), ("x" * 4000, True), ("x" * 5000, False):
            response = self.call(gateway, "blob", {"text": text}, headers, "com.foo.odd")
            self.assertEqual(response.body, b"x" * 10)
            self.assertEqual("PyCOM-Result" in response.headers, told)
            if told:
                result = response.headers["PyCOM-Result"]
                self.assertTrue(result.isascii())
                self.assertEqual(json.loads(result), {"text": text})

    def test_accept(self):
        """An attachment comes alone where that is wanted more than a form."""
        gateway = self.gateway()
        for accept, alone in (
            ("*/*", False),
            ("application/json", False),
            ("application/octet-stream", True),
            ("text/html, application/octet-stream;q=0.1", True),
            ("application/octet-stream;q=0", False),
            ("application/octet-stream;q=0.5, multipart/form-data;q=0.6", False),
            ("multipart/form-data, Application/Octet-Stream", False),
            ("application/octet-stream;q=high", False),
        ):
            headers = {**BYTES, "Accept": accept}
            response = self.ask(gateway, "POST", "/call/com.foo.example/mirror", b"x", headers)
            kind = response.headers["Content-Type"].partition(";")[0]
            expected = "application/octet-stream" if alone else "multipart/form-data"
            self.assertEqual(kind, expected, accept)

    def test_no_attachment(self):
        """An answer without an attachment is JSON, whatever was asked for."""
        gateway = self.gateway()
        headers = {"Accept": "application/octet-stream"}
        self.assertEqual(self.result(self.call(gateway, "echo", 1, headers)), 1)

    def test_large(self):
        """A large attachment leaves in pieces, as its client takes them."""
        gateway = self.gateway()
        blob = bytes(range(256)) * 8192
        connection = self.connect(gateway)
        connection.transport.slow = True
        headers = {**BYTES, "Accept": "application/octet-stream"}
        connection.ask("POST", "/call/com.foo.example/mirror", blob, headers)
        most = len(connection.received)
        self.assertLess(most, 2 * 65536)
        connection.transport.take_all()
        self.assertEqual(connection.read().body, blob)

    def test_stalled(self):
        """A client that takes nothing for a minute has lost its connection."""
        gateway = self.gateway()
        connection = self.connect(gateway)
        connection.transport.slow = True
        connection.ask("POST", "/call/com.foo.example/mirror", b"x" * 1_000_000, BYTES)
        self.clock.advance(59)
        self.assertFalse(connection.transport.lost)
        self.clock.advance(1)
        self.assertTrue(connection.transport.lost)

    def test_gone_while_taking(self):
        """A client that hangs up in the middle of its answer leaves nothing behind."""
        gateway = self.gateway()
        connection = self.connect(gateway)
        connection.transport.slow = True
        connection.ask("POST", "/call/com.foo.example/mirror", b"x" * 1_000_000, BYTES)
        connection.hang_up()
        self.assertIsNone(self.result(self.call(gateway, "echo")))

    def test_broken_answer(self):
        """One in the middle of an answer ends it, so that nobody takes it for whole."""

        class Broken(Page):
            async def answer(self, request):
                request.write(b"some of")
                raise ValueError("a secret")

        gateway = self.gateway(pages={"broken": Broken()})
        connection = self.connect(gateway)
        connection.ask("GET", "/broken")
        self.assertTrue(connection.transport.lost)
        self.assertFalse(connection.received.endswith(b"0\r\n\r\n"))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_broken_page(self):
        """A mistake of the gateway's own is 500, with nothing of it in the answer."""

        class Broken(Page):
            async def answer(self, request):
                raise ValueError("a secret")

        gateway = self.gateway(pages={"broken": Broken()})
        with capturedLogs() as events:
            detail = self.problem(self.ask(gateway, "GET", "/broken"), 500)
        self.assertNotIn("secret", detail)
        self.assertTrue(any("log_failure" in event for event in events))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
