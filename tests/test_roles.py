"""Roles, as they are declared."""

from twisted.trial.unittest import SynchronousTestCase

import pycom_tx as pycom


def bar(self, request):
    """A method."""


class RolesTests(SynchronousTestCase):
    def test_declared(self):
        """Roles may come in any order and collection."""
        for roles in (("a", "b"), ["b", "a"], {"a", "b"}):
            method = pycom.method("bar", body=bar, roles=roles)
            self.assertEqual(method.roles, {"a", "b"})
        self.assertIs(pycom.method("bar", body=bar).roles, None)

    def test_wrong(self):
        """Roles that are no names, or none at all, are refused with the name of the method."""
        for roles in ("admin", (), [""], [None], [1]):
            error = self.assertRaises(TypeError, pycom.method, "bar", body=bar, roles=roles)
            self.assertIn("bar: roles are names, like ('editor', 'admin')", str(error))

    def test_wrong_of_an_interface(self):
        """So are those of an interface, with the name of its class."""
        declare = pycom.interface("com.foo.bar", roles="admin")
        error = self.assertRaises(TypeError, declare, type("Shop", (), {}))
        self.assertIn("Shop: roles are names", str(error))

    def test_never(self):
        """Where authentication is never asked for there can be no roles."""
        declare = pycom.interface("com.foo.bar", authentication="never", roles=["admin"])
        error = self.assertRaises(ValueError, declare, type("Shop", (), {}))
        self.assertIn("Shop: roles need authentication", str(error))

    def test_never_of_a_method(self):
        """Nor can a method have some, also one that is registered later."""
        declare = pycom.interface("com.foo.bar", authentication="never")
        owner = declare(type("Shop", (), {}))
        method = pycom.method("bar", body=bar, roles=["admin"])
        error = self.assertRaises(ValueError, owner.__interface__.register_method, method)
        self.assertIn("Shop: roles of 'bar' need authentication", str(error))
        self.assertEqual(owner.__interface__.methods, {})
