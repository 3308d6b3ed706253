"""Counting what goes over a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import implementer

from pycom_tx.zerojson.interfaces import IChannel, IChannelListener, INetwork

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred


class Traffic:
    """What went through a number of channels.

    .. attribute:: received_messages
    .. attribute:: received_bytes
    .. attribute:: sent_messages
    .. attribute:: sent_bytes

        How many, since it was made. What is sent may wait, or be lost, yet. Bytes are those
        of all frames.

    .. attribute:: channels

        Those that are open: a set.
    """

    def __init__(self) -> None:
        self.received_messages = self.received_bytes = 0
        self.sent_messages = self.sent_bytes = 0
        self.channels: set[IChannel] = set()

    @property
    def queued(self) -> int:
        """How many messages wait in the channels until their peers take more."""
        return sum(channel.queued for channel in self.channels)

    def received(self, frames: list[bytes]) -> None:
        """A message came."""
        self.received_messages += 1
        self.received_bytes += sum(map(len, frames))

    def sent(self, frames: list[bytes]) -> None:
        """A message is on its way."""
        self.sent_messages += 1
        self.sent_bytes += sum(map(len, frames))


@implementer(INetwork)
class CountedNetwork:
    """Counts what goes over another network.

    :param network: that one.
    :param bound: what counts the traffic of channels that are bound,
    :param connected: and of those that are connected.
    """

    def __init__(self, network: INetwork, bound: Traffic, connected: Traffic) -> None:
        self._network = network
        self._bound = bound
        self._connected = connected

    def connect(self, address: str, listener: IChannelListener) -> IChannel:
        channel = _CountedChannel(listener, self._connected)
        channel.open(self._network.connect(address, channel))
        return channel

    def bind(
        self, address: str, listener: IChannelListener, *, max_frame: int | None = None
    ) -> IChannel:
        channel = _CountedChannel(listener, self._bound)
        channel.open(self._network.bind(address, channel, max_frame=max_frame))
        return channel

    def close(self) -> None:
        self._network.close()
        self._bound.channels.clear()
        self._connected.channels.clear()


@implementer(IChannel, IChannelListener)
class _CountedChannel:
    """A channel to its listener, and a listener to the channel that does the work."""

    _channel: IChannel

    def __init__(self, listener: IChannelListener, traffic: Traffic) -> None:
        self._listener = listener
        self._traffic = traffic

    def open(self, channel: IChannel) -> None:
        self._channel = channel
        self._traffic.channels.add(self)

    @property
    def address(self) -> str:
        address: str = self._channel.address
        return address

    @property
    def queued(self) -> int:
        queued: int = self._channel.queued
        return queued

    @property
    def sender(self) -> str | None:
        sender: str | None = self._channel.sender
        return sender

    def send(self, frames: list[bytes]) -> None:
        self._channel.send(frames)
        self._traffic.sent(frames)

    def offer(self, frames: list[bytes]) -> bool:
        taken = self._channel.offer(frames)
        if taken:
            self._traffic.sent(frames)
        return taken

    def withdraw(self, frames: list[bytes]) -> bool:
        return self._channel.withdraw(frames)

    def flushed(self) -> Deferred[None]:
        return self._channel.flushed()

    def finish(self, seconds: float) -> Deferred[None]:
        self._traffic.channels.discard(self)
        return self._channel.finish(seconds)

    def watch(self) -> None:
        self._channel.watch()

    def close(self) -> None:
        self._traffic.channels.discard(self)
        self._channel.close()

    def message_received(self, channel: IChannel, frames: list[bytes]) -> None:
        self._traffic.received(frames)
        self._listener.message_received(self, frames)

    def not_sent(self, channel: IChannel, frames: list[bytes], reason: str) -> None:
        self._listener.not_sent(self, frames, reason)

    def peer_lost(self, channel: IChannel, peer: bytes, reason: str) -> None:
        self._listener.peer_lost(self, peer, reason)
