"""The example of the README, in memory."""

import pycom_tx as pycom
from tests.support import MemoryCase


@pycom.interface("com.foo.example")
class MyService(pycom.Service):
    @pycom.method
    def bar(self, request, name, value=None):
        return {name: value}


class ExampleTests(MemoryCase):
    def test_example(self):
        """A service is found by its interface and called through a proxy."""
        self.host(MyService)
        component = self.result(self.proxies.locate("com.foo.example"))
        self.assertEqual(self.result(component.bar(name="field1", value=42)), {"field1": 42})
        self.assertEqual(self.result(component.bar("field1", value=42)), {"field1": 42})
        self.assertEqual(self.result(component.bar("field1")), {"field1": None})
        self.assertEqual(self.result(component.introspect()).name, "com.foo.example")
        component.close()
