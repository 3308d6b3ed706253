"""The service, and an interface that tells what the process was doing meanwhile."""

from __future__ import annotations

from typing import Final

import pycom_tx as pycom
from benchmarks.services import Example
from benchmarks.stages.sampler import Sampler
from pycom_tx import NameServer

__all__ = ["Example", "NameServer"]

SAMPLES: Final = "com.example.samples"


@pycom.interface(SAMPLES)
class Samples(pycom.Service):
    """Looks at its own process."""

    def __init__(self) -> None:
        self._sampler = Sampler()

    @pycom.method
    def start(self, request: pycom.Request) -> None:
        """Look from now on."""
        self._sampler.start()

    @pycom.method
    def stop(self, request: pycom.Request) -> dict[str, int]:
        """Look no longer, and tell how often what was found."""
        self._sampler.stop()
        return dict(self._sampler.counts)
