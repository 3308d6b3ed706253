"""Making sure that a service means what its client does."""

# ruff: noqa: UP007, UP045 # people write types in all ways that there are

from __future__ import annotations

from dataclasses import dataclass, field, make_dataclass
from typing import Annotated, Literal, Optional, Union

from msgspec import Meta

import pycom_tx as pycom
from pycom_tx.components.contract import DATA
from tests.support import MemoryCase

NAME = "com.foo.shop"


@dataclass
class Article:
    name: str
    tags: frozenset[str] = field(default=frozenset("abc"))


def shop(stateful=False, name=NAME, base=pycom.Service, **methods):
    """A class that provides the shop's interface, with these methods in place of its own."""

    class Shop(base):
        """Sells."""

        @pycom.method(results=("price",))
        def buy(self, request, article: Article, number: int = 1) -> float:
            """Buy an article."""

        @pycom.method(attachments=("scan", None))
        def sell(self, request, scan: bytes): ...

    for method, function in methods.items():
        if function is None:
            delattr(Shop, method)
        else:
            setattr(Shop, method, function)
    return pycom.interface(name, stateful=stateful)(Shop)


@pycom.method("buy", results=("price",))
def buy_in_other_words(
    self,
    request,
    article: Article,
    number: Annotated[int, Meta(title="How many", examples=[5])] = 7,
) -> Annotated[float, Meta(description="In gold.")]:
    """Purchase something."""


@pycom.method("buy", results=("price",))
def buy_by_name(self, request, article: str, number: int = 1) -> float: ...


@pycom.method("buy", results=("price",))
def buy_for_nothing(self, request, article: Article, number: int = 1) -> int: ...


@pycom.method("buy", results=("price",))
def buy_some(self, request, article: Article, number: int) -> float: ...


@pycom.method("buy", results=("cost",))
def buy_at_cost(self, request, article: Article, number: int = 1) -> float: ...


@pycom.method("buy", results=("price",))
def buy_few(self, request, article: Article, number: Annotated[int, Meta(le=3)] = 1) -> float: ...


@pycom.method("sell")
def sell_text(self, request, scan: str): ...


@pycom.method("sell", attachments=("scan", "receipt"), results=("receipt",))
def sell_with_receipt(self, request, scan: bytes): ...


@pycom.method
def rent(self, request): ...


class AgreementCase(MemoryCase):
    """Clients that have an idea of the shop's contract."""

    def openings(self, provided, contract, name=NAME):
        """All ways to open a component of *provided* for a client that knows *contract*."""
        service = self.host(provided)
        for opens, *args in self.ways(service, name):
            yield service, opens(*args, contract=contract)
        self.close(service.stopService)

    def ways(self, service, name):
        """Methods that open a component, with what they are called with."""
        yield self.context.locate, name
        yield self.context.connect, service.address, name
        yield self.proxies.locate, name
        yield self.proxies.connect, service.address, name

    def assertUnused(self, service):
        """No client is connected to a service any more."""
        self.assertEqual(self.network.bound[service.address].links, {})

    def assertAgrees(self, provided, contract):
        """Who knows *contract* can use *provided*."""
        for _, opening in self.openings(provided, contract):
            self.result(opening).close()

    def assertDiffers(self, difference, provided, contract=None):
        """Who knows *contract*, the shop's if left out, is told the difference."""
        for service, opening in self.openings(provided, contract or shop()):
            error = self.failure(opening, pycom.ContractMismatch)
            self.assertEqual(
                str(error),
                f"{NAME} at {self.at(service, named=True)} has another contract than Shop: "
                f"{difference}",
            )
            self.assertUnused(service)


class AgreementTests(AgreementCase):
    """``contract`` of ``locate`` and ``connect``."""

    def test_same(self):
        """A service with the same contract is what was asked for."""
        self.assertAgrees(shop(), shop())

    def test_class_of_its_own(self):
        """The contract may be a class that is no service."""
        self.assertAgrees(shop(), shop(base=object))

    def test_other_words(self):
        """Docstrings, descriptions, examples and defaults are no part of a contract."""
        self.assertAgrees(shop(buy=buy_in_other_words), shop())

    def test_used(self):
        """The component that was agreed about works like any other."""

        @pycom.method
        def rent(self, request, days: int) -> int:
            return 2 * days

        component = self.host(shop(rent=rent)) and self.result(
            self.context.locate(NAME, contract=shop(rent=rent))
        )
        self.assertEqual(self.result(component.invoke("rent", {"days": 2})), 4)
        component.close()

    def test_arguments(self):
        """Arguments of other types or bounds, or required ones, are a difference."""
        for other in (buy_by_name, buy_some, buy_few):
            self.assertDiffers("buy takes something else", shop(buy=other))

    def test_results(self):
        """Results of other types or names are a difference."""
        for other in (buy_for_nothing, buy_at_cost):
            self.assertDiffers("buy gives something else", shop(buy=other))

    def test_attachments(self):
        """Attachments are part of the contract."""
        self.assertDiffers("sell takes something else", shop(sell=sell_text))
        self.assertDiffers("sell gives something else", shop(sell=sell_with_receipt))

    def test_methods(self):
        """A method more or less is a difference, whoever has it."""
        self.assertDiffers("there is no method sell", shop(sell=None))
        self.assertDiffers("there is a method rent", shop(rent=rent))

    def test_registered_later(self):
        """A method that is added at run time is part of the contract."""
        later = shop()
        later.__interface__.register_method(pycom.method("rent", body=rent))
        self.assertDiffers("there is a method rent", later)
        self.assertAgrees(later, shop(rent=rent))

    def test_sessions(self):
        """Whether there are sessions is part of the contract."""
        self.assertDiffers("it has sessions", shop(stateful=True))
        self.assertDiffers("it has no sessions", shop(), shop(stateful=True))

    def test_several(self):
        """All differences are told."""
        self.assertDiffers(
            "it has sessions, there is no method sell, there is a method rent, "
            "buy takes something else",
            shop(stateful=True, buy=buy_by_name, sell=None, rent=rent),
        )

    def test_none_published(self):
        """A service that publishes no contract, for it is older or says nothing, has another."""

        @pycom.method("introspect")
        def nothing(self, request):
            return None

        @pycom.method("introspect")
        def old(self, request):
            return {"name": NAME, "methods": {}, "docstring": None, "data": {}}

        @pycom.method("introspect")
        def odd(self, request):
            return {"methods": {"buy": 5}, "data": {DATA: {"contract": "", "stateful": False}}}

        self.assertDiffers("it publishes none", shop(base=object))
        for introspect in (nothing, old, odd):
            self.assertDiffers("it publishes none", shop(base=object, introspect=introspect))

    def test_other_sum(self):
        """A service whose contract is the same to see, with another hash, is not trusted."""
        provided = shop()

        class Other(provided):
            @pycom.method(results=("name", "methods", "docstring", "data"))
            def introspect(self, request):
                told = {"contract": "0", "stateful": False}
                return NAME, self.__interface__.introspection(), None, {DATA: told}

        self.assertDiffers("it reckons otherwise", pycom.interface(NAME)(Other))

    def test_no_contract(self):
        """What is no class with @interface is no contract, and nothing is left open."""
        for contract in (object, "com.foo.shop", 5, pycom.Service):
            for service, opening in self.openings(shop(), contract):
                error = self.failure(opening, TypeError)
                self.assertIn("contract is a class with @pycom.interface, got ", str(error))
                self.assertUnused(service)

    def test_contract_of_another_interface(self):
        """The contract has to be one of the interface that is asked for."""
        for service, opening in self.openings(shop(), shop(name="com.foo.bank")):
            error = self.failure(opening, ValueError)
            self.assertEqual(str(error), "Shop is a contract for com.foo.bank, not com.foo.shop")
            self.assertUnused(service)

    def test_without(self):
        """Who gives no contract gets any service."""
        self.assertAgrees(shop(sell=None), None)


class HashTests(AgreementCase):
    """The hash that is published."""

    def published(self, provided):
        """The contract that ``introspect`` tells of."""
        component = self.host(provided) and self.result(self.context.locate(NAME))
        told = self.result(component.introspect())
        component.close()
        return told["data"][DATA]["contract"]

    def test_published(self):
        """A service publishes the hash of its class's contract, in hexadecimal."""
        provided = shop()
        published = self.published(provided)
        self.assertEqual(published, provided.__interface__.data()["contract"])
        self.assertRegex(published, r"\A[0-9a-f]{64}\Z")

    def test_order(self):
        """The order of arguments is part of the contract."""

        @pycom.method("rent")
        def first(self, request, a, b): ...

        @pycom.method("rent")
        def second(self, request, b, a): ...

        one, two = (shop(rent=made).__interface__.data() for made in (first, second))
        self.assertNotEqual(one["contract"], two["contract"])

    def test_order_that_says_nothing(self):
        """The order of choices, of parts of a union and of fields is no part of it."""

        @dataclass
        class Size:
            a: int
            b: int

        first = Size

        @dataclass
        class Size:
            b: int
            a: int

        for one, other in (
            (Union[int, str], Union[str, int]),
            (list[Optional[Union[int, str]]], list[Optional[Union[str, int]]]),
            (Literal["a", "b"], Literal["b", "a"]),
            (Optional[Literal[1, "a"]], Optional[Literal["a", 1]]),
            (first, Size),
        ):
            self.assertEqual(*(self.contract_of(kind) for kind in (one, other)))

    def contract_of(self, kind):
        """The contract of a shop that rents what is of that type."""

        def rent(self, request, what): ...

        rent.__annotations__ = {"what": kind}
        return shop(rent=pycom.method(rent)).__interface__.data()["contract"]

    def test_names_of_classes(self):
        """The names of classes are part of it."""
        one, other = (make_dataclass(name, [("x", int)]) for name in ("Hat", "Cap"))
        self.assertNotEqual(self.contract_of(one), self.contract_of(other))

    def test_changed(self):
        """It is another after a method was added."""
        provided = shop()
        before = provided.__interface__.data()["contract"]
        self.assertEqual(before, provided.__interface__.data()["contract"])
        provided.__interface__.register_method(pycom.method("rent", body=rent))
        self.assertEqual(
            provided.__interface__.data(), shop(rent=pycom.method(rent)).__interface__.data()
        )
        self.assertNotEqual(before, provided.__interface__.data()["contract"])

    def test_prose_as_names(self):
        """Fields may be called what JSON Schema calls its words for readers."""

        @pycom.method("rent")
        def first(self, request, title: str, description: int = 1): ...

        @pycom.method("rent")
        def second(self, request, title: int, description: int = 1): ...

        one, two = (shop(rent=made).__interface__.data() for made in (first, second))
        self.assertNotEqual(one["contract"], two["contract"])
