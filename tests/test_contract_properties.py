"""Contracts: what their JSON Schema admits is what methods take and give."""

# ruff: noqa: UP007, UP045 # types are put together, and Python 3.10 has no other way

from __future__ import annotations

import enum
import json
from copy import deepcopy
from dataclasses import dataclass, field, make_dataclass
from itertools import count
from typing import Annotated, Any, Literal, NamedTuple, Optional, TypedDict, Union

import msgspec
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from msgspec import Meta
from twisted.trial.unittest import SynchronousTestCase

import pycom_tx as pycom

EXAMPLES = settings(
    deadline=None,
    max_examples=150,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

NAMES = ("a", "b", "c")
numbered = count()


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Size(enum.IntEnum):
    SMALL = 1
    LARGE = 2


@dataclass
class Tree:
    value: int
    children: list[Tree] = field(default_factory=list)


class Person(TypedDict, total=False):
    name: str
    age: int


class Point(NamedTuple):
    x: int
    y: float = 0.0


class Circle(msgspec.Struct, tag="circle"):
    radius: int


class Square(msgspec.Struct, tag="square", forbid_unknown_fields=True):
    width: int
    turned: bool = False


class Leaf(msgspec.Struct, tag="leaf"):
    value: int


class Minus(msgspec.Struct, tag="minus"):
    of: Leaf | Minus | Plus


class Plus(msgspec.Struct, tag="plus"):
    of: Leaf | Minus | Plus
    more: dict[str, Leaf | Minus | Plus] = {}


class Alone(msgspec.Struct, tag=7, tag_field="kind"):
    value: int


# Values are such as JSON in UTF-8 holds and a double can be: NaN and infinities are no JSON,
# so no schema speaks of them. Lone surrogates can be escaped in JSON, and are no Unicode. A
# number beyond a double is out of range for a float, which "number" cannot say.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=4) | st.sampled_from(
    ["", "a", "ab", "red", "circle", "type", "1", *NAMES]
)
numbers = (
    st.integers(-12, 12)
    | st.integers(-(2**80), 2**80)
    | st.integers(-12, 12).map(float)
    | st.floats(allow_nan=False, allow_infinity=False)
)
anything = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)


class Kind(NamedTuple):
    """An annotation, and JSON that is, more or less, of that type."""

    annotation: Any
    near: st.SearchStrategy[Any]


def objects(fields, tag=None):
    """JSON objects with most of *fields*, a dict of strategies."""
    tags = {} if tag is None else {tag[0]: st.sampled_from(tag[1])}
    return st.fixed_dictionaries({}, optional={**fields, **tags}) | st.fixed_dictionaries(
        {**fields, **tags}
    )


SCALARS = [
    Kind(int, st.integers() | st.integers(-9, 9).map(float)),
    Kind(float, st.integers(-9, 9) | st.floats(-9, 9)),
    Kind(bool, st.booleans()),
    Kind(str, texts),
    Kind(type(None), st.none()),
    Kind(Annotated[int, Meta(ge=-3, lt=8)], st.integers(-5, 9) | st.integers(-5, 9).map(float)),
    Kind(Annotated[int, Meta(gt=0, multiple_of=3)], st.integers(-3, 12) | st.just(3 * 2**70)),
    Kind(Annotated[float, Meta(gt=-2.5, le=4)], st.integers(-4, 6) | st.floats(-4, 6)),
    Kind(Annotated[str, Meta(min_length=1, max_length=3)], texts),
    Kind(Annotated[str, Meta(pattern="^a.*b?$", description="an a")], texts),
    Kind(Literal["a", "b"], st.sampled_from(["a", "b", "c"])),
    Kind(Optional[Literal[1, 2]], st.sampled_from([1, 2, 3, 1.0, True, None])),
    Kind(Literal["a", 1, True], st.sampled_from(["a", 1, True, False, 0, 1.0])),
    Kind(Colour, st.sampled_from(["red", "blue", "RED"])),
    Kind(Size, st.sampled_from([1, 2, 2.0, True, 3])),
]
OTHERS = [
    Kind(Any, anything),
    Kind(list, st.lists(anything, max_size=3)),
    Kind(dict, st.dictionaries(texts, anything, max_size=3)),
    Kind(tuple, st.lists(anything, max_size=3)),
    Kind(
        Tree,
        st.recursive(
            objects({"value": st.integers(-3, 3)}),
            lambda inner: objects({"value": st.just(1.0), "children": st.lists(inner)}),
            max_leaves=3,
        ),
    ),
    Kind(Person, objects({"name": texts, "age": st.integers() | st.just(5.0)})),
    Kind(Point, st.lists(st.integers() | st.floats(-4, 4), max_size=3)),
    Kind(Circle, objects({"radius": st.integers()}, ("type", ["circle", "square"]))),
    Kind(Alone, objects({"value": st.integers()}, ("kind", [7, 7.0, 8, "7"]))),
    Kind(
        Union[Circle, Square],
        objects({"radius": st.integers()}, ("type", ["circle", "square"]))
        | objects({"width": st.integers()}, ("type", ["square", "circle", 5]))
        | objects({"width": st.integers(), "turned": st.booleans()}, ("type", ["square"])),
    ),
    Kind(
        Union[Leaf, Minus, Plus],
        st.recursive(
            objects({"value": st.integers()}, ("type", ["leaf"])),
            lambda inner: (
                objects({"of": inner}, ("type", ["minus", "plus"]))
                | objects(
                    {"of": inner, "more": st.dictionaries(texts, inner, max_size=2)},
                    ("type", ["plus"]),
                )
            ),
            max_leaves=8,
        ),
    ),
]


def lists_of(kind):
    near = st.lists(kind.near, max_size=4)
    return st.sampled_from(
        [
            Kind(list[kind.annotation], near),
            Kind(tuple[kind.annotation, ...], near),
            Kind(Annotated[list[kind.annotation], Meta(min_length=1, max_length=2)], near),
        ]
    )


def sets_of(kind):
    near = st.lists(kind.near, max_size=4)
    return st.sampled_from(
        [
            Kind(set[kind.annotation], near),
            Kind(Annotated[frozenset[kind.annotation], Meta(max_length=2)], near),
        ]
    )


def dicts_of(kind):
    near = st.dictionaries(texts, kind.near, max_size=4)
    return st.sampled_from(
        [
            Kind(dict[str, kind.annotation], near),
            Kind(Annotated[dict[str, kind.annotation], Meta(min_length=2)], near),
            Kind(dict[Annotated[str, Meta(max_length=2)], kind.annotation], near),
        ]
    )


def tuple_of(parts):
    near = st.tuples(*(kind.near for kind in parts)).map(list)
    return Kind(tuple[tuple(kind.annotation for kind in parts)], near)


def union_of(parts):
    near = st.one_of(*(kind.near for kind in parts))
    return Kind(Union[tuple(kind.annotation for kind in parts)], near)


@st.composite
def classes_of(draw, inner):
    """Classes with some fields, the last of them with a default, of all sorts."""
    parts = dict(zip(NAMES, draw(st.lists(inner, min_size=1, max_size=3)), strict=False))
    name = f"Class{next(numbered)}"
    *required, (last, kind) = [(each, kind.annotation) for each, kind in parts.items()]
    fields = [*required, (last, Optional[kind], None)]
    near = {each: kind.near for each, kind in parts.items()}
    sort = draw(st.integers(0, 4))
    if sort == 0:
        made = make_dataclass(name, [*required, (last, Optional[kind], field(default=None))])
        return Kind(made, objects(near))
    if sort == 1:
        strict = draw(st.booleans())
        made = msgspec.defstruct(name, fields, forbid_unknown_fields=strict)
        return Kind(made, objects(near))
    if sort == 2:
        renamed = {each: f"{each}.x[0]" for each in NAMES}
        made = msgspec.defstruct(name, fields, rename=renamed, tag="made")
        near = {renamed[each]: values for each, values in near.items()}
        return Kind(made, objects(near, ("type", ["made", "other"])))
    if sort == 3:
        made = msgspec.defstruct(name, fields, array_like=True)
        return Kind(made, st.tuples(*near.values()).map(list))
    made = TypedDict(name, {each: kind.annotation for each, kind in parts.items()})
    return Kind(made, objects(near))


scalars = st.sampled_from(SCALARS)
kinds = st.recursive(
    scalars | st.sampled_from(OTHERS),
    lambda inner: (
        inner.flatmap(lists_of)
        | (scalars | st.lists(scalars, max_size=2).map(tuple_of)).flatmap(sets_of)
        | inner.flatmap(dicts_of)
        | st.lists(inner, max_size=3).map(tuple_of)
        | st.lists(inner, min_size=2, max_size=3).map(union_of)
        | inner.map(lambda kind: Kind(Optional[kind.annotation], kind.near | st.none()))
        | classes_of(inner)
    ),
    max_leaves=5,
)


def places(value, path=()):
    """The paths to everything in *value*."""
    yield path
    if isinstance(value, (list, dict)):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


def changed(draw, value):
    """*value* with something in it replaced, gone or added."""
    *path, last = draw(st.sampled_from([(None, *path) for path in places(value)]))
    whole = {None: deepcopy(value)}
    inside = whole
    for key in path:
        inside = inside[key]
    change = draw(st.integers(0, 3))
    if change == 0 and last is not None:
        del inside[last]
    elif change == 1 and isinstance(inside[last], dict):
        inside[last][draw(texts)] = draw(anything)
    elif change == 1 and isinstance(inside[last], list):
        inside[last].append(draw(anything))
    else:
        inside[last] = draw(anything)
    return whole[None]


@st.composite
def values_of(draw, kind):
    """JSON that is, or almost is, of that type."""
    value = draw(kind.near)
    for _ in range(draw(st.integers(0, 2))):
        value = changed(draw, value)
    return value


@st.composite
def kinds_and_values(draw):
    kind = draw(kinds)
    return kind.annotation, draw(values_of(kind))


def taking(annotation):
    """A method with an argument of that type, and an optional one."""

    def buy(self, request, value, other=None): ...

    buy.__annotations__ = {"value": annotation, "other": Optional[int]}
    return method(buy)


def giving(annotation, **options):
    """A method with a result of that type."""

    def buy(self, request): ...

    buy.__annotations__ = {"return": annotation}
    return method(buy, **options)


def method(function, **options):
    try:
        return pycom.method("buy", body=function, **options)
    except TypeError:
        reject()  # not every union is a type


def asked(args):
    return pycom.Request("com.foo.shop", "buy", args)


def schema_of(method, what):
    """A schema that the method publishes, as a client gets it."""
    schema = json.loads(json.dumps(method.introspection()["schema"][what]))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


class ContractTests(SynchronousTestCase):
    @EXAMPLES
    @given(kinds_and_values(), st.none() | st.integers() | anything)
    def test_arguments(self, kind_and_value, other):
        """A method takes what its schema admits, and nothing else."""
        annotation, value = kind_and_value
        buy = taking(annotation)
        schema = schema_of(buy, "arguments")
        for args in ({"value": value}, {"value": value, "other": other}):
            before = deepcopy(args)
            try:
                buy.arguments(asked(args))
            except pycom.BadRequest as error:
                self.assertFalse(schema.is_valid(args), (str(error), schema.schema))
                self.assertRegex(
                    str(error),
                    r"\AArgument of com\.foo\.shop\.buy: '(value|other)': .+, (got|in) .+",
                )
            else:
                self.assertTrue(schema.is_valid(args), schema.schema)
            self.assertEqual(repr(args), repr(before))

    @EXAMPLES
    @given(st.sampled_from([*SCALARS, *OTHERS]), anything)
    def test_object(self, kind, args):
        """That holds for the object of the arguments, too."""

        def sell(self, request, a=None, type=None): ...  # noqa: A002 # nobody minds on the wire

        sell.__annotations__ = {"a": kind.annotation}
        for buy in (taking(kind.annotation), method(sell)):
            schema = schema_of(buy, "arguments")
            try:
                buy.arguments(asked(args))
            except pycom.BadRequest as error:
                self.assertFalse(schema.is_valid(args), str(error))
            else:
                self.assertTrue(schema.is_valid(args))

    @EXAMPLES
    @given(kinds_and_values())
    def test_results(self, kind_and_value):
        """A method gives what its schema admits, and nothing else."""
        annotation, value = kind_and_value
        for buy, expected in (
            (giving(annotation), value),
            (giving(annotation, results=("the value",)), {"the value": value}),
        ):
            schema = schema_of(buy, "result")
            try:
                response = buy.response(asked(None), value)
            except TypeError:
                self.assertFalse(schema.is_valid(expected), schema.schema)
            else:
                self.assertTrue(schema.is_valid(response.result), schema.schema)

    @EXAMPLES
    @given(kinds_and_values())
    def test_objects_as_results(self, kind_and_value):
        """What an argument was converted to is a result of that type, and its JSON an argument."""
        annotation, value = kind_and_value
        sell, buy = giving(annotation), taking(annotation)
        try:
            argument = buy.arguments(asked({"value": value}))["value"]
        except pycom.BadRequest:
            reject()
        result = sell.response(asked(None), argument).result
        result = json.loads(json.dumps(result))
        self.assertTrue(schema_of(sell, "result").is_valid(result))
        again = buy.arguments(asked({"value": result}))["value"]
        self.assertEqual(again, argument)
