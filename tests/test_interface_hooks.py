"""Hooks that are on one interface, and on no other."""

from __future__ import annotations

import pycom_tx as pycom
from tests.support import MemoryCase


def note(seen):
    """A hook that keeps the names of what passes it."""

    def hook(interface, method, data):
        seen.append((interface.name, method.name))
        return data

    return hook


class InterfaceHookTests(MemoryCase):
    """``prehooks`` and ``posthooks`` of methods that several interfaces have."""

    def setUp(self):
        super().setUp()
        self.seen = []

        class Base(pycom.Service):
            @pycom.check_argument("article", str)
            @pycom.method
            def buy(self, request, article):
                return [self.__interface__.name, article]

            buy.__method__.posthooks.append(note(self.seen))

        class Shop(Base):
            """Sells."""

        class Bank(Base):
            """Lends."""

        self.shop = pycom.interface("com.foo.shop")(Shop)
        self.bank = pycom.interface("com.foo.bank")(Bank)
        self.host(self.shop, self.bank)

    def ask(self, name, method, args=None):
        component = self.result(self.context.locate(name))
        self.addCleanup(component.close)
        return self.result(component.invoke(method, args))

    def test_inherited(self):
        """A hook on one class's method is not on that of another with the same function."""
        del self.seen[:]
        self.shop.__interface__.methods["buy"].prehooks.append(note(self.seen))
        self.assertEqual(self.ask("com.foo.bank", "buy", {"article": "a"}), ["com.foo.bank", "a"])
        self.assertEqual(self.seen, [("com.foo.bank", "buy")])
        self.assertEqual(self.ask("com.foo.shop", "buy", {"article": "a"}), ["com.foo.shop", "a"])
        self.assertEqual(self.seen[1:], [("com.foo.shop", "buy")] * 2)

    def test_introspect(self):
        """Nor is one on ``introspect``, which every service has from the same class."""
        self.shop.__interface__.methods["introspect"].posthooks.append(note(self.seen))
        self.ask("com.foo.bank", "introspect")
        self.assertEqual(self.seen, [])
        self.ask("com.foo.shop", "introspect")
        self.assertEqual(set(self.seen), {("com.foo.shop", "introspect")})

    def test_declared_before(self):
        """What a function has when its class is decorated, each interface has."""
        for name in ("com.foo.shop", "com.foo.bank"):
            component = self.result(self.context.locate(name))
            self.addCleanup(component.close)
            self.failure(component.invoke("buy", {"article": 5}), pycom.BadRequest)
            self.ask(name, "buy", {"article": "a"})
        self.assertEqual(self.seen, [("com.foo.shop", "buy"), ("com.foo.bank", "buy")])

    def test_declared_afterwards(self):
        """What it gets later, they do not have, nor does it get what they have."""
        function = self.shop.buy
        function.__method__.prehooks.append(note(self.seen))
        self.shop.__interface__.methods["buy"].prehooks.clear()
        self.assertEqual(len(function.__method__.prehooks), 2)
        self.ask("com.foo.shop", "buy", {"article": 5})
        self.assertEqual(self.seen, [("com.foo.shop", "buy")])

    def test_derived(self):
        """A class that derives from one with an interface has its functions, not its hooks."""
        self.shop.__interface__.methods["buy"].prehooks.append(note(self.seen))
        derived = pycom.interface("com.foo.derived")(type("Derived", (self.shop,), {}))
        hooks = derived.__interface__.methods["buy"].prehooks
        self.assertEqual(hooks, self.shop.buy.__method__.prehooks)

    def test_two_names_in_python(self):
        """A function that a class has under two names is one method."""

        class Shop:
            @pycom.method
            def buy(self, request): ...

            purchase = buy

        methods = pycom.interface("com.foo.shop")(Shop).__interface__.methods
        self.assertEqual(list(methods), ["buy"])
