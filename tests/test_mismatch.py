"""Saying what is wrong with a value that is not of its type."""

# ruff: noqa: PYI030, UP007, UP045 # people write types in all ways that there are

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Optional, TypedDict, Union

import msgspec
from msgspec import Meta
from twisted.trial.unittest import SynchronousTestCase

import pycom_tx as pycom


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Item:
    name: str
    colours: dict[str, Literal["red", "blue"]]


@dataclass
class Order:
    items: list[Item]


@dataclass
class Even:
    """A number that its class has a word about."""

    number: int

    def __post_init__(self):
        if self.number == 1:
            raise ValueError("Odd, got `1` - at `$.once`")
        if self.number % 2:
            raise ValueError
        if self.number < 0:
            raise KeyError(self.number)


class Circle(msgspec.Struct, tag="circle"):
    radius: int


class Square(msgspec.Struct, tag="square", forbid_unknown_fields=True):
    width: int


class Row(msgspec.Struct, array_like=True):
    number: int
    colour: Colour


class Renamed(msgspec.Struct, rename={"a": "x", "b": "x.y", "c": "p[0]", "d": "q`w"}):
    a: Any = None
    b: int = 0
    c: list[int] = []
    d: int = 0


Dotted = TypedDict("Dotted", {"com.foo.colour": Colour, "a b": int}, total=False)

Text = Annotated[str, Meta(min_length=2, pattern="^a")]


class MismatchCase(SynchronousTestCase):
    def assertSays(self, expected, annotation, value):
        """That is what is said of *value*, which is not of that type."""

        def buy(self, request, value): ...

        buy.__annotations__ = {"value": annotation}
        request = pycom.Request("com.foo.shop", "buy", {"value": value})
        error = self.assertRaises(
            pycom.BadRequest, pycom.method("buy", body=buy).arguments, request
        )
        self.assertEqual(str(error), f"Argument of com.foo.shop.buy: 'value': {expected}")


class PlaceTests(MismatchCase):
    """Where it is wrong."""

    def test_argument(self):
        """The argument itself is named, with what was expected and what came, as JSON."""
        self.assertSays('expected `int`, got "5"', int, "5")
        self.assertSays("expected `int`, got 1.5", int, 1.5)
        self.assertSays("expected `int | null`, got true", Optional[int], True)
        self.assertSays("expected `str`, got null", str, None)
        self.assertSays("expected `array`, got {}", list[int], {})
        self.assertSays("expected `object`, got [1]", Item, [1])

    def test_which_argument(self):
        """The first wrong one of several arguments is named."""

        def buy(self, request, article: str, number: int, price: float = 1.0): ...

        buying = pycom.method("buy", body=buy)
        for wrong in ("article", "number", "price"):
            args = {"article": "a", "number": 1, "price": 1.0, wrong: []}
            request = pycom.Request("com.foo.shop", "buy", args)
            error = self.assertRaises(pycom.BadRequest, buying.arguments, request)
            self.assertIn(f"Argument of com.foo.shop.buy: '{wrong}': expected ", str(error))

    def test_path(self):
        """The path leads to what is wrong, through lists and objects."""
        item = {"name": "a", "colours": {}}
        self.assertSays(
            "expected `str` at value.items[1].name, got 5",
            Order,
            {"items": [item, {**item, "name": 5}]},
        )
        self.assertSays("expected `int` at value[1][0], got null", list[list[int]], [[], [None]])
        self.assertSays('expected `int` at value[0], got "a"', tuple[int, str], ["a", 1])
        self.assertSays('expected `int` at value[2], got "a"', set[int], [1, 2, "a", 3])
        self.assertSays("expected `int` at value[0], got []", Row, [[], "red"])

    def test_as_it_came(self):
        """What came is shown as it came, where a number was read as an integer, too."""
        self.assertSays("expected `str` at value[1], got 1.0", tuple[int, str], [1.0, 1.0])
        self.assertSays("expected `int` >= 2, got 1.0", Annotated[int, Meta(ge=2)], 1.0)

    def test_keys_of_objects(self):
        """The key of a wrong value is found, among many as well, and in objects in objects."""
        self.assertSays('expected `int` at value.b, got "x"', dict[str, int], {"a": 1, "b": "x"})
        self.assertSays('expected `int` at value["a b"], got null', dict[str, int], {"a b": None})
        self.assertSays(
            "expected `int` at value.b.d, got []",
            dict[str, dict[str, int]],
            {"a": {"c": 1, "d": 2}, "b": {"c": 1, "d": [], "e": 1}},
        )
        self.assertSays(
            "expected `int` at value.b[1].c, got null",
            dict[str, list[dict[str, int]]],
            {"a": [{"c": 1}], "b": [{}, {"c": None}]},
        )
        many = dict.fromkeys(map(str, range(1000)), 1)
        for wrong in ("0", "1", "498", "499", "500", "999"):
            self.assertSays(
                f'expected `int` at value["{wrong}"], got "x"',
                dict[str, int],
                {**many, wrong: "x"},
            )

    def test_one_of_several(self):
        """Where several values are wrong, one of them is told, with what came there."""

        def buy(self, request, value: dict[str, int]): ...

        request = pycom.Request("com.foo.shop", "buy", {"value": {"a": "x", "b": 1, "c": "z"}})
        error = self.assertRaises(
            pycom.BadRequest, pycom.method("buy", body=buy).arguments, request
        )
        self.assertRegex(str(error), r'expected `int` at value\.(a, got "x"|c, got "z")\Z')

    def test_objects_of_some_length(self):
        """The key is found in an object that must not be shorter."""
        few = Annotated[dict[str, int], Meta(min_length=3)]
        self.assertSays('expected `int` at value.c, got "x"', few, {"a": 1, "b": 2, "c": "x"})
        self.assertSays('expected `object` of length >= 3, got {"a":1}', few, {"a": 1})

    def test_wrong_keys(self):
        """A key that is wrong is shown itself."""
        self.assertSays(
            "expected `str` matching regex '^a' as a key, got \"bb\"",
            dict[Text, int],
            {"ab": 1, "bb": 2, "ac": 3},
        )
        self.assertSays(
            'expected `str` of length >= 2 as a key at value.x[1], got "a"',
            dict[str, list[dict[Text, int]]],
            {"w": [], "x": [{"ab": 1}, {"ab": 1, "a": 2}]},
        )

    def test_wrong_keys_of_some_length(self):
        """Where the key cannot be told, the whole value is shown."""
        self.assertSays(
            'expected `str` of length >= 2 as a key at value, in {"a":1,"ab":2}',
            Annotated[dict[Text, int], Meta(min_length=2)],
            {"a": 1, "ab": 2},
        )

    def test_any_names(self):
        """Fields may have dots, brackets and quotes in their names."""
        self.assertSays('expected `int` at value["x.y"], got "a"', Renamed, {"x": {}, "x.y": "a"})
        self.assertSays('expected `int` at value["p[0]"][1], got []', Renamed, {"p[0]": [1, []]})
        self.assertSays('expected `int` at value["q`w"], got "a"', Renamed, {"q`w": "a"})
        self.assertSays(
            'expected one of "blue", "red" at value["com.foo.colour"], got 5',
            Dotted,
            {"a b": 1, "com.foo.colour": 5},
        )

    def test_no_unicode_beside(self):
        """A lone surrogate elsewhere does not hide what is wrong first."""
        self.assertSays(
            'expected `int` at value["\\ud800"], got "x"',
            dict[str, int],
            {"a": 1, "\ud800": "x"},
        )


class ExpectationTests(MismatchCase):
    """What was expected."""

    def test_bounds(self):
        """A value out of bounds is told the bound."""
        for expected, annotation, value in (
            ("expected `int` >= 0, got -1", Annotated[int, Meta(ge=0)], -1),
            ("expected `float` < 1.0, got 1", Annotated[float, Meta(lt=1)], 1),
            (
                "expected `int` that's a multiple of 3, got 4",
                Annotated[int, Meta(multiple_of=3)],
                4,
            ),
            ('expected `str` of length >= 2, got "a"', Text, "a"),
            ("expected `str` matching regex '^a', got \"bb\"", Text, "bb"),
            (
                "expected `array` of length <= 1, got [1,2]",
                Annotated[list[int], Meta(max_length=1)],
                [1, 2],
            ),
            ("expected `array` of length 2, got [1]", tuple[int, int], [1]),
        ):
            self.assertSays(expected, annotation, value)
        self.assertSays(
            'expected `str` of length >= 2 at value.a[0], got "a"',
            dict[str, list[Text]],
            {"a": ["a"]},
        )

    def test_choices(self):
        """Where there are few choices, they are told, whatever came."""
        for value, shown in (("c", '"c"'), (5, "5"), (None, "null"), ([], "[]")):
            self.assertSays(f'expected one of "a", "b", got {shown}', Literal["a", "b"], value)
        self.assertSays("expected one of 1, 2, got true", Literal[1, 2], True)
        self.assertSays('expected one of "blue", "red", got "green"', Colour, "green")
        self.assertSays('expected one of "a", "b", null, got "c"', Optional[Literal["a", "b"]], "c")
        self.assertSays('expected one of "a", 1, got 2', Union[Literal["a"], Literal[1]], 2)

    def test_nested_choices(self):
        """Choices are told where they are nested, too."""
        item = {"name": "a", "colours": {"lid": "red", "box": "green"}}
        self.assertSays(
            'expected one of "blue", "red" at value.items[0].colours.box, got "green"',
            Order,
            {"items": [item]},
        )
        self.assertSays(
            'expected one of "blue", "red" at value[1], got "x"', tuple[int, Colour], [1, "x"]
        )
        self.assertSays('expected one of "blue", "red" at value[1], got 1', Row, [1, 1])
        self.assertSays(
            "expected one of 1, 2 at value.a, got 3", dict[str, Literal[1, 2]], {"a": 3}
        )

    def test_not_only_choices(self):
        """Where other values would do as well, the types are told."""
        self.assertSays("expected `int | str`, got []", Union[Literal["a"], int], [])

    def test_tagged_unions(self):
        """The tags of a union are its choices, and the tag decides about the rest."""
        shapes = list[Union[Circle, Square]]
        self.assertSays(
            'expected one of "circle", "square" at value[0].type, got "oval"',
            shapes,
            [{"type": "oval"}],
        )
        self.assertSays(
            'expected one of "circle", "square" at value[0].type, got 5', shapes, [{"type": 5}]
        )
        self.assertSays(
            'expected `int` at value[1].width, got "a"',
            shapes,
            [{"type": "circle", "radius": 1}, {"type": "square", "width": "a"}],
        )
        self.assertSays(
            'object missing required field `type` at value[0], got {"radius":1}',
            shapes,
            [{"radius": 1}],
        )
        self.assertSays(
            'expected one of "circle" at value.type, got "square"', Circle, {"type": "square"}
        )

    def test_fields(self):
        """A field that is missing, or too many, is named, and the object shown."""
        self.assertSays(
            'object missing required field `colours`, got {"name":"a"}', Item, {"name": "a"}
        )
        self.assertSays(
            'object contains unknown field `x`, got {"width":1,"x":2}',
            Square,
            {"width": 1, "x": 2},
        )

    def test_numbers_out_of_range(self):
        """A number beyond a double is told from a wrong one."""
        self.assertSays(f"number out of range, got 1{'0' * 56}...", float, 10**400)

    def test_said_by_the_class(self):
        """What a class says of its values is passed on as it is."""
        self.assertSays(
            'Odd, got `1` - at `$.once` at value[0], got {"number":1}',
            list[Even],
            [{"number": 1}],
        )
        self.assertSays('refused, got {"number":3}', Even, {"number": 3})

    def test_mistake_of_the_class(self):
        """A class that fails otherwise is wrong itself."""

        def buy(self, request, value: Even): ...

        request = pycom.Request("com.foo.shop", "buy", {"value": {"number": -2}})
        self.assertRaises(KeyError, pycom.method("buy", body=buy).arguments, request)


class ShownTests(MismatchCase):
    """How values are shown."""

    def test_long(self):
        """A long value is shown in part."""
        self.assertSays(f'expected `int`, got "{"a" * 56}...', int, "a" * 100)
        self.assertSays(f'expected `int`, got "{"a" * 58}"', int, "a" * 58)
        self.assertSays(f"expected `int`, got [{'1,' * 28}...", int, [1] * 10_000)

    def test_as_json(self):
        """Values are shown as the JSON that they came as."""
        self.assertSays('expected `int`, got {"a":[null,true,"ä"]}', int, {"a": [None, True, "ä"]})
        self.assertSays("expected `str`, got NaN", str, float("nan"))
