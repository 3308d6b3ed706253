"""A 0MQ socket in the reactor: what the channels over 0MQ are made of.

With the channels made of it the one place that knows txzmq and pyzmq.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Final

import zmq
from twisted.logger import Logger
from txzmq import ZmqConnection, ZmqEndpoint, ZmqEndpointType, ZmqFactory

if TYPE_CHECKING:
    from collections.abc import Callable

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

_EVENTS: Final = (
    zmq.Event.HANDSHAKE_SUCCEEDED
    | zmq.Event.DISCONNECTED
    | zmq.Event.CLOSED
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
                socket.send(frame, flags)
            else:
                tracker = socket.send(frame, flags, copy=False, track=held is not None)
                if held is not None:
                    held.add(frames[0], tracker, len(frame))
        except zmq.Again:
            if index == 0:
                return False
            taken = False
    return taken


def nothing() -> None:
    """What a monitor does when it is idle, and when it breaks together with its socket."""


class Socket(ZmqConnection):  # type: ignore[misc] # txzmq has no types
    """A 0MQ socket that yields to the reactor and says when it is broken.

    :param received: called with the frames of each message.
    :param idle: called when a turn of reading is over.
    :param broken: called when the socket cannot be used any more.
    """

    def __init__(
        self,
        factory: ZmqFactory,
        socket_type: int,
        *,
        received: Callable[[list[bytes]], object],
        idle: Callable[[], object] = nothing,
        broken: Callable[[], object] = nothing,
        high_water_mark: int = HIGH_WATER_MARK,
    ) -> None:
        self.socketType = socket_type
        self.highWaterMark = high_water_mark
        self._received = received
        self._idle = idle
        self._broken = broken
        self.read_scheduled: IDelayedCall | None
        # Without an endpoint: options have to be set before it connects or binds, and
        # from a constructor that fails nobody gets the socket to close it.
        super().__init__(factory)

    def doRead(self) -> None:
        try:
            # The descriptor tells only once that something came: read until there is
            # nothing left, or come back by itself.
            if self._read_some():
                self.read_later()
        except zmq.ZMQError:
            _log.failure("A 0MQ socket broke")
            self._broken()
            return
        if self.socket is not None:
            self._idle()

    def drain(self) -> None:
        """Read whatever has arrived; nothing more will."""
        with suppress(zmq.ZMQError):
            while self._read_some():
                pass

    def _read_some(self) -> bool:
        """Read a turn's share; whether there may be more."""
        for _ in range(READ_LIMIT):
            if self.socket is None:
                return False
            try:
                frames = self.socket.recv_multipart(_NOBLOCK)
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

    def look_again(self) -> None:
        """Read in the reactor's next turn, if something arrived since the last one.

        After this look the descriptor wakes for whatever arrives.
        """
        if self.socket.get(zmq.EVENTS) & zmq.POLLIN:
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
        self._broken()


class Monitor:
    """Tells what happens to the connection of a socket.

    :param watched: a socket that has no endpoint yet.
    :param happened: called with each :class:`zmq.Event`, an int.
    """

    def __init__(self, watched: Socket, happened: Callable[[int], object]) -> None:
        endpoint = f"inproc://pycom-monitor-{next(_monitors)}"
        watched.socket.monitor(endpoint, _EVENTS)
        self._watched = watched
        self._happened = happened
        # Its receive mark has to stay 0: a full one blocks 0MQ's own thread.
        self._pair = Socket(watched.factory, zmq.PAIR, received=self._received, high_water_mark=0)
        self._pair.addEndpoints([ZmqEndpoint(ZmqEndpointType.connect, endpoint)])

    def close(self) -> None:
        """Stop watching, before the watched socket is closed."""
        # In this order: a monitor that is closed while events arrive blocks 0MQ's thread.
        self._watched.socket.disable_monitor()
        self._pair.shutdown()

    def _received(self, frames: list[bytes]) -> None:
        (event,) = struct.unpack_from("=H", frames[0])
        self._happened(event)
