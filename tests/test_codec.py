"""JSON in and out, compared with the standard library."""

import json
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from enum import Enum, IntEnum

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from pycom_tx.zerojson import codec
from pycom_tx.zerojson.errors import NotSerializable

EXAMPLES = settings(
    deadline=None,
    max_examples=150,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)

texts = st.text(st.characters(), max_size=8)
integers = st.integers() | st.integers(min_value=-(2**80), max_value=2**80)
scalars = st.none() | st.booleans() | integers | st.floats() | texts
keys = texts | integers | st.floats() | st.booleans() | st.none()
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(texts, inner, max_size=4)
        | st.dictionaries(keys, inner, max_size=4)
    ),
    max_leaves=12,
)

strangers = st.sampled_from(
    [
        b"bytes",
        bytearray(b"bytes"),
        memoryview(b"bytes"),
        {1, 2},
        frozenset("ab"),
        datetime(2012, 1, 1, tzinfo=timezone.utc),
        Decimal("1.5"),
        1j,
        object(),
        object,
        len,
        range(3),
        {b"key": 1},
        {(1, 2): 3},
    ]
)
with_strangers = st.recursive(
    strangers,
    lambda inner: (
        st.tuples(scalars, inner)
        | st.tuples(inner, scalars).map(list)
        | st.fixed_dictionaries({"a": inner, "b": scalars})
        | st.fixed_dictionaries({1: inner})
    ),
    max_leaves=4,
)

pieces = st.sampled_from(
    b'{ } [ ] , : " \\ - . e E+ 0 1 -0 00 1.0 1e5 1e400 -1e400 1e-400 NaN Infinity -Infinity '
    b'null true false "a" "a":1 "a":2 "\\ud800" "\\ud83d\\ude00" "\\u0000" "\\x" \\u12 // nul '
    b"9223372036854775808 18446744073709551616 123456789012345678901234567890.5 "
    b"\x00 \x1f \x7f \xc3\xa9 \xff \xed\xa0\x80 \xef\xbb\xbf \xc0\x80".split(b" ")
) | st.sampled_from([b" ", b"\t", b"\n", b"\r", b"\x0c", b"\x0b"])
json_like = st.lists(pieces, max_size=8).map(b"".join)


def exactly(value):
    """A text in which 1, 1.0 and True differ, and NaN equals itself."""
    return repr(value)


def read(data):
    """What the standard library reads in *data*, or that it refuses it."""
    try:
        return exactly(json.loads(data.decode("utf-8")))
    except ValueError:
        return "refused"


class EncodeTests(SynchronousTestCase):
    @EXAMPLES
    @given(values)
    def test_like_the_standard_library(self, value):
        """What is written reads like what the standard library writes."""
        written = codec.encode(value).decode("utf-8")
        self.assertEqual(exactly(json.loads(written)), exactly(json.loads(json.dumps(value))))

    @EXAMPLES
    @given(with_strangers)
    def test_strangers(self, value):
        """A value that JSON has no form for is refused, wherever it is."""
        self.assertRaises(NotSerializable, codec.encode, value)

    def test_exact(self):
        """What other fast codecs lose stays: infinities, large integers, lone surrogates."""
        for value, written in (
            (float("nan"), b"NaN"),
            ([float("inf")], b"[Infinity]"),
            ({"a": float("-inf")}, b'{"a":-Infinity}'),
            (2**70, b"1180591620717411303424"),
            (-(2**70), b"-1180591620717411303424"),
            ("\ud800", b'"\\ud800"'),
            ({"\udfff": None}, b'{"\\udfff":null}'),
            ({7: 2, None: 3, True: 4, 1.5: 5}, b'{"7":2,"null":3,"true":4,"1.5":5}'),
        ):
            self.assertEqual(codec.encode(value).replace(b" ", b""), written)

    def test_subclasses(self):
        """Subclasses of JSON's types are written like what they derive from."""

        class Colour(str, Enum):
            RED = "red"

        class Size(IntEnum):
            LARGE = 3

        point = namedtuple("point", "x y")(1, 2)  # noqa: PYI024 # the plain kind
        value = [Colour.RED, Size.LARGE, point, OrderedDict(a=1), {Colour.RED: 1}]
        self.assertEqual(json.loads(codec.encode(value)), ["red", 3, [1, 2], {"a": 1}, {"red": 1}])

    def test_self_containing(self):
        """A structure that contains itself is refused, not followed for ever."""
        in_list, in_dict, in_tuple = [], {}, ([],)
        in_list.append(in_list)
        in_dict["a"] = [in_dict]
        in_tuple[0].append(in_tuple)
        for value in (in_list, in_dict, in_tuple, {"a": 1, "b": in_list}):
            self.assertRaises(NotSerializable, codec.encode, value)

    def test_shared(self):
        """A value that occurs twice is written twice."""
        shared = {"a": [1]}
        self.assertEqual(json.loads(codec.encode([shared, shared])), [shared, shared])

    def test_too_deep(self):
        """A structure nested past the interpreter's limit is refused."""
        value = None
        for _ in range(100_000):
            value = [value]
        self.assertRaises(NotSerializable, codec.encode, value)

    def test_too_long_integer(self):
        """An integer with more digits than the interpreter writes is refused."""
        for value in (10**5000, [10**5000], {1: 10**5000}, {"a": -(10**5000)}):
            self.assertRaises(NotSerializable, codec.encode, value)

    def test_hints(self):
        """What was probably meant is said as well."""

        async def later():
            """Never awaited."""

        @dataclass
        class Point:
            x: int = 1

        coroutine = later()
        self.addCleanup(coroutine.close)
        for value, hint in (
            (Deferred(), "is there an await missing?"),
            (coroutine, "is there an await missing?"),
            (Point(), "dataclasses.asdict() or msgspec.to_builtins() make JSON of it"),
            ((item for item in "ab"), "a list would do"),
            ({1, 2}, "a list would do"),
        ):
            error = self.assertRaises(NotSerializable, codec.encode, {"a": [value]})
            self.assertTrue(str(error).endswith(f" is not JSON serializable; {hint}"), error)
        error = self.assertRaises(NotSerializable, codec.encode, object())
        self.assertEqual(str(error), "Object of type object is not JSON serializable")

    def test_message(self):
        """The error says what cannot be written."""
        error = self.assertRaises(NotSerializable, codec.encode, {"a": {1, 2}})
        self.assertIn("set", str(error))


class DecodeTests(SynchronousTestCase):
    @EXAMPLES
    @given(values)
    def test_like_the_standard_library(self, value):
        """What the standard library wrote is read as it reads it."""
        written = json.dumps(value).encode()
        self.assertEqual(exactly(codec.decode(written)), exactly(json.loads(written)))

    @EXAMPLES
    @given(values)
    def test_round_trip(self, value):
        """What was written is read like what the standard library writes and reads."""
        self.assertEqual(
            exactly(codec.decode(codec.encode(value))), exactly(json.loads(json.dumps(value)))
        )

    @EXAMPLES
    @given(st.binary(max_size=20) | json_like)
    def test_any_bytes(self, data):
        """Any bytes are read, or refused with ValueError, as by the standard library."""
        try:
            value = exactly(codec.decode(data))
        except ValueError:
            value = "refused"
        self.assertEqual(value, read(data))

    def test_exact(self):
        """Old peers' extensions of JSON are read, and numbers are kept exact."""
        for data, value in (
            (b"NaN", float("nan")),
            (b"[-Infinity, Infinity]", [float("-inf"), float("inf")]),
            (b"1e400", float("inf")),
            (b"1180591620717411303424", 2**70),
            (b'"\\ud800"', "\ud800"),
            (b'{"a": 1, "a": 2}', {"a": 2}),
        ):
            self.assertEqual(exactly(codec.decode(data)), exactly(value))

    def test_messages(self):
        """The error says what was wrong, and where."""
        for data, message in (
            (b"", "Expecting value: line 1 column 1 (char 0)"),
            (b"{x", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
            (b'"\xff"', "Invalid encoding, expected UTF-8"),
            (b"[" * 100_000, "Nested too deeply"),
            (b"[" * 100_000 + b"]" * 100_000, "Nested too deeply"),
            (b'{"a":' * 100_000, "Nested too deeply"),
        ):
            error = self.assertRaises(ValueError, codec.decode, data)
            self.assertEqual(str(error), message)

    def test_too_long_integer(self):
        """An integer with more digits than the interpreter reads is refused."""
        self.assertRaises(ValueError, codec.decode, b"1" * 5000)


class StrictTests(SynchronousTestCase):
    @EXAMPLES
    @given(values)
    def test_encode(self, value):
        """What standard JSON can hold is written as ever, and the rest refused."""
        try:
            json.dumps(value, allow_nan=False)
        except ValueError:
            self.assertRaises(NotSerializable, codec.encode_strictly, value)
        else:
            self.assertEqual(codec.encode_strictly(value), codec.encode(value))

    @EXAMPLES
    @given(values)
    def test_decode(self, value):
        """What is standard JSON is read as ever, and the rest refused."""
        written = json.dumps(value).encode()
        try:
            json.dumps(json.loads(written), allow_nan=False)
        except ValueError:
            self.assertRaises(ValueError, codec.decode_strictly, written)
        else:
            read = codec.decode_strictly(written)
            self.assertEqual(exactly(read), exactly(codec.decode(written)))

    def test_messages(self):
        """The error says what was wrong."""
        for data, message in (
            (b"[NaN]", "NaN is no JSON"),
            (b"-Infinity", "-Infinity is no JSON"),
            (b'["\\ud800", 1e999]', "The number 1e999 is too large"),
            (b"\xff", "Invalid encoding, expected UTF-8"),
            (b"[" * 100_000, "Nested too deeply"),
        ):
            error = self.assertRaises(ValueError, codec.decode_strictly, data)
            self.assertEqual(str(error), message)

    def test_numbers(self):
        """Numbers that fit are exact, beside what only the standard library reads."""
        read = codec.decode_strictly(b'["\\ud800", 1.5e3, 1180591620717411303424]')
        self.assertEqual(read, ["\ud800", 1500.0, 2**70])
