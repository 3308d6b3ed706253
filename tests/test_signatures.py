"""What Python shows of a remote method."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

from twisted.trial.unittest import SynchronousTestCase

from pycom_tx.client.signatures import is_free, signature
from pycom_tx.components.declare import method


class Colour(Enum):
    RED = "red"


@dataclass
class Item:
    article: str


def told(**options):
    """Make of a function what a client is told of it as a method."""

    def declared(function):
        return json.loads(json.dumps(method("give", body=function, **options).introspection()))

    return declared


def shown(described):
    return str(signature("give", described))


def takes(schema):
    """How a type is shown, of which there is this JSON Schema."""
    described = told()(lambda self, request, it: None)
    described["schema"]["arguments"] = {"properties": {"it": schema}}
    return shown(described).removeprefix("(it").removesuffix(") -> Deferred[Any]")


class SignatureTests(SynchronousTestCase):
    """``signature``."""

    def test_types(self):
        """Arguments have the types that the service converts them from."""

        @told()
        def give(
            self,
            request,
            item: Item,
            items: list[Item],
            *,
            numbers: dict[str, int],
            pair: tuple[int, str],
            way: Literal["up", "down"] | None,
            colour: Colour,
            anything: Any,
            anything_else,
        ): ...

        self.assertEqual(
            shown(give),
            "(item: Item, items: list[Item], numbers: dict[str, int], pair: tuple[int, str], "
            "way: Literal['down', 'up'] | None, colour: Colour, anything, anything_else)"
            " -> Deferred[Any]",
        )

    def test_defaults(self):
        """So do they have their defaults, where JSON can hold them."""

        @told()
        def give(
            self, request, a, b=None, *, c: int = 5, d=(1, [True]), e: Colour = Colour.RED
        ): ...

        self.assertEqual(
            shown(give), "(a, b=None, c: int = 5, d=..., e: Colour = ...) -> Deferred[Any]"
        )

    def test_attachments(self):
        """Attachments are bytes."""

        @told(attachments=("scan", "copy"), results=("copy",))
        def give(self, request, scan): ...

        self.assertEqual(shown(give), "(scan: bytes) -> Deferred[bytes]")

    def test_results(self):
        """The result has its type, several have their names as well."""

        @told()
        def alone(self, request, a) -> float: ...

        @told(results=("only",))
        def one(self, request, a) -> str: ...

        @told(results=("first", "second"))
        def two(self, request, a) -> tuple[list[str], Any]: ...

        self.assertEqual(shown(alone), "(a) -> Deferred[float]")
        self.assertEqual(shown(one), "(a) -> Deferred[str]")
        self.assertEqual(shown(two), "(a) -> Deferred[give(first: list[str], second)]")

    def test_free(self):
        """A method without arguments is free, unless it has said what it gives."""
        free = told()(lambda self, request: None)
        self.assertEqual((shown(free), is_free(free)), ("(**kwargs) -> Deferred[Any]", True))

        @told(results=("first", "second"))
        def results(self, request): ...

        self.assertIs(is_free(results), True)

        @told()
        def typed(self, request) -> bool: ...

        self.assertEqual((shown(typed), is_free(typed)), ("() -> Deferred[bool]", False))

    def test_old(self):
        """A service of PyCOM 0.6 tells names alone."""
        old = told()(lambda self, request, a, b=1: None)
        del old["schema"]
        self.assertEqual(shown(old), "(a, b=...) -> Deferred[Any]")

    def test_no_syntax(self):
        """Names that Python has no syntax for are left out."""
        for name in ("class", "a-b", ""):
            strange = {**told()(lambda self, request: None), "required_arguments": [name]}
            self.assertEqual(shown(strange), "(*args, **kwargs) -> Deferred[Any]")

    def test_anything(self):
        """Whatever a service takes for a schema, there is something to show."""
        for schema, kind in (
            ({"type": ["integer", "null"]}, ": int | None"),
            ({"anyOf": [{"type": "string"}, {"type": "string"}]}, ": str"),
            ({"anyOf": [{"type": "string"}, {}]}, ""),
            ({"type": "array"}, ": list"),
            ({"type": "object", "additionalProperties": True}, ": dict"),
            ({"enum": ["x" * 300]}, f": Literal['{'x' * 191}…"),
            *((schema, "") for schema in (None, 5, [], True, {"type": 5}, {"type": "what"})),
            *((schema, "") for schema in ({"anyOf": []}, {"type": []}, {"$ref": 5}, {"enum": 5})),
        ):
            self.assertEqual(takes(schema), kind)

    def test_deep(self):
        """What is nested too deeply may be anything."""
        schema = {"type": "string"}
        for _ in range(1000):
            schema = {"type": "array", "items": schema}
        self.assertTrue(takes(schema).startswith(": list[list["))
        self.assertLess(len(takes(schema)), 300)

    def test_wide_and_deep(self):
        """So may what has too many parts, however few they are in a level."""
        schema = {"type": "string"}
        for _ in range(50):
            schema = {
                "type": ["array", "object"] * 4,
                "items": schema,
                "additionalProperties": schema,
                "anyOf": 5,
            }
        self.assertEqual(takes(schema), "")
