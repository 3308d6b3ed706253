"""Where a nameserver keeps what is registered with it."""

from __future__ import annotations

import random
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from secrets import token_hex
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

REMEMBERED: Final = 10_000
"""Services whose last change is remembered. Who has missed more is told of all there are."""


@dataclass(frozen=True, slots=True)
class Record:
    """A registered service.

    :ivar service: its path.
    :ivar address: where it is.
    :ivar interfaces: the names of those it provides, each once.
    """

    service: str
    address: str
    interfaces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Providers:
    """Who provides an interface.

    :ivar services: their records.
    :ivar revision: names this state, and no other in all time: whoever finds the same
        revision again need not look at the services.
    :ivar gone: None where the services are all that there are. Otherwise they are those that
        came or changed since an earlier revision, and this has the paths of those that went.
    """

    services: tuple[Record, ...]
    revision: str
    gone: tuple[str, ...] | None = None


class Held(AccessDenied):
    """A path is held by another address.

    :param holder: the record that stands there.
    :param lease: whatever tells the holder's lease from any other, and from the same once
        it is renewed; for the registry only.
    :param age: seconds since the holder last registered.
    """

    def __init__(self, holder: Record, lease: object, age: float) -> None:
        super().__init__(f"Service {holder.service} already registered on a different address")
        self.holder = holder
        self.lease = lease
        self.age = age


class IRegistry(Interface):
    """All that the nameserver knows of where registrations are kept."""

    def register(record: Record, instead_of: Held | None = None) -> Deferred[None]:
        """Enter a service for the time of a lease, or renew and replace what it had.

        :param instead_of: whose lease on the path is over: an error raised before. It counts
            for nothing once that lease was renewed.

        :raises Held: (as a failure) the path is held by another address.
        """

    def unregister(service: str, address: str) -> Deferred[bool]:
        """Strike a service off.

        :returns: Deferred firing with whether it was registered at that address.
        """

    def locate(interface: str, service: str | None) -> Deferred[Record | None]:
        """One service that provides *interface*, any of them, or None.

        :param service: the only one that will do, if not None.
        """

    def providers(interface: str) -> Deferred[Providers]:
        """All services that provide *interface*, none if need be.

        A revision that was given out before a restart must not come again after it, unless
        the registrations are the same.
        """

    def changes(revision: str | None) -> Deferred[Providers]:
        """All services, whatever they provide; or what has changed since a *revision*.

        A registry that does not know that one, or any more, tells all.
        """

    def tell(changed: Callable[[Iterable[str]], object]) -> None:
        """Call *changed*, from now on, when the providers of interfaces have changed.

        It gets their names, once :meth:`providers` has the change or later. It may be told
        more than there is, and must be told all; a renewal changes nothing. It calls
        nothing here before it returns.
        """

    def records() -> Deferred[Iterable[Record]]:
        """All services."""

    def counts() -> Deferred[dict[str, int]]:
        """How many ``services`` and ``interfaces`` there are.

        It may count what happens as well: how many services have been ``registered``, other
        than to renew; how many were ``unregistered`` or have ``expired``, and how many paths
        were ``taken_over`` by another address.
        """

    def close() -> None:
        """Let go of what it holds."""


class _Providers:
    """Paths of services, with a random one at the same cost however many there are."""

    __slots__ = ("_index", "_paths", "revision")

    def __init__(self) -> None:
        self.revision = 0
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

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


@implementer(IRegistry)
class MemoryRegistry:
    """Registrations in memory: gone with the process, entered again within a renewal.

    Each operation costs the same however many services there are, but for :meth:`records`,
    :meth:`providers` of whom there are many, and :meth:`changes` where much has changed.

    :param clock: what ends the leases.
    :param lease: seconds.
    :param remembered: services whose last change is remembered.
    """

    _log = Logger()

    def __init__(
        self, clock: IReactorTime, *, lease: float = LEASE, remembered: int = REMEMBERED
    ) -> None:
        self._clock = clock
        self._lease = lease
        self._remembered = remembered
        self._records: Leases[str, Record] = Leases(clock, lease, self._expired)
        self._providers: dict[str, _Providers] = {}
        self._changed: Callable[[Iterable[str]], object] = lambda _: None
        # The part that no other process, and none after a restart, has in its revisions.
        self._incarnation = token_hex(8)
        self._revision = self._forgotten = 0
        # When each service changed last, in that order; also of those that are gone.
        self._last_changes: OrderedDict[str, int] = OrderedDict()
        self._events = dict.fromkeys(("registered", "unregistered", "expired", "taken_over"), 0)

    def register(self, record: Record, instead_of: Held | None = None) -> Deferred[None]:
        known = self._records.get(record.service)
        if known == record:
            # What is known stays: to replace it would touch more of a large memory.
            self._records.renew(record.service)
            return succeed(None)
        if known is not None and known.address != record.address:
            expires = self._records.expires(record.service)
            lease = known.address, expires
            if instead_of is None or instead_of.lease != lease:
                age = self._clock.seconds() + self._lease - expires
                return fail(Held(known, lease, age))
            self._events["taken_over"] += 1
        if known is None:
            self._events["registered"] += 1
        self._records.put(record.service, record)
        self._replace(record.service, known, record)
        self._log.info(
            "{service} at {address} provides {interfaces}",
            service=record.service,
            address=record.address,
            interfaces=", ".join(record.interfaces),
        )
        return succeed(None)

    def unregister(self, service: str, address: str) -> Deferred[bool]:
        record = self._records.get(service)
        if record is None or record.address != address:
            return succeed(False)  # noqa: FBT003 # that is the answer
        self._records.pop(service)
        self._replace(service, record, None)
        self._events["unregistered"] += 1
        self._log.info("{service} is gone", service=service, address=address)
        return succeed(True)  # noqa: FBT003 # as above

    def locate(self, interface: str, service: str | None) -> Deferred[Record | None]:
        if service is not None:
            record = self._records.get(service)
            provides = record is not None and interface in record.interfaces
            return succeed(record if provides else None)
        providers = self._providers.get(interface)
        return succeed(None if providers is None else self._records.get(providers.choose()))

    def providers(self, interface: str) -> Deferred[Providers]:
        providers = self._providers.get(interface)
        if providers is None:
            # Nobody is always the same.
            return succeed(Providers((), f"{self._incarnation}.0"))
        records = map(self._records.get, providers)
        return succeed(
            Providers(
                tuple(record for record in records if record is not None),
                f"{self._incarnation}.{providers.revision}",
            )
        )

    def changes(self, revision: str | None) -> Deferred[Providers]:
        now = f"{self._incarnation}.{self._revision}"
        since = self._known_since(revision)
        if since is None:
            return succeed(Providers(tuple(self._records.values()), now))
        newest_first = reversed(self._last_changes.items())
        paths = [path for path, _ in takewhile(lambda change: change[1] > since, newest_first)]
        known = {path: self._records.get(path) for path in reversed(paths)}
        services = tuple(record for record in known.values() if record is not None)
        gone = tuple(path for path, record in known.items() if record is None)
        return succeed(Providers(services, now, gone))

    def tell(self, changed: Callable[[Iterable[str]], object]) -> None:
        self._changed = changed

    def records(self) -> Deferred[Iterable[Record]]:
        return succeed(list(self._records.values()))

    def counts(self) -> Deferred[dict[str, int]]:
        there_are = {"services": len(self._records), "interfaces": len(self._providers)}
        return succeed({**there_are, **self._events})

    def close(self) -> None:
        self._records.clear()
        self._providers.clear()
        self._last_changes.clear()
        self._revision += 1
        self._forgotten = self._revision

    def _expired(self, service: str, record: Record) -> None:
        self._replace(service, record, None)
        self._events["expired"] += 1
        self._log.info(
            "{service} was not renewed and has expired", service=service, address=record.address
        )

    def _replace(self, service: str, before: Record | None, after: Record | None) -> None:
        """Note what a service provides, in the place of what it did."""
        changed: dict[str, None] = {}
        if before is not None:
            changed.update(dict.fromkeys(before.interfaces))
            for interface in before.interfaces:
                self._providers[interface].remove(service)
        if after is not None:
            changed.update(dict.fromkeys(after.interfaces))
            for interface in after.interfaces:
                self._providers.setdefault(interface, _Providers()).add(service)
        revision = self._note_change(service)
        for interface in changed:
            providers = self._providers[interface]
            providers.revision = revision
            if not providers:
                del self._providers[interface]
        self._changed(changed)

    def _known_since(self, revision: str | None) -> int | None:
        """The number of a revision since when all changes are known."""
        incarnation, _, number = (revision or "").rpartition(".")
        if incarnation != self._incarnation or re.fullmatch("[0-9]{1,18}", number) is None:
            return None
        since = int(number)
        return since if self._forgotten <= since <= self._revision else None

    def _note_change(self, service: str) -> int:
        """Number a change of a service."""
        self._revision += 1
        self._last_changes[service] = self._revision
        self._last_changes.move_to_end(service)
        if len(self._last_changes) > self._remembered:
            self._forgotten = self._last_changes.popitem(last=False)[1]
        return self._revision
