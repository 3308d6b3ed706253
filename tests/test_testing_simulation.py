"""The example of a simulation in ``docs/testing.rst``, as it stands there."""

from pathlib import Path
from textwrap import indent

# ---
from twisted.trial.unittest import SynchronousTestCase

import pycom_tx as pycom
from pycom_tx.testing import Simulation


@pycom.interface("com.foo.shop")
class Shop(pycom.Service):
    @pycom.method(idempotent=True)
    def look(self, request):
        return "shoes"


class ShopTests(SynchronousTestCase):
    def setUp(self):
        self.simulation = Simulation(seed=1)
        self.addCleanup(self.simulation.close)  # fails if anything is left
        self.simulation.nameserver()
        self.simulation.host("left", [Shop])
        self.simulation.host("right", [Shop])
        context = pycom.ProxyContext(self.simulation.context("client"))
        self.shop = self.simulation.run(context.wait_for("com.foo.shop"))

    def test_crash(self):
        self.simulation.crash("left")
        for _ in range(10):
            self.assertEqual(self.simulation.run(self.shop.look()), "shoes")
        self.simulation.restart("left")

    def test_partition(self):
        self.simulation.partition({"left", "right"}, {"client", "nameserver"})
        call = self.shop.look()
        with self.assertRaises(pycom.ServiceNotAvailable):
            self.simulation.run(call, within=5)
        self.simulation.heal()
        self.assertEqual(self.simulation.run(self.shop.look()), "shoes")

    def test_bad_weather(self):
        self.simulation.faults.delay = (0.01, 0.5)
        self.simulation.faults.breaks = 0.1
        calls = [self.shop.look() for _ in range(100)]
        self.simulation.advance(10)
        for call in calls:
            call.addErrback(lambda failure: failure.trap(pycom.ServiceNotAvailable))
            self.successResultOf(call)  # each has ended, one way or the other


# --- which is where the example ends
class DocumentTests(SynchronousTestCase):
    def test_document(self):
        """The documentation has the example as it was just run."""
        root = Path(__file__).parents[1]
        document = (root / "docs" / "testing.rst").read_text("utf-8")
        example = Path(__file__).read_text("utf-8").split("# ---")[1].strip()
        self.assertIn(indent(example, "   "), document)
