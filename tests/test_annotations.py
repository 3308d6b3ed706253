"""What the annotations of a function say."""

# ruff: noqa: RUF020, UP007, UP045 # people write types in all ways that there are

from __future__ import annotations

import functools
import typing
from collections.abc import Awaitable, Coroutine, Generator
from dataclasses import dataclass
from typing import Annotated, Any, Optional, Union

from msgspec import Meta
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.trial.unittest import SynchronousTestCase

import pycom_tx as pycom
from pycom_tx.components.annotations import declared_types, eventual

Number = Annotated[int, Meta(ge=1)]


@dataclass
class Article:
    name: str


class Till:
    """What can be called without being a function."""

    def __call__(self, service, request, article: Article) -> Number: ...

    def open(self, service, request, article: Article) -> Number: ...


def buy(self: Anything, request: Anything, article: Article, number: Number = 1, *, to=None): ...  # noqa: F821


def sell(self, request, articles: list[Article]) -> Number: ...


class DeclaredTests(SynchronousTestCase):
    """``declared_types``."""

    def test_strings(self):
        """Annotations are evaluated where they are strings, with what they are annotated with."""
        self.assertEqual(
            declared_types(sell, "sell"), {"articles": list[Article], "return": Number}
        )

    def test_only_what_is_annotated(self):
        """Self, the request and what has no annotation have no type."""
        self.assertEqual(declared_types(buy, "buy"), {"article": Article, "number": Number})
        self.assertEqual(declared_types(lambda self, request, article: None, "buy"), {})

    def test_none(self):
        """None is the type of None; a default of None does not make an argument optional."""

        def buy(self, request, article: int = None) -> None: ...  # noqa: RUF013 # as people write

        self.assertEqual(declared_types(buy, "buy"), {"article": int, "return": type(None)})

    def test_no_such_name(self):
        """A name that is not there is an error that names the function and the argument."""

        def buy(self, request, article: Artikel): ...  # noqa: F821

        def sell(self, request) -> list[Artikel]: ...  # noqa: F821

        for function, name in ((buy, "article"), (sell, "return")):
            error = self.assertRaises(TypeError, declared_types, function, "Shop.buy")
            self.assertEqual(
                str(error),
                f"Shop.buy: the annotation of {name!r} cannot be evaluated: name 'Artikel' is "
                "not defined; what it names has to be there, at the top of the module, before "
                "the method",
            )

    def test_declaration_names_the_method(self):
        """A method with such an annotation is refused when it is declared, by its name."""

        def buy(self, request, article: Artikel): ...  # noqa: F821

        error = self.assertRaises(TypeError, pycom.method, buy)
        self.assertIn("buy: the annotation of 'article' cannot be evaluated", str(error))

    def test_no_type(self):
        """What is no Python cannot be evaluated, either."""

        def buy(self, request, article: "how many"): ...  # noqa: F722

        error = self.assertRaises(TypeError, declared_types, buy, "buy")
        self.assertIn("buy: the annotation of 'article' cannot be evaluated", str(error))

    def test_wrapped(self):
        """A decorated function has the types of the one that it wraps."""

        @functools.wraps(sell)
        def wrapper(*args, **kwargs): ...

        self.assertEqual(declared_types(wrapper, "sell"), declared_types(sell, "sell"))

    def test_wrapped_elsewhere(self):
        """Names are looked up where the wrapped function is, not where its wrapper is."""
        names = {"functools": functools}
        exec(  # a module without the names that the function's annotations have
            "def wrap(function):\n"
            "    @functools.wraps(function)\n"
            "    def wrapper(*args): ...\n"
            "    return wrapper",
            names,
        )
        self.assertEqual(declared_types(names["wrap"](sell), "sell")["return"], Number)

    def test_partial(self):
        """A partial has the types of its function, also of one that is wrapped."""
        self.assertEqual(
            declared_types(functools.partial(sell), "sell"), declared_types(sell, "sell")
        )
        again = functools.partial(functools.partial(buy, to=1), number=2)
        self.assertEqual(declared_types(again, "buy"), {"article": Article, "number": Number})

    def test_objects(self):
        """What can be called has the types of what is called."""
        expected = {"article": Article, "return": Number}
        self.assertEqual(declared_types(Till().open, "open"), expected)
        self.assertEqual(declared_types(Till(), "till"), expected)

    def test_nothing_to_call(self):
        """What is no function has no types."""
        self.assertEqual(declared_types(5, "buy"), {})


class EventualTests(SynchronousTestCase):
    """``eventual``."""

    def assertEventual(self, expected, *annotations):
        for annotation in annotations:
            self.assertEqual(eventual(annotation), expected, annotation)

    def test_at_once(self):
        """A type that is no Deferred is itself."""
        for annotation in (int, list[int], Optional[int], int | str, Number, None, Any, Article):
            self.assertEqual(eventual(annotation), annotation)

    def test_later(self):
        """What comes later is of the type that it will be."""
        self.assertEventual(
            list[int],
            Deferred[list[int]],
            Awaitable[list[int]],
            typing.Awaitable[list[int]],
            Coroutine[Any, Any, list[int]],
            Generator[Deferred[Any], object, list[int]],
            Deferred[Deferred[list[int]]],
            Awaitable[Deferred[list[int]]],
        )

    def test_sometimes_later(self):
        """What comes at once or later is of one type."""
        self.assertEventual(int, int | Deferred[int], Union[Deferred[int], Awaitable[int]])
        self.assertEventual(int | None, None | Deferred[int], Deferred[int | None] | int)
        self.assertEventual(int | str, Deferred[int] | Deferred[str])

    def test_not_told(self):
        """What comes later without a type may be anything."""
        self.assertEventual(
            Any, Deferred, Awaitable, Coroutine, Generator, Deferred[Any], int | Deferred, int | Any
        )

    def test_response(self):
        """A response says nothing about its result; what stands beside it does."""
        self.assertEventual(
            Any,
            pycom.Response,
            Deferred[pycom.Response],
            pycom.Response | Deferred[pycom.Response],
        )
        self.assertEventual(
            int,
            int | pycom.Response,
            Deferred[int | pycom.Response],
            int | Deferred[pycom.Response],
        )
        self.assertEventual(int | str, int | str | pycom.Response)

    def test_never(self):
        """A function that only raises tells no type."""
        self.assertEventual(Any, typing.NoReturn, Deferred[typing.NoReturn])
        self.assertEventual(int, int | typing.NoReturn)

    def test_no_annotation(self):
        """What is no type is left to those that check types."""
        self.assertEventual([int], [int])
        self.assertEventual({}, {})

    def test_inline_callbacks(self):
        """A generator of ``inlineCallbacks`` is annotated with what it returns in the end."""

        @inlineCallbacks
        def buy(self, request, article: Article) -> Generator[Deferred[Any], object, Number]:
            yield None

        types = declared_types(buy, "buy")
        self.assertEqual(types["article"], Article)
        self.assertEqual(eventual(types["return"]), Number)

    def test_coroutine(self):
        """An ``async def`` is annotated with what it returns in the end, as it is."""

        async def buy(self, request) -> Number: ...

        self.assertEqual(eventual(declared_types(buy, "buy")["return"]), Number)

    def test_declared(self):
        """A method's result is the eventual one."""

        def buy(self, request) -> Deferred[Number] | pycom.Response: ...

        told = pycom.method("buy", body=buy).introspection()
        self.assertEqual(told["schema"]["result"], {"type": "integer", "minimum": 1})
