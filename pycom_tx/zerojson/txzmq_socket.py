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

READ_LIMIT: Final = 200
"""Messages read in one turn of the reactor, so that a flood does not hold it."""

HIGH_WATER_MARK: Final = 200
"""Messages that 0MQ keeps for one peer, in each direction."""

LARGE: Final = 65536
"""Bytes from which a frame is handed to 0MQ without copying it."""

# Plain integers: the flags of an enumeration cost as much as the rest of writing.
_NOBLOCK: Final = int(zmq.NOBLOCK)
_NOBLOCK_MORE: Final = int(zmq.NOBLOCK | zmq.SNDMORE)

CONNECTIONS: Final = zmq.Event.ACCEPTED | zmq.Event.DISCONNECTED
"""What tells of the connections of a bound socket: an accepted one is disconnected once,
also one that never gets so far as to say anything."""

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


def write_message(socket: zmq.Socket[bytes], frames: list[bytes]) -> bool:
    """Hand all *frames* to 0MQ, or none: False where it takes no more for that peer.

    A peer that dies in the middle of a message makes 0MQ refuse the next frame; the rest
    has to be sent all the same, or the next message would be taken for its end.
    """
    taken = True
    last = len(frames) - 1
    for index, frame in enumerate(frames):
        flags = _NOBLOCK if index == last else _NOBLOCK_MORE
        try:
            socket.send(frame, flags, copy=len(frame) < LARGE)
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
        high_water_mark: int = HIGH_WATER_MARK,
    ) -> None:
        self.socketType = socket_type
        self.highWaterMark = high_water_mark
        self._received = received
        self._idle = idle
        self._broken = broken
        self.sender: str | None = None
        self.read_scheduled: IDelayedCall | None
        # Without an endpoint: options have to be set before it connects or binds, and
        # from a constructor that fails nobody gets the socket to close it.
        super().__init__(factory)

    def name_peers(self) -> None:
        """Find out where each message comes from. Only for a ROUTER."""
        self.sender = ""

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
                if self.sender is None:
                    frames = self.socket.recv_multipart(_NOBLOCK)
                else:
                    frames = self._receive_named()
            except zmq.Again:
                return False
            try:
                self._received(frames)
            except BaseException:
                # Also what would end a program: it ends by its reactor's stop.
                _log.failure("A message could not be dealt with")
        return self.socket is not None

    def _receive_named(self) -> list[bytes]:
        """Receive a message, and find out where it comes from."""
        # A frame that is copied has lost what 0MQ knows of it, and each that is not costs
        # more. One will do: a ROUTER's first, which is its own and never the last.
        first = self.socket.recv(_NOBLOCK, copy=False)
        try:
            self.sender = first.get("Peer-Address")
        except zmq.ZMQError:
            self.sender = ""
        return [first.bytes, *self.socket.recv_multipart(_NOBLOCK)]

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

    def close(self) -> None:
        """Stop watching, before the watched socket is closed."""
        # In this order: a monitor that is closed while events arrive blocks 0MQ's thread.
        self._watched.socket.disable_monitor()
        self._pair.shutdown()

    def _received(self, frames: list[bytes]) -> None:
        (event,) = struct.unpack_from("=H", frames[0])
        self._happened(event)


class Heartbeat:
    """A connection beside another one, to notice that its peer has fallen silent.

    0MQ's own threads send and answer heartbeats, so a busy reactor is not taken for a dead
    one. They have to be turned on before a socket connects, when it is not known yet whether
    its peer understands them; hence another socket.

    :param factory: what makes sockets.
    :param address: the peer's.
    :param silence: seconds of silence after which the peer counts as lost, at most.
    :param lost: called then, or when the connection broke and was not made again.
    """

    def __init__(
        self, factory: ZmqFactory, address: str, silence: float, lost: Callable[[], object]
    ) -> None:
        self._lost = lost
        self._up = False
        self._reactor = factory.reactor
        self._timer: IDelayedCall | None = None
        # A heartbeat that is sent right after the peer fell silent is missed after the first
        # two. The rest is for one that only closes: its last replies may be under way yet.
        quarter = silence / 4
        self._patience = quarter
        self._socket = Socket(factory, zmq.DEALER, received=lambda _: None)
        self._socket.socket.set(zmq.HEARTBEAT_IVL, max(1, round(quarter * 1000)))
        self._socket.socket.set(zmq.HEARTBEAT_TIMEOUT, max(1, round(quarter * 2000)))
        self._socket.socket.set(zmq.LINGER, 0)
        self._monitor = Monitor(self._socket, self._happened)
        self._socket.addEndpoints([ZmqEndpoint(ZmqEndpointType.connect, address)])

    def close(self) -> None:
        """Let go of it."""
        self._wait_no_longer()
        self._monitor.close()
        self._socket.shutdown()

    def _happened(self, event: int) -> None:
        if event == zmq.Event.HANDSHAKE_SUCCEEDED:
            self._up = True
            self._wait_no_longer()
        elif event == zmq.Event.DISCONNECTED and self._up:
            self._up = False
            self._timer = self._reactor.callLater(self._patience, self._give_up)

    def _wait_no_longer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        self._timer = None
        self._lost()
