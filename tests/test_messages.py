"""Requests and responses, into frames and back."""

import json
from bisect import bisect_left

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pycom_tx.zerojson import codec
from pycom_tx.zerojson.errors import BadRequest, InvalidReply, NotSerializable
from pycom_tx.zerojson.messages import (
    CALL,
    OK,
    decode_request,
    decode_response,
    encode_request,
    encode_response,
)
from pycom_tx.zerojson.request import Request, Response

EXAMPLES = settings(
    deadline=None,
    max_examples=100,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)

texts = st.text(st.characters(), max_size=8)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**80), max_value=2**80)
    | st.floats()
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)
attachments = st.none() | st.binary(max_size=8)
extensions = st.dictionaries(texts, values, max_size=2)
session_ids = st.none() | texts

requests = st.builds(
    Request,
    texts,
    texts,
    values,
    attachment=attachments,
    extensions=extensions,
    session_id=session_ids,
)
responses = st.builds(
    Response, values, attachment=attachments, extensions=extensions, session_id=session_ids
) | st.builds(
    Response,
    code=st.integers(min_value=-(2**80), max_value=2**80).filter(bool),
    error=st.none() | texts,
    attachment=attachments,
    extensions=extensions,
    session_id=session_ids,
)

fields = st.fixed_dictionaries(
    {},
    optional={
        name: values | texts | st.integers(0, 9)
        for name in (
            *("version", "interface", "method", "args", "session_id", "extensions"),
            *("code", "error", "result", "unknown"),
        )
    },
)
bodies = (
    st.binary(max_size=20)
    | values.map(json.dumps).map(str.encode)
    | fields.map(json.dumps).map(str.encode)
    | st.tuples(fields.map(json.dumps).map(str.encode), st.integers(0, 80)).map(
        lambda pair: pair[0][: pair[1]]
    )
)


def shown(message):
    """All that a request or a response holds, with NaN equal to itself."""
    return {name: repr(getattr(message, name)) for name in type(message).__slots__}


def outcome(decode, body):
    """What *body* is decoded to, or that it is refused."""
    try:
        return shown(decode([b"", body]))
    except (BadRequest, InvalidReply):
        return "refused"


def nested(body):
    """*body* with a value in it that is nested about as deeply as can be read."""

    def too_deep(depth):
        try:
            codec.decode(b"[" * depth + b"]" * depth)
        except ValueError:
            return True
        return False

    limit = bisect_left(range(1_000_000), x=True, key=too_deep)
    for depth in range(limit - 50, limit + 5):
        yield body % (b"[" * depth + b"1" + b"]" * depth)


class RequestTests(SynchronousTestCase):
    @EXAMPLES
    @given(requests)
    def test_round_trip(self, request):
        """Every request arrives as it was sent."""
        frames = encode_request(request)
        self.assertEqual({type(frame) for frame in frames}, {bytes})
        self.assertEqual(frames[0], CALL)
        self.assertEqual(shown(decode_request(frames)), shown(request))

    @EXAMPLES
    @given(bodies)
    def test_any_body(self, body):
        """Any bytes are a request or a BadRequest, and a request has the types it should."""
        try:
            request = decode_request([CALL, body])
        except BadRequest as error:
            self.assertEqual(error.code, 4)
            self.assertNotEqual(str(error), "")
            return
        self.assertIsInstance(request.interface, str)
        self.assertIsInstance(request.method, str)
        self.assertIsInstance(request.extensions, dict)
        self.assertIsInstance(request.session_id, (str, type(None)))
        self.assertIsNone(request.attachment)
        self.assertIsNone(request.session)

    def test_body(self):
        """A request's body is what PyCOM 0.6 servers read."""
        request = Request(
            "com.foo", "bar", {"a": 1}, session_id="s", extensions={"org.pycom.auth": "t"}
        )
        frames = encode_request(request)
        self.assertEqual(len(frames), 2)
        self.assertEqual(
            json.loads(frames[1]),
            {
                "version": "1.0",
                "interface": "com.foo",
                "method": "bar",
                "args": {"a": 1},
                "session_id": "s",
                "extensions": {"org.pycom.auth": "t"},
            },
        )

    def test_left_out(self):
        """What a request does not have is left out of its body, except its arguments."""
        _, body = encode_request(Request("com.foo", "bar"))
        self.assertEqual(set(json.loads(body)), {"version", "interface", "method", "args"})

    def test_lenient(self):
        """Absent and null optional fields are alike, and unknown ones are ignored."""
        for body in (
            b'{"interface":"i","method":"m"}',
            b'{"version":7,"interface":"i","method":"m","colour":["red"]}',
            b'{"interface":"i","method":"m","session_id":null,"extensions":null,"args":null}',
        ):
            self.assertEqual(shown(decode_request([CALL, body])), shown(Request("i", "m")))

    def test_malformed(self):
        """What is no request is refused with what was wrong with it."""
        for body, message in (
            (b"", "Cannot decode response: Expecting value: line 1 column 1 (char 0)"),
            (b"[1]", "Expected an object, got [1]"),
            (b"NaN", "Expected an object, got nan"),
            (b'"\xff"', "Invalid encoding, expected UTF-8"),
            (b"[" * 100_000, "Nested too deeply"),
            (b"{}", "Field interface is required"),
            (b'{"interface":"i"}', "Field method is required"),
            (b'{"method":"m"}', "Field interface is required"),
            (b'{"interface":null,"method":"m"}', "Field interface must be a string, got None"),
            (b'{"interface":"i","method":["m"]}', "Field method must be a string, got ['m']"),
            (
                b'{"interface":"i","method":"m","session_id":7}',
                "Field session_id must be a string or null, got 7",
            ),
            (
                b'{"interface":"i","method":"m","extensions":[]}',
                "Field extensions must be an object or null, got []",
            ),
            (
                b'{"interface":"i","method":"m","extensions":false,"args":NaN}',
                "Field extensions must be an object or null, got False",
            ),
        ):
            error = self.assertRaises(BadRequest, decode_request, [CALL, body])
            self.assertEqual(str(error), message)

    def test_long_value(self):
        """A long wrong value is not sent back in full."""
        body = b'{"interface":["%b"],"method":"m"}' % (b"x" * 10_000)
        error = self.assertRaises(BadRequest, decode_request, [CALL, body])
        self.assertLess(len(str(error)), 120)
        self.assertTrue(str(error).endswith("xxx..."))

    def test_nested_to_the_limit(self):
        """A body nested just within the decoder's limit is refused like any other."""
        for body in (
            b"%b",
            b'{"interface":%b,"method":"m"}',
            b'{"interface":"i","method":"m","session_id":%b}',
        ):
            for deep in nested(body):
                self.assertRaises(BadRequest, decode_request, [CALL, deep])

    def test_number_of_frames(self):
        """A request is two frames or three."""
        body = b'{"interface":"i","method":"m"}'
        for frames in ([], [CALL], [CALL, body, b"1", b"2"]):
            error = self.assertRaises(BadRequest, decode_request, frames)
            self.assertEqual(str(error), f"Expected 2-3 parts, got {len(frames)}")

    def test_no_bytes(self):
        """An attachment of no bytes is an attachment."""
        frames = encode_request(Request("i", "m", attachment=b""))
        self.assertEqual(frames[2:], [b""])
        self.assertEqual(decode_request(frames).attachment, b"")

    def test_any_buffer(self):
        """Whatever gives its bytes away can be an attachment."""
        for attachment in (
            bytearray(b"abc"),
            memoryview(bytearray(b"abc")),
            memoryview(b"a.b.c")[::2],
        ):
            frames = encode_request(Request("i", "m", attachment=attachment))
            self.assertEqual((type(frames[2]), frames[2]), (bytes, b"abc"))

    def test_view(self):
        """What nobody changes goes as it is: a read-only view in one piece, byte by byte."""
        data = bytes(range(8))
        for view in (
            memoryview(data),
            memoryview(data).cast("I"),
            memoryview(data).cast("B", (2, 4)),
        ):
            frames = encode_response(Response(attachment=view))
            self.assertEqual((type(frames[2]), len(frames[2])), (memoryview, 8))
            self.assertIs(frames[2].obj, data)

    def test_received_view(self):
        """A frame that came as a view is copied once somebody asks for bytes."""
        data = b"abc"
        for decode, body in (
            (decode_request, b'{"interface":"i","method":"m"}'),
            (decode_response, b'{"code":0}'),
        ):
            message = decode([OK, body, memoryview(data)])
            self.assertIs(message.attachment_view.obj, data)
            self.assertTrue(message.attachment_view.readonly)
            self.assertEqual((type(message.attachment), message.attachment), (bytes, data))
            self.assertEqual(message.attachment_view, data)
            self.assertIsNone(decode([OK, body]).attachment_view)

    def test_body_in_a_view(self):
        """A body that came as a view is read, and refused, like any other."""
        for body in (b'{"code":0,"result":1e400}', b'{"code":0,"result":[1]}', b"{", b"\xff"):
            for decode in (decode_request, decode_response):
                told = []
                for frame in (body, memoryview(body)):
                    try:
                        told.append(repr(decode([OK, frame]).result))
                    except (BadRequest, InvalidReply) as error:
                        told.append(str(error))
                self.assertEqual(told[0], told[1])

    def test_no_attachment(self):
        """An attachment that is no bytes is refused."""
        for attachment in ("text", 7, ["a"]):
            request = Request("i", "m", attachment=attachment)
            error = self.assertRaises(NotSerializable, encode_request, request)
            self.assertIn(type(attachment).__name__, str(error))

    def test_not_serializable(self):
        """The error for what JSON cannot hold names the method."""
        for request in (
            Request("com.foo", "bar", {"a": {1}}),
            Request("com.foo", "bar", extensions={"a": {1}}),
        ):
            error = self.assertRaises(NotSerializable, encode_request, request)
            self.assertIn("com.foo.bar", str(error))
            self.assertIn("set", str(error))

    def test_repr(self):
        """A request shows what is called, and nothing of the arguments."""
        self.assertEqual(repr(Request("com.foo", "bar", "secret")), "<Request com.foo.bar>")

    def test_extensions_apart(self):
        """Each request has extensions of its own."""
        Request("i", "m").extensions["a"] = 1
        self.assertEqual(Request("i", "m").extensions, {})

    def test_response(self):
        """A method answers its request with a result, an attachment, or nothing."""
        request = Request("i", "m")
        self.assertEqual(shown(request.response()), shown(Response()))
        self.assertEqual(shown(request.response([1], b"")), shown(Response([1], attachment=b"")))

    def test_error(self):
        """A method answers its request with an error, whose code is one."""
        request = Request("i", "m")
        self.assertEqual(shown(request.error(77)), shown(Response(code=77)))
        self.assertEqual(shown(request.error(77, "x")), shown(Response(code=77, error="x")))
        for code in (0, True, "7"):
            self.assertRaises(ValueError, request.error, code)


class ResponseTests(SynchronousTestCase):
    @EXAMPLES
    @given(responses)
    def test_round_trip(self, response):
        """Every response arrives as it was sent."""
        frames = encode_response(response)
        self.assertEqual({type(frame) for frame in frames}, {bytes})
        self.assertEqual(frames[0], OK)
        self.assertEqual(shown(decode_response(frames)), shown(response))

    @EXAMPLES
    @given(bodies)
    def test_any_body(self, body):
        """Any bytes are a response or an InvalidReply, and a response has the types it should."""
        try:
            response = decode_response([OK, body])
        except InvalidReply as error:
            self.assertNotEqual(str(error), "")
            return
        self.assertIs(type(response.code), int)
        self.assertIsInstance(response.error, (str, type(None)))
        self.assertIsInstance(response.session_id, (str, type(None)))
        self.assertIsInstance(response.extensions, dict)

    def test_body(self):
        """A response's body is what PyCOM 0.6 clients read."""
        for response, body in (
            (Response([1]), {"code": 0, "result": [1]}),
            (Response(), {"code": 0, "result": None}),
            (Response(1, session_id="s"), {"code": 0, "result": 1, "session_id": "s"}),
            (Response(extensions={"a": 1}), {"code": 0, "result": None, "extensions": {"a": 1}}),
            (Response([1], code=7, error="x"), {"code": 7, "error": "x"}),
            (Response(code=7), {"code": 7, "error": None}),
        ):
            self.assertEqual(json.loads(encode_response(response)[1]), body)

    def test_malformed(self):
        """What is no response is refused with what was wrong with it."""
        for body, message in (
            (b"{}", "Invalid reply: Field code is required"),
            (b"7", "Invalid reply: Expected an object, got 7"),
            (b'{"code":true}', "Invalid reply: Field code must be an integer, got True"),
            (b'{"code":1.0}', "Invalid reply: Field code must be an integer, got 1.0"),
            (
                b'{"code":1,"error":{}}',
                "Invalid reply: Field error must be a string or null, got {}",
            ),
            (b"\xff", "Invalid reply: Invalid encoding, expected UTF-8"),
        ):
            error = self.assertRaises(InvalidReply, decode_response, [OK, body])
            self.assertEqual(str(error), message)

    def test_nested_to_the_limit(self):
        """A body nested just within the decoder's limit is refused like any other."""
        for body in (b"%b", b'{"code":%b}', b'{"code":0,"session_id":%b}'):
            for deep in nested(body):
                self.assertRaises(InvalidReply, decode_response, [OK, deep])

    def test_number_of_frames(self):
        """A response is two frames or three."""
        for frames in ([], [OK], [OK, b'{"code":0}', b"1", b"2"]):
            error = self.assertRaises(InvalidReply, decode_response, frames)
            self.assertEqual(str(error), f"Invalid reply: Expected 2-3 parts, got {len(frames)}")

    def test_not_serializable(self):
        """A response that JSON, or an attachment, cannot hold is refused."""
        for response in (
            Response({1}),
            Response(code=1, error={1}),
            Response(extensions={"a": b"b"}),
            Response(attachment="text"),
        ):
            self.assertRaises(NotSerializable, encode_response, response)

    def test_bytes_as_a_result(self):
        """The error names the result that is wrong, and says how bytes are declared."""
        bytes_are = "is not JSON serializable; bytes are attachments, which a method declares: "
        a_set = "Object of type set is not JSON serializable; a list would do"
        for result, message in (
            ({1}, a_set),
            ({"a": 1, "b": {1}}, f"'b': {a_set}"),
            (
                b"x",
                f'Object of type bytes {bytes_are}attachments=(None, "name"), results=("name",)',
            ),
            (
                {"size": 1, "s": bytearray(1)},
                (
                    f"'s': Object of type bytearray {bytes_are}attachments=(None, 's'), "
                    "with 's' among the results"
                ),
            ),
        ):
            error = self.assertRaises(NotSerializable, encode_response, Response(result))
            self.assertEqual(str(error), message)

    def test_repr(self):
        """A response shows its code, and nothing of the result."""
        self.assertEqual(repr(Response("secret", code=7)), "<Response code=7>")


class TwoWaysTests(SynchronousTestCase):
    @EXAMPLES
    @given(fields, st.sampled_from([decode_request, decode_response]))
    def test_alike(self, fields, decode):
        """A field that only the standard library reads changes nothing about the others."""
        body = json.dumps(fields).encode()
        with_nan = json.dumps({**fields, "unread": float("nan")}).encode()
        self.assertEqual(outcome(decode, body), outcome(decode, with_nan))
