"""What saying what is wrong may cost, and how long it may be."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from twisted.trial.unittest import SynchronousTestCase

import pycom_tx as pycom
from pycom_tx.components.mismatch import described


class Number(msgspec.Struct, tag="number"):
    value: int


class Minus(msgspec.Struct, tag="minus"):
    of: Number | Minus | Plus


class Plus(msgspec.Struct, tag="plus"):
    of: Number | Minus | Plus


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    x: int


class Branch(msgspec.Struct):
    branches: dict[str, Branch] = {}
    leaves: list[int] = []


@dataclass
class Talkative:
    x: int

    def __post_init__(self):
        raise ValueError("no " * 10_000)


def refusal(annotation, value):
    """What is said of *value*, which is not of that type."""

    def buy(self, request, value): ...

    buy.__annotations__ = {"value": annotation}
    try:
        pycom.method("buy", body=buy).arguments(
            pycom.Request("com.foo.shop", "buy", {"value": value})
        )
    except pycom.BadRequest as error:
        return str(error).removeprefix("Argument of com.foo.shop.buy: 'value': ")
    raise AssertionError("it is of that type")


class CountedDict(dict):
    """A part of a JSON Schema that can be looked at some times only."""

    left = 0

    def get(self, key, default=None):
        CountedDict.left -= 1
        if CountedDict.left < 0:
            raise AssertionError("it is looked at too often")
        return super().get(key, default)


class EffortTests(SynchronousTestCase):
    """The work that a wrong value makes."""

    def place_of(self, annotation, value, place):
        """What is said of the first of *value*, and how many values are converted for it."""
        converted = 0

        def convert(value):
            nonlocal converted
            converted += json.dumps(value).count(":")
            return msgspec.convert([value], tuple[annotation])

        error = self.assertRaises(msgspec.ValidationError, convert, value)
        self.assertIn(place, str(error))
        return described(error, "value", value, convert, {"$defs": {}}), converted

    def test_recursive_unions(self):
        """A union of classes that have it in them is looked up once at each step."""
        depth = 100
        union = [{"$ref": f"#/$defs/{name}"} for name in ("Minus", "Plus")]
        inside = CountedDict(type="object", properties={"of": {"anyOf": union}})
        schema = {"anyOf": union, "$defs": {"Minus": inside, "Plus": CountedDict(inside)}}
        value = 5
        for _ in range(depth):
            value = {"of": value}
        error = msgspec.ValidationError("Expected `object`, got `int` - at `$[0]" + ".of" * depth)
        self.patch(CountedDict, "left", depth * 20)
        said = described(error, "value", value, None, schema)
        self.assertEqual(said[-7:], ", got 5")

    def test_deep_in_a_union(self):
        """The path is found at any depth."""
        value = {"type": "number", "value": "x"}
        for _ in range(30):
            value = {"type": "minus", "of": value}
        self.assertEqual(
            refusal(Number | Minus | Plus, value),
            f'expected `int` at value{".of" * 30}.value, got "x"',
        )

    def test_key_of_many(self):
        """The wrong one among many keys is looked for, but not with all effort."""
        for keys, expected in (
            (2_000, 'expected `int` at value["1"], got "x"'),
            (200_000, 'expected `int` at value[...], in {"0":0,'),
        ):
            value = {**{str(number): number for number in range(keys)}, "1": "x"}
            said, converted = self.place_of(dict[str, int], value, "[...]")
            self.assertEqual(said[: len(expected)], expected)
            self.assertLess(converted, 30_000 + 2 * keys)

    def test_large_neighbours(self):
        """What stands beside the wrong value counts as well, at each level anew."""
        value = {"leaves": ["x"]}
        for _ in range(20):
            value = {"branches": {"k": value}}
        said = refusal(Branch, value)
        self.assertIn("value.branches.k.branches.k.branches.k", said)
        self.assertIn('.leaves[0], got "x"', said)
        value["leaves"] = list(range(20_000))
        said = refusal(Branch, value)
        self.assertIn("expected `int` at value.branches[...].branches[...]", said)
        self.assertIn(', in {"branches":', said)

    def test_values_that_stand_in(self):
        """A large value in the place of many others counts as often as it stands there."""
        few = Annotated[dict[str, list[int]], Meta(min_length=1000)]
        value = {**{str(number): [] for number in range(1000)}, "x": [*range(1000), "x"]}
        self.assertIn("expected `int` at value[...][1000], in {", refusal(few, value))

    def test_depth(self):
        """Where the search goes too deep, it ends."""

        def convert(value):
            raise RecursionError

        error = msgspec.ValidationError("Expected `int`, got `str` - at `$[0][...]`")
        self.assertEqual(
            described(error, "value", {"a": 1, "b": "x"}, convert, {"$defs": {}}),
            'expected `int` at value[...], in {"a":1,"b":"x"}',
        )

    def test_long_strings(self):
        """Long strings count for more: there may be patterns to match."""
        text = Annotated[str, Meta(pattern="^a")]
        for length, place in ((9, 'value["400"][5]'), (9000, "value[...][5]")):
            value = {str(number): ["a" * length] * 10 for number in range(400)}
            value["400"] = [*["a" * length] * 5, "b"]
            said = refusal(dict[str, list[text]], value)
            self.assertIn(f"expected `str` matching regex '^a' at {place}, ", said)


class LengthTests(SynchronousTestCase):
    """The length of what is said."""

    def assertShort(self, start, annotation, value):
        said = refusal(annotation, value)
        self.assertEqual(said[: len(start)], start)
        self.assertLess(len(said), 700)

    def test_key(self):
        """A long key is shown in part."""
        long = "k" * 10**6
        self.assertShort(f'expected `int` at value["{"k" * 56}...], ', dict[str, int], {long: "x"})
        self.assertShort(
            "expected `str` of length <= 3 as a key, got ",
            dict[Annotated[str, Meta(max_length=3)], int],
            {long: 1},
        )

    def test_unknown_field(self):
        """So is a field that is not known."""
        said = refusal(Strict, {"x": 1, "y" * 10**6: 1})
        self.assertRegex(said, r"\Aobject contains unknown field `y{100,200}\.\.\., got ")
        self.assertLess(len(said), 700)

    def test_choices(self):
        """Of many choices some are told."""
        choices = Literal[tuple(f"{number:03}{'x' * 99}" for number in range(3000))]
        self.assertShort('expected one of "000xx', choices, "a")
        self.assertEqual(
            refusal(Literal[tuple(range(11))], 11),
            "expected one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ..., got 11",
        )
        self.assertEqual(
            refusal(Literal[tuple(range(10))], 11),
            "expected one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, got 11",
        )

    def test_path(self):
        """Of a long path the beginning and the end are told."""
        value: Any = {"leaves": "x"}
        for _ in range(40):
            value = {"branches": {"k": value}}
        self.assertShort("expected `array` at value.branches.k.branches.k.", Branch, value)
        self.assertIn('.k.branches.k.leaves, got "x"', refusal(Branch, value))

    def test_said_by_the_class(self):
        """What a class says may be long, too."""
        self.assertShort("no no no ", Talkative, {"x": 1})
