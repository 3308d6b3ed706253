"""The demo service."""

import pycom_tx as pycom
from pycom_tx.apps.demo import Demo
from pycom_tx.host.loading import load_components
from tests.support import MemoryCase


class DemoTests(MemoryCase):
    def invoke(self, method, args=None):
        """The Deferred of a call to a demo service that was located."""
        self.host(Demo)
        component = self.result(self.context.locate("org.pycom.demo"))
        self.addCleanup(component.close)
        call = component.invoke(method, args)
        self.clock.advance(0)
        return call

    def test_loaded(self):
        """The module contributes the one component."""
        self.assertEqual(load_components(["pycom_tx.apps.demo"]), [Demo])

    def test_echo(self):
        """echo gives back any arguments as they are."""
        args = {"text": "größer", "number": 2**70, "list": [1, 2.5, None, True, {"a": []}]}
        self.assertEqual(self.successResultOf(self.invoke("echo", args)), args)

    def test_echo_of_no_object(self):
        """echo takes arguments that are no object."""
        self.assertEqual(self.successResultOf(self.invoke("echo", [1, "two"])), [1, "two"])

    def test_echo_of_nothing(self):
        """echo without arguments answers null."""
        self.assertIsNone(self.successResultOf(self.invoke("echo")))

    def test_throw(self):
        """throw fails with code 1 and the arguments as Python writes them."""
        call = self.invoke("throw", {"why": "to try"})
        error = self.failureResultOf(call, pycom.RemoteError).value
        self.assertIs(type(error), pycom.RemoteError)
        self.assertEqual(error.code, 1)
        self.assertEqual(str(error), "{'why': 'to try'}")

    def test_through_a_proxy(self):
        """The demo describes itself to proxies."""
        self.host(Demo)
        component = self.result(self.proxies.locate("org.pycom.demo"))
        self.addCleanup(component.close)
        self.assertEqual(component.echo.__doc__, "Give back the arguments.")
        self.assertEqual(self.result(component.echo(a=1)), {"a": 1})
        self.failure(component.throw(a=1), pycom.RemoteError)
