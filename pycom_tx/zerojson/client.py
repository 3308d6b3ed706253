"""The client's half of a connection: calls in flight, their deadlines, their replies."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from itertools import count
from math import inf
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from pycom_tx.zerojson import codec
from pycom_tx.zerojson.deadlines import Deadlines
from pycom_tx.zerojson.errors import (
    BadRequest,
    CallTimeout,
    ConnectionClosed,
    InvalidReply,
    ServiceNotAvailable,
)
from pycom_tx.zerojson.extensions import (
    AUTH,
    DEADLINE,
    HELLO,
    LOAD,
    PROGRESS,
    TRACE,
    features,
    hello,
)
from pycom_tx.zerojson.in_flight import CallInFlight, failure_of, not_ok
from pycom_tx.zerojson.interfaces import ICallListener
from pycom_tx.zerojson.messages import (
    CANCEL,
    GREETING,
    OK,
    PROGRESSED,
    decode_progress,
    decode_response,
    encode_request,
)
from pycom_tx.zerojson.request import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IReactorTime

    from pycom_tx.zerojson.interfaces import IChannel, INetwork


GIVEN_UP: Final = 1000
"""Calls that are cancelled as soon as it is known that the service knows how to."""

LOAD_COUNTS: Final = 1.0
"""Seconds that a service's word on how much it has to do counts."""

_OTHERS: Final = 64
"""Bytes that the frames of a request have at most beside its body and its attachment."""

# Each with the comma before it.
_AUTH: Final = b',"%b":%%b' % AUTH.encode()
_DEADLINE: Final = b',"%b":%%d' % DEADLINE.encode()
_HELLO: Final = b',"%b":%b' % (HELLO.encode(), codec.encode(hello()))
_PROGRESS: Final = b',"%b":true' % PROGRESS.encode()
_TRACE: Final = b',"%b":%%b' % TRACE.encode()


@lru_cache(maxsize=100)
def _deadline(seconds: float) -> bytes:
    """What tells a service how long a call may take: mostly as long as the one before."""
    return b"" if seconds == inf else _DEADLINE % max(1, int(seconds * 1000))


@implementer(ICallListener)
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
        self.clock = clock
        self._load = -inf, 0
        self.unexpected = 0
        self._idle = idle
        self._lost = lost
        self._keys = count(1)
        self._calls: dict[bytes, CallInFlight] = {}
        self._deadlines: Deadlines[CallInFlight] = Deadlines(
            clock, self._calls.values, self._expired
        )
        self._given_up: dict[bytes, None] = {}
        self._greeting = self._met = False
        self._features: frozenset[str] = frozenset()
        self._max_message = inf
        self._closed = ""
        self._channel: IChannel = network.connect(address, self)

    @property
    def load(self) -> int:
        """How many calls the service has in progress: by its own word, or those of ours.

        Its word counts for a moment only. Whoever is not called does not correct it.
        """
        told, load = self._load
        if self.clock.seconds() >= told + LOAD_COUNTS:
            return self.in_flight
        return max(load, self.in_flight)

    @property
    def in_flight(self) -> int:
        """How many calls wait for their reply."""
        return len(self._calls)

    def call(
        self,
        request: Request,
        timeout: float,
        on_progress: Callable[[Any], object] | None = None,
        token: str | None = None,
        trace: dict[str, str] | None = None,
        *,
        left: float | None = None,
    ) -> Deferred[Response]:
        """Send *request*.

        :param timeout: seconds, or ``math.inf``. The service is told.
        :param on_progress: called with each value that the method reports before it
            answers.
        :param token: the caller's, unless the request brings one.
        :param trace: the trace context that it is part of, whatever the request brings.
        :param left: seconds of the timeout that are left, where some have passed elsewhere.

        :returns: Deferred firing with the :class:`Response`, whose code is 0. Cancelling
            it cancels the call, also at a service that knows how to.

        :raises RemoteError: (as a failure) the service answered with an error.
        :raises ServiceNotAvailable: (as a failure) it did not answer.
        :raises NotSerializable: the arguments cannot be written as JSON.
        :raises BadRequest: they are more than the service takes.
        :raises Overloaded: too much waits to be sent already.
        """
        if self._closed:
            raise ConnectionClosed(self._closed, not_started=True)
        key = b"%x" % next(self._keys)
        if left is None:
            left = timeout
        more = self._more(request, left, on_progress, token, trace)
        frames = [key, b"", *encode_request(request, more)]
        if request.carried is not None or len(frames[3]) + _OTHERS > self._max_message:
            self._check_size(request, frames)
        self._channel.send(frames)
        # Only now: the message need not wait for what keeps track of it.
        call = self._calls[key] = CallInFlight(self, request, frames, timeout, on_progress)
        if not self._greeting:
            self._greeting = call.greets = True
        if left != inf:
            call.ends = self.clock.seconds() + left
            self._deadlines.add(call.ends)
        return call.deferred

    def _check_size(self, request: Request, frames: list[bytes]) -> None:
        size = sum(map(len, frames))
        if size > self._max_message:
            raise BadRequest(
                f"{request.interface}.{request.method} has {size} bytes, "
                f"{self.address} takes {self._max_message}"
            )

    def _expired(self, call: CallInFlight) -> None:
        """Fail a call that got no reply in time."""
        seconds = round(call.timeout, 3)  # what is left of another call is no round number
        reason = f"No reply from {call} at {self.address} within {seconds:g} s"
        self._fail(call, CallTimeout, reason)

    def forget(self, call: CallInFlight) -> bool:
        """End a call without its reply; if it has not left yet, it never will.

        :returns: whether it was provably not started.
        """
        unsent = self._channel.withdraw(call.frames)
        if not unsent:
            self._cancel(call.key)
        self._ended(call)
        return unsent

    def close(self, reason: str | None = None) -> None:
        """Cancel the calls in flight, fail them with :class:`ConnectionClosed`, close the channel.

        :param reason: for a reader: why.
        """
        if self._closed:
            return
        self._closed = reason or f"The connection to {self.address} is closed"
        for key in self._given_up:
            self._cancel(key)
        self._fail_all(ConnectionClosed, self._closed)
        self._deadlines.close()
        self._channel.close()

    def message_received(self, channel: IChannel, frames: list[bytes]) -> None:
        call = self._calls.get(frames[0])
        command = frames[2] if len(frames) > 2 else b""
        if command == GREETING:
            self._greeted(frames[3:])
            return
        if call is None:
            self.unexpected += 1
            return
        if command == PROGRESSED:
            self._progressed(call, frames[2:])
            return
        self._ended(call)
        try:
            response = self._read(call, command, frames)
        except Exception:
            call.deferred.errback()
        else:
            call.deferred.callback(response)

    def _read(self, call: CallInFlight, command: bytes, frames: list[bytes]) -> Response:
        if command != OK or frames[1]:
            raise not_ok(self.address, call, frames)
        response = decode_response(frames[2:])
        if call.greets:
            self._greeting = self._met = True
            self._learn(response.extensions.pop(HELLO, None))
        if response.extensions:
            load = response.extensions.pop(LOAD, None)
            if isinstance(load, int):
                self._load = self.clock.seconds(), load
        if response.code:
            raise failure_of(response)
        return response

    def not_sent(self, channel: IChannel, frames: list[bytes], reason: str) -> None:
        self.no_reply(channel, frames, ServiceNotAvailable(reason, not_started=True))

    def no_reply(self, channel: IChannel, frames: list[bytes], error: ServiceNotAvailable) -> None:
        call = self._calls.get(frames[0])
        if call is not None and call.frames is frames:
            self._ended(call)
            call.deferred.errback(error)

    def peer_lost(self, channel: IChannel, peer: bytes, reason: str) -> None:
        # Whoever answers next may be another one.
        self._greeting = self._met = False
        self._learn(None)
        self._load = -inf, 0
        self._fail_all(ServiceNotAvailable, reason)
        if not self._closed:
            self._lost()

    def _more(
        self,
        request: Request,
        timeout: float,
        on_progress: Callable[[Any], object] | None,
        token: str | None,
        trace: dict[str, str] | None,
    ) -> bytes:
        """What goes along with a request beside its own extensions, as JSON without braces."""
        more = _deadline(timeout)
        if not self._greeting:
            more += _HELLO
        if token is not None and AUTH not in request.extensions:
            more += _AUTH % codec.encode(token)
        if on_progress is not None:
            more += _PROGRESS
        if trace is not None:
            more += _TRACE % codec.encode(trace)
        return more[1:]

    def _greeted(self, body: list[bytes]) -> None:
        """A service that takes its time for the first reply has told about itself before."""
        with suppress(ValueError, IndexError):
            self._learn(codec.decode(body[0]))
            self._met = True

    def _learn(self, told: Any) -> None:
        """Know what a service tells about itself, and do what had to wait for that."""
        self._features = features(told)
        limit = told.get("max_message") if isinstance(told, dict) else None
        self._max_message = limit if isinstance(limit, int) else inf
        if "heartbeat" in self._features:
            self._channel.watch()
        for key in list(self._given_up) if "cancel" in self._features else ():
            self._cancel(key)
        self._given_up.clear()

    def _cancel(self, key: bytes) -> None:
        # A service that is not known yet is told at the end: to one that does not know how to, it
        # is a message like others that are wrong, and nobody hears that it says so.
        if "cancel" in self._features or (self._closed and not self._met):
            self._channel.offer([key, b"", CANCEL, b"{}"])
        elif not self._met and len(self._given_up) < GIVEN_UP:
            self._given_up[key] = None

    def _fail_all(self, kind: type[ServiceNotAvailable], reason: str) -> None:
        for call in list(self._calls.values()):
            # Failing one may end others: whoever waits for it may cancel them.
            if call.key in self._calls:
                self._fail(call, kind, reason)
            # What was lost with its connection is not there to be cancelled.
            self._given_up.pop(call.key, None)

    def _fail(self, call: CallInFlight, kind: type[ServiceNotAvailable], reason: str) -> None:
        call.deferred.errback(kind(reason, not_started=self.forget(call)))

    def _progressed(self, call: CallInFlight, frames: list[bytes]) -> None:
        try:
            value = decode_progress(frames)
        except InvalidReply as error:
            self._fail(call, InvalidReply, str(error))
            return
        if call.on_progress is None:
            return
        try:
            call.on_progress(value)
        except Exception:
            self._log.failure(
                "on_progress of {interface}.{method} failed",
                interface=call.request.interface,
                method=call.request.method,
            )

    def _ended(self, call: CallInFlight) -> None:
        del self._calls[call.key]
        call.ends = inf
        if call.greets:
            self._greeting = False  # unless its reply came: the next one greets
        if not self._calls:
            self._idle()
