"""What tests of services and clients need instead of a network.

::

    simulation = Simulation(seed=1)
    simulation.nameserver()
    simulation.host("shop", [Shop])
    client = simulation.context("client")
    component = simulation.run(client.locate("com.foo.shop"))
    simulation.crash("shop")

The real server and client code runs over it, on a clock that the test advances.
"""

from pycom_tx.testing.process import Process
from pycom_tx.testing.simulated_network import Faults, SimulatedNetwork
from pycom_tx.testing.simulation import Simulation
from pycom_tx.zerojson.memory_channel import MemoryNetwork, at_once

__all__ = (
    "Faults",
    "MemoryNetwork",
    "Process",
    "SimulatedNetwork",
    "Simulation",
    "at_once",
)
