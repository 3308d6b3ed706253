"""What methods take and give."""

from __future__ import annotations

from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

import pycom_tx as pycom
from pycom_tx.components.method import Method

OUTCOMES = (0, 1.5, "", "text", None, True, [], {}, [1, {"a": []}], {"x": None})


def asked(args=None, attachment=None):
    """A request for com.foo.shop.buy."""
    return pycom.Request("com.foo.shop", "buy", args, attachment=attachment)


def method(function, **options) -> Method:
    """The method buy that *function* is."""
    return pycom.method("buy", body=function, **options)


class ArgumentTests(SynchronousTestCase):
    """``Method.arguments``."""

    def test_names(self):
        """Arguments without a default are required, the others are not."""

        def buy(self, request, article, /, number=1, *, to, gift=False): ...

        self.assertRaises(TypeError, method, buy)

        def sell(self, request, article, number=1, *, to, gift=False): ...

        self.assertEqual(method(sell).required, ("article", "to"))
        self.assertEqual(method(sell).optional, ("number", "gift"))

    def test_names_of_the_first_two(self):
        """Arguments may be called what self and request are called elsewhere."""

        def buy(this, _request, self, request, method=None): ...

        self.assertEqual(method(buy).required, ("self", "request"))
        self.assertEqual(
            method(buy).arguments(asked({"self": 1, "request": 2, "method": 3})),
            {"self": 1, "request": 2, "method": 3},
        )

    def test_first_two_may_be_positional_only(self):
        """Self and request may be positional only."""

        def buy(self, request, /, article): ...

        self.assertEqual(method(buy).required, ("article",))

    def test_given(self):
        """Each argument that is declared is passed on, whatever its value."""

        def buy(self, request, article, number=1): ...

        for value in OUTCOMES:
            self.assertEqual(
                method(buy).arguments(asked({"article": value, "number": value})),
                {"article": value, "number": value},
            )

    def test_optional_is_left_out(self):
        """An optional argument that is not given is left to its default."""

        def buy(self, request, article, number=1): ...

        self.assertEqual(method(buy).arguments(asked({"article": 5})), {"article": 5})

    def test_nobody_declared_it(self):
        """An argument that is not declared is ignored, and stays in the request."""

        def buy(self, request, article=None): ...

        request = asked({"article": 5, "colour": "red"})
        self.assertEqual(method(buy).arguments(request), {"article": 5})
        self.assertEqual(request.args, {"article": 5, "colour": "red"})

    def test_log_of_what_nobody_declared(self):
        """The log names it once, and no more of it than there is room for."""

        def buy(self, request, article=None, scan=None): ...

        declared = method(buy, attachments=("scan", None))
        with capturedLogs() as events:
            for args in {"article": 1}, {"article": 1, "scan": 2}, {}, None:
                for attachment in None, b"":
                    declared.arguments(asked(args, attachment))
        self.assertEqual(events, [])
        with capturedLogs() as events:
            for _ in range(2):
                declared.arguments(asked({"articel": 1}, b""))
        self.assertEqual(
            [(event["log_level"], formatEvent(event)) for event in events],
            [
                (
                    LogLevel.warn,
                    "com.foo.shop.buy ignores the argument 'articel': it takes article, scan",
                )
            ],
        )
        with capturedLogs() as events:
            declared.arguments(asked({"x" * 1000: 1, "x" * 999: 2}))
            declared.arguments(asked({f"invented{number}": number for number in range(100)}))
        self.assertEqual(len(events), 9)
        self.assertLess(max(len(formatEvent(event)) for event in events), 200)

    def test_strict(self):
        """A method that is strict refuses it, and says so in its schema."""

        def buy(self, request, article, number=1): ...

        declared = method(buy, strict=True)
        for args in {"article": "hat"}, {"number": 2, "article": "hat"}:
            self.assertEqual(declared.arguments(asked(args)), args)
        for name in "nmber", "x" * 1000:
            error = self.assertRaises(
                pycom.BadRequest, declared.arguments, asked({"article": "hat", name: 2})
            )
            self.assertIn("com.foo.shop.buy has no argument", str(error))
            self.assertIn(f"'{name[:50]}", str(error))
            self.assertTrue(str(error).endswith(": it takes article, number"))
            self.assertLess(len(str(error)), 200)
        schema = declared.introspection()["schema"]["arguments"]
        self.assertIs(schema["additionalProperties"], False)
        self.assertNotIn("additionalProperties", method(buy).introspection()["schema"]["arguments"])

    def test_strict_without_arguments(self):
        """One without arguments takes whatever comes, so it cannot be strict."""

        def buy(self, request): ...

        error = self.assertRaises(ValueError, method, buy, strict=True)
        self.assertIn("buy: a method without arguments cannot be strict", str(error))

    def test_required_is_missing(self):
        """A required argument that is not given is a bad request, also with no args at all."""

        def buy(self, request, article, number=1): ...

        for args in (None, {}, {"number": 1}):
            error = self.assertRaises(pycom.BadRequest, method(buy).arguments, asked(args))
            self.assertEqual(str(error), "Argument 'article' is required for com.foo.shop.buy")

    def test_null_counts_as_empty(self):
        """A method whose arguments are all optional takes null for an object."""

        def buy(self, request, number=1): ...

        self.assertEqual(method(buy).arguments(asked()), {})

    def test_no_object(self):
        """A method that declares arguments takes nothing but an object of them."""

        def buy(self, request, number=1): ...

        for args in ([], ["field1", 42], "", "number", 0, 5, False, 1.5):
            error = self.assertRaises(pycom.BadRequest, method(buy).arguments, asked(args))
            self.assertEqual(str(error), "Expected dictionary as argument for com.foo.shop.buy")

    def test_response_given_again(self):
        """A response that the function returned stays as it was, to be returned again."""
        given = pycom.Response((1, b"2"))
        for _ in range(2):
            made = method(
                lambda self, request: None, results=("a", "b"), attachments=(None, "b")
            ).response(asked(), given)
            self.assertEqual((made.result, made.attachment), ({"a": 1}, b"2"))
            self.assertEqual((given.result, given.attachment), ((1, b"2"), None))

    def test_none_declared(self):
        """A method that declares no arguments is called without, whatever came."""

        def buy(self, request): ...

        for args in OUTCOMES:
            request = asked(args)
            self.assertEqual(method(buy).arguments(request), {})
            self.assertIs(request.args, args)


class IncomingTests(SynchronousTestCase):
    """Attachments as arguments."""

    def test_required(self):
        """The attachment is the argument, None where there is none, and empty where it is."""

        def buy(self, request, article, scan): ...

        buying = method(buy, attachments=("scan", None))
        self.assertEqual((buying.incoming, buying.outgoing), ("scan", None))
        for attachment in (b"\x00\xff", b"", None):
            self.assertEqual(
                buying.arguments(asked({"article": 5}, attachment)),
                {"article": 5, "scan": attachment},
            )

    def test_optional(self):
        """Without an attachment an optional argument has its default."""

        def buy(self, request, scan=b"default"): ...

        buying = method(buy, attachments=("scan", None))
        self.assertEqual(buying.arguments(asked({}, b"\x00")), {"scan": b"\x00"})
        self.assertEqual(buying.arguments(asked({}, b"")), {"scan": b""})
        self.assertEqual(buying.arguments(asked({})), {})

    def test_only_the_attachment_counts(self):
        """An attachment is never taken from the object of arguments."""

        def buy(self, request, scan, copy=None): ...

        self.assertEqual(
            method(buy, attachments=("scan", None)).arguments(asked({"scan": "text"})),
            {"scan": None},
        )
        self.assertEqual(
            method(buy, attachments=("copy", None)).arguments(asked({"scan": 1, "copy": 2})),
            {"scan": 1},
        )

    def test_nobody_declared_it(self):
        """An attachment that no argument stands for is found in the request only.

        The log says so once, unless the method looks for everything there.
        """

        def buy(self, request, article=None): ...

        def look(self, request): ...

        line = (
            "com.foo.shop.buy was called with an attachment, which is none of its arguments: "
            'declare it with attachments=("argument", None)'
        )
        for function, lines in (buy, [line]), (look, []):
            declared = method(function)
            with capturedLogs() as events:
                declared.arguments(asked({}))
                for _ in range(2):
                    self.assertEqual(declared.arguments(asked({}, b"\x00")), {})
            self.assertEqual([formatEvent(event) for event in events], lines)


class ResultTests(SynchronousTestCase):
    """``Method.response``."""

    def respond(self, value, *results, outgoing=None):
        """The response of a method that declares *results* and returned *value*."""
        declared = method(lambda self, request: None, results=results, attachments=(None, outgoing))
        return declared.response(asked(), value)

    def assertRefuses(self, given, *returned):
        """Two results cannot be made of *returned*, which the message calls *given*."""
        for value in returned:
            error = self.assertRaises(TypeError, self.respond, value, "price", "tax")
            self.assertEqual(
                str(error),
                f"com.foo.shop.buy declares the results price, tax and returned {given}; return a "
                "tuple of them, in this order",
            )

    def test_none_declared(self):
        """Without declared results the result is what the function returned."""
        for value in OUTCOMES:
            response = self.respond(value)
            self.assertIs(response.result, value)
            self.assertEqual((response.code, response.attachment), (0, None))

    def test_one(self):
        """A single declared result is the whole value, under its name."""
        for value in (*OUTCOMES, (1, 2)):
            self.assertEqual(self.respond(value, "price").result, {"price": value})

    def test_several(self):
        """Several results are the values of a tuple, under their names."""
        response = self.respond((1, None), "price", "tax")
        self.assertEqual(response.result, {"price": 1, "tax": None})
        self.assertEqual(list(response.result), ["price", "tax"])

    def test_wrong_number(self):
        """A method that returns another number of results than it declares is wrong."""
        self.assertRefuses(0, ())
        self.assertRefuses(1, (1,))
        self.assertRefuses(3, (1, 2, 3))

    def test_no_tuple(self):
        """Several results are returned as a tuple, not as something else of that length."""
        self.assertRefuses("list", [1, 2])
        self.assertRefuses("str", "ab")
        self.assertRefuses("dict", {"price": 1, "tax": 2})
        self.assertRefuses("NoneType", None)

    def test_response(self):
        """A response that the function made is given as it is."""
        made = pycom.Response([1], attachment=b"")
        self.assertIs(self.respond(made), made)
        self.assertEqual((made.result, made.attachment), ([1], b""))

    def test_results_of_a_response(self):
        """What a response holds gets the names that are declared."""
        self.assertEqual(self.respond(pycom.Response(5), "price").result, {"price": 5})
        made = pycom.Response((1, 2), attachment=b"scan", extensions={"a.b": 1})
        response = self.respond(made, "price", "tax")
        self.assertEqual(response.result, {"price": 1, "tax": 2})
        self.assertEqual((response.attachment, response.extensions), (b"scan", {"a.b": 1}))
        self.assertRefuses(1, pycom.Response((1,)))

    def test_error_response(self):
        """A response with an error has no results."""
        for results in ((), ("price",), ("price", "tax")):
            made = asked().error(17, "sold out")
            response = self.respond(made, *results)
            self.assertEqual((response.code, response.error), (17, "sold out"))
            self.assertIs(response.result, None)

    def test_outgoing(self):
        """The result that is the attachment leaves the object, None where there is none."""
        for attachment in (b"\x00\xff", b"", None):
            response = self.respond((1, attachment), "price", "scan", outgoing="scan")
            self.assertEqual(response.result, {"price": 1})
            self.assertEqual(response.attachment, attachment)

    def test_outgoing_alone(self):
        """A method may give nothing but an attachment."""
        response = self.respond(b"\x00", "scan", outgoing="scan")
        self.assertEqual((response.result, response.attachment), ({}, b"\x00"))


class IntrospectionTests(SynchronousTestCase):
    """What ``introspect`` tells."""

    def test_method(self):
        """A method tells its arguments, results, attachments and what it is for."""

        def buy(self, request, article, scan, number=1):
            """Buy an article.

            And pay for it.
            """

        self.assertEqual(
            method(buy, results=("price", "bill"), attachments=("scan", "bill")).introspection(),
            {
                "required_arguments": ["article", "scan"],
                "optional_arguments": ["number"],
                "results": ["price", "bill"],
                "docstring": "Buy an article.\n\nAnd pay for it.",
                "attachments": {"incoming": "scan", "outgoing": "bill"},
                "idempotent": False,
                "schema": {
                    "arguments": {
                        "type": "object",
                        "properties": {"article": {}, "number": {"default": 1}},
                        "required": ["article"],
                    },
                    "result": {
                        "type": "object",
                        "properties": {"price": {}},
                        "required": ["price"],
                    },
                },
            },
        )

    def test_defaults(self):
        """A default is told where JSON can hold it, as it is."""

        def buy(self, request, *, a: int = 1, b=None, c=(1,), d=float("nan"), e="", f=b"", g): ...

        told = method(buy, attachments=("f", None)).introspection()["schema"]["arguments"]
        self.assertEqual(
            told["properties"],
            {
                "a": {"type": "integer", "default": 1},
                "b": {"default": None},
                "c": {},
                "d": {},
                "e": {"default": ""},
                "g": {},
            },
        )

    def test_method_without_anything(self):
        """Where there is nothing to tell, lists are empty and the rest is null."""
        self.assertEqual(
            method(lambda self, request: None).introspection(),
            {
                "required_arguments": [],
                "optional_arguments": [],
                "results": [],
                "docstring": None,
                "attachments": {"incoming": None, "outgoing": None},
                "idempotent": False,
                "schema": {"arguments": {}, "result": {}},
            },
        )

    def introspect(self, component):
        """What *component* answers to ``introspect``."""
        introspect = component.__interface__.methods["introspect"]
        return introspect.response(asked(), introspect.function(component, asked())).result

    def test_service(self):
        """A service tells its name, its methods, what it is for and its data."""

        @pycom.interface("com.foo.shop")
        class Shop(pycom.Service):
            """Sells what
            there is.
            """

            introspection_data = {"com.foo.colour": "red"}  # noqa: RUF012 # as users write it

            @pycom.method("purchase")
            def buy(self, request, article): ...

        told = self.introspect(Shop())
        self.assertEqual(list(told), ["name", "methods", "docstring", "data"])
        self.assertEqual(told["name"], "com.foo.shop")
        self.assertEqual(told["docstring"], "Sells what\nthere is.")
        self.assertEqual(told["data"].pop("org.pycom.interface"), Shop.__interface__.data())
        self.assertEqual(told["data"], {"com.foo.colour": "red"})
        self.assertEqual(sorted(told["methods"]), ["introspect", "purchase"])
        self.assertEqual(told["methods"]["purchase"]["required_arguments"], ["article"])
        self.assertEqual(
            {**told["methods"]["introspect"], "schema": None},
            {
                "schema": None,
                "idempotent": True,
                "required_arguments": [],
                "optional_arguments": [],
                "results": ["name", "methods", "docstring", "data"],
                "docstring": "Provides introspection information for a service.",
                "attachments": {"incoming": None, "outgoing": None},
            },
        )

    def test_service_without_anything(self):
        """A service without a docstring or data of its own says null and an empty object."""

        @pycom.interface("com.foo.shop")
        class Shop(pycom.Service):
            pass

        told = self.introspect(Shop())
        self.assertIs(told["docstring"], None)
        self.assertEqual(list(told["data"]), ["org.pycom.interface"])

    def test_registered_later(self):
        """A method that is added at run time is told of."""

        @pycom.interface("com.foo.shop")
        class Shop(pycom.Service):
            pass

        Shop.__interface__.register_method(method(lambda self, request, article: None))
        self.assertEqual(
            self.introspect(Shop())["methods"]["buy"]["required_arguments"], ["article"]
        )
