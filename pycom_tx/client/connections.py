"""One connection for each address, for as long as something uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pycom_tx.client.room import Room
from pycom_tx.zerojson.client import Client
from pycom_tx.zerojson.errors import ConnectionClosed

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IReactorTime

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
    """The open connections of a context, by address.

    :param network: what opens them.
    :param clock: what times their calls.
    :param released: called when a component less uses one of them.
    :param wait_when_full: whether calls wait where services have no room for them.
    """

    def __init__(
        self,
        network: INetwork,
        clock: IReactorTime,
        released: Callable[[], object],
        *,
        wait_when_full: bool = False,
    ) -> None:
        self._wait_when_full = wait_when_full
        self._rooms: dict[Room, None] = {}
        self.network = network
        self.clock = clock
        self.released = released
        self._open: dict[str, Connection] = {}
        self._closed = False

    def use(self, address: str) -> Connection:
        """The connection to *address*, made if there is none, with one more user.

        :raises AddressError: there cannot be one.
        :raises ConnectionClosed: all are closed for good.
        """
        self.check_open()
        connection = self._open.get(address)
        if connection is None:
            connection = self._open[address] = Connection(self, address)
        connection.users += 1
        return connection

    def open_room(self) -> Room | None:
        """Where calls wait for whom there is no room; None if they do not wait."""
        if not self._wait_when_full:
            return None
        room = Room(self.clock)
        self._rooms[room] = None
        return room

    def close_room(self, room: Room) -> None:
        """Fail the calls that wait in a room, and forget it."""
        self._rooms.pop(room, None)
        room.close()

    def close(self, connection: Connection) -> None:
        """Close one that nothing uses."""
        self._open.pop(connection.address, None)
        connection.client.close()

    def close_all(self) -> None:
        """Close all; calls in flight fail with :class:`ConnectionClosed`."""
        self._closed = True
        for room in list(self._rooms):
            self.close_room(room)
        for connection in list(self._open.values()):
            self.close(connection)

    @property
    def users(self) -> int:
        """How many components use any of them."""
        return sum(connection.users for connection in self._open.values())

    def check_open(self) -> None:
        """Make sure that :meth:`close_all` was not called.

        :raises ConnectionClosed: it was.
        """
        if self._closed:
            raise ConnectionClosed("The context is closed")
