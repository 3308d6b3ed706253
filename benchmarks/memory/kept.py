"""Interfaces, for ``pycom-service``, that have a server keep something."""

from __future__ import annotations

from typing import Any, Final

from twisted.internet.defer import Deferred

import pycom_tx as pycom
from benchmarks.nameserver.long_leases import nameserver

__all__ = ["nameserver"]

OPEN: Final = "com.example.open"
SESSIONS: Final = "com.example.sessions"


@pycom.interface(OPEN)
class Open(pycom.Service):
    """Calls that stay open."""

    @pycom.method
    def ping(self, request: pycom.Request) -> bool:
        """Answer at once."""
        return True

    @pycom.method
    def wait(self, request: pycom.Request, number: int) -> Deferred[Any]:
        """Never answer."""
        return Deferred()


@pycom.interface(SESSIONS, stateful=True)
class Sessions(pycom.Service):
    """A session for each client, with a number in it."""

    @pycom.method
    def count(self, request: pycom.Request) -> int:
        """Count the calls of this client."""
        session = request.session
        session["count"] = session.get("count", 0) + 1
        return session["count"]
