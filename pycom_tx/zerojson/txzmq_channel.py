"""Channels over 0MQ.

It is imported late, by what opens the first channel: txzmq installs a reactor when it is
imported, and a program may still want to choose one.
"""

from __future__ import annotations

from functools import partial
from threading import Thread
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import zmq
from twisted.internet.defer import Deferred, succeed
from txzmq import ZmqEndpointType, ZmqFactory
from zope.interface import implementer

from pycom_tx.zerojson.addresses import CONNECT, check_address, check_free
from pycom_tx.zerojson.errors import AddressError
from pycom_tx.zerojson.extensions import SILENCE, SILENT
from pycom_tx.zerojson.interfaces import IChannel, ICountsConnections, INetwork
from pycom_tx.zerojson.txzmq_base import LINGER, Channel
from pycom_tx.zerojson.txzmq_heartbeat import Heartbeat
from pycom_tx.zerojson.txzmq_held import Held
from pycom_tx.zerojson.txzmq_socket import CONNECTIONS, Monitor, Socket
from pycom_tx.zerojson.waiting import QUEUE_BYTES

if TYPE_CHECKING:
    from pycom_tx.zerojson.interfaces import IChannelListener

RECONNECT: Final = 0.1
"""Seconds from one attempt at a connection to the next, as 0MQ has it."""

MAX_SOCKETS: Final = 65535
"""0MQ's own bound is 1023, of which a connection takes three."""

LOOK: Final = 0.05
"""Seconds after which a client that sends looks whether its connection still stands: a reactor that
was held up does not know yet."""

FAREWELL: Final = 100
"""Milliseconds that the closed socket of a client has for its last messages."""

_NO_HANDSHAKE: Final = ": what listens there stands still, or speaks no 0MQ"


class _BoundChannel(Channel):
    """A ROUTER socket: any number of peers, each with a queue of its own."""

    socket_type = zmq.ROUTER
    endpoint_type = ZmqEndpointType.bind
    verb = "listen at"
    max_bytes = QUEUE_BYTES

    def __init__(self, network: ZmqNetwork, *options: Any) -> None:
        # Of its own, so that it can be waited for what this channel has sent.
        factory = network.new_factory()
        self._own: ZmqFactory | None = factory
        self.held = Held()
        try:
            super().__init__(network, *options)
        except AddressError:
            factory.shutdown()
            raise

    def watch(self) -> None:
        """Clients come and go: nobody waits for an answer from them."""

    def finish(self, seconds: float) -> Deferred[None]:
        self._send_batch()
        reactor = self._network.reactor
        end = reactor.seconds() + seconds
        return self._waiting.emptied().addCallback(
            lambda _: self._linger(max(0.0, end - reactor.seconds()))
        )

    def _linger(self, seconds: float) -> Deferred[None]:
        """Close the socket, and wait until 0MQ is done with what it was handed."""
        factory, self._own = self._own, None
        if self._connection is not None:
            self._connection.socket.set(zmq.LINGER, round(seconds * 1000))
        self.close()
        return succeed(None) if factory is None else _shut_down(factory, self._network.reactor)

    def close(self) -> None:
        super().close()
        factory, self._own = self._own, None
        if factory is not None:
            factory.shutdown()

    def _factory(self) -> ZmqFactory:
        return self._own

    def _peer(self, frames: list[bytes]) -> bytes:
        return frames[0]

    def _prepare(self, connection: Socket) -> None:
        # Without it a reply to a client that is gone vanishes without a word.
        connection.socket.set(zmq.ROUTER_MANDATORY, 1)
        if self._network.name_peers:
            connection.name_peers()
        if self._network.counts_connections:
            self._monitor = Monitor(connection, self._happened, CONNECTIONS)

    def _happened(self, event: int) -> None:
        if event == zmq.Event.ACCEPTED:
            self.connections += 1
            self._network.accepted += 1
        else:
            self.connections -= 1

    def _shut(self) -> None:
        super()._shut()
        self.connections = 0

    def _open(self) -> Socket:
        connection = super()._open()
        # With the port that the system chose, where it was left to it.
        self.address = connection.socket.get(zmq.LAST_ENDPOINT).rstrip(b"\0").decode()
        return connection


def _shut_down(factory: ZmqFactory, reactor: Any) -> Deferred[None]:
    """Let 0MQ send what the closed sockets of a factory hold.

    :returns: Deferred firing when it is done with that, or the time of their linger is over.
    """
    done: Deferred[None] = Deferred()

    def shut_down() -> None:
        factory.shutdown()
        reactor.callFromThread(done.callback, None)

    # It blocks, and nothing can end it: a process that leaves does not wait for it.
    Thread(target=shut_down, daemon=True, name="pycom-linger").start()
    return done


class _ConnectedChannel(Channel):
    """A DEALER socket: one peer, watched through a monitor."""

    socket_type = zmq.DEALER
    endpoint_type = ZmqEndpointType.connect
    verb = CONNECT

    def __init__(self, network: ZmqNetwork, address: str, listener: IChannelListener) -> None:
        self._heartbeat: Heartbeat | None = None
        self._ready = False
        self._lost = False
        self._tried = False
        self._opened = self._look_again = 0.0
        super().__init__(network, address, listener)

    def _factory(self) -> ZmqFactory:
        return self._network.factory()

    def _peer(self, frames: list[bytes]) -> bytes:
        return b""

    def _prepare(self, connection: Socket) -> None:
        self._lost = self._tried = False
        self._opened = self._network.reactor.seconds()
        # What has not left by the time that nobody waits for an answer must not leave later.
        connection.socket.set(zmq.LINGER, 0)
        self._monitor = Monitor(connection, self._happened)

    def send(self, frames: list[bytes]) -> None:
        if self._ready and perf_counter() >= self._look_again and self._monitor is not None:
            self._look_again = perf_counter() + LOOK
            self._monitor.look()
        super().send(frames)

    def watch(self) -> None:
        silence = self._network.silence
        if self._heartbeat is None and self._ready and silence is not None:
            self._heartbeat = Heartbeat(
                self._network.factory(), self.address, silence, self._fell_silent
            )

    def _fell_silent(self) -> None:
        if self._ready and not self._lost:
            self._over(f"{SILENT} {self._network.silence:g} s")

    def _happened(self, event: int) -> None:
        if self._lost:
            return
        if event == zmq.Event.HANDSHAKE_SUCCEEDED:
            self._ready = True
            self._flush()
        elif event == zmq.Event.DISCONNECTED:
            self._over("it was closed there")
        elif event != zmq.Event.CONNECT_RETRIED:
            self._tried = True
            refused = event == zmq.Event.CLOSED
            self._unanswered("" if refused else _NO_HANDSHAKE)
        elif self._tried:
            self._tried = False
        else:  # there was nothing to connect to
            self._unanswered(": its host cannot be resolved")

    def _unanswered(self, why: str) -> None:
        self._drop_waiting(f"Nothing answers at {self.address}{why}")

    def _over(self, why: str) -> None:
        self._ready, self._lost = False, True
        # Not at once: 0MQ tells before it has handed over the last that arrived, and
        # a peer that always hangs up must not keep us busy with opening sockets.
        since = self._network.reactor.seconds() - self._opened
        self._cancel_later()
        self._later(max(0.0, RECONNECT - since), partial(self._disconnected, why))

    def _disconnected(self, why: str) -> None:
        """Take what has arrived, and start again with a new socket.

        The old one would keep what it was handed for the next connection, when nobody
        waits for an answer any more. (With IMMEDIATE it would not, but then it throws away
        what has arrived as well.)
        """
        connection = self._connection
        if connection is not None:
            connection.drain()
        if self._connection is connection:
            self._replace(f"The connection to {self.address} broke: {why}")

    def _let_go(self) -> None:
        # Not shut yet: when the reactor stops, it has still to be said that calls are cancelled.
        self._lost = True
        self._replace_later()

    def finish(self, seconds: float) -> Deferred[None]:
        return self.flushed().addCallback(lambda _: self.close())

    def close(self) -> None:
        if self._ready and self._connection is not None:
            # What was said last, that a call is cancelled, maybe, has to leave yet.
            self._connection.socket.set(zmq.LINGER, FAREWELL)
        super().close()

    def _shut(self) -> None:
        if self._heartbeat is not None:
            self._heartbeat.close()
            self._heartbeat = None
        self._ready = False
        super()._shut()


@implementer(INetwork, ICountsConnections)
class ZmqNetwork:
    """Addresses of 0MQ: ``tcp://host:port`` and ``ipc:///path``.

    What it listens at has a 0MQ context each, with a thread for the sockets; what is
    connected has one together. They exist while their channels do; the reactor's shutdown
    closes what is left.

    :param reactor: what reads and writes.
    :param silence: seconds after which a peer that answers no heartbeats counts as lost;
        None for never.
    :param name_peers: whether bound channels find out where messages come from.
    """

    def __init__(
        self, reactor: Any, silence: float | None = SILENCE, *, name_peers: bool = False
    ) -> None:
        self.reactor = reactor
        self.silence = silence
        self.name_peers = name_peers
        self.counts_connections = False
        self.accepted = 0
        self._factory: ZmqFactory | None = None
        self._trigger: Any = None
        self._channels: set[Channel] = set()

    def connect(self, address: str, listener: IChannelListener) -> IChannel:
        return self._open(_ConnectedChannel, address, listener)

    def bind(
        self, address: str, listener: IChannelListener, *, max_frame: int | None = None
    ) -> IChannel:
        check_free(address)
        return self._open(_BoundChannel, address, listener, max_frame or -1)

    @property
    def connections(self) -> int:
        return sum(channel.connections for channel in self._channels)

    def count_connections(self) -> None:
        self.counts_connections = True

    def close(self) -> None:
        for channel in list(self._channels):
            channel.close()

    def _reactor_stops(self) -> None:
        self._trigger = None
        for channel in list(self._channels):
            channel.abandon("The reactor stopped")
        self.close()

    def factory(self) -> ZmqFactory:
        """The one that all connected channels share; made when the first is opened."""
        if self._factory is None:
            self._factory = self.new_factory()
        return self._factory

    def new_factory(self) -> ZmqFactory:
        """What makes sockets, and has to be shut down."""
        factory = ZmqFactory()
        factory.context.set(zmq.MAX_SOCKETS, MAX_SOCKETS)
        factory.reactor = self.reactor
        factory.lingerPeriod = LINGER
        return factory

    def closed(self, channel: Channel) -> None:
        """Forget a channel; the last one takes the shared 0MQ context with it."""
        self._channels.discard(channel)
        self._release_unused()

    def _open(
        self, kind: type[Channel], address: str, listener: IChannelListener, *options: Any
    ) -> IChannel:
        check_address(kind.verb, address)
        try:
            channel = kind(self, address, listener, *options)
        except AddressError:
            self._release_unused()
            raise
        self._channels.add(channel)
        if self._trigger is None:
            # After contexts, which have their calls cancelled before.
            self._trigger = self.reactor.addSystemEventTrigger(
                "after", "shutdown", self._reactor_stops
            )
        return channel

    def _release_unused(self) -> None:
        if self._channels:
            return
        if self._trigger is not None:
            self.reactor.removeSystemEventTrigger(self._trigger)
            self._trigger = None
        factory, self._factory = self._factory, None
        if factory is not None:
            factory.shutdown()
