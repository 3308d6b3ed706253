"""The server's half of a connection: frames, request, handler, frames."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from pycom_tx.zerojson import codec
from pycom_tx.zerojson.calls import LATER, NEVER, Call, Calls
from pycom_tx.zerojson.deadlines import Deadlines, seconds_left
from pycom_tx.zerojson.errors import (
    UNKNOWN,
    BadRequest,
    RemoteError,
    ServiceNotAvailable,
    code_of,
)
from pycom_tx.zerojson.extensions import DEADLINE, HELLO, LOAD, PROGRESS, REFUSED, TRACE, hello
from pycom_tx.zerojson.interfaces import IChannelListener
from pycom_tx.zerojson.messages import (
    CALL,
    CANCEL,
    FAIL,
    GREETING,
    OK,
    decode_request,
    encode_progress,
    encode_response,
)
from pycom_tx.zerojson.request import Response

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from pycom_tx.zerojson.interfaces import IChannel, IRequestHandler
    from pycom_tx.zerojson.request import Request

MAX_CALLS: Final = 1000
"""Calls that are in progress at once."""

MAX_WAITING: Final = 1000
"""Calls that wait until others have ended."""

MAX_MESSAGE: Final = 512 * 1024 * 1024
"""Bytes of a request, and of a reply: the sum of its frames."""

RETRY_AFTER: Final = 0.1
"""Seconds after which a client that was refused may try again."""


@implementer(IChannelListener)
class Server:
    """Answers the requests that arrive on any number of channels.

    Many of them are in progress at once; a reply leaves when it is ready. What is more than
    it takes is refused, and says so: a client may try elsewhere, or later.

    :param handler: what answers them.
    :param clock: what tells whose time is over.
    :param max_calls: how many calls may be in progress: those whose answer takes time.
    :param max_waiting: how many more may wait for their turn.
    :param max_per_client: how many of both together one connection may have; half of what may be in
        progress, if left out, so that nobody can take it all.
    :param max_message: bytes of a request or a reply, the sum of its frames; None for any
        number.
    :param name_peers: whether requests know where they come from.

    .. attribute:: undelivered

        How many replies were dropped because their client did not take them.

    .. attribute:: refused

        How many calls were, by the reason that their clients were told: a dict.
    """

    _log = Logger()

    def __init__(
        self,
        handler: IRequestHandler,
        clock: IReactorTime,
        *,
        max_calls: float = MAX_CALLS,
        max_waiting: float = MAX_WAITING,
        max_per_client: float | None = None,
        max_message: int | None = MAX_MESSAGE,
        name_peers: bool = False,
    ) -> None:
        self._handler = handler
        self._clock = clock
        self._calls = Calls(
            self._start_in_time,
            max_calls=max_calls,
            max_waiting=max_waiting,
            max_per_client=max(1, max_calls / 2) if max_per_client is None else max_per_client,
        )
        self._deadlines: Deadlines[Call] = Deadlines(
            clock, self._calls.all_in_progress, self._expired
        )
        self._max_message = inf if max_message is None else max_message
        limits = {} if max_message is None else {"max_message": max_message}
        self._greeting = [GREETING, codec.encode(hello(**limits))]
        self._hello = b'"%b":%b,' % (HELLO.encode(), self._greeting[1])
        self._stopping = False
        self._last_call = -inf
        self._drained: list[Deferred[None]] = []
        self._name_peers = name_peers
        self.undelivered = 0
        self.refused = {"overloaded": 0, "stopping": 0}

    @property
    def in_progress(self) -> int:
        """How many calls have started and wait for their answer."""
        return self._calls.in_progress

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn."""
        return self._calls.waiting

    @property
    def quiet(self) -> float:
        """Seconds since the last call arrived."""
        return self._clock.seconds() - self._last_call

    def message_received(self, channel: IChannel, frames: list[bytes]) -> None:
        try:
            end = frames.index(b"") + 1
        except ValueError:
            self._fail(
                channel, [frames[0], b""], "No empty frame before the message", BadRequest.code
            )
            return
        envelope, body = frames[:end], frames[end:]
        if len(body) < 2:
            self._fail(channel, envelope, f"Expected 2-3 parts, got {len(body)}", BadRequest.code)
            return
        call = Call(channel, envelope)
        try:
            if body[0] == CALL:
                self._arrived(call, body)
            elif body[0] == CANCEL:
                self._cancelled(channel, envelope)
            else:
                raise BadRequest(f"Unknown command: {bytes(body[0][:60])!r}")
        except BaseException:
            self._reply(call, Failure())

    def not_sent(self, channel: IChannel, frames: list[bytes], reason: str) -> None:
        if FAIL in frames:
            return  # it was to say this
        self.undelivered += 1
        if OK in frames:
            # Who is there and has too much to take already need not wait for it.
            self._fail(channel, frames[: frames.index(b"") + 1], reason, UNKNOWN)

    def peer_lost(self, channel: IChannel, peer: bytes, reason: str) -> None:
        # A bound 0MQ socket tells nobody; there, clients say themselves what they cancel.
        for call in [*self._calls.all_waiting(), *self._calls.all_in_progress()]:
            if call.channel is channel and call.envelope[0] == peer:
                self._cancelled(channel, call.envelope)

    def drain(self) -> Deferred[None]:
        """Refuse all calls to come; those in progress and those that wait go on.

        :returns: Deferred firing when none is left and all are answered.
        """
        self._stopping = True
        if not self._calls:
            return succeed(None)
        drained: Deferred[None] = Deferred(self._drained.remove)
        self._drained.append(drained)
        return drained

    def turn_away(self) -> None:
        """Refuse the calls that wait for their turn, and all to come."""
        self._stopping = True
        for call in self._calls.all_waiting():
            self._calls.leave(call)
            self._refuse(call, "stopping", 0, "The service is stopping")
        self._tell_drained()

    def close(self) -> None:
        """Cancel the calls in progress; nobody is left to read their answers."""
        self.turn_away()
        for call in self._calls.all_in_progress():
            self._cancel(call)
        self._deadlines.close()
        if self.undelivered:
            self._log.info(
                "{count} replies were dropped, their clients were gone or did not take them",
                count=self.undelivered,
            )

    def _arrived(self, call: Call, body: list[bytes]) -> None:
        self._last_call = self._clock.seconds()
        size = len(body[1]) if len(body) == 2 else sum(map(len, body))
        if size > self._max_message:
            raise BadRequest(
                f"The request has {size} bytes, and {self._max_message} is what this service takes"
            )
        request = call.request = decode_request(body)
        if self._name_peers:
            request.peer = call.channel.sender or call.envelope[0].hex()
        if request.extensions and not self._heeded(call, request):
            return
        if self._stopping:
            self._refuse(call, "stopping", 0, "The service is stopping")
            return
        turn = self._calls.turn(call)
        if turn is LATER:
            self._calls.wait(call)
            self._greet(call)
        elif turn is NEVER:
            self._refuse(
                call,
                "overloaded",
                RETRY_AFTER,
                "The service has too many calls already, of this client or of all",
            )
        else:
            self._start(call)

    def _heeded(self, call: Call, request: Request) -> bool:
        """Do what a request's extensions say; False if its client waits no longer."""
        extensions = request.extensions
        if HELLO in extensions:
            call.told = self._hello
        elif DEADLINE in extensions:
            call.told = b""
        if extensions.get(PROGRESS) is True:
            request.report_to(partial(self._report, call.channel, call.envelope))
        if DEADLINE in extensions:
            seconds = seconds_left(extensions[DEADLINE])
            request.deadline = self._last_call + seconds
            return seconds > 0
        return True

    def _start_in_time(self, call: Call) -> None:
        """Start a call that has waited, unless its client waits no longer."""
        request = call.request
        if request is None or request.deadline is None or self._clock.seconds() < request.deadline:
            self._start(call)

    def _start(self, call: Call) -> None:
        request = call.request
        assert request is not None  # noqa: S101 # it was read before
        try:
            answer = self._handler.handle(request)
        except BaseException:
            # Also sys.exit(), which is not a stranger's to call.
            self._reply(call, Failure())
            return
        # In this order: a Deferred is asked for by an abstract class, which takes its time.
        if type(answer) is Response or not isinstance(answer, Deferred):
            self._reply(call, answer)
            return
        call.answer = answer
        self._calls.started(call)
        self._greet(call)
        if request.deadline is not None:
            call.ends = request.deadline
            self._deadlines.add(call.ends)
        answer.addBoth(self._answered, call)

    def _greet(self, call: Call) -> None:
        """Tell a client that greets about us before the reply, which may take long."""
        if call.told is self._hello:
            self._send(call.channel, call.envelope + self._greeting)

    def _expired(self, call: Call) -> None:
        """The time of a call in progress is over: nobody waits for its answer."""
        call.cancelled = True
        self._cancel(call)

    def _answered(self, answer: Response | Failure, call: Call) -> None:
        call.ends = inf
        self._calls.ended(call)
        try:
            self._reply(call, answer)
        finally:
            if self._calls.waiting:
                self._calls.next()
            if self._drained:
                self._tell_drained()

    def _cancelled(self, channel: IChannel, envelope: list[bytes]) -> None:
        """A client has given up a call."""
        call = self._calls.find(channel, envelope)
        if call is None or call.cancelled:
            return
        call.cancelled = True
        if call.answer is None:
            self._calls.leave(call)
            self._tell_drained()
        else:
            self._cancel(call)

    def _cancel(self, call: Call) -> None:
        call.ends = inf  # once is enough: what ends it may take its time for that
        try:
            if call.answer is not None:
                call.answer.cancel()
        except Exception:
            self._log.failure("{interface}.{method} was not cancelled", **_named(call.request))

    def _tell_drained(self) -> None:
        if not self._calls:
            drained, self._drained = self._drained, []
            for deferred in drained:
                deferred.callback(None)

    def _refuse(self, call: Call, reason: str, retry_after: float, message: str) -> None:
        self.refused[reason] += 1
        refused = {"reason": reason, "retry_after": retry_after}
        self._reply(call, Response(code=UNKNOWN, error=message, extensions={REFUSED: refused}))

    def _reply(self, call: Call, answer: Response | Failure) -> None:
        request = call.request
        error: BaseException | None = None
        if isinstance(answer, Failure):
            if call.cancelled and answer.check(asyncio.CancelledError):
                answer = Failure(CancelledError())  # that of a future is the same
            error, answer = answer.value, self._failed(answer, request)
        frames = None
        if not call.cancelled:
            try:
                frames = self._encoded(call, answer)
            except Exception as wrong:
                # Whatever the handler gave, its client gets an answer.
                what = f"gave what cannot be sent: {wrong}"
                error, answer = wrong, self._failed(Failure(), request, what)
                frames = self._encoded(call, answer)
            size = len(frames[1]) if len(frames) == 2 else sum(map(len, frames))
            if size > self._max_message:
                error, answer = None, self._too_large(size, request)
                frames = self._encoded(call, answer)
        if frames is not None:
            self._send(call.channel, call.envelope + frames)
        if request is not None:
            request.over(answer, error)  # its client need not wait for what observes it

    def _too_large(self, size: int, request: Request | None) -> Response:
        error = f"The reply has {size} bytes, and {self._max_message} is what may be sent"
        self._log.error("{interface}.{method}: {reason}", reason=error, **_named(request))
        return Response(code=UNKNOWN, error=error)

    def _encoded(self, call: Call, response: Response) -> list[bytes]:
        request = call.request
        session = None if request is None else request.session
        more = call.told or b""
        if call.told is not None:
            more += _LOAD % (self._calls.in_progress + self._calls.waiting)
        return encode_response(response, None if session is None else session.session_id, more)

    def _report(self, channel: IChannel, envelope: list[bytes], value: bytes) -> None:
        with suppress(ServiceNotAvailable):  # its answer will not arrive either
            channel.offer(envelope + encode_progress(value))

    def _fail(self, channel: IChannel, envelope: list[bytes], message: str, code: int) -> None:
        error = b'{"code":%d,"error":%b}' % (code, codec.encode(message))
        self._send(channel, [*envelope, FAIL, error])

    def _send(self, channel: IChannel, frames: list[bytes]) -> None:
        try:
            channel.send(frames)
        except ServiceNotAvailable as error:
            self.not_sent(channel, frames, str(error))

    def _failed(self, failure: Failure, request: Request | None, what: str = "failed") -> Response:
        error = failure.value
        if isinstance(error, RemoteError):
            return Response(code=code_of(error), error=str(error))
        if isinstance(error, CancelledError):
            return Response(code=UNKNOWN, error="The call was cancelled")
        self._log.failure(
            "{interface}.{method} {what}", failure=failure, what=what, **_named(request)
        )
        return Response(code=UNKNOWN, error="Unknown error during request")


_LOAD: Final = b'"%b":%%d' % LOAD.encode()


def _named(request: Request | None) -> dict[str, Any]:
    """How the log names a request; one that could not be read has no names."""
    if request is None:
        return {"interface": "?", "method": "?"}
    trace = request.extensions.get(TRACE)
    return {"interface": request.interface, "method": request.method, "trace": trace}
