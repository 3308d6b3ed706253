"""A network between processes that delays, loses and cuts what it carries, as 0MQ over TCP would.

Where it differs from :class:`~pycom_tx.testing.MemoryNetwork`: connecting takes time, and until
then messages wait and can be withdrawn; who listens is never told that a client is gone; what was
under way when a connection broke may yet arrive; and a silent peer is noticed as 0MQ's heartbeats
notice it.
"""

from __future__ import annotations

from collections import Counter
from itertools import count
from typing import TYPE_CHECKING

from zope.interface import implementer

from pycom_tx.testing.simulated_channel import Bound, Connected
from pycom_tx.zerojson.errors import AddressError
from pycom_tx.zerojson.extensions import SILENCE
from pycom_tx.zerojson.interfaces import IChannel, INetwork

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

    from twisted.internet.interfaces import IReactorTime

    from pycom_tx.testing.process import Process
    from pycom_tx.zerojson.interfaces import IChannelListener


class Faults:
    """What goes wrong on the way; each can be changed at any time.

    :ivar delay: the least and the most seconds that a message takes, or a connection to be
        made. Messages of one connection arrive in the order they were sent in, those of
        different ones in any.
    :ivar loss: how many messages of one vanish without a trace, from 0 to 1. 0MQ loses none
        by itself: it is what a peer makes of it that hangs.
    :ivar breaks: how many messages of one break their connection, from 0 to 1. They and
        others that are under way may arrive or not.
    :ivar duplication: how many messages of one arrive twice, from 0 to 1. 0MQ never does
        that, and nothing here is made for it: it is for tests of methods that should stand
        to be executed twice.
    """

    def __init__(
        self,
        delay: tuple[float, float] = (0.0, 0.01),
        loss: float = 0.0,
        breaks: float = 0.0,
        duplication: float = 0.0,
    ) -> None:
        self.delay = delay
        self.loss = loss
        self.breaks = breaks
        self.duplication = duplication


class SimulatedNetwork:
    """All addresses of a simulation.

    :param clock: what delivers.
    :param random: what decides who is hit.
    :param faults: what goes wrong.
    :param silence: seconds after which a peer that knows heartbeats counts as lost.

    .. attribute:: trace

        What has happened: tuples of the time, what it was, from where, to where and how many
        bytes.

    .. attribute:: counts

        How often each kind of thing has happened: a ``Counter``.
    """

    def __init__(
        self,
        clock: IReactorTime,
        random: Random,
        faults: Faults,
        silence: float = SILENCE,
    ) -> None:
        self.clock = clock
        self.random = random
        self.faults = faults
        self.silence = silence
        self.trace: list[tuple[float, str, str, str, int]] = []
        self.counts: Counter[str] = Counter()
        self.bound: dict[str, Bound] = {}
        # Which process was the last to listen at an address.
        self.homes: dict[str, str] = {}
        # In their order, which sets would not keep.
        self.connected: dict[Connected, None] = {}
        self._groups: list[frozenset[str]] = []
        self._ports = count(49152)
        self._peers = count(1)

    def of(self, process: Process) -> INetwork:
        """The network as a process sees it."""
        return _NetworkOf(self, process)

    def partition(self, groups: Iterable[Iterable[str]]) -> None:
        """Separate processes, as :meth:`Simulation.partition` has it."""
        self._groups = [frozenset(group) for group in groups]
        for channel in list(self.connected):
            channel.look()

    def separated(self, one: str, other: str) -> bool:
        """Whether nothing gets from one process to another."""
        return self._group(one) != self._group(other)

    def disconnect(self, one: str, other: str | None = None) -> None:
        """Break the connections of a process; those to one other, if it is given."""
        for channel in list(self.connected):
            ends = channel.ends()
            if one in ends and (other is None or other in ends):
                channel.break_off()

    def close(self, process: Process) -> None:
        """Close all that a process has open, as its end does."""
        for bound in [bound for bound in self.bound.values() if bound.process is process]:
            bound.close()
        for channel in [channel for channel in self.connected if channel.process is process]:
            channel.close()

    def left(self, process: Process) -> list[str]:
        """What a process has open, in words."""
        return [
            *(f"{at} is bound" for at, bound in self.bound.items() if bound.process is process),
            *(
                f"a connection to {channel.address}"
                for channel in self.connected
                if channel.process is process
            ),
        ]

    # What channels need.

    def note(self, what: str, source: str, destination: str, size: int = 0) -> None:
        self.counts[what] += 1
        self.trace.append((self.clock.seconds(), what, source, destination, size))

    def takes(self) -> float:
        """Seconds that the next message takes."""
        return self.random.uniform(*self.faults.delay)

    def hits(self, chance: float) -> bool:
        """Whether something happens that does so with that chance."""
        return self.random.random() < chance

    def new_peer(self) -> bytes:
        return b"\0%04x" % next(self._peers)

    def new_port(self) -> int:
        return next(self._ports)

    def _group(self, name: str) -> int:
        for number, group in enumerate(self._groups):
            if name in group:
                return number
        return -1


@implementer(INetwork)
class _NetworkOf:
    """The network as a process sees it."""

    def __init__(self, network: SimulatedNetwork, process: Process) -> None:
        self._network = network
        self._process = process

    def connect(self, address: str, listener: IChannelListener) -> IChannel:
        channel = Connected(self._network, self._process, address, listener)
        if self._process.alive:
            self._network.connected[channel] = None
        return channel

    def bind(
        self, address: str, listener: IChannelListener, *, max_frame: int | None = None
    ) -> IChannel:
        network = self._network
        if address.endswith(":*"):
            address = f"{address[:-1]}{network.new_port()}"
        if address in network.bound:
            raise AddressError(f"Cannot listen at {address!r}: it is in use")
        channel = Bound(network, self._process, address, listener)
        if self._process.alive:
            network.bound[address] = channel
            network.homes[address] = self._process.name
        return channel

    def close(self) -> None:
        self._network.close(self._process)
