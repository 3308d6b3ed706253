"""A nameserver for ``pycom-service`` whose services need not renew while it is measured."""

from __future__ import annotations

from typing import Final

from twisted.internet import reactor

from pycom_tx import NameServer
from pycom_tx.nameserver.registry import MemoryRegistry

LEASE: Final = 3600.0
"""Seconds: longer than a run takes."""

nameserver = NameServer(MemoryRegistry(reactor, lease=LEASE))
