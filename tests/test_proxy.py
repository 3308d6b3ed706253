"""Remote methods that look like methods."""

from __future__ import annotations

from twisted.internet.defer import Deferred

import pycom_tx as pycom
from tests.support import MemoryCase

ADDRESS = "tcp://127.0.0.1:2013"


@pycom.interface("com.foo.shapes")
class Shapes(pycom.Service):
    """Has a method of every shape."""

    def __init__(self):
        self.args = None
        self.waiting = []

    @pycom.method
    def bar(self, request, name, value=None):
        """Pair
        a name and a value.
        """
        self.args = request.args
        return {name: value}

    @pycom.method
    def raw(self, request):
        return request.args

    @pycom.method
    def pid(self, request) -> int:
        return 1

    @pycom.method
    def any_name(this, _request, *, self, request, name, method, args, kwargs, timeout=None):
        return _request.args

    @pycom.method(results=("only",))
    def one(self, request, value):
        return value

    @pycom.method(results=("width", "height"))
    def two(self, request):
        return 3, None

    @pycom.method(attachments=("scan", None))
    def upload(self, request, name, scan, note=None):
        self.args = request.args
        return [name, None if scan is None else len(scan), note]

    @pycom.method(results=("size", "scan"), attachments=(None, "scan"))
    def download(self, request, size):
        return size, None if size is None else b"\xff" * size

    @pycom.method(results=("scan",), attachments=("scan", "scan"))
    def copy(self, request, scan=b"default"):
        return scan

    @pycom.method
    def attach(self, request):
        return request.response(5, b"")

    @pycom.method("of-course")
    def of_course(self, request):
        return "dash"

    @pycom.method("close")
    def close(self, request):
        return "remote"

    @pycom.method
    def of(self, request):
        return "remote"

    @pycom.method
    def later(self, request):
        """Answer what the test fires the next Deferred with."""
        self.waiting.append(Deferred())
        return self.waiting[-1]


@pycom.interface("com.foo.told")
class Told:
    """Says of itself what the test wants."""

    def __init__(self, told, answer=None):
        self.told = told
        self.answer = answer

    @pycom.method
    def introspect(self, request):
        return self.told

    @pycom.method
    def give(self, request):
        return request.args if self.answer is None else self.answer


def described(**declared):
    """The introspection of a service with the method give, which declares *declared*."""
    give = {
        "required_arguments": [],
        "optional_arguments": [],
        "results": [],
        "attachments": {"incoming": None, "outgoing": None},
        **declared,
    }
    return {"name": "com.foo.told", "methods": {"give": give}}


class ProxyCase(MemoryCase):
    """A proxy of a service with methods of every shape."""

    def setUp(self):
        super().setUp()
        self.telling = None
        self.shapes = Shapes()
        self.service = self.host(self.shapes, address=ADDRESS)
        self.proxy = self.result(self.open(self.proxies, self.service, "com.foo.shapes"))

    def told(self, answer=None, **declared):
        """A proxy of a service whose method give declares that, and gives its arguments."""
        if self.telling is not None:
            self.close(self.telling.stopService)
        self.telling = self.host(Told(described(**declared), answer))
        return self.result(self.open(self.proxies, self.telling, "com.foo.told"))


class ArgumentTests(ProxyCase):
    """Arguments of remote methods."""

    def assertRefuses(self, message, method, *args, **kwargs):
        """The call is a TypeError at once."""
        self.assertEqual(str(self.assertRaises(TypeError, method, *args, **kwargs)), message)

    def test_positional_and_named(self):
        """Arguments are given by position, by name or both."""
        for args, named in (
            (("a", 1), {}),
            (("a",), {"value": 1}),
            ((), {"value": 1, "name": "a"}),
        ):
            self.assertEqual(self.result(self.proxy.bar(*args, **named)), {"a": 1})
            self.assertEqual(self.shapes.args, {"name": "a", "value": 1})
            self.shapes.args = None

    def test_optional(self):
        """An optional argument that is left out is not sent; None is."""
        self.assertEqual(self.result(self.proxy.bar("a")), {"a": None})
        self.assertEqual(self.shapes.args, {"name": "a"})
        self.assertEqual(self.result(self.proxy.bar("a", None)), {"a": None})
        self.assertEqual(self.shapes.args, {"name": "a", "value": None})

    def test_wrong(self):
        """Arguments that the method does not take are refused before anything is sent."""
        bar = self.proxy.bar
        self.assertRefuses("bar() takes 2 arguments, got 3", bar, 1, 2, 3)
        self.assertRefuses("bar() got two values for the argument 'name'", bar, "a", name="b")
        self.assertRefuses("bar() needs the argument 'name'", bar, value=1)
        self.assertRefuses("bar() needs the argument 'name'", bar)
        self.assertRefuses(
            "bar() has no argument 'colour', it has name, value", bar, "a", colour="red"
        )
        self.assertRefuses("bar() has no argument 'nam', it has name, value", bar, nam="a")
        self.clock.advance(0)
        self.assertIs(self.shapes.args, None)

    def test_none_declared(self):
        """A method that declares no arguments gets whatever is given by name."""
        self.assertEqual(self.result(self.proxy.raw(a=1, b=[2])), {"a": 1, "b": [2]})
        self.assertEqual(self.result(self.proxy.raw()), {})
        self.assertRefuses("raw() takes 0 arguments, got 1", self.proxy.raw, 5)

    def test_none_taken(self):
        """One that does, and tells the type of what it gives, takes none."""
        self.assertEqual(self.result(self.proxy.pid()), 1)
        self.assertRefuses("pid() has no argument 'a', it has none", self.proxy.pid, a=1)
        self.assertRefuses("pid() takes 0 arguments, got 1", self.proxy.pid, 5)

    def test_any_name(self):
        """An argument may have any name, also those that a proxy's own might have."""
        names = ("self", "request", "name", "method", "args", "kwargs", "timeout")
        args = {name: name for name in names}
        self.assertEqual(self.result(self.proxy.any_name(**args)), args)
        self.assertEqual(self.result(self.proxy.any_name(*names)), args)

    def test_no_identifier(self):
        """An argument may have a name that Python has no syntax for."""
        args = {"class": 1, "a-b": 2, "": 3, "5": 4}
        proxy = self.told(required_arguments=["class", "a-b"], optional_arguments=["", "5"])
        self.assertEqual(self.result(proxy.give(**args)), args)

    def test_errors(self):
        """What the service answers, and that it cannot be asked, are failures."""
        for call in (self.proxy.bar("a", {1}), self.proxy.upload("a", "text")):
            self.failure(call, pycom.NotSerializable)
        self.failure(self.proxy.bar([]), pycom.RemoteError)
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)

    def test_attachment_of_nothing(self):
        """Bytes for a method that declares no attachment are refused before anything is sent."""
        for call in (self.proxy.bar(b"a"), self.proxy.bar("a", value=b"b"), self.proxy.raw(a=b"")):
            error = self.failure(call, TypeError)
            self.assertIn("can only go as the attachment that its method declares", str(error))
        self.assertIsNone(self.shapes.args)

    def test_names_of_its_own(self):
        """What a proxy has itself are names that a method gets on purpose only."""
        own = dir(pycom.ProxyComponent(self.proxy._component, {"methods": {}}))
        for name in own:

            def body(self, request): ...

            body.__name__ = name
            error = self.assertRaises(ValueError, pycom.method, body)
            self.assertIn(f"a proxy has {name!r} itself", str(error))
        self.assertIn("close", own)


class TimeoutTests(ProxyCase):
    """How long a proxy waits."""

    def test_with_options(self):
        """A method waits as long as it is told, whatever the context says."""
        # What services say when they stop arrives behind what is under way.
        self.addCleanup(self.wait, 60)
        self.addCleanup(setattr, self.network, "delivery", self.network.delivery)
        self.network.delivery = lambda frames: (60.0,)
        patient = self.proxy.one.with_options(timeout=200)
        self.assertEqual(patient.__name__, "one")
        call = patient("value")
        impatient = self.proxy.one("value")
        self.clock.advance(5)
        self.failureResultOf(impatient, pycom.CallTimeout)
        self.clock.pump([60, 60])
        self.assertEqual(self.successResultOf(call), "value")

    def test_no_option(self):
        """What is no option is refused, with those that there are."""
        for wrong in ("tiemout", "component", "described"):
            error = self.assertRaises(TypeError, self.proxy.one.with_options, **{wrong: 1})
            self.assertEqual(
                str(error),
                f"one.with_options() has no {wrong!r}, it has timeout, on_progress, "
                "attachment_view",
            )
        error = self.assertRaises(TypeError, self.proxy.one.with_options, 5)
        self.assertIn("one.with_options() takes 0 positional arguments", str(error))


class ResultTests(ProxyCase):
    """Results of remote methods."""

    def test_one(self):
        """A single declared result is given alone."""
        for value in (5, None, [1], {"only": 1}):
            self.assertEqual(self.result(self.proxy.one(value)), value)

    def test_several(self):
        """Several results are a namedtuple that is called like the method."""
        result = self.result(self.proxy.two())
        self.assertEqual(result, (3, None))
        self.assertEqual((result.width, result.height), (3, None))
        self.assertEqual(repr(result), "two(width=3, height=None)")
        told = self.result(self.proxy.introspect())
        self.assertEqual((told.name, list(told.data)), ("com.foo.shapes", ["org.pycom.interface"]))

    def test_missing(self):
        """A declared result that the service leaves out is None."""
        self.assertIs(self.result(self.told(results=["a"]).give(b=1)), None)
        result = self.result(self.told(results=["a", "b"]).give(b=1))
        self.assertEqual((result.a, result.b), (None, 1))

    def test_no_identifiers(self):
        """Results whose names Python has no syntax for are there by position."""
        args = {"class": 1, "a-b": 2, "_c": 3, "d": 4}
        result = self.result(self.told(results=list(args)).give(**args))
        self.assertEqual((tuple(result), result.d), ((1, 2, 3, 4), 4))

    def test_not_as_declared(self):
        """An answer that is no object, where results are declared, is no reply."""
        for results in (["only"], ["a", "b"]):
            for answer in (5, [1, 2], "ab"):
                call = self.told(answer, results=results).give()
                error = self.failure(call, pycom.InvalidReply)
                self.assertEqual(str(error), f"give declares results and answered {answer!r}")


class AttachmentTests(ProxyCase):
    """Attachments as arguments and results."""

    def test_argument(self):
        """An attachment is an argument like others, and not among those in the JSON."""
        for scan in (b"\xff\x00", b""):
            for args, named in ((("a", scan), {}), (("a",), {"scan": scan})):
                call = self.proxy.upload(*args, **named)
                self.assertEqual(self.result(call), ["a", len(scan), None])
                self.assertEqual(self.shapes.args, {"name": "a"})
        self.assertEqual(self.result(self.proxy.upload("a", b"x", "b")), ["a", 1, "b"])

    def test_no_argument(self):
        """None is no attachment; one that is required has to be given all the same."""
        self.assertEqual(self.result(self.proxy.upload("a", None)), ["a", None, None])
        error = self.assertRaises(TypeError, self.proxy.upload, "a")
        self.assertEqual(str(error), "upload() needs the argument 'scan'")

    def test_result(self):
        """An attachment is a result like others, None where there is none."""
        for size, scan in ((2, b"\xff\xff"), (0, b""), (None, None)):
            result = self.result(self.proxy.download(size))
            self.assertEqual((result.size, result.scan), (size, scan))

    def test_only_result(self):
        """An attachment may be the only argument, an optional one, and the only result."""
        copy = self.proxy.copy
        for call, scan in ((copy(b"\xff\x00"), b"\xff\x00"), (copy(scan=b""), b"")):
            self.assertEqual(self.result(call), scan)
        for call in (copy(), copy(None)):
            self.assertEqual(self.result(call), b"default")

    def test_not_declared(self):
        """An attachment that the method did not declare comes in a tuple with the result."""
        self.assertEqual(self.result(self.proxy.attach()), (5, b""))

    def test_view(self):
        """Who asks for a view gets one, wherever the attachment is; without one there is None."""

        def call(name, *args):
            return self.result(getattr(self.proxy, name).with_options(attachment_view=True)(*args))

        for view in (call("copy", b"scan"), call("download", 2).scan, call("attach")[1]):
            self.assertEqual((type(view), view.readonly), (memoryview, True))
        self.assertEqual(call("copy", b"scan"), b"scan")
        self.assertIsNone(call("download", None).scan)
