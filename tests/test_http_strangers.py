"""What may answer in the place of a gateway, and what becomes of calls then."""

import gzip

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import DNSLookupError
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseDone
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH

import pycom_tx as pycom
from pycom_tx.client.over_http.answer import TOLD, Answer
from pycom_tx.client.over_http.pieces import PIECE
from pycom_tx.zerojson.server import MAX_MESSAGE
from tests.over_http import URL, Wires


class Script(Protocol):
    """Answers each request with what a test wants.

    :param answer: bytes; empty for hanging up.
    """

    def __init__(self, answer):
        self.answer = answer
        self.received = b""

    def dataReceived(self, data):
        self.received += data
        if b"\r\n\r\n" in self.received:
            self.transport.write(self.answer)
            if not self.answer or b"Connection: close" in self.answer:
                self.transport.loseConnection()
            self.received = b""


def answer(status="200 OK", content_type="application/json", body=b"null", **headers):
    """An answer of HTTP."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    if content_type:
        lines.append(f"Content-Type: {content_type}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


FORM = "multipart/form-data; boundary=xyz"
PROBLEM = "application/problem+json"


class StrangerTests(SynchronousTestCase):
    """What is at the gateway's URL may be something else."""

    def setUp(self):
        self.clock = Clock()
        self.wires = Wires(self.clock)
        self.context = pycom.Context(gateway=URL, agent=self.wires.agent, reactor=self.clock)
        self.component = self.context._at(URL, "com.foo.shop")
        self.protocols = []
        self.addCleanup(self.assertNothingLeft)
        self.addCleanup(self.wires.close)
        self.addCleanup(self.context.close)

    def assertNothingLeft(self):
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.wires.open, 0)

    def serve(self, answer):
        self.wires.close()
        self.wires.site = Factory.forProtocol(
            lambda: self.protocols.append(Script(answer)) or self.protocols[-1]
        )
        self.wires.site.noisy = False
        self.wires.site.doStart()

    def call(self, answer, *args, **options):
        """A call that is answered so."""
        self.serve(answer)
        call = self.component.invoke("echo", *args, **options)
        self.clock.pump([0] * 20)
        return call

    def refused(self, answer, kind=pycom.InvalidReply):
        error = self.failureResultOf(self.call(answer), kind).value
        self.assertIs(type(error), kind)
        return error

    def test_no_gateway(self):
        """It is named: what it answered, in its words."""
        for given, said in (
            (
                answer(content_type="text/html", body=b"<h1>Hi</h1>"),
                "200 OK, text/html: '<h1>Hi</h1>'",
            ),
            (
                answer("404 Not Found", "text/html", b"<h1>No</h1>"),
                "404 Not Found, text/html: '<h1>No",
            ),
            (
                answer("502 Bad Gateway", "text/html", b"nginx"),
                "502 Bad Gateway, text/html: 'nginx'",
            ),
            (answer("407 Proxy", None, b""), "407 Proxy Authentication Required, of no type: ''"),
            (
                answer("302 Found", None, b"", Location="/other"),
                "302 Found, to '/other', of no type",
            ),
            (answer("201 Created"), "201 Created, application/json"),
            (answer("599 Odd", "text/plain", b"\xff"), "599, text/plain: '\ufffd'"),
            (answer(content_type="application/octet-stream"), "200 OK, application/octet-stream"),
            (answer("500 Oops", PROBLEM, b"[]"), f"500 Internal Server Error, {PROBLEM}: '[]'"),
            (answer("500 Oops", PROBLEM, b"{"), f"{PROBLEM}: '{{'"),
        ):
            error = self.refused(given)
            self.assertIn(f"What answers at {URL} is no gateway: ", str(error))
            self.assertIn(said, str(error))
            self.assertIs(error.not_started, False)

    def test_not_followed(self):
        """A redirect is not followed."""
        self.refused(answer("307 Temporary Redirect", None, b"", Location=f"{URL}/other"))
        self.assertEqual(len(self.protocols), 1)

    def test_endless(self):
        """Of an answer that makes no sense no more is read than tells so."""
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"
        error = self.refused(head + b"x" * 100_000)
        self.assertLess(len(str(error)), 400)

    def test_too_large(self):
        """An answer that says it is larger than a reply may be is not read, and neither is the
        rest of one that turns out to be: its connection is closed."""
        for kind, body, size, most in (
            ("application/json", b"", MAX_MESSAGE + 1, MAX_MESSAGE),
            (FORM, form(result=b"1"), MAX_MESSAGE + 1, MAX_MESSAGE),
            (PROBLEM, b"", TOLD + 1, TOLD),
            (PROBLEM, bytes(TOLD + 1), None, TOLD),
        ):
            length = "" if size is None else f"Content-Length: {size}\r\n"
            head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{length}\r\n"
            error = self.refused(head.encode() + body)
            said = f"The answer has {size or f'{len(body)} or more'} bytes, and {most} is what is"
            self.assertIn(said, str(error))
            self.assertIs(error.not_started, False)
            self.assertEqual(self.wires.open, 0)

    def test_as_large_as_may_be(self):
        """What has exactly as many bytes as may be is read; one more is one too many, as soon
        as it comes."""
        body = form(result=b"[1]", attachment=b"12")
        for kind, whole in ("application/json", b"[1, 2]"), (FORM, body):
            coming = Coming(kind)
            reading = Answer(coming).read(len(whole))
            coming.protocol.dataReceived(whole)
            coming.protocol.connectionLost(Failure(ResponseDone()))
            self.assertIn(self.successResultOf(reading).body, (whole, b"[1]"))
            coming = Coming(kind)
            reading = Answer(coming).read(len(whole) - 1)
            coming.protocol.dataReceived(whole[:-1])
            self.assertNoResult(reading)
            coming.protocol.dataReceived(whole[-1:])
            self.failureResultOf(reading, pycom.InvalidReply)
            self.assertTrue(coming.protocol.transport.disconnecting)

    def test_broken_results(self):
        """A result that is none is named."""
        for given, said in (
            (answer(body=b"{"), "what is no JSON"),
            (answer(body=b""), "what is no JSON"),
            (answer(body=b'1,"code":5'), "what is no JSON"),
            (answer(body=b"[" * 100_000), "what is no JSON: Nested too deeply"),
            (answer(PyCOM_Extensions="{"), "what is no JSON"),
            (answer(PyCOM_Extensions="[1]"), "extensions must be an object or null"),
            (answer(content_type=FORM, body=b"nonsense"), "a form that is none"),
            (answer(content_type="multipart/form-data", body=b"nonsense"), "a form that is none"),
            (answer(content_type=FORM, body=b"--xyz--\r\n"), "has no part 'result'"),
            (answer(content_type=FORM, body=form(result=b"1")), "has no part 'attachment'"),
            (answer(content_type=FORM, body=form(result=b"{", attachment=b"")), "no JSON"),
            (
                answer(content_type=FORM, body=form(result=b"1", attachment=b"")[:-9]),
                "form that is",
            ),
            (answer(content_type=FORM, body=form(a=b"1", b=b"", c=b"")), "a form that is none"),
        ):
            self.assertIn(said, str(self.refused(given)))

    def test_form(self):
        """A form that is one is taken, in whatever pieces it comes."""
        given = answer(content_type=FORM, body=form(result=b"[1]", attachment=b"\r\n--xy"))
        self.assertEqual(self.successResultOf(self.call(given)), ([1], b"\r\n--xy"))
        call = self.call(given[:1])
        script = self.protocols[-1]
        for start in range(1, len(given)):
            self.assertNoResult(call)
            script.transport.write(given[start : start + 1])
            self.clock.pump([0, 0])
        self.assertEqual(self.successResultOf(call), ([1], b"\r\n--xy"))

    def test_problems(self):
        """Each status of a gateway is an error of its own."""
        for status, members, kind, not_started in (
            ("429 Many", "", pycom.Overloaded, True),
            ("503 No", '"not_started":true', pycom.ServiceNotAvailable, True),
            ("503 No", '"not_started":true,"reason":"stopping"', pycom.Refused, True),
            ("503 No", '"not_started":false,"reason":"stopping"', pycom.ServiceNotAvailable, False),
            ("502 Bad", '"not_started":false', pycom.ServiceNotAvailable, False),
            ("502 Bad", '"not_started":false,"reason":"invalid"', pycom.InvalidReply, False),
            ("504 Late", '"not_started":true', pycom.CallTimeout, True),
            ("405 Odd", '"not_started":"yes"', pycom.InvalidReply, False),
            ("500 Odd", '"code":true', pycom.InvalidReply, False),
            ("500 Odd", '"code":0', pycom.InvalidReply, False),
        ):
            told = ",".join(filter(None, (members, '"detail":"why"')))
            error = self.refused(answer(status, PROBLEM, b"{%b}" % told.encode()), kind)
            self.assertIs(error.not_started, not_started)
            self.assertIn(f"{URL}: why", str(error))

    def test_no_detail(self):
        """One that does not say why it is one is one all the same."""
        for body, said in (b'{"title":"No"}', "No"), (b"{}", "does not say what is wrong"):
            error = self.refused(answer("503 No", PROBLEM, body), pycom.ServiceNotAvailable)
            self.assertIn(said, str(error))

    def test_no_text(self):
        """Headers that are no text do no harm."""
        self.refused(answer(content_type="\xff"))
        self.refused(answer("302 Found", Location="\xff", content_type=None))
        self.assertIs(self.successResultOf(self.call(answer(PyCOM_Session="\xff"))), None)
        self.assertEqual(self.component.session_id, "\ufffd")

    def test_encoded(self):
        """What a web server in between has packed is unpacked, if it can be."""
        packed = gzip.compress(b"[1]" + b" " * 1000)
        call = self.call(answer(body=packed, Content_Encoding="gzip"))
        self.assertEqual(self.successResultOf(call), [1])
        for broken in packed[:-8] + b"\xff" * 8, b"nonsense":
            given = answer(body=broken, Content_Encoding="gzip")
            self.assertIs(self.refused(given).not_started, False)

    def test_retry_after(self):
        """When it makes sense to try again is told in seconds; anything else is not."""
        body = b'{"not_started":true}'
        for text, seconds in ("7", 7), ("Fri, 31 Dec 1999 23:59:59 GMT", 0), ("9" * 20, 0):
            given = answer("429 Many", PROBLEM, body, Retry_After=text)
            self.assertEqual(self.refused(given, pycom.Overloaded).retry_after, seconds)

    def test_codes(self):
        """A code makes the error, whatever the status is; what is too large is a bad request."""
        for status, code, kind in (
            ("500 No", 99, pycom.RemoteError),
            ("404 No", 3, pycom.ServiceNotFound),
            ("413 No", None, pycom.BadRequest),
            ("414 No", None, pycom.BadRequest),
            ("431 No", None, pycom.BadRequest),
        ):
            body = f'{{"detail":"why","code":{code or "null"}}}'.encode()
            error = self.refused(answer(status, PROBLEM, body), kind)
            self.assertEqual(error.code, code or 4)
            self.assertEqual(str(error), "why")

    def test_hung_up(self):
        """A connection that ends before its answer does is broken: nobody knows what happened."""
        for given in b"", b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\n1":
            error = self.refused(given, pycom.ServiceNotAvailable)
            self.assertIs(error.not_started, False)
            self.assertIn(f"The connection to {URL} broke", str(error))
            self.assertIn("com.foo.shop.echo may have been executed", str(error))

    def test_no_http(self):
        """What speaks something else is named."""
        error = self.refused(b"SSH-2.0-OpenSSH_9.6\r\n\r\n", pycom.ServiceNotAvailable)
        self.assertIn(f"The connection to {URL} broke", str(error))

    def test_cut(self):
        """A connection that is cut fails the call that is on it, and no other."""
        self.serve(answer(body=b"5")[:-1])
        calls = [self.component.invoke("echo") for _ in range(2)]
        self.clock.pump([0] * 20)
        self.wires.ends[0].abortConnection()
        self.clock.pump([0] * 20)
        error = self.failureResultOf(calls[0], pycom.ServiceNotAvailable).value
        self.assertIs(error.not_started, False)
        self.assertNoResult(calls[1])
        self.protocols[1].transport.write(b"5")
        self.clock.pump([0] * 20)
        self.assertEqual(self.successResultOf(calls[1]), 5)

    def test_cancelled_while_read(self):
        """A call that is cancelled while its answer comes has its connection closed."""
        call = self.call(answer(body=b"55555")[:-1])
        self.assertEqual(self.wires.open, 1)
        call.cancel()
        self.failureResultOf(call, CancelledError)
        self.clock.pump([0] * 20)
        self.assertEqual(self.wires.open, 0)

    def test_cancelled_while_sent(self):
        """So has one that is cancelled while it leaves, or waits for its answer."""
        for timeout in 1, 5:
            self.serve(answer()[:20])
            call = self.component.invoke("echo", attachment=bytes(10 * PIECE), timeout=timeout)
            self.clock.pump([0] * 2 * timeout)
            call.cancel()
            self.failureResultOf(call, CancelledError)
            self.clock.pump([0] * 20)
            self.assertEqual(self.wires.open, 0)

    def test_cancelled_while_a_name_is_looked_up(self):
        """So is one that has no connection yet, whatever Twisted makes of that."""
        context = pycom.Context(gateway=URL, agent=Searching(), reactor=self.clock)
        component = context._at(URL, "com.foo.shop")
        calls = [component.invoke("echo", timeout=timeout) for timeout in (60, 5, 60)]
        self.clock.advance(0)
        calls[0].cancel()
        self.failureResultOf(calls[0], CancelledError)
        self.clock.advance(5)
        self.assertIn("within 5 s", str(self.failureResultOf(calls[1], pycom.CallTimeout).value))
        self.successResultOf(context.close())
        error = self.failureResultOf(calls[2], pycom.ConnectionClosed).value
        self.assertIs(error.not_started, True)

    def test_early_answer(self):
        """An answer that comes before all has left is one."""
        self.serve(answer("413 No", PROBLEM, b'{"detail":"why"}', Connection="close"))
        call = self.component.invoke("echo", attachment=bytes(10 * PIECE))
        self.clock.pump([0] * 20)
        self.failureResultOf(call, pycom.BadRequest)

    def test_broken_agent(self):
        """An agent that answers nonsense fails its call, in whatever way it does."""
        for status, said in (None, "cannot be read"), (200, "deliver broke"):
            context = pycom.Context(gateway=URL, agent=Odd(status), reactor=self.clock)
            call = context._at(URL, "com.foo.shop").invoke("echo")
            self.assertNoResult(call)
            self.clock.pump([0] * 5)
            error = self.failureResultOf(call, pycom.ServiceNotAvailable).value
            self.assertIn(said, str(error))
            context.close()
        self.assertEqual(len(self.flushLoggedErrors(AttributeError)), 1)

    def test_directory(self):
        """Whoever is asked who provides something may be something else as well."""
        for given, kind, said in (
            (answer(content_type="text/html", body=b"<h1>"), pycom.InvalidReply, "no gateway"),
            (answer("404 No", "text/html", b"<h1>"), pycom.InvalidReply, "no gateway: 404"),
            (answer("404 No", PROBLEM, b'{"detail":"why"}'), pycom.InvalidReply, "why"),
            (answer("500 No", PROBLEM, b'{"detail":"why"}'), pycom.InvalidReply, "why"),
            (answer("503 No", PROBLEM, b'{"detail":"why"}'), pycom.ServiceNotAvailable, "why"),
            (answer(body=b"{"), pycom.InvalidReply, "no JSON"),
            (b"", pycom.ServiceNotAvailable, "Nothing answers"),
        ):
            self.serve(given)
            location = self.context.locate("com.foo.shop")
            self.clock.pump([0] * 20)
            error = self.failureResultOf(location, kind).value
            self.assertIs(type(error), kind)
            self.assertIn(said, str(error))


class Coming:
    """An answer whose body comes as a test wants it.

    :ivar protocol: what takes it.
    """

    code = 200
    length = UNKNOWN_LENGTH

    def __init__(self, kind):
        self.headers = Headers({"Content-Type": [kind]})

    def deliverBody(self, protocol):
        self.protocol = protocol
        protocol.makeConnection(StringTransport())


class Odd:
    """An agent whose answers are none, and those answers.

    :param code: their status; if it is none, they have a body.
    """

    length = 4

    def __init__(self, code):
        self.code = code
        self.headers = Headers({"Content-Type": [PROBLEM]})

    def request(self, *_):
        return succeed(self)

    def deliverBody(self, protocol):
        if self.code is not None:
            raise ValueError("deliver broke")
        self.headers = None
        protocol.connectionLost(Failure(ResponseDone()))


class Searching:
    """An agent that looks for a name, and fails as Twisted's does when that is cancelled."""

    def request(self, *_):
        return Deferred(lambda searching: searching.errback(DNSLookupError("no such name")))


def form(**parts):
    body = b"".join(
        b'--xyz\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (name.encode(), data)
        for name, data in parts.items()
    )
    return body + b"--xyz--\r\n"
