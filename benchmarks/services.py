"""What this project's servers of the benchmarks serve: modules for ``pycom-service``."""

from __future__ import annotations

import pycom_tx as pycom
from benchmarks.peers.work import INTERFACE
from pycom_tx import NameServer

__all__ = ["Example", "NameServer"]


@pycom.interface(INTERFACE)
class Example(pycom.Service):
    """The service of the README, with annotations: its arguments and results are checked."""

    @pycom.method
    def bar(
        self, request: pycom.Request, name: str, value: int | None = None
    ) -> dict[str, int | None]:
        """Give back a value by its name."""
        return {name: value}

    @pycom.method(attachments=("data", "data"), results=("data",))
    def echo(self, request: pycom.Request, data: memoryview) -> memoryview:
        """Give back an attachment, as it was received."""
        return data
