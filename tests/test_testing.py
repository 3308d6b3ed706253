"""The example in ``docs/testing.rst``, and that it stands there as it is here."""

from pathlib import Path
from textwrap import indent

# ---
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

import pycom_tx as pycom
from pycom_tx.testing import MemoryNetwork


@pycom.interface("com.foo.example")
class MyService(pycom.Service):
    @pycom.method
    def bar(self, request, name, value=None):
        return {name: value}


class MyServiceTests(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.network = MemoryNetwork(self.clock)
        self.host = pycom.ComponentHost(
            [pycom.NameServer(reactor=self.clock), MyService],
            "tcp://127.0.0.1:2012",
            nameserver="local",
            reactor=self.clock,
            network=self.network,
        )
        self.host.startService()
        self.clock.advance(0)
        self.context = pycom.ProxyContext(reactor=self.clock, network=self.network)

    def tearDown(self):
        self.context.close()
        stopped = self.host.stopService()
        self.clock.advance(1)  # as long as it takes leave of the nameserver, at most
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def result(self, deferred):
        self.clock.advance(0)
        return self.successResultOf(deferred)

    def test_bar(self):
        component = self.result(self.context.locate("com.foo.example"))
        self.assertEqual(self.result(component.bar("field1", value=42)), {"field1": 42})

    def test_lost(self):
        component = self.result(self.context.locate("com.foo.example"))
        self.network.delivery = lambda frames: ()  # from now on, nothing arrives
        call = component.bar("field1")
        self.clock.advance(5)
        self.failureResultOf(call, pycom.CallTimeout)

    def test_slow(self):
        component = self.result(self.context.locate("com.foo.example"))
        self.network.delivery = lambda frames: (2.0,)  # each message takes two seconds
        call = component.bar("field1")
        self.clock.pump([2.0, 2.0])
        self.assertEqual(self.successResultOf(call), {"field1": None})


# --- which is where the example ends
class DocumentTests(SynchronousTestCase):
    def test_document(self):
        """The documentation has the example as it was just run."""
        root = Path(__file__).parents[1]
        document = (root / "docs" / "testing.rst").read_text("utf-8")
        example = Path(__file__).read_text("utf-8").split("# ---")[1].strip()
        self.assertIn(indent(example, "   "), document)
