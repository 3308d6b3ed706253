"""The client's half of a connection: calls in flight, their deadlines, their replies."""

from __future__ import annotations

from itertools import count
from math import inf
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from pycom_tx.zerojson.errors import (
    CallTimeout,
    ConnectionClosed,
    InvalidReply,
    ServiceNotAvailable,
    remote_error,
)
from pycom_tx.zerojson.extensions import PROGRESS
from pycom_tx.zerojson.interfaces import IChannelListener
from pycom_tx.zerojson.messages import (
    FAIL,
    OK,
    PROGRESSED,
    decode_progress,
    decode_response,
    encode_request,
)
from pycom_tx.zerojson.request import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from pycom_tx.zerojson.interfaces import IChannel, INetwork


class _Call:
    """A call in flight."""

    __slots__ = (
        "client",
        "deferred",
        "frames",
        "key",
        "on_progress",
        "request",
        "timeout",
        "timer",
    )

    def __init__(
        self,
        client: Client,
        key: bytes,
        request: Request,
        timeout: float,
        on_progress: Callable[[Any], object] | None,
    ) -> None:
        if on_progress is not None:
            request.extensions = {**request.extensions, PROGRESS: True}
        self.client = client
        self.key = key
        self.request = request
        self.timeout = timeout
        self.on_progress = on_progress
        self.frames = [key, b"", *encode_request(request)]
        self.timer: IDelayedCall | None = None
        self.deferred: Deferred[Response] = Deferred(self.cancelled)

    def cancelled(self, _: Deferred[Response]) -> None:
        self.client.forget(self)

    def expired(self) -> None:
        self.timer = None
        self.client.expired(self)


@implementer(IChannelListener)
class Client:
    """Any number of calls in flight on one connection.

    :param address: who is called.
    :param network: what opens the channel.
    :param clock: what ends a call that gets no reply.
    :param idle: called when the last call in flight has ended, before its Deferred fires.
    :param lost: called when the connection broke, after its calls have failed.

    :raises AddressError: there cannot be a connection to *address*.

    .. attribute:: unexpected

        How many replies were dropped because nobody waited for them: their call had ended
        before they came.
    """

    _log = Logger()

    def __init__(
        self,
        address: str,
        network: INetwork,
        clock: IReactorTime,
        idle: Callable[[], object],
        lost: Callable[[], object] = lambda: None,
    ) -> None:
        self.address = address
        self.unexpected = 0
        self._clock = clock
        self._idle = idle
        self._lost = lost
        self._keys = count(1)
        self._calls: dict[bytes, _Call] = {}
        self._closed = False
        self._channel: IChannel = network.connect(address, self)

    @property
    def in_flight(self) -> int:
        """How many calls wait for their reply."""
        return len(self._calls)

    def call(
        self,
        request: Request,
        timeout: float,
        on_progress: Callable[[Any], object] | None = None,
    ) -> Deferred[Response]:
        """Send *request*.

        :param timeout: seconds, or ``math.inf``.
        :param on_progress: called with each value that the method reports before it
            answers.

        :returns: Deferred firing with the :class:`Response`, whose code is 0. Cancelling
            it forgets the call; the server may still execute it.

        :raises RemoteError: (as a failure) the service answered with an error.
        :raises ServiceNotAvailable: (as a failure) it did not answer.
        :raises NotSerializable: the arguments cannot be written as JSON.
        :raises Overloaded: too much waits to be sent already.
        """
        if self._closed:
            raise ConnectionClosed(f"The connection to {self.address} is closed")
        call = _Call(self, b"%x" % next(self._keys), request, timeout, on_progress)
        self._channel.send(call.frames)
        self._calls[call.key] = call
        if timeout != inf:
            call.timer = self._clock.callLater(timeout, call.expired)
        return call.deferred

    def expired(self, call: _Call) -> None:
        """Fail a call that got no reply in time."""
        request = call.request
        what = f"{request.interface}.{request.method} at {self.address}"
        self._fail(call, CallTimeout(f"No reply from {what} within {call.timeout:g} s"))

    def forget(self, call: _Call) -> None:
        """End a call without its reply; if it has not left yet, it never will."""
        self._ended(call)
        self._channel.withdraw(call.frames)

    def close(self) -> None:
        """Fail the calls in flight with :class:`ConnectionClosed` and close the channel."""
        if self._closed:
            return
        self._closed = True
        self._channel.close()
        self._fail_all(ConnectionClosed, f"The connection to {self.address} was closed")

    def message_received(self, channel: IChannel, frames: list[bytes]) -> None:
        call = self._calls.get(frames[0])
        if call is None:
            self.unexpected += 1
            return
        if frames[1:3] == [b"", PROGRESSED]:
            self._progressed(call, frames[2:])
            return
        self._ended(call)
        try:
            if frames[1:3] != [b"", OK]:
                raise _not_ok(self.address, call.request, frames)
            response = decode_response(frames[2:])
            if response.code:
                raise remote_error(response.code, response.error, response.session_id)
        except Exception:
            call.deferred.errback()
        else:
            call.deferred.callback(response)

    def not_sent(self, channel: IChannel, frames: list[bytes], reason: str) -> None:
        call = self._calls.get(frames[0])
        if call is not None:
            self._fail(call, ServiceNotAvailable(reason))

    def peer_lost(self, channel: IChannel, peer: bytes, reason: str) -> None:
        self._fail_all(ServiceNotAvailable, reason)
        if not self._closed:
            self._lost()

    def _fail_all(self, kind: type[ServiceNotAvailable], reason: str) -> None:
        for call in list(self._calls.values()):
            # Failing one may end others: whoever waits for it may cancel them.
            if call.key in self._calls:
                self._fail(call, kind(reason))

    def _fail(self, call: _Call, error: ServiceNotAvailable) -> None:
        self.forget(call)
        call.deferred.errback(error)

    def _progressed(self, call: _Call, frames: list[bytes]) -> None:
        try:
            value = decode_progress(frames)
        except InvalidReply as error:
            self._fail(call, error)
            return
        if call.on_progress is None:
            return
        try:
            call.on_progress(value)
        except Exception:
            self._log.failure("on_progress of {request} failed", request=call.request)

    def _ended(self, call: _Call) -> None:
        del self._calls[call.key]
        if call.timer is not None:
            call.timer.cancel()
            call.timer = None
        if not self._calls:
            self._idle()


def _not_ok(address: str, request: Request, frames: list[bytes]) -> ServiceNotAvailable:
    if frames[1:3] == [b"", FAIL]:
        detail = frames[3][:200].decode("utf-8", "replace") if len(frames) > 3 else ""
        return ServiceNotAvailable(f"{request.interface} at {address} is failing: {detail}")
    return InvalidReply(f"{address} sent no reply but {frames[1:3]!r:.100}")
