"""What tests of services and clients need instead of a network.

::

    clock = MemoryReactorClock()
    network = MemoryNetwork(clock)
    host = ComponentHost([MyService], "memory", nameserver="local", ...)

The real server and client code runs over it, on a clock that the test advances.
"""

from pycom_tx.zerojson.memory_channel import MemoryNetwork, at_once

__all__ = ("MemoryNetwork", "at_once")
