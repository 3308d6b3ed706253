"""Calls over HTTP: what goes along with them, and how many there may be."""

import math

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.iweb import IBodyProducer
from zope.interface.verify import verifyObject

import pycom_tx as pycom
from pycom_tx.client.over_http.body import Body
from pycom_tx.client.over_http.network import AT_ONCE
from pycom_tx.client.over_http.pieces import PIECE
from pycom_tx.zerojson.interfaces import IChannel, INetwork
from pycom_tx.zerojson.waiting import QUEUE_LIMIT
from tests.over_http import URL, OverHTTP
from tests.support import MemoryCase


@pycom.interface("com.foo.shop")
class Shop(pycom.Service):
    """Does what a test wants."""

    def __init__(self):
        self.requests = []
        self.waiting = []

    @pycom.method
    def echo(self, request):
        self.requests.append(request)
        return request.args

    @pycom.method
    def later(self, request):
        self.waiting.append(Deferred())
        return self.waiting[-1]

    @pycom.method(attachments=("blob", "blob"), results=("note", "blob"))
    def mirror(self, request, blob, note=None):
        self.requests.append(request)
        return note, blob

    @pycom.method
    def give(self, request):
        return self.given

    @pycom.method
    def report(self, request):
        request.progress(1)
        return 2


class HTTPCase(OverHTTP, MemoryCase):
    def setUp(self):
        super().setUp()
        self.shop = Shop()
        self.service = self.host(self.shop, service="/shop", **self.shop_options())
        self.component = self.result(self.context.locate("com.foo.shop"))
        self.addCleanup(self.component.close)

    def shop_options(self):
        return {}

    def in_flight(self, **options):
        call = self.component.invoke("later", **options)
        self.settle()
        self.assertNoResult(call)
        return call


class RequestTests(HTTPCase):
    """What goes along with a call."""

    def test_interfaces(self):
        """They are those of any network and channel."""
        verifyObject(INetwork, self.context._gateway)
        connection = self.component._providers.only().connection()
        channel = connection.client._channel
        verifyObject(IChannel, channel)
        self.assertEqual(channel.address, URL)
        self.assertIs(self.successResultOf(channel.flushed()), None)
        self.assertIs(channel.watch(), None)
        self.assertIs(channel.offer([b"1", b"", b"CANCEL", b"{}"]), False)
        self.assertIs(channel.withdraw([b"1"]), False)
        channel.send([b"1", b"", b"HELLO", b"{}"])  # which a gateway does not know
        self.assertEqual(channel.queued, 0)
        self.assertRaises(TypeError, channel.send, [b"1", b"", "CALL", b"{}"])
        network = self.context._gateway
        self.assertRaises(pycom.AddressError, network.bind, "tcp://127.0.0.1:*", None)
        channel.send([b"1", b"", b"CALL", b'{"interface":"com.foo.shop","method":"echo"}'])
        self.assertIs(self.successResultOf(channel.finish(1)), None)
        self.settle()
        self.assertEqual(self.shop.requests, [])
        self.assertRaises(pycom.ConnectionClosed, channel.send, [b"1", b"", b"CALL", b"{}"])

    def test_one_connection(self):
        """Calls that follow each other use one connection."""
        for number in range(5):
            self.assertEqual(self.result(self.component.invoke("echo", number)), number)
        self.assertEqual(len(self.wires.ends), 1)

    def test_extensions(self):
        """Extensions of hooks and services go both ways."""
        self.differs("extensions")
        sent = {"com.foo.a": [1, "\u00f6"], "com.foo.b": None}
        self.context.prehooks.append(lambda _, request: extended(request, sent))
        seen = []
        self.context.posthooks.append(lambda _, response: seen.append(response) or response)
        self.shop.given = pycom.Response(5, extensions={"com.foo.c": {"d": "\u00f6"}})
        self.assertEqual(self.result(self.component.invoke("give")), 5)
        self.assertEqual(seen[0].extensions, {"com.foo.c": {"d": "\u00f6"}})
        self.result(self.component.invoke("echo"))
        came = self.shop.requests[0].extensions
        self.assertEqual({name: came[name] for name in sent}, sent)

    def test_extensions_that_do_not_go(self):
        """What is too much for a header is refused; what is the protocol's own stays."""
        self.differs("extensions")
        for value, kind in ("x" * 4096, pycom.BadRequest), (math.nan, pycom.NotSerializable):
            request = pycom.Request("com.foo.shop", "echo", extensions={"com.foo.a": value})
            self.failure(self.component.call(request), kind)
        request = pycom.Request("com.foo.shop", "echo", extensions={"org.pycom.more": 1})
        self.result(self.component.call(request))
        (came,) = self.shop.requests
        self.assertNotIn("org.pycom.more", came.extensions)
        self.shop.given = pycom.Response(5, extensions={"com.foo.c": "x" * 4096})
        request = pycom.Request("com.foo.shop", "give")
        self.assertEqual(self.result(self.component.call(request)).extensions, {})

    def test_trace(self):
        """What traces a call goes along; what is none is left out."""
        parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        for trace, came in (
            ({"traceparent": parent, "tracestate": "a=1"}, {"tracestate": "a=1"}),
            ({"traceparent": parent, "tracestate": "a=1\r\nX: 1"}, {}),
            ({"traceparent": parent, "tracestate": None}, {}),
            ({"traceparent": 5}, None),
            ("nonsense", None),
        ):
            extensions = {"org.pycom.trace": trace}
            request = pycom.Request("com.foo.shop", "echo", extensions=extensions)
            self.result(self.component.call(request))
            told = self.shop.requests[-1].extensions.get("org.pycom.trace")
            expected = None if came is None else {"traceparent": parent, **came}
            self.assertEqual(told, expected)

    def test_tokens(self):
        """A token is text that a header can hold; what is none is refused before it leaves."""
        self.differs("tokens")
        self.context.token = "abc!~="
        self.result(self.component.invoke("echo"))
        self.assertEqual(self.shop.requests[0].extensions["org.pycom.auth"], "abc!~=")
        for token in "", "a b", "\u00f6", "a\r\nX: 1":
            self.context.token = token
            error = self.failure(self.component.invoke("echo"), pycom.BadRequest)
            self.assertIn("Over HTTP a token is text of visible ASCII", str(error))
        self.context.token = None
        self.component.session_id = "a b"
        error = self.failure(self.component.invoke("echo"), pycom.BadRequest)
        self.assertIn("Over HTTP a session is text of visible ASCII", str(error))
        self.component.session_id = "made-up"
        self.failure(self.component.invoke("echo"), pycom.BadRequest)
        self.assertEqual(len(self.shop.requests), 1)

    def test_time(self):
        """A call has the time that its client gives it."""
        for timeout in 2.5, 60, 0.0005:
            self.component.invoke("echo", timeout=timeout).addErrback(lambda _: None)
            self.settle()
            left = self.shop.requests[-1].deadline - self.clock.seconds()
            self.assertAlmostEqual(left, max(timeout, 0.001))

    def test_time_of_its_own(self):
        """So has one whose request says it itself, as it has no end."""
        self.component.invoke("echo", timeout=math.inf)
        self.settle()
        self.assertEqual(self.shop.requests[0].deadline, self.clock.seconds() + 999_999_999)

    def test_names(self):
        """Names may be any text."""
        names = "a/b", "..", "\u00f6?#%20", "a b"

        @pycom.interface("com.foo.odd")
        class Odd(pycom.Service):
            pass

        def told(component, request):
            return request.method

        for name in names:
            Odd.__interface__.register_method(pycom.method(name, body=told))
        self.host(Odd, service="/odd/\u00f6 %")
        component = self.result(self.context.locate("com.foo.odd", "/odd/\u00f6 %"))
        for name in names:
            self.assertEqual(self.result(component.invoke(name)), name)
        component.close()

    def test_json(self):
        """What standard JSON does not know is refused before it leaves, or not taken for true."""
        self.differs("JSON")
        for value in math.nan, [math.inf]:
            error = self.failure(self.component.invoke("echo", value), pycom.NotSerializable)
            self.assertIn("com.foo.shop.echo, which goes over HTTP", str(error))
            self.shop.given = value
            error = self.failure(self.component.invoke("give"), pycom.InvalidReply)
            self.assertIs(error.not_started, False)
            self.assertIn("nothing that JSON can hold", str(error))
        for value in 2**100, "\ud800", 1e300, {"\u00f6": []}:
            self.assertEqual(self.result(self.component.invoke("echo", value)), value)

    def test_progress(self):
        """What a method reports is not heard."""
        self.differs("on_progress")
        seen = []
        self.assertEqual(self.result(self.component.invoke("report", on_progress=seen.append)), 2)
        self.assertEqual(seen, [])


def extended(request, extensions):
    request.extensions.update(extensions)
    return request


class AttachmentTests(HTTPCase):
    """Attachments, in and out."""

    def mirror(self, blob, note=None):
        args = {} if note is None else {"note": note}
        return self.result(self.component.invoke("mirror", args, attachment=blob))

    def test_any_size(self):
        """They may have any size, also none, and come back as they went."""
        for size in 0, 1, PIECE - 1, PIECE, 3 * PIECE + 1:
            blob = bytes(range(256)) * (size // 256 + 1)
            self.assertEqual(self.mirror(blob[:size]), ({"note": None}, blob[:size]))

    def test_arguments(self):
        """Beside them the arguments may be as long as anywhere, and any text."""
        for note in "x", "\u00f6", "x" * 5000, "\u00f6" * 2000, "\r\n--", 2**70:
            blob = b"\r\n--" + bytes(1000)
            self.assertEqual(self.mirror(blob, note), ({"note": note}, blob))

    def test_kinds(self):
        """Whatever bytes there are will do."""
        for blob in bytearray(b"ab"), memoryview(b"ab"):
            self.assertEqual(self.mirror(blob)[1], b"ab")
        error = self.failure(self.component.invoke("mirror", {}, attachment="ab"), TypeError)
        self.assertIn("An attachment is bytes", str(error))


class BodyTests(SynchronousTestCase):
    """The body of a request, as it leaves."""

    def setUp(self):
        self.written = []
        self.body = Body([b"a", bytes(2 * PIECE), b"z"])

    def write(self, data):
        """Take one piece, and no more for now."""
        self.written.append(data)
        self.body.pauseProducing()

    def test_pace(self):
        """It leaves as fast as it is taken."""
        verifyObject(IBodyProducer, self.body)
        self.assertEqual((self.body.length, self.body.begun), (2 * PIECE + 2, False))
        done = self.body.startProducing(self)
        self.assertTrue(self.body.begun)
        for count in range(1, 5):
            self.assertEqual(len(self.written), count)
            self.assertNoResult(done)
            self.body.resumeProducing()
        self.successResultOf(done)
        self.assertEqual([len(piece) for piece in self.written], [1, PIECE, PIECE, 1])
        self.body.resumeProducing()
        self.assertEqual(len(self.written), 4)

    def test_stopped(self):
        """Whoever stops it, or cancels it, gets no more."""
        done = self.body.startProducing(self)
        self.body.stopProducing()
        self.body.resumeProducing()
        self.assertNoResult(done)
        other = Body([bytes(2 * PIECE)])
        self.body = other
        done = other.startProducing(self)
        done.cancel()
        self.failureResultOf(done, CancelledError)
        other.resumeProducing()
        self.assertEqual([len(piece) for piece in self.written], [1, PIECE])


class LimitTests(HTTPCase):
    """Where a gateway ends a call, or a client."""

    def gateway_options(self):
        return {"max_timeout": 3, "max_body": 200_000}

    def shop_options(self):
        return {"max_calls": 1, "max_waiting": 0, "drain": 30}

    def test_timeout(self):
        """A call has no more time than the gateway gives any."""
        self.differs("timeouts")
        for timeout in math.inf, 100:
            call = self.in_flight(timeout=timeout)
            self.clock.advance(2.9)
            self.assertNoResult(call)
            self.clock.advance(0.1)
            error = self.failure(call, pycom.CallTimeout)
            self.assertIs(error.not_started, False)
            self.assertEqual(
                str(error),
                f"{URL}: There was no answer in time; com.foo.shop.later may have been executed",
            )

    def test_size(self):
        """A request may be too large for a gateway."""
        self.differs("size")
        for options in {"args": "x" * 200_000}, {"attachment": bytes(200_001)}:
            error = self.failure(self.component.invoke("echo", **options), pycom.BadRequest)
            self.assertIn("200000 is what --max-body lets it have", str(error))
        self.assertEqual(self.result(self.component.invoke("echo", "x")), "x")

    def test_headers(self):
        """And so may what goes along with it."""
        self.context.token = "x" * 17_000
        error = self.failure(self.component.invoke("echo"), pycom.BadRequest)
        self.assertIn("16384 bytes at most", str(error))

    def test_overloaded(self):
        """A service that has too much to do says so through the gateway."""
        call = self.in_flight()
        error = self.failure(self.component.invoke("echo"), pycom.Overloaded)
        self.assertIs(error.not_started, True)
        self.assertEqual(error.retry_after, 1)
        self.shop.waiting.pop().callback(None)
        self.result(call)

    def test_stopping(self):
        """So does one that is about to stop, and the gateway itself."""
        call = self.in_flight()
        stopped = self.service.stopService()
        error = self.failure(self.component.invoke("echo"), pycom.Refused)
        self.assertEqual((type(error), error.not_started), (pycom.Refused, True))
        self.assertIn("The service is about to stop; com.foo.shop.echo was not", str(error))
        self.shop.waiting.pop().callback(None)
        self.result(call)
        self.result(stopped)


class DrainTests(HTTPCase):
    """A gateway that stops."""

    def gateway_options(self):
        return {"drain": 10}

    def test_drain(self):
        """Calls in progress are answered; what comes meanwhile is refused, or finds nobody."""
        call = self.in_flight()
        other = self.component.invoke("echo")
        stopped = self.gateway.stopService()
        error = self.failure(other, pycom.ServiceNotAvailable)
        self.assertIs(error.not_started, True)
        self.shop.waiting.pop().callback(5)
        self.assertEqual(self.result(call), 5)
        self.clock.advance(1)
        self.result(stopped)
        self.wires.site = None
        self.failure(self.component.invoke("echo"), pycom.ServiceNotAvailable)

    def test_cut_off(self):
        """One that takes too long may have been executed."""
        call = self.in_flight(timeout=60)
        stopped = self.gateway.stopService()
        self.settle()
        self.clock.advance(10)
        error = self.failure(call, pycom.ServiceNotAvailable)
        self.assertEqual(type(error), pycom.ServiceNotAvailable)
        self.assertIs(error.not_started, False)
        self.assertIn("The gateway is about to stop", str(error))
        self.result(stopped)

    def test_restarted(self):
        """After a gateway was restarted calls go on, and so do sessions."""
        self.result(self.component.invoke("echo"))
        self.stop_gateway()
        self.gateway.startService()
        self.wires.site = self.gateway.site
        self.assertEqual(self.result(self.component.invoke("echo", 5)), 5)


class QueueTests(HTTPCase):
    """Calls that wait for a connection."""

    def fill(self):
        """As many calls as there may be under way."""
        calls = [self.component.invoke("later", timeout=60) for _ in range(AT_ONCE)]
        self.settle()
        self.assertEqual(len(self.shop.waiting), AT_ONCE)
        return calls

    def end(self, calls):
        for waiting in self.shop.waiting:
            waiting.callback(None)
        for call in calls:
            self.result(call)

    def test_turns(self):
        """No more are under way than may be; others follow in their order."""
        self.differs("calls under way")
        calls = self.fill()
        others = [self.component.invoke("echo", number, 60) for number in range(3)]
        self.settle()
        self.assertEqual(self.wires.open, AT_ONCE)
        self.assertEqual(self.shop.requests, [])
        self.shop.waiting.pop().callback(None)
        for number, other in enumerate(others):
            self.assertEqual(self.result(other), number)
        self.assertEqual([request.args for request in self.shop.requests], [0, 1, 2])
        self.end(calls)
        self.assertEqual(self.wires.open, AT_ONCE)

    def test_time_over(self):
        """One whose time is over while it waits was not started."""
        self.differs("calls under way")
        calls = self.fill()
        impatient = self.component.invoke("echo", timeout=2)
        cancelled = self.component.invoke("echo", timeout=60)
        self.settle()
        self.clock.advance(2)
        error = self.failure(impatient, pycom.CallTimeout)
        self.assertIs(error.not_started, True)
        cancelled.cancel()
        self.failure(cancelled, CancelledError)
        self.end(calls)
        self.assertEqual(self.shop.requests, [])

    def test_closed(self):
        """Closing the context ends them all."""
        calls = self.fill()
        calls.append(self.component.invoke("echo"))
        self.result(self.context.close())
        for call in calls:
            self.failureResultOf(call, pycom.ConnectionClosed)
        self.assertAllQuiet()
        self.assertTrue(all(waiting.called for waiting in self.shop.waiting))

    def test_too_many(self):
        """There is an end to how many wait; then some can wait without a place."""
        # (A clock of tests takes its time for so many timers.)
        calls = [self.component.invoke("echo", timeout=math.inf) for _ in range(QUEUE_LIMIT)]
        error = self.failureResultOf(self.component.invoke("echo"), pycom.Overloaded).value
        self.assertIs(error.not_started, True)
        self.assertIn(f"{QUEUE_LIMIT} calls wait to be sent to {URL}", str(error))
        for call in calls:
            call.cancel()
            self.failureResultOf(call, CancelledError)
        self.settle()
        self.assertEqual(self.shop.requests, [])
