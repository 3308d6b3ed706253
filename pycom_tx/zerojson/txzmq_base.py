"""What the channels over 0MQ have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import inf
from time import perf_counter
from typing import TYPE_CHECKING, Final

import zmq
from twisted.internet.task import deferLater
from twisted.logger import Logger
from txzmq import ZmqEndpoint
from zope.interface import implementer

from pycom_tx.zerojson.addresses import explained
from pycom_tx.zerojson.errors import AddressError, ConnectionClosed, Overloaded
from pycom_tx.zerojson.interfaces import IChannel, check_frames
from pycom_tx.zerojson.txzmq_socket import Monitor, Socket
from pycom_tx.zerojson.waiting import QUEUE_LIMIT, Waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IDelayedCall
    from txzmq import ZmqFactory

    from pycom_tx.zerojson.interfaces import IChannelListener
    from pycom_tx.zerojson.txzmq_channel import ZmqNetwork
    from pycom_tx.zerojson.txzmq_held import Held

RETRY: Final = 0.05
"""Seconds until what could not be done is tried again, if nothing wakes us before."""

BATCH: Final = 0.001
"""Seconds that what a turn of reading makes is collected, from the last that was sent: neither the
first of it nor what took longer to make waits. 0MQ's thread is woken once for all the rest, which
costs as much as to answer a call."""

HANDSHAKE_TIMEOUT: Final = 2000
"""Milliseconds until a peer that accepts and says nothing is given up. (The default of
30 s leaves a reconnection stuck for as long.)"""

LINGER: Final = 500
"""Milliseconds that a closed socket has for the messages on their way."""

_log = Logger()


@implementer(IChannel)
class Channel(ABC):
    """What bound and connected channels have in common."""

    socket_type: int
    endpoint_type: str
    verb: str
    max_bytes: float = inf
    held: Held | None = None
    connections = 0

    # For a moment after a connection broke 0MQ still takes messages, and loses them.
    _ready = True

    def __init__(
        self, network: ZmqNetwork, address: str, listener: IChannelListener, max_frame: int = -1
    ) -> None:
        self._max_frame = max_frame
        self.address = address
        self._network = network
        self._listener = listener
        self._waiting = Waiting(QUEUE_LIMIT, self.max_bytes)
        self._batch: list[list[bytes]] = []
        self._batch_ends = 0.0
        self._connection: Socket | None = None
        self._monitor: Monitor | None = None
        self._timer: IDelayedCall | None = None
        self._closed = False
        self._open()

    @property
    def queued(self) -> int:
        return len(self._waiting)

    @property
    def sender(self) -> str | None:
        return None if self._connection is None else self._connection.sender

    def send(self, frames: list[bytes]) -> None:
        check_frames(frames)
        if self._closed:
            raise ConnectionClosed(f"The channel at {self.address} is closed")
        queues = self._waiting.queues
        if queues and self._peer(frames) in queues:
            self._wait(frames)
        elif self._connection is not None and self._connection.collects:
            self._batch.append(frames)
            if perf_counter() >= self._batch_ends:
                self._send_batch()
        elif self._sent(frames):
            self._batch_ends = perf_counter() + BATCH
        else:
            self._wait(frames)

    def offer(self, frames: list[bytes]) -> bool:
        if self._closed or self._waiting.half_full(self._peer(frames)):
            return False
        self.send(frames)
        return True

    def withdraw(self, frames: list[bytes]) -> bool:
        for position, collected in enumerate(self._batch):
            if collected is frames:
                del self._batch[position]
                return True
        return self._waiting.withdraw(self._peer(frames), frames)

    def flushed(self) -> Deferred[None]:
        # Then 0MQ has it all, which does not tell when it has sent it.
        self._send_batch()
        emptied = self._waiting.emptied()
        return emptied.addCallback(lambda _: deferLater(self._network.reactor, LINGER / 1000))

    @abstractmethod
    def finish(self, seconds: float) -> Deferred[None]:
        """As the interface has it."""

    @abstractmethod
    def watch(self) -> None:
        """As the interface has it."""

    def close(self) -> None:
        self._send_batch()
        self._closed = True
        self._shut()
        self._waiting.take_all()
        self._network.closed(self)

    def abandon(self, reason: str) -> None:
        """Close the socket for good and tell the listener why."""
        self._send_batch()
        self._closed = True
        self._shut()
        self._drop_waiting(reason)
        self._listener.peer_lost(self, b"", reason)

    @abstractmethod
    def _factory(self) -> ZmqFactory:
        """What its sockets are made by."""

    @abstractmethod
    def _peer(self, frames: list[bytes]) -> bytes:
        """Whose queue *frames* belong in."""

    def _open(self) -> Socket:
        try:
            connection = self._connection = Socket(
                self._factory(),
                self.socket_type,
                received=self._received,
                idle=self._idle,
                broken=self._broken,
                let_go=self._let_go,
            )
            connection.socket.set(zmq.HANDSHAKE_IVL, HANDSHAKE_TIMEOUT)
            connection.socket.set(zmq.CONNECT_TIMEOUT, HANDSHAKE_TIMEOUT)
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
        if self._monitor is not None:
            self._monitor.close()
            self._monitor = None
        if self._connection is not None:
            self._connection.shutdown()
            self._connection = None

    def _sent(self, frames: list[bytes]) -> bool:
        """Whether 0MQ took *frames*, or there is nobody to take them any more."""
        if self._connection is None or not self._ready:
            return False
        held = self.held
        if held is not None and held.frames and held.full(frames[0]):
            return False
        try:
            return self._connection.write(frames, self.held)
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            self._listener.not_sent(self, frames, f"A client of {self.address} is gone")
            return True

    def _wait(self, frames: list[bytes]) -> None:
        self._waiting.put(self._peer(frames), frames)
        self._later(RETRY, self._flush)

    def _send_batch(self) -> None:
        """Send what a turn of reading has made."""
        batch, self._batch = self._batch, []
        for frames in batch:
            queues = self._waiting.queues
            if (queues and self._peer(frames) in queues) or not self._sent(frames):
                try:
                    self._wait(frames)
                except Overloaded as error:
                    self._listener.not_sent(self, frames, str(error))
        self._batch_ends = perf_counter() + BATCH

    def _received(self, frames: list[bytes]) -> None:
        self._listener.message_received(self, frames)

    def _idle(self) -> None:
        if self._batch:
            self._send_batch()
        if self._waiting.queues:
            self._flush()

    def _flush(self) -> None:
        if not self._waiting.queues:
            return
        self._waiting.flush(self._sent)
        if self._waiting.queues:
            self._later(RETRY, self._flush)

    def _drop_waiting(self, reason: str) -> None:
        for frames in self._waiting.take_all():
            self._listener.not_sent(self, frames, reason)

    def _broken(self) -> None:
        self._shut()
        self._replace_later()

    def _let_go(self) -> None:
        """The reactor does not read our socket any more."""
        self._broken()

    def _replace_later(self) -> None:
        """Start again with a new socket: this one will never wake us.

        Not at once: when the reactor stops it takes all sockets away, and closes us next.
        """

        def replace() -> None:
            _log.warn("The 0MQ socket at {address} broke, opening another", address=self.address)
            self._replace(f"The 0MQ socket at {self.address} broke")

        self._cancel_later()
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
