"""A 0MQ socket in the reactor: what the channels over 0MQ are made of.

With the channels made of it the one place that knows txzmq and pyzmq.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import zmq
import zmq.backend
from twisted.logger import Logger
from txzmq import ZmqConnection, ZmqEndpoint, ZmqEndpointType, ZmqFactory

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall
    from twisted.python.failure import Failure

    from pycom_tx.zerojson.txzmq_held import Held

READ_LIMIT: Final = 200
"""Messages read in one turn of the reactor, so that a flood does not hold it."""

HIGH_WATER_MARK: Final = 200
"""Messages that 0MQ keeps for one peer, in each direction."""

LARGE: Final = 65536
"""Bytes from which a frame is handed to 0MQ without copying it."""

# Plain integers: the flags of an enumeration cost as much as the rest of writing.
_NOBLOCK: Final = int(zmq.NOBLOCK)
_NOBLOCK_MORE: Final = int(zmq.NOBLOCK | zmq.SNDMORE)

# What the class of a socket adds to its backend costs as much as sending does.
_send: Final[Callable[..., Any]] = zmq.backend.Socket.send
_receive: Final[Callable[..., zmq.Frame]] = zmq.backend.Socket.recv
_NO_COPY: Final = False
_READABLE: Final = int(zmq.POLLIN)
CONNECTIONS: Final = zmq.Event.ACCEPTED | zmq.Event.DISCONNECTED
"""What tells of the connections of a bound socket: an accepted one is disconnected once,
also one that never gets so far as to say anything."""

_EVENTS: Final = (
    zmq.Event.HANDSHAKE_SUCCEEDED
    | zmq.Event.DISCONNECTED
    | zmq.Event.CLOSED
    | zmq.Event.CONNECT_RETRIED
    | zmq.Event.HANDSHAKE_FAILED_NO_DETAIL
    | zmq.Event.HANDSHAKE_FAILED_PROTOCOL
    | zmq.Event.HANDSHAKE_FAILED_AUTH
)

_monitors = count()
_log = Logger()


def write_message(socket: zmq.Socket[bytes], frames: list[bytes], held: Held | None = None) -> bool:
    """Hand all *frames* to 0MQ, or none: False where it takes no more for that peer.

    A peer that dies in the middle of a message makes 0MQ refuse the next frame; the rest
    has to be sent all the same, or the next message would be taken for its end.

    :param held: is told of large frames for the peer that the first one names.
    """
    taken = True
    last = len(frames) - 1
    for index, frame in enumerate(frames):
        flags = _NOBLOCK if index == last else _NOBLOCK_MORE
        try:
            if len(frame) < LARGE:
                _send(socket, frame, flags)
            else:
                view = memoryview(frame)
                _send(socket, view, flags, copy=False)
                if held is not None:
                    held.add(frames[0], view)
                del view  # from now on it lives as long as 0MQ needs it
        except zmq.Again:
            if index == 0:
                return False
            taken = False
    return taken


def read_message(
    socket: zmq.Socket[bytes], look_at: Callable[[zmq.Frame], object] | None = None
) -> list[bytes]:
    """The frames of the next message; the last one is a view of 0MQ's, if it is large.

    :param look_at: is shown the first one, as 0MQ has it.

    :raises zmq.Again: none has arrived.
    """
    # A frame says whether there are more, which costs less than to ask the socket.
    frame = _receive(socket, _NOBLOCK, _NO_COPY)
    if look_at is not None:
        look_at(frame)
    frames: list[Any] = []
    while frame.more:
        frames.append(frame.bytes)
        frame = _receive(socket, _NOBLOCK, _NO_COPY)
    # The last one may be large, and need not be copied for everybody.
    frames.append(frame.bytes if len(frame) < LARGE else frame.buffer.toreadonly())
    return frames


def nothing() -> None:
    """What a monitor does when it is idle, and when it breaks together with its socket."""


class Socket(ZmqConnection):  # type: ignore[misc] # txzmq has no types
    """A 0MQ socket that yields to the reactor and says when it is broken.

    :param received: called with the frames of each message.
    :param idle: called when a turn of reading is over, and in the middle of it.
    :param broken: called when the socket cannot be used any more.
    :param let_go: called when the reactor does not read it any more.

    .. attribute:: is_reading

        Whether a turn of reading is under way: it sees whatever arrives.

    .. attribute:: collects

        Whether what is to be sent had better wait for others: a turn of reading is under way
        that has sent something already.

    .. attribute:: sender

        Where the last message came from, once :meth:`name_peers` was called, else None: an
        IP address; for ``ipc`` the host, user, group and process of the peer, with colons.
        Empty where 0MQ does not know it.
    """

    def __init__(
        self,
        factory: ZmqFactory,
        socket_type: int,
        *,
        received: Callable[[list[bytes]], object],
        idle: Callable[[], object] = nothing,
        broken: Callable[[], object] = nothing,
        let_go: Callable[[], object] = nothing,
        high_water_mark: int = HIGH_WATER_MARK,
    ) -> None:
        self.socketType = socket_type
        self.highWaterMark = high_water_mark
        self._received = received
        self._idle = idle
        self._broken = broken
        self._let_go = let_go
        self.is_reading = self.collects = False
        self.sender: str | None = None
        self._look_at: Callable[[zmq.Frame], object] | None = None
        self.read_scheduled: IDelayedCall | None
        # Without an endpoint: options have to be set before it connects or binds, and
        # from a constructor that fails nobody gets the socket to close it.
        super().__init__(factory)

    def name_peers(self) -> None:
        """Find out where each message comes from. Only for a ROUTER."""
        self.sender = ""
        self._look_at = self._find_sender

    def _find_sender(self, first: zmq.Frame) -> None:
        try:
            self.sender = str(first.get("Peer-Address"))
        except zmq.ZMQError:
            self.sender = ""

    def write(self, frames: list[bytes], held: Held | None = None) -> bool:
        """As :func:`write_message`."""
        try:
            return write_message(self.socket, frames, held)
        finally:
            self.collects = self.is_reading
            if not self.is_reading:
                # Sending, also in vain, may have eaten the wake-up of the descriptor.
                self.read_later()

    def doRead(self) -> None:
        """Read a turn's share; the descriptor tells only once that something came."""
        self.is_reading = True
        try:
            # Mostly it is one message: what it brought about does not wait for others.
            if self._read_one():
                self._idle()
                if not self._has_more():
                    return
                self._read_some(READ_LIMIT)
            self._idle()
            if self._has_more():
                self.read_later()
        except zmq.ZMQError:
            _log.failure("A 0MQ socket broke")
            self._broken()
        finally:
            self.is_reading = self.collects = False

    def drain(self) -> None:
        """Read whatever has arrived; nothing more will."""
        with suppress(zmq.ZMQError):
            while self._read_some(READ_LIMIT):
                pass

    def _has_more(self) -> bool:
        """Whether something has arrived; if not, the descriptor tells when it does.

        Asked after everything that may have eaten the wake-up: each send does.
        """
        return self.socket is not None and bool(zmq.zmq_poll([(self.socket, _READABLE)], 0))

    def _read_some(self, limit: int) -> bool:
        """Read as many messages, or all that there are; whether there may be more."""
        for _ in range(limit):  # noqa: SIM110 # what counts is that they are read
            if not self._read_one():
                return False
        return True

    def _read_one(self) -> bool:
        """Read a message, if there is one; whether there may be more."""
        try:
            frames = read_message(self.socket, self._look_at)
        except zmq.Again:
            return False
        try:
            self._received(frames)
        except BaseException:
            # Also what would end a program: it ends by its reactor's stop.
            _log.failure("A message could not be dealt with")
        return self.socket is not None

    def addEndpoints(self, endpoints: list[ZmqEndpoint]) -> None:
        super().addEndpoints(endpoints)
        # What arrives before the first look at a new endpoint wakes nobody.
        self.read_later()

    def read_later(self) -> None:
        """Read in the reactor's next turn."""
        if self.read_scheduled is None:
            self.read_scheduled = self.factory.reactor.callLater(0, self._read)

    def _read(self) -> None:
        self.read_scheduled = None
        self.doRead()

    def connectionLost(self, reason: Failure) -> None:
        super().connectionLost(reason)
        self._let_go()


class Monitor:
    """Tells what happens to the connection of a socket.

    :param watched: a socket that has no endpoint yet.
    :param happened: called with each :class:`zmq.Event`, an int.
    :param events: which ones to tell.
    """

    def __init__(
        self, watched: Socket, happened: Callable[[int], object], events: int = _EVENTS
    ) -> None:
        endpoint = f"inproc://pycom-monitor-{next(_monitors)}"
        watched.socket.monitor(endpoint, events)
        self._watched = watched
        self._happened = happened
        # Its receive mark has to stay 0: a full one blocks 0MQ's own thread.
        self._pair = Socket(watched.factory, zmq.PAIR, received=self._received, high_water_mark=0)
        self._pair.addEndpoints([ZmqEndpoint(ZmqEndpointType.connect, endpoint)])

    def look(self) -> None:
        """Tell what has happened already: the reactor may have had no time to."""
        self._pair.drain()

    def close(self) -> None:
        """Stop watching, before the watched socket is closed."""
        # In this order: a monitor that is closed while events arrive blocks 0MQ's thread.
        self._watched.socket.disable_monitor()
        self._pair.shutdown()

    def _received(self, frames: list[bytes]) -> None:
        (event,) = struct.unpack_from("=H", frames[0])
        self._happened(event)
