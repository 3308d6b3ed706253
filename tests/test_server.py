"""The server's half of a connection."""

import asyncio
import json
import random

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs, eventAsText
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

import pycom_tx as pycom
from pycom_tx.testing import MemoryNetwork
from pycom_tx.zerojson.interfaces import IChannelListener, IRequestHandler
from pycom_tx.zerojson.messages import CALL, CANCEL, FAIL, OK, encode_request
from pycom_tx.zerojson.request import Request, Response
from pycom_tx.zerojson.server import Server
from pycom_tx.zerojson.sessions import SessionStore
from tests.slow_server import ADDRESS, Peer

UNKNOWN = {"code": 1, "error": "Unknown error during request"}


@implementer(IRequestHandler)
class Handler:
    """Answers with what a function makes of the request."""

    def __init__(self, answer):
        self.answer = answer

    def handle(self, request):
        return self.answer(request)


class FullChannel:
    """Takes no more than a number of bytes."""

    def __init__(self, room=0):
        self.room = room
        self.sent = []

    def send(self, frames):
        if sum(map(len, frames)) > self.room:
            raise pycom.Overloaded("full")
        self.sent.append(frames)


def raising(answer):
    """The same, but an exception that is given is raised."""

    def handle(request):
        result = answer(request)
        if isinstance(result, BaseException):
            raise result
        return result

    return handle


def echo(request):
    return request.response(request.args, request.attachment)


class ServerCase(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.network = MemoryNetwork(self.clock)
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))

    def serve(self, answer):
        """From now on, answer with what *answer* makes of each request."""
        self.network.close()
        self.server = Server(Handler(answer), self.clock)
        self.channel = self.network.bind(ADDRESS, self.server)
        self.caller = Peer(self.network)

    def send(self, *frames):
        self.caller.channel.send(list(frames))
        self.clock.pump([0, 0])

    def start(self, answer):
        """Ask for *answer*, a Deferred that has not fired."""
        self.serve(lambda _: answer)
        self.send(b"id", b"", *encode_request(Request("i", "m")))
        self.assertEqual((self.replies(), self.server.in_progress), ([], 1))
        return answer

    def replies(self):
        """The replies since the last look."""
        self.clock.advance(0)
        replies, self.caller.replies = self.caller.replies, []
        return replies

    def reply(self):
        """The one reply since the last look: status, JSON and attachment."""
        [[envelope, delimiter, status, reply, *attachment]] = self.replies()
        self.assertEqual((envelope, delimiter), (b"id", b""))
        return [status, json.loads(reply), *attachment]

    def ask(self, *body):
        """The reply to frames behind the delimiter."""
        self.send(b"id", b"", *body)
        return self.reply()

    def call(self, args=None, **options):
        """The reply to a well-formed request."""
        return self.ask(*encode_request(Request("com.foo", "bar", args, **options)))


class MalformedTests(ServerCase):
    def setUp(self):
        super().setUp()
        self.serve(echo)

    def assertGoesOn(self):
        self.assertEqual(self.call("still here"), [OK, {"code": 0, "result": "still here"}])
        self.assertEqual(self.server.in_progress, 0)

    def test_interface(self):
        """A server is what channels tell about their messages."""
        verifyObject(IChannelListener, self.server)

    def test_bodies(self):
        """A body that is no request is answered with what is wrong with it."""
        fine = b'{"interface":"i","method":"m",%b}'
        for body, error in (
            (b"", "Cannot decode response: Expecting value: line 1 column 1 (char 0)"),
            (b"7", "Expected an object, got 7"),
            (b"null", "Expected an object, got None"),
            (b'["CALL"]', "Expected an object, got ['CALL']"),
            (b"{}", "Field interface is required"),
            (b"\xff\xfe", "Invalid encoding, expected UTF-8"),
            (b"[" * 100_000, "Nested too deeply"),
            (b'{"interface":7,"method":"m"}', "Field interface must be a string, got 7"),
            (b'{"interface":"i","method":{}}', "Field method must be a string, got {}"),
            (fine % b'"session_id":[]', "Field session_id must be a string or null, got []"),
            (fine % b'"extensions":7', "Field extensions must be an object or null, got 7"),
        ):
            self.assertEqual(self.ask(CALL, body), [OK, {"code": 4, "error": error}])
            self.assertGoesOn()

    def test_no_delimiter(self):
        """A message without an empty frame fails, and no message is too short for that."""
        for frames in ([b"id"], [b"id", CALL], [b"id", CALL, b"{}", b"x"]):
            self.send(*frames)
            [[delimiter, status, reply]] = self.replies()
            self.assertEqual((delimiter, status), (b"", FAIL))
            self.assertEqual(json.loads(reply)["error"], "No empty frame before the message")
            self.assertGoesOn()

    def test_frames(self):
        """A message of too few or too many frames, or an unknown command, is answered."""
        for status, frames, error in (
            (FAIL, [], "Expected 2-3 parts, got 0"),
            (FAIL, [CALL], "Expected 2-3 parts, got 1"),
            (OK, [CALL, b"{}", b"1", b"2"], "Expected 2-3 parts, got 4"),
            (OK, [b"FETCH", b"{}"], "Unknown command: b'FETCH'"),
        ):
            self.assertEqual(self.ask(*frames), [status, {"code": 4, "error": error}])
            self.assertGoesOn()

    def test_long_command(self):
        """An unknown command that is long is not sent back in full."""
        _, reply = self.ask(b"F" * 10_000, b"{}")
        self.assertLess(len(reply["error"]), 100)
        self.assertGoesOn()

    def test_lone_surrogate(self):
        """A name that cannot be written in UTF-8 comes back as it came."""
        self.serve(lambda request: request.error(7, request.method))
        _, reply = self.ask(CALL, b'{"interface":"i","method":"\\ud800"}')
        self.assertEqual(reply, {"code": 7, "error": "\ud800"})


class AnswerTests(ServerCase):
    def test_at_once(self):
        """An answer leaves with its result and its attachment, also one that a Deferred has."""
        for answer in (echo, lambda request: succeed(echo(request))):
            self.serve(answer)
            self.assertEqual(self.call(1, attachment=b""), [OK, {"code": 0, "result": 1}, b""])
            self.assertEqual(self.call(2), [OK, {"code": 0, "result": 2}])
            self.assertEqual(self.server.in_progress, 0)

    def test_what_arrives(self):
        """The handler gets the request as it was sent; a session it does not have stays out."""
        seen = []
        self.serve(lambda request: seen.append(request) or Response())
        _, reply = self.call({"a": 1}, attachment=b"x", session_id="s", extensions={"e": 2})
        self.assertNotIn("session_id", reply)
        [request] = seen
        self.assertEqual((request.interface, request.method), ("com.foo", "bar"))
        self.assertEqual((request.args, request.attachment), ({"a": 1}, b"x"))
        self.assertEqual((request.session_id, request.extensions), ("s", {"e": 2}))

    def test_envelope(self):
        """All frames before the delimiter come back untouched."""
        self.serve(echo)
        request = encode_request(Request("i", "m"))
        self.send(b"one", b"\xff", b"CALL", b"", *request)
        self.send(b"", *request)
        [many, none] = self.replies()
        self.assertEqual(many[:5], [b"one", b"\xff", b"CALL", b"", OK])
        self.assertEqual(none[:2], [b"", OK])

    def test_later(self):
        """An answer that comes later leaves when it comes."""
        self.start(Deferred()).callback(Response("late"))
        self.assertEqual(self.reply(), [OK, {"code": 0, "result": "late"}])
        self.assertEqual(self.server.in_progress, 0)

    def test_out_of_order(self):
        """Each of many answers reaches the call it is for, in whatever order they come."""
        answers = {}
        self.serve(lambda request: answers.setdefault(request.args, Deferred()))
        for number in range(200):
            self.send(b"%d" % number, b"", *encode_request(Request("i", "m", number)))
        self.assertEqual(self.server.in_progress, 200)
        order = list(range(200))
        random.Random(2013).shuffle(order)
        for number in order:
            answers[number].callback(Response(number))
        replies = [(int(frames[0]), json.loads(frames[3])["result"]) for frames in self.replies()]
        self.assertEqual(replies, [(number, number) for number in order])
        self.assertEqual(self.server.in_progress, 0)

    def test_error(self):
        """An error that the handler raises, fails or answers with reaches the client."""
        for code, answer in (
            (5, lambda _: pycom.AccessDenied("not for you")),
            (5, lambda _: fail(pycom.AccessDenied("not for you"))),
            (5, lambda request: request.error(5, "not for you")),
            (77, lambda _: pycom.RemoteError("not for you", 77)),
        ):
            self.serve(raising(answer))
            self.assertEqual(self.call(), [OK, {"code": code, "error": "not for you"}])
        self.assertEqual(self.flushLoggedErrors(), [])


class BugTests(ServerCase):
    def assertUnknown(self, answer, kind=Exception):
        """The client learns that something went wrong, the log learns what."""
        self.serve(raising(answer))
        self.assertEqual(self.call(), [OK, UNKNOWN])
        self.assertEqual(len(self.flushLoggedErrors(kind)), 1)
        self.serve(echo)
        self.assertEqual(self.call(1), [OK, {"code": 0, "result": 1}])

    def test_error(self):
        """What the handler raises or fails with, other than a pycom.RemoteError, stays here."""
        for error in (ZeroDivisionError("secret"), pycom.ServiceNotAvailable("secret")):
            self.assertUnknown(lambda _, error=error: error, type(error))
            self.assertUnknown(lambda _, error=error: fail(error), type(error))

    def test_end_of_the_program(self):
        """What would end a program is a bug like others: the service goes on."""
        for error in (SystemExit(0), GeneratorExit(), asyncio.CancelledError()):
            self.assertUnknown(lambda _, error=error: error, type(error))

    def test_later(self):
        """What the handler fails with later stays here as well."""
        self.start(Deferred()).errback(ZeroDivisionError("secret"))
        self.assertEqual(self.reply(), [OK, UNKNOWN])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_no_response(self):
        """An answer that is no response, or has no code, is a bug of the service."""
        for value in (None, {"result": 1}, b"bytes", Response(code="7")):
            self.assertUnknown(lambda _, value=value: value)
            self.assertUnknown(lambda _, value=value: succeed(value))

    def test_not_serializable(self):
        """A result that JSON cannot hold is a bug of the service."""
        for value in ({1}, {"a": b"b"}, object()):
            self.assertUnknown(lambda _, value=value: Response(value), pycom.NotSerializable)
        self.assertUnknown(lambda _: succeed(Response({1})), pycom.NotSerializable)
        self.assertUnknown(lambda _: Response(attachment="text"), pycom.NotSerializable)

    def test_log_of_what_cannot_be_sent(self):
        """The log says which call it was, what is wrong with its answer and what would be right."""
        for response, words in (
            (
                Response({"a": b"b"}),
                "'a': Object of type bytes is not JSON serializable; bytes are",
            ),
            (Response(attachment="text"), "An attachment is bytes, got str"),
        ):
            self.serve(lambda _, response=response: response)
            with capturedLogs() as events:
                self.call()
            [event] = events
            self.assertIn(f"com.foo.bar gave what cannot be sent: {words}", eventAsText(event))
        self.flushLoggedErrors(pycom.NotSerializable)

    def test_error_without_code(self):
        """An error never looks like success, whatever code its class has."""

        class Wrong(pycom.RemoteError):
            code = 0

        self.serve(raising(lambda _: Wrong("x")))
        _, reply = self.call()
        self.assertNotEqual(reply["code"], 0)
        self.flushLoggedErrors()

    def test_log(self):
        """The log says which call failed, and with what, down to the traceback."""
        self.serve(raising(lambda _: ZeroDivisionError("secret")))
        with capturedLogs() as events:
            self.call()
        [event] = [event for event in events if event["log_level"] >= LogLevel.error]
        text = eventAsText(event)
        for part in ("com.foo.bar", "Traceback", "in handle", "ZeroDivisionError: secret"):
            self.assertIn(part, text)
        self.flushLoggedErrors(ZeroDivisionError)


class SessionTests(ServerCase):
    def stateful(self, answer):
        """Serve calls that each have a session of their own; the last one's is kept."""
        store = SessionStore(self.clock)
        self.addCleanup(store.close)

        def handle(request):
            self.session = request.session = store.open()
            return raising(answer)(request)

        self.serve(handle)

    def test_in_every_reply(self):
        """A stateful call's reply has the session's id, whatever became of the call."""
        for answer in (
            echo,
            lambda _: succeed(Response()),
            lambda request: request.error(7, "x"),
            lambda _: pycom.MethodNotFound("x"),
            lambda _: fail(pycom.MethodNotFound("x")),
            lambda _: ZeroDivisionError("x"),
        ):
            self.stateful(answer)
            _, reply = self.call()
            self.assertEqual(reply["session_id"], self.session.session_id)
        self.flushLoggedErrors(ZeroDivisionError)

    def test_in_place_of_a_result(self):
        """A stateful call whose result cannot be written still answers the session's id."""
        self.stateful(lambda _: Response({1}))
        _, reply = self.call()
        self.flushLoggedErrors(pycom.NotSerializable)
        self.assertEqual(reply, {**UNKNOWN, "session_id": self.session.session_id})


class WhenAnsweredTests(ServerCase):
    """Who asks a request what became of it."""

    def setUp(self):
        super().setUp()
        self.told = []

    def note(self, response, error):
        self.told.append((response.code, error))

    def noted(self, answer):
        """Answer with that from now on, and note how calls end."""

        def handle(request):
            request.when_answered(self.note)
            return answer

        self.serve(raising(handle))

    def test_once(self):
        """It is told once, with what leaves and what was raised."""
        denied = pycom.AccessDenied("no")
        for answer, told in (
            (Response(7), (0, None)),
            (succeed(Response(code=17)), (17, None)),
            (denied, (5, denied)),
            (fail(denied), (5, denied)),
        ):
            self.noted(answer)
            _, reply = self.call()
            self.assertEqual((reply["code"], self.told), (told[0], [told]))
            self.told.clear()

    def test_cannot_be_sent(self):
        """And that a result cannot be sent."""
        self.noted(Response({1}))
        self.call()
        [(code, error)] = self.told
        [logged] = self.flushLoggedErrors(pycom.NotSerializable)
        self.assertEqual((code, error), (1, logged.value))

    def test_too_late(self):
        """Who comes after the answer is not told of it."""
        requests = []

        def handle(request):
            requests.append(request)
            return Response(7)

        self.serve(handle)
        self.call()
        requests[0].when_answered(self.note)
        self.call()
        self.assertEqual(self.told, [])

    def test_cancelled(self):
        """And what would have left, if nobody waited for it any more."""
        answer = Deferred()
        answer.addErrback(lambda failure: failure.trap(CancelledError) and Response("so far"))
        self.noted(answer)
        self.send(b"id", b"", *encode_request(Request("i", "m")))
        self.send(b"id", b"", CANCEL, b"{}")
        self.assertEqual((self.replies(), self.told), ([], [(0, None)]))

    def test_cancelled_future(self):
        """A method that waits for a future of asyncio is cancelled as others are."""
        self.noted(Deferred(lambda answer: answer.errback(asyncio.CancelledError())))
        self.send(b"id", b"", *encode_request(Request("i", "m")))
        self.send(b"id", b"", CANCEL, b"{}")
        [(code, error)] = self.told
        self.assertEqual((self.replies(), code, type(error)), ([], 1, CancelledError))
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_failing(self):
        """One that fails is logged, and keeps nobody from the answer."""

        def fail_to_note(response, error):
            raise ZeroDivisionError

        def handle(request):
            for observer in self.note, fail_to_note, self.note:
                request.when_answered(observer)
            return Response(7)

        self.serve(handle)
        with capturedLogs() as events:
            self.assertEqual(self.call(), [OK, {"code": 0, "result": 7}])
        [event] = events
        self.assertIn("com.foo.bar was answered, and ", eventAsText(event))
        self.assertIn("fail_to_note", eventAsText(event))
        self.assertEqual(self.told, [(0, None)] * 2)
        self.flushLoggedErrors(ZeroDivisionError)


class ClosingTests(ServerCase):
    def test_cancelled(self):
        """A server that closes cancels its calls and answers that they were."""
        self.start(Deferred())
        self.server.close()
        self.assertEqual(self.reply(), [OK, {"code": 1, "error": "The call was cancelled"}])
        self.assertEqual(self.server.in_progress, 0)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_answered_nevertheless(self):
        """A call that makes something of its cancellation answers that."""
        answer = Deferred()
        answer.addErrback(lambda failure: failure.trap(CancelledError) and Response("so far"))
        self.start(answer)
        self.server.close()
        self.assertEqual(self.reply(), [OK, {"code": 0, "result": "so far"}])

    def test_client_gone(self):
        """A call whose client is known to be gone is cancelled."""
        answer = self.start(Deferred())
        self.network.disconnect(ADDRESS)
        self.assertTrue(answer.called)
        self.assertEqual((self.replies(), self.server.in_progress), ([], 0))

    def test_channel_closed(self):
        """A call that makes something of it for which there is no channel is no matter."""
        answer = Deferred()
        answer.addErrback(lambda failure: failure.trap(CancelledError) and Response("so far"))
        self.start(answer)
        self.channel.close()
        self.assertEqual(self.server.in_progress, 0)

    def test_channel_full(self):
        """An answer that the channel does not take is dropped and counted."""
        self.serve(echo)
        for _ in range(2):
            message = encode_request(Request("i", "m"))
            self.server.message_received(FullChannel(), [b"peer", b"id", b"", *message])
        self.assertEqual(self.server.undelivered, 2)

    def test_channel_too_full_for_an_answer(self):
        """A client that has too much to take for its answer is told so."""
        self.serve(lambda _: Response(attachment=bytes(9999)))
        channel = FullChannel(room=500)
        request = encode_request(Request("i", "m"))
        self.server.message_received(channel, [b"peer", b"id", b"", *request])
        error = b'{"code":1,"error":"full"}'
        self.assertEqual(channel.sent, [[b"peer", b"id", b"", FAIL, error]])
        self.assertEqual(self.server.undelivered, 1)

    def test_count(self):
        """A server that closes says how many answers were dropped, if any were."""
        self.serve(echo)
        with capturedLogs() as events:
            self.server.close()
        self.assertEqual(list(events), [])
        for _ in range(3):
            self.server.not_sent(self.channel, [b"peer"], "gone")
        with capturedLogs() as events:
            self.server.close()
        [event] = events
        self.assertIn("3 replies", eventAsText(event))
