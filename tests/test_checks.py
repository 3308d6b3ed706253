"""What ``check_argument`` says of types."""

# ruff: noqa: UP045 # people write types in all ways that there are

from __future__ import annotations

from typing import Optional

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

import pycom_tx as pycom


def checking(valid_types):
    """An interface whose method takes what is of *valid_types*."""

    @pycom.interface("com.foo.shop")
    class Shop:
        @pycom.check_argument("article", valid_types)
        @pycom.method
        def buy(self, request, article): ...

    return Shop.__interface__


class AnnotatedTests(SynchronousTestCase):
    def test_type_first(self):
        """What is of another type than is annotated never gets to the validator."""
        seen = []

        @pycom.interface("com.foo.shop")
        class Shop:
            @pycom.check_argument("size", validator=lambda _, size: seen.append(size) or True)
            @pycom.method
            def buy(self, request, size: int): ...

        interface = Shop.__interface__
        method = interface.methods["buy"]
        (check,) = method.prehooks
        for size in "x", 5:
            request = pycom.Request("com.foo.shop", "buy", {"size": size})
            checked = Deferred.fromCoroutine(check(interface, method, request))
            if size == "x":
                error = self.failureResultOf(checked, pycom.BadRequest).value
                self.assertIn("'size': expected `int`, got", str(error))
            else:
                self.assertIs(self.successResultOf(checked), request)
        self.assertEqual(seen, [5])


class TypeTests(SynchronousTestCase):
    """``valid_types``."""

    def check(self, valid_types, value):
        """A Deferred of the request after the check."""
        interface = checking(valid_types)
        method = interface.methods["buy"]
        request = pycom.Request("com.foo.shop", "buy", {"article": value})
        return Deferred.fromCoroutine(method.prehooks[0](interface, method, request))

    def assertSays(self, expected, valid_types):
        """That is what is said to have been expected, where a list came."""
        failure = self.failureResultOf(self.check(valid_types, []), pycom.BadRequest)
        self.assertEqual(
            str(failure.value),
            "Invalid type for argument 'article' of com.foo.shop.buy, "
            f"expected {expected}, got list",
        )

    def test_named(self):
        """Each type is named, in unions and in tuples in tuples as well."""
        self.assertSays("int", int)
        self.assertSays("int or str", (int, str))
        self.assertSays("int or str or float", (int, (str, float)))
        self.assertSays("int | str", int | str)
        self.assertSays("bool or int | str", (bool, int | str))

    def test_attachment(self):
        """An attachment is checked as what the method gets: a view is not copied for that."""
        checked = []

        class Shop:
            @pycom.check_argument("scan", memoryview, lambda _, scan: not checked.append(scan))
            @pycom.method(attachments=("scan", None))
            def view(self, request, scan: memoryview): ...

            @pycom.check_argument("scan", bytes, lambda _, scan: not checked.append(scan))
            @pycom.method(attachments=("scan", None))
            def copy(self, request, scan: bytes): ...

        interface = pycom.interface("com.foo.shop")(Shop).__interface__
        received = memoryview(b"scan")
        for method in (interface.methods["view"], interface.methods["copy"]):
            request = pycom.Request("com.foo.shop", method.name, {}, attachment=received)
            check = method.prehooks[0](interface, method, request)
            self.successResultOf(Deferred.fromCoroutine(check))
        self.assertIs(checked[0].obj, received.obj)
        self.assertEqual(checked[1], b"scan")

    def test_taken(self):
        """A value of any of them is taken."""
        for valid_types in (int, (str, (float, int)), int | str, Optional[int]):
            self.successResultOf(self.check(valid_types, 5))

    def test_no_types(self):
        """What is no type is refused where it is written, wherever it stands."""
        for wrong in ("int", 5, len, [int], list[int], (type(None), "int"), (int, (str, 5))):
            error = self.assertRaises(TypeError, checking, wrong)
            self.assertRegex(str(error), r"\Avalid_types is a type or a tuple of types, got .+")
