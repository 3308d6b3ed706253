"""Proxies as objects, and the contexts that give them."""

from __future__ import annotations

import inspect

from twisted.internet.defer import CancelledError, Deferred

import pycom_tx as pycom
from pycom_tx.client.context import NAMESERVER_ADDRESS
from tests.test_proxy import ADDRESS, ProxyCase, Shapes, Told, described


class ProxyComponentTests(ProxyCase):
    """What a proxy looks like, and how it ends."""

    def test_name_and_docstring(self):
        """A method has its name, its interface's and the docstring that the service gives."""
        bar = self.proxy.bar
        self.assertEqual((bar.__name__, bar.__qualname__), ("bar", "com.foo.shapes.bar"))
        self.assertEqual(bar.__doc__, "Pair\na name and a value.")
        self.assertEqual(self.proxy.raw.__doc__, "Remote method com.foo.shapes.raw.")

    def test_signature(self):
        """A method shows what it takes and gives, where Python can."""
        for method, shown in (
            (self.proxy.bar, "(name, value=None) -> Deferred[Any]"),
            (self.proxy.upload, "(name, scan: bytes, note=None) -> Deferred[Any]"),
            (self.proxy.raw, "(**kwargs) -> Deferred[Any]"),
            (self.proxy.pid, "() -> Deferred[int]"),
            (self.proxy.pid.with_options(timeout=1), "() -> Deferred[int]"),
            (self.told(required_arguments=["class"]).give, "(*args, **kwargs) -> Deferred[Any]"),
        ):
            self.assertEqual(str(inspect.signature(method)), shown)

    def test_shown(self):
        """A proxy shows its interface and its address, and lists its remote methods."""
        where = self.at(self.service)
        self.assertEqual(repr(self.proxy), f"<ProxyComponent com.foo.shapes at {where}>")
        for name in ("bar", "introspect", "of-course", "close"):
            self.assertIn(name, dir(self.proxy))
        self.assertNotIn("nope", dir(self.proxy))

    def test_no_method(self):
        """A method that the service does not have is no attribute; the error names those it has."""
        told = self.told()
        error = self.assertRaises(AttributeError, getattr, told, "nope")
        self.assertRegex(
            str(error), "^<Component com.foo.told at .+> has no method 'nope', it has give$"
        )
        self.assertEqual((error.name, error.obj), ("nope", told))
        error = self.assertRaises(AttributeError, getattr, self.proxy, "nope")
        self.assertIn("any_name, attach, bar, ", str(error))
        empty = pycom.ProxyComponent.__new__(pycom.ProxyComponent)
        self.assertRaises(AttributeError, getattr, empty, "bar")

    def test_no_identifier(self):
        """A method whose name is no identifier is reached by ``getattr``."""
        self.assertEqual(self.result(getattr(self.proxy, "of-course")()), "dash")

    def test_names_of_its_own(self):
        """Only close is the proxy's: every other name of a remote method reaches it."""
        self.assertEqual(self.result(self.proxy.of()), "remote")

    def test_close(self):
        """A closed proxy makes no calls; those in flight are answered."""
        call = self.proxy.later()
        self.settle()
        self.assertIs(self.successResultOf(self.proxy.close()), None)
        error = self.failure(self.proxy.raw(), pycom.ConnectionClosed)
        self.assertEqual(str(error), "The component com.foo.shapes is closed")
        self.shapes.waiting.pop().callback(5)
        self.assertEqual(self.result(call), 5)


class ProxyContextTests(ProxyCase):
    """``ProxyContext``."""

    def assertUnused(self, host):
        """Nothing is open that a client of *host* had opened."""
        self.assertEqual(self.network.bound[host.address].links, {})

    def ways(self):
        """All ways to open a proxy: its interface, a method and arguments of that."""
        proxies = self.proxies
        yield "com.foo.shapes", proxies.locate, "com.foo.shapes"
        yield "com.foo.shapes", proxies.locate, "com.foo.shapes", self.service.service
        yield "com.foo.shapes", proxies.connect, ADDRESS, "com.foo.shapes"
        yield "org.pycom.nameserver", proxies.nameserver

    def test_opening(self):
        """Each of its methods gives a proxy, to await or to close after ``async with``."""

        async def steps(opens, *args):
            async with await opens(*args) as first, opens(*args) as second:
                return [(proxy, (await proxy.introspect()).name) for proxy in (first, second)]

        for interface, opens, *args in self.ways():
            for proxy, name in self.result(Deferred.fromCoroutine(steps(opens, *args))):
                self.assertIsInstance(proxy, pycom.ProxyComponent)
                self.assertEqual(name, interface)
                self.failure(proxy.introspect(), pycom.ConnectionClosed)

    def test_nobody(self):
        """A service that is not there has no proxy."""
        self.failure(self.proxies.locate("com.foo.nope"), pycom.ServiceNotFound)

    def test_nobody_there(self):
        """And none is made of what does not answer."""
        nobody = self.proxies.connect("tcp://127.0.0.1:9", "com.foo.shapes")
        self.failure(nobody, pycom.ServiceNotAvailable)

    def test_something_else_there(self):
        """Nor of what provides something else; the error says where."""
        for contract in (None, Shapes):
            error = self.failure(
                self.proxies.connect(NAMESERVER_ADDRESS, "com.foo.shapes", contract=contract),
                pycom.BadRequest,
            )
            told = f"com.foo.shapes at {NAMESERVER_ADDRESS}: Unsupported interface: com.foo.shapes"
            self.assertEqual(str(error), told)

    def test_cancel(self):
        """Opening a proxy can be cancelled, and leaves no connection."""
        self.proxy.close()
        opening = self.open(self.proxies, self.service, "com.foo.shapes")
        self.assertNoResult(opening)
        opening.cancel()
        self.failure(opening, CancelledError)
        self.assertUnused(self.service)

    def test_nothing_to_introspect(self):
        """A service that does not derive from Service has no proxy, and no connection."""
        host = self.host(pycom.interface("com.foo.bare")(type("Bare", (), {})))
        opening = self.open(self.proxies, host, "com.foo.bare")
        error = self.failure(opening, pycom.MethodNotFound)
        self.assertIn("com.foo.bare does not tell its methods", str(error))
        self.assertUnused(host)

    def test_broken_introspection(self):
        """A service that describes no methods has no proxy, and no connection."""
        broken = [{"required_arguments": None}, {"required_arguments": [5]}, {"results": 5}]
        broken += [{"attachments": None}, {"attachments": {}}]
        broken += [{"results": ["\ufb01", "fi"]}]  # which Python reads as the same name
        told = [described(**declared) for declared in broken]
        two = described(results=["a", "b"])["methods"]["give"]
        told += [{"methods": {name: two}} for name in ("a\0", "\ud800")]
        told += [None, [], "methods", 5, {}, {"methods": None}, {"methods": []}]
        told += [{"methods": {"give": None}}, {"methods": {"give": {}}}]
        for answer in (*told, pycom.Response(described(), attachment=b"")):
            host = self.host(Told(answer))
            opening = self.open(self.proxies, host, "com.foo.told")
            error = self.failure(opening, pycom.InvalidReply)
            wrong = "answered introspect with something that describes no methods"
            self.assertEqual(str(error), f"com.foo.told at {self.at(host)} {wrong}")
            self.assertUnused(host)
            self.close(host.stopService)

    def test_wrapped(self):
        """It wraps a context, or makes one with the options of a context."""
        self.assertIs(self.proxies.context, self.context)
        proxies = pycom.ProxyContext(*self.address, timeout=2, **self.options)
        proxy = self.result(proxies.locate("com.foo.shapes"))
        call = proxy.later()
        self.settle()
        self.clock.advance(2)
        self.failure(call, pycom.CallTimeout)
        self.assertIs(self.result(proxies.close()), None)
        self.failure(proxies.nameserver(), pycom.ConnectionClosed)

    def test_attributes(self):
        """What a context has, that of its proxies has as well."""
        for name in ("prehooks", "posthooks"):
            self.assertIs(getattr(self.proxies, name), getattr(self.context, name))
        self.proxies.token = "secret"
        self.assertEqual((self.context.token, self.proxies.token), ("secret", "secret"))

    def test_options_of_a_wrapped_context(self):
        """Options beside a context are refused: they would change nothing."""
        self.assertRaises(TypeError, pycom.ProxyContext, self.context, timeout=1)
