"""Channels within one process, without sockets.

What a service of the same process is called through, and what tests put in the place of a
network: the way of each message can be delayed, lost, doubled or cut.
"""

from __future__ import annotations

from collections import deque
from itertools import count
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from zope.interface import implementer

from pycom_tx.zerojson.errors import AddressError, ConnectionClosed
from pycom_tx.zerojson.interfaces import IChannel, INetwork, check_frames

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from pycom_tx.zerojson.interfaces import IChannelListener


_log = Logger()


def at_once(_frames: list[bytes]) -> Sequence[float]:
    """Deliver each message once, in the clock's next turn."""
    return (0.0,)


@implementer(INetwork)
class MemoryNetwork:
    """Any addresses, within one process.

    :param clock: what delivers.
    :param delivery: called with the frames of each message, tells after how many seconds
        it arrives: ``(0.0,)`` is at once, ``()`` never, ``(0.0, 0.0)`` twice. Messages of
        one connection arrive in the order they were sent in, however long each may take.
    :param beyond: the network for addresses at which nobody listens here.
    """

    def __init__(
        self,
        clock: IReactorTime,
        *,
        delivery: Callable[[list[bytes]], Sequence[float]] = at_once,
        beyond: INetwork | None = None,
    ) -> None:
        self.clock = clock
        self.delivery = delivery
        self.bound: dict[str, _Bound] = {}
        self._beyond = beyond
        self._connected: dict[_Connected, None] = {}
        self._ports = count(49152)
        self._peers = count(1)

    def connect(self, address: str, listener: IChannelListener) -> IChannel:
        if self._beyond is not None and address not in self.bound:
            return self._beyond.connect(address, listener)
        channel = _Connected(self, address, listener)
        self._connected[channel] = None
        return channel

    def bind(
        self, address: str, listener: IChannelListener, *, max_frame: int | None = None
    ) -> IChannel:
        if address.endswith(":*"):
            free = (f"{address[:-1]}{port}" for port in self._ports)
            address = next(candidate for candidate in free if candidate not in self.bound)
        if address in self.bound:
            raise AddressError(f"Cannot listen at {address!r}: it is in use")
        channel = self.bound[address] = _Bound(self, address, listener)
        return channel

    def disconnect(self, address: str) -> None:
        """Cut every connection to *address*; what is on its way is lost.

        The next message connects again, as long as somebody listens.
        """
        for channel in list(self._connected):
            if channel.address == address:
                channel.cut()

    def crash(self, address: str) -> None:
        """Nobody listens at *address* any more, and every connection to it is cut."""
        self.bound.pop(address, None)
        self.disconnect(address)

    def close(self) -> None:
        for channel in [*self._connected, *self.bound.values()]:
            channel.close()

    def new_peer(self) -> bytes:
        return b"\0%04x" % next(self._peers)

    def forget(self, channel: _Connected) -> None:
        self._connected.pop(channel, None)


class _Wire:
    """One direction of a connection: messages arrive in order, each when its time comes."""

    def __init__(
        self,
        network: MemoryNetwork,
        arrived: Callable[[list[bytes]], object],
        emptied: Callable[[], object] = lambda: None,
    ) -> None:
        self._network = network
        self._arrived = arrived
        self._emptied = emptied
        self._on_the_way: deque[tuple[float, list[bytes]]] = deque()
        self._timer: IDelayedCall | None = None

    def send(self, frames: list[bytes]) -> None:
        for delay in self._network.delivery(frames):
            self._on_the_way.append((self._network.clock.seconds() + delay, frames))
        self._watch()

    def __bool__(self) -> bool:
        return bool(self._on_the_way)

    def cut(self) -> None:
        self._on_the_way.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._emptied()

    def _watch(self) -> None:
        if self._on_the_way and self._timer is None:
            clock = self._network.clock
            delay = max(0.0, self._on_the_way[0][0] - clock.seconds())
            self._timer = clock.callLater(delay, self._deliver)

    def _deliver(self) -> None:
        self._timer = None
        now = self._network.clock.seconds()
        while self._on_the_way and self._on_the_way[0][0] <= now:
            _, frames = self._on_the_way.popleft()
            try:
                self._arrived(frames)
            except Exception:
                _log.failure("A message could not be dealt with")
        self._watch()
        if not self._on_the_way:
            self._emptied()


class Unqueued:
    """A channel in which nothing waits to be sent, and whose peer never falls silent."""

    queued = 0
    sender: str | None = None

    def send(self, frames: list[bytes]) -> None:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def offer(self, frames: list[bytes]) -> bool:
        try:
            self.send(frames)
        except ConnectionClosed:
            return False
        return True

    def withdraw(self, frames: list[bytes]) -> bool:
        return False

    def flushed(self) -> Deferred[None]:
        return succeed(None)

    def finish(self, seconds: float) -> Deferred[None]:
        return self.flushed().addCallback(lambda _: self.close())

    def watch(self) -> None:
        """There is nothing to watch."""


@implementer(IChannel)
class _Connected(Unqueued):
    def __init__(self, network: MemoryNetwork, address: str, listener: IChannelListener) -> None:
        self.address = address
        self.listener = listener
        self._network = network
        self._link: _Link | None = None
        self._refused = _Wire(network, self._refuse)
        self._closed = False

    def send(self, frames: list[bytes]) -> None:
        if self._closed:
            raise ConnectionClosed(f"The channel to {self.address} is closed")
        check_frames(frames)
        if self._link is None:
            bound = self._network.bound.get(self.address)
            if bound is None:
                self._refused.send(frames)
                return
            self._link = _Link(self._network, self, bound)
        self._link.to_bound.send(frames)

    def close(self) -> None:
        self._closed = True
        self._refused.cut()
        self._network.forget(self)
        if self._link is not None:
            link, self._link = self._link, None
            link.cut()
            link.bound.lost(link)

    def cut(self) -> None:
        """Break the connection, if there is one, and tell both ends."""
        if self._link is not None:
            link, self._link = self._link, None
            link.cut()
            link.bound.lost(link)
            self.listener.peer_lost(self, b"", f"The connection to {self.address} broke")

    def _refuse(self, frames: list[bytes]) -> None:
        self.listener.not_sent(self, frames, f"Nothing answers at {self.address}")


@implementer(IChannel)
class _Bound(Unqueued):
    def __init__(self, network: MemoryNetwork, address: str, listener: IChannelListener) -> None:
        self.address = address
        self.listener = listener
        self._network = network
        self.links: dict[bytes, _Link] = {}
        self._flushed: list[Deferred[None]] = []

    def send(self, frames: list[bytes]) -> None:
        check_frames(frames)
        link = self.links.get(frames[0])
        if link is None:
            self.listener.not_sent(self, frames, f"A client of {self.address} is gone")
        else:
            link.to_connected.send(frames[1:])

    def flushed(self) -> Deferred[None]:
        # Who closes takes along what is on its way.
        flushed: Deferred[None] = Deferred(self._flushed.remove)
        self._flushed.append(flushed)
        self.wire_emptied()
        return flushed

    def wire_emptied(self) -> None:
        if self._flushed and not any(link.to_connected for link in self.links.values()):
            told, self._flushed = self._flushed, []
            for deferred in told:
                deferred.callback(None)

    def close(self) -> None:
        if self._network.bound.get(self.address) is self:
            del self._network.bound[self.address]
        for link in list(self.links.values()):
            link.connected.cut()

    def lost(self, link: _Link) -> None:
        del self.links[link.peer]
        self.listener.peer_lost(self, link.peer, f"A client of {self.address} is gone")


class _Link:
    """A connection, as both its ends know it."""

    def __init__(self, network: MemoryNetwork, connected: _Connected, bound: _Bound) -> None:
        self.peer = network.new_peer()
        self.connected = connected
        self.bound = bound
        self.to_bound = _Wire(network, self._reach_bound)
        self.to_connected = _Wire(network, self._reach_connected, bound.wire_emptied)
        bound.links[self.peer] = self

    def cut(self) -> None:
        self.to_bound.cut()
        self.to_connected.cut()

    def _reach_bound(self, frames: list[bytes]) -> None:
        self.bound.listener.message_received(self.bound, [self.peer, *frames])

    def _reach_connected(self, frames: list[bytes]) -> None:
        self.connected.listener.message_received(self.connected, frames)
