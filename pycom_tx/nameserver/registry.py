"""Where a nameserver keeps what is registered with it."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import Logger
from zope.interface import Interface, implementer

from pycom_tx.zerojson.errors import AccessDenied
from pycom_tx.zerojson.leases import Leases

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

LEASE: Final = 60.0
"""Seconds that a registration lives unless it is renewed, as in PyCOM 0.6."""


@dataclass(frozen=True)
class Record:
    """A registered service.

    :ivar service: its path.
    :ivar address: where it is.
    :ivar interfaces: the names of those it provides, each once.
    """

    service: str
    address: str
    interfaces: tuple[str, ...]


class IRegistry(Interface):
    """All that the nameserver knows of where registrations are kept."""

    def register(record: Record) -> Deferred[None]:
        """Enter a service for the time of a lease, or renew and replace what it had.

        :raises AccessDenied: (as a failure) its path is held by another address.
        """

    def unregister(service: str, address: str) -> Deferred[bool]:
        """Strike a service off.

        :returns: Deferred firing with whether it was registered at that address.
        """

    def locate(interface: str, service: str | None) -> Deferred[Record | None]:
        """One service that provides *interface*, any of them, or None.

        :param service: the only one that will do, if not None.
        """

    def records() -> Deferred[Iterable[Record]]:
        """All services."""

    def counts() -> Deferred[dict[str, int]]:
        """How many ``services`` and ``interfaces`` there are."""

    def close() -> None:
        """Let go of what it holds."""


class _Providers:
    """Paths of services, with a random one at the same cost however many there are."""

    __slots__ = ("_index", "_paths")

    def __init__(self) -> None:
        self._paths: list[str] = []
        self._index: dict[str, int] = {}

    def add(self, path: str) -> None:
        self._index[path] = len(self._paths)
        self._paths.append(path)

    def remove(self, path: str) -> None:
        # The last one moves into the gap.
        index = self._index.pop(path)
        last = self._paths.pop()
        if last != path:
            self._paths[index] = last
            self._index[last] = index

    def choose(self) -> str:
        return random.choice(self._paths)  # noqa: S311 # balancing, not cryptography

    def __len__(self) -> int:
        return len(self._paths)


@implementer(IRegistry)
class MemoryRegistry:
    """Registrations in memory: gone with the process, entered again within a renewal.

    Each operation but :meth:`records` costs the same however many services there are.

    :param clock: what ends the leases.
    :param lease: seconds.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, *, lease: float = LEASE) -> None:
        self._records: Leases[str, Record] = Leases(clock, lease, self._expired)
        self._providers: dict[str, _Providers] = {}

    def register(self, record: Record) -> Deferred[None]:
        known = self._records.get(record.service)
        if known is not None and known.address != record.address:
            return fail(
                AccessDenied(f"Service {record.service} already registered on a different address")
            )
        if known is None or known.interfaces != record.interfaces:
            if known is not None:
                self._remove_provider(known)
            for interface in record.interfaces:
                self._providers.setdefault(interface, _Providers()).add(record.service)
            self._log.info(
                "{record.service} at {record.address} provides {interfaces}",
                record=record,
                interfaces=", ".join(record.interfaces),
            )
        self._records.put(record.service, record)
        return succeed(None)

    def unregister(self, service: str, address: str) -> Deferred[bool]:
        record = self._records.get(service)
        if record is None or record.address != address:
            return succeed(False)  # noqa: FBT003 # that is the answer
        self._records.pop(service)
        self._remove_provider(record)
        self._log.info("{record.service} is gone", record=record)
        return succeed(True)  # noqa: FBT003 # as above

    def locate(self, interface: str, service: str | None) -> Deferred[Record | None]:
        if service is not None:
            record = self._records.get(service)
            provides = record is not None and interface in record.interfaces
            return succeed(record if provides else None)
        providers = self._providers.get(interface)
        return succeed(None if providers is None else self._records.get(providers.choose()))

    def records(self) -> Deferred[Iterable[Record]]:
        return succeed(list(self._records.values()))

    def counts(self) -> Deferred[dict[str, int]]:
        return succeed({"services": len(self._records), "interfaces": len(self._providers)})

    def close(self) -> None:
        self._records.clear()
        self._providers.clear()

    def _expired(self, service: str, record: Record) -> None:
        self._remove_provider(record)
        self._log.info("{record.service} was not renewed and has expired", record=record)

    def _remove_provider(self, record: Record) -> None:
        for interface in record.interfaces:
            providers = self._providers[interface]
            providers.remove(record.service)
            if not providers:
                del self._providers[interface]
