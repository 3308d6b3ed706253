"""Declaring interfaces and methods."""

from __future__ import annotations

import functools

from twisted.internet.defer import inlineCallbacks
from twisted.trial.unittest import SynchronousTestCase

import pycom_tx as pycom


def plain(self, request):
    """What a method needs at the least."""


def declared(**attributes):
    """A class named Shop with *attributes*, declared as com.foo.shop."""
    return pycom.interface("com.foo.shop")(type("Shop", (), attributes))


class RefusingCase(SynchronousTestCase):
    """Declarations that make no sense."""

    def assertRefuses(self, kind, message, declare, *args, **kwargs):
        """*declare* raises exactly *kind* with exactly *message*."""
        error = self.assertRaises((TypeError, ValueError), declare, *args, **kwargs)
        self.assertEqual((type(error), str(error)), (kind, message))


class InterfaceTests(RefusingCase):
    """``@interface``."""

    def test_class_is_given_back(self):
        """A declared class is the class itself, with a description."""

        class Shop:
            pass

        self.assertIs(pycom.interface("com.foo.shop")(Shop), Shop)
        self.assertEqual(Shop.__interface__.name, "com.foo.shop")

    def test_nothing_else_said(self):
        """An interface is stateless and leaves authentication to its host."""
        interface = declared().__interface__
        self.assertIs(interface.stateful, False)
        self.assertIs(interface.authentication, None)
        self.assertEqual(interface.methods, {})

    def test_options(self):
        """An interface may be stateful and have a policy of its own."""
        for policy in ("required", "never"):
            shop = pycom.interface("shop", stateful=True, authentication=policy)(type("S", (), {}))
            self.assertIs(shop.__interface__.stateful, True)
            self.assertEqual(shop.__interface__.authentication, policy)

    def test_methods_are_found(self):
        """An interface has the methods of its class, by their names on the wire."""

        @pycom.interface("com.foo.shop")
        class Shop:
            price = 3

            @pycom.method
            def buy(self, request): ...

            @pycom.method("give-back")
            def return_(self, request): ...

            def count(self): ...

        methods = Shop.__interface__.methods
        self.assertEqual(sorted(methods), ["buy", "give-back"])
        self.assertIs(methods["buy"].function, Shop.buy)
        self.assertIs(methods["give-back"].function, Shop.return_)

    def test_methods_are_inherited(self):
        """A class has the methods of those it derives from, replaced where it says so."""

        class Counter:
            @pycom.method
            def buy(self, request): ...

            @pycom.method
            def sell(self, request): ...

        @pycom.interface("com.foo.shop")
        class Shop(Counter):
            @pycom.method
            def sell(self, request): ...

        self.assertEqual(
            {name: method.function for name, method in Shop.__interface__.methods.items()},
            {"buy": Counter.buy, "sell": Shop.sell},
        )

    def test_override_without_decorator(self):
        """A method that is overridden by none is refused: it would be gone."""

        class Counter:
            @pycom.method
            def buy(self, request): ...

        class Shop(Counter):
            def buy(self, request): ...

        error = self.assertRaises(ValueError, pycom.interface("com.foo.shop"), Shop)
        self.assertEqual(str(error), "Shop.buy overrides a method: give it @pycom.method, too")

    def test_decorator_above(self):
        """A wrapper around a method is refused: it would not be called."""

        def shouting(function):
            return functools.wraps(function)(lambda *args: function(*args).upper())

        class Shop:
            @shouting
            @pycom.method
            def buy(self, request): ...

        error = self.assertRaises(ValueError, pycom.interface("com.foo.shop"), Shop)
        self.assertEqual(str(error), "Shop.buy: put @pycom.method above the other decorators")

    def test_one_function_under_two_attributes(self):
        """A method that the class knows by two names is one method."""

        @pycom.method
        def buy(self, request): ...

        self.assertEqual(list(declared(buy=buy, purchase=buy).__interface__.methods), ["buy"])

    def test_derived_interface_leaves_its_base_alone(self):
        """An interface derived from another has methods that the other does not get."""

        @pycom.interface("com.foo.shop")
        class Shop(pycom.Service):
            pass

        @pycom.interface("com.foo.shop.large")
        class LargeShop(Shop):
            @pycom.method
            def park(self, request): ...

        self.assertEqual(list(Shop.__interface__.methods), ["introspect"])
        self.assertEqual(sorted(LargeShop.__interface__.methods), ["introspect", "park"])

    def test_name_is_no_string(self):
        """An interface's name is a string."""
        self.assertRefuses(
            TypeError,
            "Shop: @interface takes the interface's name, got 5",
            pycom.interface(5),
            type("Shop", (), {}),
        )

    def test_without_parentheses(self):
        """``@interface`` without a name is refused where it is written."""
        self.assertRaises(TypeError, pycom.interface, type("Shop", (), {}))

    def test_wrong_names(self):
        """An interface's name is parts, none of them empty, with dots between."""
        for name in ("", ".", "com.", ".foo", "com..foo", "com foo", "com/foo", "com.foo\n"):
            self.assertRefuses(
                ValueError,
                f"Shop: an interface's name is parts with dots between, got {name!r}",
                pycom.interface(name),
                type("Shop", (), {}),
            )

    def test_wrong_policy(self):
        """There are two policies of authentication."""
        self.assertRefuses(
            ValueError,
            "Shop: authentication is 'required' or 'never', got 'always'",
            pycom.interface("com.foo.shop", authentication="always"),
            type("Shop", (), {}),
        )

    def test_wrong_introspection_data(self):
        """What introspection gives as data is a dict."""
        self.assertRefuses(
            TypeError,
            "Shop: introspection_data is a dict, got ['red']",
            declared,
            introspection_data=["red"],
        )

    def test_own_introspect(self):
        """What derives from Service tells its methods in the way that proxies know."""
        message = (
            "Shop: proxies learn its methods from Service.introspect: name its own introspect "
            "otherwise, or give it no arguments and the results name, methods, docstring, data"
        )
        results = ("name", "methods", "docstring", "data")

        class Plain:
            @pycom.method
            def introspect(self, request): ...

        class Choosing:
            @pycom.method(results=results)
            def introspect(self, request, what): ...

        class Hiding:
            @pycom.method("another", results=results)
            def introspect(self, request): ...

        class Same:
            @pycom.method(results=results)
            def introspect(self, request): ...

        for own in Plain, Choosing, Hiding:
            shop = type("Shop", (own, pycom.Service), {})
            self.assertRefuses(ValueError, message, pycom.interface("com.foo.shop"), shop)
        for shop in type("Shop", (Same, pycom.Service), {}), Plain:
            self.assertIs(pycom.interface("com.foo.shop")(shop), shop)

    def test_two_methods_of_one_name(self):
        """Two functions cannot be the same method; the message names both."""

        class Shop:
            @pycom.method
            def buy(self, request): ...

            @pycom.method("buy")
            def purchase(self, request): ...

        self.assertRefuses(
            ValueError,
            "Shop: Shop.buy and Shop.purchase are both the method 'buy'",
            pycom.interface("com.foo.shop"),
            Shop,
        )


class MethodTests(RefusingCase):
    """``@method``."""

    def test_without_request(self):
        """A request that was forgotten is missed: it would be taken for the argument."""

        def buy(self, article, number): ...

        self.assertRefuses(
            TypeError,
            "buy: a method takes self and request first, got 'article'",
            pycom.method,
            buy,
        )
        for declare in (lambda self, req: 1, lambda self, _: 1, lambda self, _request: 1):
            self.assertEqual(pycom.method(declare).__method__.required, ())

    def test_without_parentheses(self):
        """``@method`` names a method after its function, which is given back as it was."""

        def buy(self, request, article): ...

        self.assertIs(pycom.method(buy), buy)
        self.assertEqual(buy.__method__.name, "buy")
        self.assertIs(buy.__method__.function, buy)
        self.assertEqual(buy.__method__.required, ("article",))

    def test_without_name(self):
        """``@method()`` and ``@method(results=...)`` name it after its function as well."""

        def buy(self, request): ...

        self.assertIs(pycom.method()(buy), buy)
        self.assertEqual(buy.__method__.name, "buy")
        pycom.method(results=["price"], blocking=True)(buy)
        self.assertEqual(buy.__method__.name, "buy")
        self.assertEqual(buy.__method__.results, ("price",))
        self.assertIs(buy.__method__.blocking, True)

    def test_with_name(self):
        """A method's name on the wire may be another than its function's."""

        def return_(self, request, scan): ...

        named = pycom.method("return", results=("x", "y"), attachments=("scan", "y"))(return_)
        self.assertIs(named, return_)
        method = return_.__method__
        self.assertEqual(method.name, "return")
        self.assertEqual(method.results, ("x", "y"))
        self.assertEqual((method.incoming, method.outgoing), ("scan", "y"))
        self.assertIs(method.blocking, False)

    def test_decorator_is_used_twice(self):
        """One decorator names each function after itself."""

        def buy(self, request): ...

        def sell(self, request): ...

        decorate = pycom.method()
        decorate(buy)
        decorate(sell)
        self.assertEqual((buy.__method__.name, sell.__method__.name), ("buy", "sell"))

    def test_body(self):
        """With a body it gives a method, and leaves the function without one."""
        method = pycom.method("later", body=plain, results=("x",), blocking=True)
        self.assertEqual((method.name, method.function), ("later", plain))
        self.assertEqual((method.results, method.blocking), (("x",), True))
        self.assertFalse(hasattr(plain, "__method__"))
        self.assertEqual(pycom.method(body=plain).name, "plain")

    def test_static_and_class_methods(self):
        """A method is a plain function: one without self is refused, not left out."""

        def buy(this, request): ...

        for kind in (staticmethod, classmethod):
            self.assertRefuses(TypeError, "buy: a method is a function", pycom.method, kind(buy))

    def test_no_function(self):
        """Only what has a signature can be a method."""
        self.assertRefuses(TypeError, "5: a method is a function", pycom.method, "five", body=5)

    def test_wrong_name(self):
        """A method's name is a string that is not empty."""
        for wrong in (5, ""):
            message = f"plain: a method's name is a string, got {wrong!r}"
            self.assertRefuses(TypeError, message, pycom.method(wrong), plain)

    def test_nameless_body(self):
        """A callable without a name of its own needs one."""
        nameless = functools.partial(plain)
        self.assertRefuses(
            TypeError,
            f"{nameless!r}: a method's name is a string, got ''",
            pycom.method,
            body=nameless,
        )
        self.assertEqual(pycom.method("named", body=nameless).name, "named")

    def test_too_few_parameters(self):
        """A method takes self and request, whatever they are called."""
        for function in (
            lambda: None,
            lambda self: None,
            lambda *args: None,
            lambda self, *, request: None,
        ):
            self.assertRefuses(
                TypeError,
                "<lambda>: a method takes self and request before its arguments",
                pycom.method("short"),
                function,
            )

    def test_arguments_without_names(self):
        """Every argument has a name that a client can give; the message names the class."""

        class Shop:
            def many(self, request, *articles): ...

            def more(self, request, **articles): ...

            def first(self, request, article, /): ...

        for function, argument in (
            (Shop.many, "*articles"),
            (Shop.more, "**articles"),
            (Shop.first, "article"),
        ):
            self.assertRefuses(
                TypeError,
                f"Shop.{function.__name__}: the argument {argument} has no name "
                "that a client could give",
                pycom.method,
                function,
            )

    def test_wrong_results(self):
        """Results are names, each once."""
        for wrong in ("price", ("price", 5)):
            self.assertRefuses(
                TypeError,
                f"plain: results are names, like ('first', 'second'), got {wrong!r}",
                pycom.method(results=wrong),
                plain,
            )
        self.assertRefuses(
            ValueError,
            "plain: a result is named twice in ('x', 'y', 'x')",
            pycom.method(results=("x", "y", "x")),
            plain,
        )

    def test_results_are_no_sequence(self):
        """Results that are not several of anything are refused like wrong names."""
        for wrong in (None, 5):
            self.assertRefuses(
                TypeError,
                f"plain: results are names, like ('first', 'second'), got {wrong!r}",
                pycom.method(results=wrong),
                plain,
            )

    def test_wrong_attachments(self):
        """Attachments are two, each a name or None."""
        for wrong in (None, "ab", ("a",), ("a", "b", "c"), (5, None), (None, b"a")):
            self.assertRefuses(
                TypeError,
                f"plain: attachments are (incoming, outgoing), each a name or None, got {wrong!r}",
                pycom.method(attachments=wrong),
                plain,
            )

    def test_attachment_of_nothing(self):
        """An attachment is one of the arguments, or one of the results."""
        self.assertRefuses(
            ValueError,
            "plain: the incoming attachment 'scan' is none of its arguments",
            pycom.method(attachments=("scan", None)),
            plain,
        )
        self.assertRefuses(
            ValueError,
            "plain: the outgoing attachment 'scan' is none of its results",
            pycom.method(attachments=(None, "scan"), results=("x",)),
            plain,
        )

    def test_generators(self):
        """A method answers once: what yields is refused, unless @inlineCallbacks has made one."""

        class Shop:
            def buy(self, request):
                yield 1

            async def sell(self, request):
                yield 1

        for function in Shop.buy, Shop.sell:
            self.assertRefuses(
                TypeError,
                f"{function.__qualname__.rpartition('<locals>.')[2]}: a method answers once and "
                "cannot yield: return a list, and say how far it is with request.progress(); "
                "@inlineCallbacks goes below @pycom.method",
                pycom.method,
                function,
            )
        bought = inlineCallbacks(Shop.buy)
        self.assertIs(pycom.method(bought), bought)

    def test_names_of_proxies(self):
        """A name that proxies have themselves is refused, unless it is said to be meant."""

        class Shop:
            def close(self, request): ...

            def _count(self, request): ...

        for name in "close", "_count":
            function = vars(Shop)[name]
            for declare in pycom.method, pycom.method(results=("a",)):
                self.assertRefuses(
                    ValueError,
                    f"Shop.{name}: a proxy has {name!r} itself: give the method another name, with "
                    f"@pycom.method('another'), or say @pycom.method({name!r}) if it is called "
                    f"with Component.invoke({name!r}) only",
                    declare,
                    function,
                )
            self.assertEqual(pycom.method("another")(function).__method__.name, "another")
            self.assertEqual(pycom.method(name)(function).__method__.name, name)

    def test_blocking_coroutine(self):
        """A coroutine runs in the reactor's thread and cannot block it."""

        class Shop:
            async def buy(self, request): ...

        self.assertRefuses(
            TypeError,
            "Shop.buy: a coroutine cannot be blocking, it runs in the reactor's thread",
            pycom.method(blocking=True),
            Shop.buy,
        )
