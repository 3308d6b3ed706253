"""Values of annotated types: out of JSON, and into JSON."""

# ruff: noqa: PYI051, PYI061, UP007, UP045 # people write types in all ways that there are

from __future__ import annotations

import datetime as dt
import enum
import sys
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, make_dataclass
from decimal import Decimal
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    Optional,
    TypedDict,
    TypeVar,
    Union,
)

import msgspec
from msgspec import Meta
from twisted.trial.unittest import SynchronousTestCase

import pycom_tx as pycom
from tests.support import MemoryCase

T = TypeVar("T")


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Fraction(enum.Enum):
    HALF = 0.5


@dataclass
class Point:
    x: int
    y: float = 0.5


class Route(msgspec.Struct):
    first: Point
    more: tuple[Point, ...]
    by_name: dict[str, Point]


@dataclass(frozen=True)
class Spot:
    x: int


@dataclass(frozen=True)
class Path:
    spots: list[Spot]


@dataclass
class Tree:
    value: int
    children: list[Tree] = field(default_factory=list)


@dataclass
class Child:
    parent: Any = None


@dataclass
class Parent:
    """What knows its children, and is known to them."""

    children: list[Child]
    label: str = ""

    def __post_init__(self):
        for child in self.children:
            child.parent = self


class Marked(msgspec.Struct):
    x: int


class Frozen(msgspec.Struct, frozen=True):
    x: int


class Box(msgspec.Struct, Generic[T]):
    item: T


class Single(msgspec.Struct, eq=False):
    x: int


class Hashed(msgspec.Struct):
    x: int

    def __hash__(self):
        return self.x


@dataclass
class Wrong:
    x: Annotated[str, Meta(pattern="(")]


@dataclass
class Untold:
    what: Nothing  # noqa: F821


@dataclass
class Scan:
    data: bytes


class Person(TypedDict, total=False):
    name: str


class Size(NamedTuple):
    width: int
    height: int = 1


class Circle(msgspec.Struct, tag="circle"):
    radius: int


class Square(msgspec.Struct, tag="square"):
    width: int


class Custom:
    pass


Ages = NewType("Ages", list[int])


def asked(args=None, attachment=None):
    """A request for com.foo.shop.buy."""
    return pycom.Request("com.foo.shop", "buy", args, attachment=attachment)


def taking(annotation, **options):
    """The method buy, whose argument is of that type."""

    def buy(self, request, value): ...

    buy.__annotations__ = {"value": annotation}
    return pycom.method("buy", body=buy, **options)


def giving(annotation, **options):
    """The method buy, whose result is of that type."""

    def buy(self, request): ...

    buy.__annotations__ = {"return": annotation}
    return pycom.method("buy", body=buy, **options)


class ArgumentTests(SynchronousTestCase):
    """What arguments of JSON are converted to."""

    def assertConverted(self, annotation, value, expected):
        """*value* is converted to *expected*, and to the very type that it has."""
        found = taking(annotation).arguments(asked({"value": value}))["value"]
        self.assertEqual((found, repr(found)), (expected, repr(expected)))

    def assertRefused(self, annotation, *values):
        """None of *values* is of that type."""
        for value in values:
            request = asked({"value": value})
            self.assertRaises(pycom.BadRequest, taking(annotation).arguments, request)

    def test_scalars(self):
        """Built-in types are taken as they are, and no other for them."""
        for annotation, value in (
            (int, 5),
            (float, 1.5),
            (str, "5"),
            (bool, True),
            (None, None),
            (Optional[int], None),
        ):
            self.assertConverted(annotation, value, value)
        self.assertRefused(int, "5", True, 1.5, None, [5])
        self.assertRefused(float, "5", True, None)
        self.assertRefused(str, 5, None)
        self.assertRefused(bool, 1, 0, "true", None)

    def test_numbers(self):
        """A number without a fraction is an integer, and an integer a number; of any size."""
        self.assertConverted(int, 1.0, 1)
        self.assertConverted(int, -0.0, 0)
        self.assertConverted(int, 2**80, 2**80)
        self.assertConverted(int, 1e30, int(1e30))
        self.assertConverted(float, 1, 1.0)
        self.assertConverted(float, 2**80, 2.0**80)
        self.assertConverted(Literal[1, 2], 2.0, 2)
        self.assertConverted(list[int], [1, 2.0], [1, 2])
        self.assertConverted(Union[int, float], 1.0, 1.0)
        self.assertConverted(Annotated[int, Meta(multiple_of=3)], 3 * 2**70, 3 * 2**70)

    def test_no_number(self):
        """What no double can hold is no float, and what has no value no integer."""
        self.assertRefused(float, 10**400)
        self.assertRefused(int, float("nan"), float("inf"))

    def test_collections(self):
        """Lists are what they are annotated as, in all depths."""
        self.assertConverted(list[list[int]], [[1], []], [[1], []])
        self.assertConverted(Sequence[int], [1], [1])
        self.assertConverted(tuple[int, str], [1, "a"], (1, "a"))
        self.assertConverted(tuple[int, ...], [1, 2], (1, 2))
        self.assertConverted(tuple, [1, "a"], (1, "a"))
        self.assertConverted(dict[str, Spot], {"a": {"x": 1}}, {"a": Spot(1)})
        self.assertConverted(Mapping[str, int], {"a": 1}, {"a": 1})
        self.assertConverted(dict, {"a": [1]}, {"a": [1]})
        self.assertConverted(Ages, [1], [1])
        self.assertRefused(tuple[int, str], [1], [1, "a", 2], "1a")

    def test_sets(self):
        """A list is a set, also if it has something twice."""
        self.assertConverted(set[int], [1, 2, 1], {1, 2})
        self.assertConverted(frozenset[Spot], [{"x": 1}], frozenset([Spot(1)]))
        self.assertConverted(set[tuple[int, ...]], [[1], [1]], {(1,)})
        self.assertConverted(set[Frozen], [{"x": 1}, {"x": 1}], {Frozen(1)})
        self.assertConverted(set[Hashed], [{"x": 1}], {Hashed(1)})
        found = taking(set[Single]).arguments(asked({"value": [{"x": 1}, {"x": 1}]}))["value"]
        self.assertEqual([one.x for one in found], [1, 1])
        self.assertRefused(set[int], ["a"], {"a": 1}, 5)

    def test_objects(self):
        """Objects are instances of classes, with defaults, without what they do not have."""
        self.assertConverted(Point, {"x": 1, "z": 2}, Point(1, 0.5))
        self.assertConverted(Circle, {"type": "circle", "radius": 1}, Circle(1))
        self.assertConverted(Person, {"name": "a"}, {"name": "a"})
        self.assertConverted(Size, [1], Size(1))
        self.assertRefused(Point, {}, {"x": "1"}, {"x": 1, "y": None}, [1, 2])

    def test_tags(self):
        """The tag tells the classes of a union apart; a class on its own needs none."""
        shape = Union[Circle, Square]
        self.assertConverted(shape, {"type": "square", "width": 1}, Square(1))
        self.assertConverted(Circle, {"radius": 1}, Circle(1))
        self.assertRefused(shape, {"radius": 1}, {"type": "oval", "radius": 1})
        self.assertRefused(Circle, {"type": "square", "radius": 1})

    def test_tags_in_schemas(self):
        """That is what the schema says, too."""

        def buy(self, request, value: Circle, shape: Union[Circle, Square]): ...

        schema = pycom.method("buy", body=buy).introspection()["schema"]["arguments"]
        self.assertEqual(schema["$defs"]["Circle"]["required"], ["radius"])
        self.assertEqual(schema["properties"]["shape"]["required"], ["type"])

    def test_recursive(self):
        """A class may have itself in it."""
        self.assertConverted(
            Tree,
            {"value": 1, "children": [{"value": 2.0}]},
            Tree(1, [Tree(2)]),
        )

    def test_circle(self):
        """Objects may make themselves part of each other."""
        value = {"children": [{}, {}]}
        parent = taking(Parent).arguments(asked({"value": value}))["value"]
        self.assertEqual(len(parent.children), 2)
        self.assertEqual([child.parent is parent for child in parent.children], [True, True])
        self.assertEqual(vars(parent)["label"], "")

    def test_choices(self):
        """What is one of a few is that, and an Enum a member of it."""
        self.assertConverted(Literal["a", 1, None], 1, 1)
        self.assertConverted(Literal["a", 1, None], None, None)
        self.assertConverted(Colour, "red", Colour.RED)
        self.assertRefused(Literal["a", 1], "b", 2, True, None)
        self.assertRefused(Colour, "RED", 1)

    def test_text_of_other_types(self):
        """What JSON has no type for comes as a string."""
        self.assertConverted(dt.date, "2020-02-29", dt.date(2020, 2, 29))
        self.assertConverted(uuid.UUID, str(uuid.UUID(int=5)), uuid.UUID(int=5))
        self.assertConverted(Decimal, "1.50", Decimal("1.50"))
        self.assertConverted(Decimal, 1.5, Decimal("1.5"))
        self.assertRefused(dt.date, "2020-02-30", 5)

    def test_bounds(self):
        """Bounds hold, of numbers beyond 64 bits as well."""
        self.assertRefused(Annotated[int, Meta(ge=0, lt=10)], -1, 10, 2**80, -(2**80))
        self.assertRefused(Annotated[float, Meta(gt=0)], 0, 0.0)
        self.assertRefused(Annotated[str, Meta(min_length=2, pattern="^a")], "a", "ba")
        self.assertRefused(Annotated[list[int], Meta(max_length=1)], [1, 2])
        self.assertRefused(dict[Annotated[str, Meta(max_length=1)], int], {"ab": 1})
        self.assertConverted(
            dict[Annotated[str, Meta(description="a name")], int], {"ab": 1}, {"ab": 1}
        )

    def test_free(self):
        """What is annotated as anything, or is not, is passed on as it came."""
        for annotation in (Any, object):
            for value in (1.0, [2.0], {"a": None}):
                request = asked({"value": value})
                self.assertIs(taking(annotation).arguments(request)["value"], value)

    def test_others_are_left_alone(self):
        """Numbers beside one that had to be an integer stay as they came."""

        def buy(self, request, number: int, values: list): ...

        request = asked({"number": 1.0, "values": [2.0]})
        found = pycom.method("buy", body=buy).arguments(request)
        self.assertEqual(repr(found), "{'number': 1, 'values': [2.0]}")

    def test_request_is_left_alone(self):
        """The request keeps what came."""
        request = asked({"value": {"x": 1.0}})
        taking(Point).arguments(request)
        self.assertEqual(repr(request.args), "{'value': {'x': 1.0}}")

    def test_deep(self):
        """What is nested too deeply for its type is refused, by its name."""
        deep = {"value": 1}
        for _ in range(sys.getrecursionlimit()):
            deep = {"value": 1, "children": [deep]}
        error = self.assertRaises(pycom.BadRequest, taking(Tree).arguments, asked({"value": deep}))
        self.assertEqual(str(error), "Argument of com.foo.shop.buy: 'value': nested too deeply")

    def test_no_unicode(self):
        """A lone surrogate, which no class can have as a name, is refused as what it is."""
        for annotation, value in ((Point, {"x": 1, "\ud800": 1}), (Colour, "\ud800")):
            error = self.assertRaises(
                pycom.BadRequest, taking(annotation).arguments, asked({"value": value})
            )
            self.assertIn("'value': expected Unicode, got a lone surrogate in ", str(error))

    def test_nothing_required(self):
        """Where no argument is required, the schema admits null, which stands for none."""

        def buy(self, request, value: int = 1): ...

        buying = pycom.method("buy", body=buy)
        self.assertEqual(buying.arguments(asked()), {})
        schema = buying.introspection()["schema"]["arguments"]
        self.assertEqual((schema["type"], schema["required"]), (["object", "null"], []))


class DeclarationTests(SynchronousTestCase):
    """Types that no value of JSON can have are refused where they are declared."""

    def assertRefuses(self, wrong, *annotations, what=taking, **options):
        for annotation in annotations:
            error = self.assertRaises(TypeError, what, annotation, **options)
            name = "value" if what is taking else "result"
            self.assertIn(f"buy: {name!r} is annotated {annotation}", str(error))
            self.assertIn(wrong, str(error))

    def test_bytes(self):
        """Bytes are in no JSON, at no depth."""
        self.assertRefuses(
            ", but JSON has no bytes: declare them as the attachment",
            *(bytes, bytearray, memoryview, list[bytes], Optional[bytes], dict[str, bytes], Scan),
        )

    def test_keys(self):
        """The keys of objects are strings, whichever."""
        self.assertRefuses(
            ", but the keys of JSON's objects are any strings, so annotate them as str",
            *(dict[int, str], list[dict[Colour, int]], dict[Literal["a"], int]),
        )

    def test_foreign(self):
        """Classes that are not made of annotated fields are no types of JSON."""
        self.assertRefuses(
            ", but Custom is no type that JSON can be converted to", Custom, list[Custom]
        )
        self.assertRefuses("is no type that JSON can be converted to", complex, Iterable[int])
        self.assertRefuses("RawType is no type that JSON", msgspec.Raw)

    def test_sets(self):
        """A set holds only what has a hash."""
        self.assertRefuses(
            ", but a set holds no lists or objects: annotate what is in it, like set[str]",
            *(set, frozenset, set[Any], set[list[int]], set[Point], frozenset[Path], set[Person]),
            *(set[Marked], set[Box[int]], frozenset[tuple[Marked, ...]]),
        )

    def test_unions(self):
        """What one part of a union has, another must not refuse."""
        self.assertRefuses(
            ", but parts of a union overlap: what one refuses, the other is not asked about",
            Union[Literal[1, 2], float],
            Union[Annotated[int, Meta(ge=10)], float],
            Union[Annotated[int, Meta(ge=10, description="big")], float],
            Union[Annotated[int, Meta(ge=10)], int],
            Union[Literal["a"], Annotated[str, Meta(min_length=3)]],
        )
        for annotation in (
            Union[int, float],
            Union[int, Annotated[float, Meta(ge=10)]],
            Union[Literal["a"], str],
            Union[Literal[1], int, float],
            Union[Literal["a"], int],
        ):
            taking(annotation)

    def test_unions_that_cannot_be_told_apart(self):
        """Two kinds of lists, or of objects, are one too many."""
        self.assertRefuses("more than one array-like", Union[list[int], tuple[str, ...]])
        self.assertRefuses("more than one", Union[dict, Point])

    def test_unions_that_would_crash(self):
        """What msgspec cannot keep is not shown to it, wherever it stands."""
        text = Annotated[str, Meta(pattern="^a")]
        few = Annotated[int, Meta(ge=1)]
        inside = make_dataclass("Inside", [("value", Union[text, dict, None])])
        self.assertRefuses(
            ", but a union of a pattern and a list, set or dict is not possible",
            Union[text, list[int]],
            Union[text, dict[str, int], None],
            list[Union[text, set[int]]],
            Union[NewType("Text", text), list],
            Union[few, tuple[int, str]],
            Union[few, tuple[()]],
            Annotated[Union[str, list], Meta(pattern="^a")],
            dict[str, inside],
        )
        for annotation in (
            Optional[text],
            Union[few, list[int]],
            Union[text, int],
            Optional[Annotated[list[int], Meta(min_length=1)]],
            list[Annotated[tuple[text, few], Meta(description="a pair")]],
        ):
            taking(annotation)

    def test_enums(self):
        """The values of an Enum are strings or integers."""
        self.assertRefuses("Enums must contain either all str or all int values", Fraction)

    def test_fields(self):
        """The annotations of a class are evaluated, too, and there is one class of a name."""
        self.assertRefuses("name 'Nothing' is not defined", Untold)
        self.assertRefuses("unterminated subpattern", Wrong)
        twin = make_dataclass("Spot", [("y", int)])
        other = make_dataclass("Spot", [("z", int)])
        error = self.assertRaises(TypeError, taking, tuple[twin, other])
        self.assertIn("buy: two classes in its annotations are named like", str(error))

    def test_no_types(self):
        """What is no type is refused like one."""
        self.assertRefuses("", [int], 5)
        self.assertRefuses("", [int], {"a": int}, what=giving)

    def test_attachments(self):
        """An attachment is bytes, or None."""
        self.assertRefuses(
            ", but an attachment is bytes, or None",
            *(str, Optional[str], list[bytes], int, Scan),
            attachments=("value", None),
        )
        for annotation in (
            bytes,
            Optional[bytes],
            bytearray,
            Any,
            Annotated[bytes, Meta(description="a picture")],
            Optional[Annotated[bytes, Meta(max_length=3)]],
        ):
            taking(annotation, attachments=("value", None))
        error = self.assertRaises(
            TypeError, giving, str, results=("scan",), attachments=(None, "scan")
        )
        self.assertIn("buy: 'scan' is annotated <class 'str'>, but an attachment", str(error))

    def test_results(self):
        """A result is refused as an argument is."""
        self.assertRefuses("JSON has no bytes", bytes, what=giving)
        self.assertRefuses("Custom is no type", Custom, what=giving)

    def test_several_results(self):
        """Several results are annotated as a tuple of as many."""
        for annotation in (int, list[int], tuple[int], tuple[int, int, int], Optional[tuple]):
            error = self.assertRaises(TypeError, giving, annotation, results=("a", "b"))
            self.assertEqual(
                str(error),
                f"buy: it has 2 results, a, b, and is annotated to return {annotation}: it has "
                "to be a tuple of as many",
            )


class BesideTests(SynchronousTestCase):
    """Arguments beside those that take some work."""

    def test_beside_a_dataclass(self):
        """What may be anything is not looked into, however deep it is."""

        def buy(self, request, point: Point, rows: Any): ...

        rows = []
        for _ in range(5 * sys.getrecursionlimit()):
            rows = [rows]
        given = pycom.method("buy", body=buy).arguments(asked({"point": {"x": 1}, "rows": rows}))
        self.assertEqual(given["point"], Point(1))
        self.assertIs(given["rows"], rows)


class AttachmentTests(SynchronousTestCase):
    """Attachments that are annotated."""

    def test_missing(self):
        """An attachment annotated as bytes has to be there, unless it has a default."""
        buying = taking(bytes, attachments=("value", None))
        self.assertEqual(buying.arguments(asked({}, b"")), {"value": b""})
        error = self.assertRaises(pycom.BadRequest, buying.arguments, asked({"value": "abc"}))
        self.assertEqual(
            str(error),
            "Argument of com.foo.shop.buy: 'value': expected `bytes`, got null; it is the "
            "attachment of a call, and this one has none",
        )

        def sell(self, request, value: bytes = b"default"): ...

        selling = pycom.method("sell", body=sell, attachments=("value", None))
        self.assertEqual(selling.arguments(asked({})), {})

    def test_optional(self):
        """An attachment annotated as bytes or None may be missing."""
        buying = taking(Optional[bytes], attachments=("value", None))
        self.assertEqual(buying.arguments(asked({})), {"value": None})

    def test_view(self):
        """An attachment annotated as a memoryview is one, read-only; others are bytes."""
        for annotation in (memoryview, Optional[memoryview]):
            buying = taking(annotation, attachments=("value", None))
            view = buying.arguments(asked({}, b"scan"))["value"]
            self.assertEqual((type(view), view.readonly, view), (memoryview, True, b"scan"))
            received = memoryview(b"scan")
            view = buying.arguments(asked({}, received))["value"]
            self.assertIs(view.obj, received.obj)  # and no copy of it
        for annotation in (bytes, Optional[bytes], Any):
            buying = taking(annotation, attachments=("value", None))
            scan = buying.arguments(asked({}, memoryview(b"scan")))["value"]
            self.assertEqual((type(scan), scan), (bytes, b"scan"))

    def test_given_view(self):
        """A view that is given in a response is not copied either."""
        scan = memoryview(b"scan")
        selling = giving(int)
        response = selling.response(asked(), pycom.Response(1, attachment=scan))
        self.assertIs(response.carried, scan)

    def test_bounds(self):
        """An attachment can be too long; the message does not contain it."""
        buying = taking(Annotated[bytes, Meta(max_length=2)], attachments=("value", None))
        self.assertEqual(buying.arguments(asked({}, b"12")), {"value": b"12"})
        error = self.assertRaises(pycom.BadRequest, buying.arguments, asked({}, b"123"))
        self.assertEqual(
            str(error),
            "Argument of com.foo.shop.buy: 'value': expected `bytes` of length <= 2, got 3 bytes",
        )

    def test_not_in_the_schema(self):
        """No attachment is part of a schema."""
        buying = taking(bytes, attachments=("value", None))
        schema = buying.introspection()["schema"]["arguments"]
        self.assertEqual((schema["properties"], schema["required"]), ({}, []))

    def test_outgoing(self):
        """The result that is the attachment is bytes, checked like the others."""
        selling = giving(
            tuple[Point, Optional[bytes]],
            results=("at", "scan"),
            attachments=(None, "scan"),
        )
        for scan in (b"\xff", None):
            response = selling.response(asked(), (Point(1), scan))
            self.assertEqual(response.result, {"at": {"x": 1, "y": 0.5}})
            self.assertEqual(response.attachment, scan)
        self.assertRaises(TypeError, selling.response, asked(), (Point(1), "text"))


class ResultTests(SynchronousTestCase):
    """What results are as JSON."""

    def assertGives(self, annotation, value, expected):
        found = giving(annotation).response(asked(), value).result
        self.assertEqual((found, repr(found)), (expected, repr(expected)))

    def assertWrong(self, annotation, value, what):
        error = self.assertRaises(TypeError, giving(annotation).response, asked(), value)
        self.assertEqual(
            str(error), f"com.foo.shop.buy gave another type than it declares: 'result': {what}"
        )

    def test_plain(self):
        """Results of annotated types are JSON."""
        self.assertGives(Point, Point(1), {"x": 1, "y": 0.5})
        self.assertGives(list[Spot], [Spot(1)], [{"x": 1}])
        self.assertGives(Circle, Circle(1), {"type": "circle", "radius": 1})
        self.assertGives(
            Tree, Tree(1, [Tree(2)]), {"value": 1, "children": [{"value": 2, "children": []}]}
        )
        self.assertGives(set[int], {1}, [1])
        self.assertGives(tuple[int, ...], (1, 2), (1, 2))
        self.assertGives(Size, Size(1), (1, 1))
        self.assertGives(Colour, Colour.RED, "red")
        self.assertGives(dict[str, int], {5: 1}, {"5": 1})
        self.assertGives(dt.date, dt.date(2020, 2, 29), "2020-02-29")
        self.assertGives(None, None, None)

    def test_as_json_already(self):
        """A result that is JSON of the type is as good."""
        self.assertGives(Point, {"x": 1}, {"x": 1})
        self.assertGives(Colour, "red", "red")
        self.assertGives(int, 1.0, 1.0)

    def test_free(self):
        """A result without an annotation is left alone."""
        for annotation in (Any, object, pycom.Response):
            point = Point(1)
            self.assertIs(giving(annotation).response(asked(), point).result, point)

    def test_wrong(self):
        """A result of another type is an error of the service, which says what is wrong."""
        self.assertWrong(int, "5", 'expected `int`, got "5"')
        self.assertWrong(int, None, "expected `int`, got null")
        self.assertWrong(None, 5, "expected `null`, got 5")
        self.assertWrong(list[Spot], [Spot("a")], 'expected `int` at result[0].x, got "a"')
        self.assertWrong(Colour, "green", 'expected one of "blue", "red", got "green"')
        self.assertWrong(str, b"abc", "expected `str`, got 3 bytes")

    def test_no_json(self):
        """What cannot be JSON at all is wrong, too."""
        error = self.assertRaises(TypeError, giving(list).response, asked(), [Custom()])
        self.assertIn("buy gave another type than it declares: 'result': ", str(error))
        endless = []
        endless.append(endless)
        self.assertWrong(list, endless, "nested too deeply")
        what = "Encoding objects of type range is unsupported"
        self.assertWrong(dict[str, int], range(3), what)

    def test_responses(self):
        """The result of a response is checked, unless it is an error."""
        selling = giving(Union[Point, pycom.Response])
        response = pycom.Response(Point(1), attachment=b"scan", extensions={"a.b": 1})
        found = selling.response(asked(), response)
        self.assertEqual(found.result, {"x": 1, "y": 0.5})
        self.assertEqual((found.attachment, found.extensions), (b"scan", {"a.b": 1}))
        self.assertRaises(TypeError, selling.response, asked(), pycom.Response("text"))
        error = asked().error(17, "sold out")
        self.assertIs(selling.response(asked(), error), error)

    def test_response_or_nothing(self):
        """None beside a response tells nothing about what is in the response."""
        selling = giving(Optional[pycom.Response])
        for result in (5, None, {"a": 1}):
            self.assertEqual(selling.response(asked(), pycom.Response(result)).result, result)
        self.assertIs(selling.response(asked(), None).result, None)
        self.assertEqual(selling.introspection()["schema"]["result"], {})

    def test_several(self):
        """Several results have the types that the tuple has."""
        selling = giving(tuple[Point, set[int]], results=("at", "numbers"))
        self.assertEqual(
            selling.response(asked(), (Point(1), {2})).result,
            {"at": {"x": 1, "y": 0.5}, "numbers": [2]},
        )
        error = self.assertRaises(TypeError, selling.response, asked(), (Point(1), {"a"}))
        self.assertIn("'numbers': expected `int` at numbers[0], got \"a\"", str(error))
        self.assertRaises(TypeError, selling.response, asked(), (Point(1),))

    def test_several_of_one_type(self):
        """Several results may all be of one type, or of none that is told."""
        for annotation in (tuple[int, ...], tuple, Any):
            selling = giving(annotation, results=("a", "b"))
            self.assertEqual(selling.response(asked(), (1, 2)).result, {"a": 1, "b": 2})
        self.assertRaises(
            TypeError,
            giving(tuple[int, ...], results=("a", "b")).response,
            *(asked(), (1, "2")),
        )

    def test_any_names(self):
        """Results may be called what nothing in Python is."""
        names = ("class", "a b", "x.y", 'q"w', "", "__init__", "\ud800")
        selling = giving(tuple[int, ...], results=names)
        numbers = tuple(range(len(names)))
        response = selling.response(asked(), numbers)
        self.assertEqual(response.result, dict(zip(names, numbers, strict=True)))
        schema = selling.introspection()["schema"]["result"]
        self.assertEqual(schema["required"], list(names))


@pycom.interface("com.foo.shop")
class Shop(pycom.Service):
    @pycom.method
    def price(self, request, article: Spot) -> int:
        return article.x or "nothing"

    @pycom.method
    def echo(self, request, route: Route) -> Route:
        return route


class CallTests(MemoryCase):
    """Contracts, from a client's side."""

    def setUp(self):
        super().setUp()
        self.host(Shop)
        self.shop = self.result(self.context.locate("com.foo.shop"))

    def test_converted(self):
        """A method gets what its annotations say."""
        self.assertEqual(self.result(self.shop.invoke("price", {"article": {"x": 5}})), 5)

    def test_defaults(self):
        """A dataclass that came without what has a default leaves with it, wherever it is."""
        came = {
            "first": {"x": 1},
            "more": [{"x": 2}, {"x": 3, "y": 1.5}],
            "by_name": {"a": {"x": 4}},
        }
        gone = self.result(self.shop.invoke("echo", {"route": came}))
        self.assertEqual(gone["first"], {"x": 1, "y": 0.5})
        self.assertEqual(gone["more"], [{"x": 2, "y": 0.5}, {"x": 3, "y": 1.5}])
        self.assertEqual(gone["by_name"], {"a": {"x": 4, "y": 0.5}})

    def test_wrong_argument(self):
        """A wrong argument is a bad request, and nothing that the log needs."""
        call = self.shop.invoke("price", {"article": {"x": "5"}})
        error = self.failure(call, pycom.BadRequest)
        self.assertEqual(
            str(error),
            "Argument of com.foo.shop.price: 'article': expected `int` at article.x, got \"5\"",
        )
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_wrong_result(self):
        """A wrong result is an unknown error for the client; the log has what is wrong."""
        call = self.shop.invoke("price", {"article": {"x": 0}})
        error = self.failure(call, pycom.RemoteError)
        self.assertEqual((error.code, str(error)), (1, "Unknown error during request"))
        [failure] = self.flushLoggedErrors(TypeError)
        self.assertEqual(
            str(failure.value),
            "com.foo.shop.price gave another type than it declares: 'result': expected `int`, "
            'got "nothing"',
        )
