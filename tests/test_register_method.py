"""Methods that are added while a service runs."""

from __future__ import annotations

import pycom_tx as pycom
from tests.test_declare import RefusingCase, declared, plain


class RegisterMethodTests(RefusingCase):
    """``__interface__.register_method``."""

    def test_registered(self):
        """A method may be added to an interface at any time, more than once."""
        interface = declared().__interface__
        later = pycom.method("later", body=plain)
        interface.register_method(later)
        interface.register_method(later)
        self.assertEqual(interface.methods, {"later": later})

    def test_no_method(self):
        """What is added is a method, no bare function."""
        self.assertRefuses(
            TypeError,
            f"Shop: expected pycom.method(name, body=function), got {plain!r}",
            declared().__interface__.register_method,
            plain,
        )

    def test_name_is_taken(self):
        """A method is not replaced by another of its name."""
        interface = declared().__interface__
        interface.register_method(pycom.method("later", body=plain))
        self.assertRefuses(
            ValueError,
            "Shop: plain and <lambda> are both the method 'later'",
            interface.register_method,
            pycom.method("later", body=lambda self, request: None),
        )
        self.assertIs(interface.methods["later"].function, plain)
