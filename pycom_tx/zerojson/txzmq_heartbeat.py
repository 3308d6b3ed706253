"""Noticing that a peer has fallen silent."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any, Final

import zmq
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from txzmq import ZmqEndpoint, ZmqEndpointType, ZmqFactory

from pycom_tx.zerojson.txzmq_socket import Monitor, Socket

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IDelayedCall
    from twisted.python.failure import Failure

TURNS: Final = 20
"""How often the reactor has looked for an answer, at least, before there is none. Of one that is
held up for longer than the answer may take, the timers are due before it looks."""


class Heartbeat:
    """A connection beside another one, to notice that its peer has fallen silent.

    0MQ's own threads send and answer heartbeats, so a busy reactor is not taken for a dead
    one. They have to be turned on before a socket connects, when it is not known yet whether
    its peer understands them; hence another socket. It is opened after a while: a connection that
    is closed by then does without.

    One that has closed its address is not silent: it may take its time to send what is under
    way, and the connection itself tells when it is over.

    :param factory: what makes sockets.
    :param address: the peer's.
    :param silence: seconds of silence after which the peer counts as lost, at most.
    :param lost: called then.
    """

    def __init__(
        self, factory: ZmqFactory, address: str, silence: float, lost: Callable[[], object]
    ) -> None:
        self._factory = factory
        self._address = address
        self._lost = lost
        self._up = False
        self._reactor = factory.reactor
        self._timer: IDelayedCall | None = None
        self._asking: Deferred[bool] | None = None
        # A heartbeat that is sent right after the peer fell silent is missed after the first
        # two quarters, or one later where there was none yet. In the rest it is found out
        # whether it has only closed.
        self._quarter = silence / 4
        self._patience = self._quarter / 2
        self._socket: Socket | None = None
        self._monitor: Monitor | None = None
        self._timer = self._reactor.callLater(self._quarter, self._open)

    def close(self) -> None:
        """Let go of it."""
        self._wait_no_longer()
        if self._monitor is not None:
            self._monitor.close()
            self._monitor = None
        if self._socket is not None:
            self._socket.shutdown()
            self._socket = None

    def _open(self) -> None:
        self._timer = None
        try:
            self._connect()
        except zmq.ZMQError:  # there are no files left; maybe there are in a while
            self.close()
            self._timer = self._reactor.callLater(self._quarter, self._open)

    def _connect(self) -> None:
        self._socket = Socket(self._factory, zmq.DEALER, received=lambda _: None)
        self._socket.socket.set(zmq.HEARTBEAT_IVL, max(1, round(self._quarter * 1000)))
        self._socket.socket.set(zmq.HEARTBEAT_TIMEOUT, max(1, round(self._quarter * 2000)))
        self._socket.socket.set(zmq.LINGER, 0)
        self._monitor = Monitor(self._socket, self._happened)
        self._socket.addEndpoints([ZmqEndpoint(ZmqEndpointType.connect, self._address)])
        # It may have fallen silent before this connection stands.
        self._timer = self._reactor.callLater(self._quarter * 2, self._look)

    def _happened(self, event: int) -> None:
        if event == zmq.Event.HANDSHAKE_SUCCEEDED:
            self._up = True
            self._wait_no_longer()
        elif event == zmq.Event.DISCONNECTED and self._up:
            self._up = False
            self._look_later()

    def _look_later(self) -> None:
        self._timer = self._reactor.callLater(self._patience, self._look)

    def _wait_no_longer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._asking is not None:
            asking, self._asking = self._asking, None
            asking.cancel()

    def _look(self) -> None:
        self._timer = None
        asking = self._asking = _refuses(self._reactor, self._address, self._patience)
        asking.addCallback(self._told)

    def _told(self, refuses: bool) -> None:  # noqa: FBT001 # that is the answer
        if self._asking is None:
            return  # it was given up
        self._asking = None
        if refuses:
            self._look_later()
        else:
            self._lost()


def _refuses(reactor: Any, address: str, seconds: float) -> Deferred[bool]:
    """Whether nobody listens at an address of a machine that lives; False if it is silent.

    0MQ connects again by itself, but does not tell why it cannot. False also where that cannot
    be found out in time, whatever the reason: perhaps nobody knows its name any more.
    """
    endpoint: HostnameEndpoint | UNIXClientEndpoint
    if address.startswith("ipc://"):
        path = address.removeprefix("ipc://")
        if path.startswith("@"):  # 0MQ's way to write a name that is in no file system
            path = f"\0{path[1:]}"
        endpoint = UNIXClientEndpoint(reactor, path)
    else:
        host, _, port = address.removeprefix("tcp://").rpartition(":")
        host = host.strip("[]")
        # That the last address refuses is only told when the next one would have its turn.
        endpoint = HostnameEndpoint(reactor, host, int(port), attemptDelay=seconds / 4)
        if not (isIPAddress(host) or isIPv6Address(host)):
            seconds *= 2  # its name is looked up first
    asking: Deferred[Any] = endpoint.connect(Factory.forProtocol(Protocol))

    def connected(protocol: Protocol) -> bool:
        if protocol.transport is not None:
            protocol.transport.loseConnection()
        return False

    def failed(failure: Failure) -> bool:
        # What has no file any more listens as little as what refuses.
        return getattr(failure.value, "osError", None) in (errno.ECONNREFUSED, errno.ENOENT)

    _give_up(asking, reactor, seconds)
    return asking.addCallbacks(connected, failed)


def _give_up(asking: Deferred[Any], reactor: Any, seconds: float) -> None:
    """Cancel what has not fired after some seconds, and turns of the reactor."""
    timer: IDelayedCall

    def wait(turns: int) -> None:
        nonlocal timer
        if turns:
            timer = reactor.callLater(seconds / TURNS, wait, turns - 1)
        else:
            asking.cancel()

    def over(result: Any) -> Any:
        if timer.active():
            timer.cancel()
        return result

    wait(TURNS)
    asking.addBoth(over)
