"""Channels over 0MQ.

It is imported late, by what opens the first channel: txzmq installs a reactor when it is
imported, and a program may still want to choose one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import inf
from typing import TYPE_CHECKING, Any, Final

import zmq
from twisted.internet.task import deferLater
from twisted.logger import Logger
from txzmq import ZmqEndpoint, ZmqEndpointType, ZmqFactory
from zope.interface import implementer

from pycom_tx.zerojson.addresses import check_address, explained, is_taken
from pycom_tx.zerojson.errors import AddressError, ConnectionClosed
from pycom_tx.zerojson.extensions import SILENCE
from pycom_tx.zerojson.interfaces import IChannel, INetwork, check_frames
from pycom_tx.zerojson.txzmq_socket import Heartbeat, Monitor, Socket, write_message
from pycom_tx.zerojson.waiting import QUEUE_BYTES, QUEUE_LIMIT, Waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IDelayedCall

    from pycom_tx.zerojson.interfaces import IChannelListener

RETRY: Final = 0.05
"""Seconds until what could not be done is tried again, if nothing wakes us before."""

RECONNECT: Final = 0.1
"""Seconds from one attempt at a connection to the next, as 0MQ has it."""

HANDSHAKE_TIMEOUT: Final = 2000
"""Milliseconds until a peer that accepts and says nothing is given up. (The default of
30 s leaves a reconnection stuck for as long.)"""

MAX_SOCKETS: Final = 65535
"""0MQ's own bound is 1023, of which a connection takes three."""

FAREWELL: Final = 100
"""Milliseconds that the closed socket of a client has for its last messages."""

LINGER: Final = 500
"""Milliseconds that a closed socket has for the messages on their way."""

_log = Logger()


@implementer(IChannel)
class _Channel(ABC):
    """What bound and connected channels have in common."""

    socket_type: int
    endpoint_type: str
    verb: str
    max_bytes: float = inf

    def __init__(
        self, network: ZmqNetwork, address: str, listener: IChannelListener, max_frame: int = -1
    ) -> None:
        self._max_frame = max_frame
        self.address = address
        self._network = network
        self._listener = listener
        self._waiting = Waiting(QUEUE_LIMIT, self.max_bytes)
        self._connection: Socket | None = None
        self._timer: IDelayedCall | None = None
        self._closed = False
        self._open()

    def send(self, frames: list[bytes]) -> None:
        check_frames(frames)
        if self._closed:
            raise ConnectionClosed(f"The channel at {self.address} is closed")
        peer = self._peer(frames)
        if peer in self._waiting or not self._sent(frames):
            self._waiting.put(peer, frames)
            self._later(RETRY, self._flush)
        if self._connection is not None:
            # Sending may have eaten the wake-up of the descriptor.
            self._connection.read_later()

    def offer(self, frames: list[bytes]) -> bool:
        if self._waiting.half_full(self._peer(frames)):
            return False
        self.send(frames)
        return True

    def withdraw(self, frames: list[bytes]) -> bool:
        return self._waiting.withdraw(self._peer(frames), frames)

    def flushed(self) -> Deferred[None]:
        # Then 0MQ has it all, which does not tell when it has sent it.
        emptied = self._waiting.emptied()
        return emptied.addCallback(lambda _: deferLater(self._network.reactor, LINGER / 1000))

    @abstractmethod
    def watch(self) -> None:
        """As the interface has it."""

    def close(self) -> None:
        self._closed = True
        self._shut()
        self._waiting.take_all()
        self._network.closed(self)

    def abandon(self, reason: str) -> None:
        """Close the socket for good and tell the listener why."""
        self._closed = True
        self._shut()
        self._drop_waiting(reason)
        self._listener.peer_lost(self, b"", reason)

    @abstractmethod
    def _peer(self, frames: list[bytes]) -> bytes:
        """Whose queue *frames* belong in."""

    def _open(self) -> Socket:
        try:
            connection = self._connection = Socket(
                self._network.factory(),
                self.socket_type,
                received=self._received,
                idle=self._flush,
                broken=self._broken,
            )
            connection.socket.set(zmq.HANDSHAKE_IVL, HANDSHAKE_TIMEOUT)
            connection.socket.set(zmq.MAXMSGSIZE, self._max_frame)
            self._prepare(connection)
            connection.addEndpoints([ZmqEndpoint(self.endpoint_type, self.address)])
        except zmq.ZMQError as error:
            self._shut()
            raise AddressError(explained(self.verb, self.address, error.errno)) from None
        return connection

    @abstractmethod
    def _prepare(self, connection: Socket) -> None:
        """Do what has to be done before the socket gets its endpoint."""

    def _cancel_later(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _shut(self) -> None:
        self._cancel_later()
        if self._connection is not None:
            self._connection.shutdown()
            self._connection = None

    def _received(self, frames: list[bytes]) -> None:
        self._listener.message_received(self, frames)

    def _sent(self, frames: list[bytes]) -> bool:
        """Whether 0MQ took *frames*, or there is nobody to take them any more."""
        if self._connection is None:
            return False
        try:
            return write_message(self._connection.socket, frames)
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            self._listener.not_sent(self, frames, f"A client of {self.address} is gone")
            return True

    def _flush(self) -> None:
        if not self._waiting:
            return
        self._waiting.flush(self._sent)
        if self._waiting:
            self._later(RETRY, self._flush)
        if self._connection is not None:
            self._connection.look_again()

    def _drop_waiting(self, reason: str) -> None:
        for frames in self._waiting.take_all():
            self._listener.not_sent(self, frames, reason)

    def _broken(self) -> None:
        """Start again with a new socket: this one will never wake us.

        Not at once: when the reactor stops it takes all sockets away, and closes us next.
        """

        def replace() -> None:
            _log.warn("The 0MQ socket at {address} broke, opening another", address=self.address)
            self._replace(f"The 0MQ socket at {self.address} broke")

        self._shut()
        self._later(0, replace)

    def _replace(self, reason: str) -> None:
        """Open a new socket, then tell why: who is told may want to send, or to close."""
        self._shut()
        self._reopen()
        self._listener.peer_lost(self, b"", reason)

    def _reopen(self) -> None:
        try:
            self._open()
        except AddressError:
            # 0MQ gives an address back some time after its socket was closed.
            self._later(RETRY, self._reopen)
        else:
            self._flush()

    def _later(self, delay: float, do: Callable[[], object]) -> None:
        """Do the one thing that a channel waits to do, unless it is to be done anyway."""

        def now() -> None:
            self._timer = None
            do()

        if self._timer is None:
            self._timer = self._network.reactor.callLater(delay, now)


class _BoundChannel(_Channel):
    """A ROUTER socket: any number of peers, each with a queue of its own."""

    socket_type = zmq.ROUTER
    endpoint_type = ZmqEndpointType.bind
    verb = "listen at"
    max_bytes = QUEUE_BYTES

    def watch(self) -> None:
        """Clients come and go: nobody waits for an answer from them."""

    def _peer(self, frames: list[bytes]) -> bytes:
        return frames[0]

    def _prepare(self, connection: Socket) -> None:
        # Without it a reply to a client that is gone vanishes without a word.
        connection.socket.set(zmq.ROUTER_MANDATORY, 1)

    def _open(self) -> Socket:
        connection = super()._open()
        # With the port that the system chose, where it was left to it.
        self.address = connection.socket.get(zmq.LAST_ENDPOINT).rstrip(b"\0").decode()
        return connection


class _ConnectedChannel(_Channel):
    """A DEALER socket: one peer, watched through a monitor."""

    socket_type = zmq.DEALER
    endpoint_type = ZmqEndpointType.connect
    verb = "connect to"

    def __init__(self, network: ZmqNetwork, address: str, listener: IChannelListener) -> None:
        self._monitor: Monitor | None = None
        self._heartbeat: Heartbeat | None = None
        self._connected = False
        self._lost = False
        self._opened = 0.0
        super().__init__(network, address, listener)

    def _peer(self, frames: list[bytes]) -> bytes:
        return b""

    def _prepare(self, connection: Socket) -> None:
        self._lost = False
        self._opened = self._network.reactor.seconds()
        # What has not left by the time that nobody waits for an answer must not leave later.
        connection.socket.set(zmq.LINGER, 0)
        self._monitor = Monitor(connection, self._happened)

    def _sent(self, frames: list[bytes]) -> bool:
        # For a moment after a connection broke 0MQ still takes messages, and loses them.
        return self._connected and super()._sent(frames)

    def watch(self) -> None:
        silence = self._network.silence
        if self._heartbeat is None and self._connected and silence is not None:
            self._heartbeat = Heartbeat(
                self._network.factory(), self.address, silence, self._fell_silent
            )

    def _fell_silent(self) -> None:
        if self._connected:
            self._happened(zmq.Event.DISCONNECTED)

    def _happened(self, event: int) -> None:
        if self._lost:
            return
        if event == zmq.Event.HANDSHAKE_SUCCEEDED:
            self._connected = True
            self._flush()
        elif event == zmq.Event.DISCONNECTED:
            self._connected, self._lost = False, True
            # Not at once: 0MQ tells before it has handed over the last that arrived, and
            # a peer that always hangs up must not keep us busy with opening sockets.
            since = self._network.reactor.seconds() - self._opened
            self._cancel_later()
            self._later(max(0.0, RECONNECT - since), self._disconnected)
        else:
            self._drop_waiting(f"Nothing answers at {self.address}")

    def _disconnected(self) -> None:
        """Take what has arrived, and start again with a new socket.

        The old one would keep what it was handed for the next connection, when nobody
        waits for an answer any more. (With IMMEDIATE it would not, but then it throws away
        what has arrived as well.)
        """
        connection = self._connection
        if connection is not None:
            connection.drain()
        if self._connection is connection:
            self._replace(f"The connection to {self.address} broke")

    def close(self) -> None:
        if self._connected and self._connection is not None:
            # What was said last, that a call is cancelled, maybe, has to leave yet.
            self._connection.socket.set(zmq.LINGER, FAREWELL)
        super().close()

    def _shut(self) -> None:
        if self._heartbeat is not None:
            self._heartbeat.close()
            self._heartbeat = None
        if self._monitor is not None:
            self._monitor.close()
            self._monitor = None
        self._connected = False
        super()._shut()


@implementer(INetwork)
class ZmqNetwork:
    """Addresses of 0MQ: ``tcp://host:port`` and ``ipc:///path``.

    Its 0MQ context, with a thread for the sockets, exists while a channel does; the
    reactor's shutdown closes what is left.

    :param reactor: what reads and writes.
    :param silence: seconds after which a peer that answers no heartbeats counts as lost;
        None for never.
    """

    def __init__(self, reactor: Any, silence: float | None = SILENCE) -> None:
        self.reactor = reactor
        self.silence = silence
        self._factory: ZmqFactory | None = None
        self._trigger: Any = None
        self._channels: set[_Channel] = set()

    def connect(self, address: str, listener: IChannelListener) -> IChannel:
        return self._open(_ConnectedChannel, address, listener)

    def bind(
        self, address: str, listener: IChannelListener, *, max_frame: int | None = None
    ) -> IChannel:
        if is_taken(address):
            raise AddressError(f"Cannot listen at {address!r}: it is in use")
        return self._open(_BoundChannel, address, listener, max_frame or -1)

    def close(self) -> None:
        for channel in list(self._channels):
            channel.close()

    def _reactor_stops(self) -> None:
        self._trigger = None
        for channel in list(self._channels):
            channel.abandon("The reactor stopped")
        self.close()

    def factory(self) -> ZmqFactory:
        """The one that all channels share; made when the first is opened."""
        if self._factory is None:
            self._factory = ZmqFactory()
            self._factory.context.set(zmq.MAX_SOCKETS, MAX_SOCKETS)
            self._factory.reactor = self.reactor
            self._factory.lingerPeriod = LINGER
            self._trigger = self.reactor.addSystemEventTrigger(
                "during", "shutdown", self._reactor_stops
            )
        return self._factory

    def closed(self, channel: _Channel) -> None:
        """Forget a channel; the last one takes the 0MQ context with it."""
        self._channels.discard(channel)
        self._release_unused()

    def _open(
        self, kind: type[_Channel], address: str, listener: IChannelListener, *options: Any
    ) -> IChannel:
        check_address(kind.verb, address)
        try:
            channel = kind(self, address, listener, *options)
        except AddressError:
            self._release_unused()
            raise
        self._channels.add(channel)
        return channel

    def _release_unused(self) -> None:
        if self._factory is None or self._channels:
            return
        factory, self._factory = self._factory, None
        if self._trigger is not None:
            self.reactor.removeSystemEventTrigger(self._trigger)
        factory.shutdown()
