"""One connection for each address, for as long as something uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IReactorCore

from pycom_tx.client.loops import check_driven
from pycom_tx.client.room import Room
from pycom_tx.zerojson.client import Client
from pycom_tx.zerojson.errors import ConnectionClosed

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IReactorTime

    from pycom_tx.client.following import Following
    from pycom_tx.zerojson.interfaces import INetwork


class Connection:
    """A connection and how many components use it.

    .. attribute:: client

        What makes calls on it.

    .. attribute:: lost

        Functions that are called when it broke. It connects again by itself.
    """

    def __init__(self, owner: Connections, address: str) -> None:
        self.address = address
        self.users = 0
        self.lost: list[Callable[[], object]] = []
        self._owner = owner
        self.client = Client(
            address,
            owner.network,
            owner.clock,
            self._close_unused,
            self._broke,
        )

    def release(self) -> None:
        """One component less. The last one closes it, once no call is in flight."""
        self.users -= 1
        self._close_unused()
        self._owner.released()

    def _broke(self) -> None:
        for tell in list(self.lost):
            tell()

    def _close_unused(self) -> None:
        if not self.users and not self.client.in_flight:
            self._owner.close(self)


class Connections:
    """The open connections of a context, by address, and what else ends with the reactor.

    :param network: what opens them.
    :param clock: what times their calls. One that stops, a reactor, tells so.
    :param released: called when a component less uses one of them.
    :param stops: called with a reason when the reactor stops while something is open.
    :param wait_when_full: whether calls wait where services have no room for them.
    """

    def __init__(
        self,
        network: INetwork,
        clock: IReactorTime,
        released: Callable[[], object],
        stops: Callable[[str], object],
        *,
        wait_when_full: bool = False,
    ) -> None:
        self._wait_when_full = wait_when_full
        self._rooms: dict[Room, None] = {}
        self.network = network
        self.clock = clock
        self.released = released
        self._stops = stops
        self._open: dict[str, Connection] = {}
        self._following: dict[Following, None] = {}
        self._closed = ""
        self._trigger: Any = None

    def use(self, address: str) -> Connection:
        """The connection to *address*, made if there is none, with one more user.

        :raises AddressError: there cannot be one.
        :raises ConnectionClosed: all are closed for good.
        """
        self.check_open()
        connection = self._open.get(address)
        if connection is None:
            connection = self._open[address] = Connection(self, address)
            self._watch()
        connection.users += 1
        return connection

    def open_room(self) -> Room | None:
        """Where calls wait for whom there is no room; None if they do not wait."""
        if not self._wait_when_full:
            return None
        room = Room(self.clock)
        self._rooms[room] = None
        return room

    def close_room(self, room: Room, reason: str = "The context is closed") -> None:
        """Fail the calls that wait in a room, and forget it."""
        self._rooms.pop(room, None)
        room.close(reason)

    def follows(self, following: Following) -> None:
        """There is one more who asks a nameserver, and is stopped with all the rest."""
        self._following[following] = None
        self._watch()

    def follows_no_more(self, following: Following) -> None:
        """It has stopped."""
        self._following.pop(following, None)
        self._watch()

    def close(self, connection: Connection, reason: str | None = None) -> None:
        """Close one; calls in flight, if there are any, fail with the reason."""
        self._open.pop(connection.address, None)
        connection.client.close(reason)
        self._watch()

    def close_all(self, reason: str) -> None:
        """Close all; calls in flight fail with :class:`ConnectionClosed`."""
        self._closed = reason
        for following in list(self._following):
            following.stop(reason)
        for room in list(self._rooms):
            self.close_room(room, reason)
        for connection in list(self._open.values()):
            self.close(connection, reason)

    @property
    def users(self) -> int:
        """How many components use any of them."""
        return sum(connection.users for connection in self._open.values())

    def check_open(self) -> None:
        """Make sure that :meth:`close_all` was not called, and that the reactor runs.

        :raises ConnectionClosed: it was.
        :raises ConfigurationError: another loop does.
        """
        if self._closed:
            raise ConnectionClosed(self._closed, not_started=True)
        check_driven(self.clock)

    def _watch(self) -> None:
        """Be told when the reactor stops, while something is open."""
        if self._open or self._following:
            if self._trigger is None and IReactorCore.providedBy(self.clock):
                reactor: Any = self.clock
                # After services have stopped, whose calls may need it to the end.
                self._trigger = reactor.addSystemEventTrigger(
                    "during", "shutdown", self._reactor_stops
                )
        elif self._trigger is not None:
            reactor = self.clock
            reactor.removeSystemEventTrigger(self._trigger)
            self._trigger = None

    def _reactor_stops(self) -> None:
        self._trigger = None
        self._stops("The reactor stopped")
