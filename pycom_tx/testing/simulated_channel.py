"""The channels of a simulated network."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from pycom_tx.zerojson.errors import ConnectionClosed
from pycom_tx.zerojson.extensions import SILENT
from pycom_tx.zerojson.interfaces import IChannel, check_frames
from pycom_tx.zerojson.memory_channel import Unqueued

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IDelayedCall

    from pycom_tx.testing.process import Process
    from pycom_tx.testing.simulated_network import SimulatedNetwork
    from pycom_tx.zerojson.interfaces import IChannelListener

CONNECTING: Final = 2.0
"""Seconds until a connection is given up whose other end does not answer."""


class _Wire:
    """One direction of a connection: messages arrive in order, and then maybe its end."""

    def __init__(
        self,
        network: SimulatedNetwork,
        source: Process,
        destination: Process,
        arrived: Callable[[list[bytes]], object],
        ended: Callable[[], object],
    ) -> None:
        self._network = network
        self._source = source
        self._destination = destination
        self._arrived = arrived
        self._ended = ended
        # None is the end.
        self._under_way: deque[tuple[float, list[bytes] | None]] = deque()
        self._timer: IDelayedCall | None = None

    def send(self, frames: list[bytes]) -> bool:
        """Take a message on its way; False if that broke the connection."""
        network, faults = self._network, self._network.faults
        if self._separated() or network.hits(faults.loss):
            self._note("lost", frames)
            return True
        if network.hits(faults.breaks):
            self._note("broken", frames)
            self._put(frames)
            return False
        self._note("sent", frames)
        self._put(frames)
        if network.hits(faults.duplication):
            self._note("doubled", frames)
            self._put(frames)
        return True

    def end(self) -> None:
        """Tell the other end that there comes no more; at once if what is under way is lost."""
        if self._network.hits(0.5):
            self.drop()
        self._put(None)

    def drop(self) -> None:
        """Lose what is under way."""
        self._under_way.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def look(self) -> None:
        """Go on with what waits, if it can arrive."""
        if self._under_way and self._timer is None and not self._is_held():
            clock = self._network.clock
            self._timer = clock.callLater(
                max(0.0, self._under_way[0][0] - clock.seconds()), self._deliver
            )

    def _put(self, frames: list[bytes] | None) -> None:
        arrives = self._network.clock.seconds() + self._network.takes()
        self._under_way.append((arrives, frames))
        self.look()

    def _deliver(self) -> None:
        self._timer = None
        now = self._network.clock.seconds()
        while self._under_way and self._under_way[0][0] <= now and not self._is_held():
            _, frames = self._under_way.popleft()
            if frames is None:
                self._note("end", [])
                self._ended()
            elif self._separated() or not self._destination.alive:
                self._note("lost", frames)
            else:
                self._note("arrived", frames)
                self._arrived(frames)
        self.look()

    def _is_held(self) -> bool:
        """The end does not get lost: whoever sends into a dead connection is told."""
        return self._under_way[0][1] is None and self._separated()

    def _separated(self) -> bool:
        return self._network.separated(self._source.name, self._destination.name)

    def _note(self, what: str, frames: list[bytes]) -> None:
        size = sum(map(len, frames))
        self._network.note(what, self._source.name, self._destination.name, size)


class _Link:
    """A connection, as both its ends know it."""

    def __init__(self, network: SimulatedNetwork, connected: Connected, bound: Bound) -> None:
        self.peer = network.new_peer()
        self.bound = bound
        self._connected = connected
        self._network = network
        self._broken = False
        client, server = connected.process, bound.process
        self._to_bound = _Wire(network, client, server, self._reach_bound, lambda: None)
        self._to_connected = _Wire(
            network, server, client, connected.arrived, lambda: connected.lost(self)
        )
        bound.links[self.peer] = self

    def send_to_bound(self, frames: list[bytes]) -> None:
        # For a moment after a connection broke 0MQ still takes messages, and loses them.
        if not self._broken and not self._to_bound.send(frames):
            self.break_off()

    def send_to_connected(self, frames: list[bytes]) -> None:
        if not self._to_connected.send(frames):
            self.break_off()

    def break_off(self) -> None:
        """End the connection from somewhere else than the connected side."""
        if self._let_go():
            self._to_connected.end()

    def hang_up(self) -> None:
        """End the connection from the connected side, which hears no more of it."""
        self._let_go()
        self._to_connected.drop()

    def separated(self) -> bool:
        return self._network.separated(self._connected.process.name, self.bound.process.name)

    def look(self) -> None:
        self._to_bound.look()
        self._to_connected.look()

    def _let_go(self) -> bool:
        if self._broken:
            return False
        self._broken = True
        self.bound.links.pop(self.peer, None)
        if self._network.hits(0.5):
            self._to_bound.drop()
        return True

    def _reach_bound(self, frames: list[bytes]) -> None:
        self.bound.arrived([self.peer, *frames])


@implementer(IChannel)
class Connected:
    """A channel to an address, as a 0MQ DEALER is one."""

    sender: str | None = None

    def __init__(
        self,
        network: SimulatedNetwork,
        process: Process,
        address: str,
        listener: IChannelListener,
    ) -> None:
        self.address = address
        self.process = process
        self._network = network
        self._listener = listener
        self._link: _Link | None = None
        self._waiting: list[list[bytes]] = []
        self._attempt: IDelayedCall | None = None
        self._gives_up = 0.0
        self._watched = False
        self._silence: IDelayedCall | None = None
        self._closed = False

    @property
    def queued(self) -> int:
        return len(self._waiting)

    def send(self, frames: list[bytes]) -> None:
        check_frames(frames)
        if not self.process.alive:
            return
        if self._closed:
            raise ConnectionClosed(f"The channel to {self.address} is closed")
        if self._link is not None:
            self._link.send_to_bound(frames)
            return
        self._waiting.append(frames)
        if self._attempt is None:
            now = self._network.clock.seconds()
            self._gives_up = now + CONNECTING
            self._attempt_after(self._network.takes())

    def offer(self, frames: list[bytes]) -> bool:
        if self._closed:
            return False
        self.send(frames)
        return True

    def withdraw(self, frames: list[bytes]) -> bool:
        for position, waiting in enumerate(self._waiting):
            if waiting is frames:
                del self._waiting[position]
                return True
        return False

    def flushed(self) -> Deferred[None]:
        return succeed(None)

    def finish(self, seconds: float) -> Deferred[None]:
        self.close()
        return succeed(None)

    def watch(self) -> None:
        self._watched = True
        self.look()

    def close(self) -> None:
        self._closed = True
        self._network.connected.pop(self, None)
        self._waiting.clear()
        self._unlink()
        if self._attempt is not None:
            self._attempt.cancel()
            self._attempt = None

    # What the network needs.

    def arrived(self, frames: list[bytes]) -> None:
        if not self._closed:
            self._listener.message_received(self, frames)

    def lost(self, link: _Link, why: str = "it was closed there") -> None:
        """The connection is over, as is known by now."""
        if self._link is link:
            self._unlink()
            self._listener.peer_lost(self, b"", f"The connection to {self.address} broke: {why}")

    def ends(self) -> set[str]:
        """The names of the processes that are connected."""
        return set() if self._link is None else {self.process.name, self._link.bound.process.name}

    def break_off(self) -> None:
        if self._link is not None:
            self._link.break_off()

    def look(self) -> None:
        """Notice that processes were separated, or are not any more."""
        link = self._link
        if link is not None and link.separated():
            if self._watched and self._silence is None:
                self._silence = self._network.clock.callLater(
                    self._network.silence, self._fell_silent, link
                )
            return
        self._cancel_silence()
        if link is not None:
            link.look()
        elif self._attempt is not None:
            self._attempt.cancel()
            self._attempt_after(self._network.takes())

    def _fell_silent(self, link: _Link) -> None:
        self._silence = None
        self._network.note("silent", link.bound.process.name, self.process.name)
        self.lost(link, f"{SILENT} {self._network.silence:g} s")

    def _unlink(self) -> None:
        self._watched = False
        self._cancel_silence()
        if self._link is not None:
            link, self._link = self._link, None
            link.hang_up()

    def _cancel_silence(self) -> None:
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None

    def _attempt_after(self, delay: float) -> None:
        self._attempt = self._network.clock.callLater(delay, self._connect)

    def _connect(self) -> None:
        self._attempt = None
        network = self._network
        bound = network.bound.get(self.address)
        home = network.homes.get(self.address)
        if home is not None and network.separated(self.process.name, home):
            left = self._gives_up - network.clock.seconds()
            if left > 0:
                self._attempt_after(left)
                return
            bound = None
        waiting, self._waiting = self._waiting, []
        if bound is None:
            network.note("refused", self.process.name, self.address)
            for frames in waiting:
                self._listener.not_sent(self, frames, f"Nothing answers at {self.address}")
        elif waiting:
            network.note("connected", self.process.name, bound.process.name)
            self._link = _Link(network, self, bound)
            for frames in waiting:
                self._link.send_to_bound(frames)


@implementer(IChannel)
class Bound(Unqueued):
    """A channel at an address, as a 0MQ ROUTER is one: it is not told who is gone."""

    def __init__(
        self,
        network: SimulatedNetwork,
        process: Process,
        address: str,
        listener: IChannelListener,
    ) -> None:
        self.address = address
        self.process = process
        self.links: dict[bytes, _Link] = {}
        self._network = network
        self._listener = listener
        self._closed = False

    def send(self, frames: list[bytes]) -> None:
        check_frames(frames)
        if not self.process.alive:
            return
        if self._closed:
            raise ConnectionClosed(f"The channel at {self.address} is closed")
        link = self.links.get(frames[0])
        if link is None:
            self._listener.not_sent(self, frames, f"A client of {self.address} is gone")
        else:
            link.send_to_connected(frames[1:])

    def close(self) -> None:
        self._closed = True
        if self._network.bound.get(self.address) is self:
            del self._network.bound[self.address]
        for link in list(self.links.values()):
            link.break_off()

    def arrived(self, frames: list[bytes]) -> None:
        if not self._closed:
            self._listener.message_received(self, frames)
