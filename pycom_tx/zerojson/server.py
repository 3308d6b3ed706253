"""The server's half of a connection: frames, request, handler, frames."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from pycom_tx.zerojson import codec
from pycom_tx.zerojson.errors import UNKNOWN, BadRequest, RemoteError, ServiceNotAvailable
from pycom_tx.zerojson.extensions import PROGRESS
from pycom_tx.zerojson.interfaces import IChannelListener
from pycom_tx.zerojson.messages import (
    CALL,
    FAIL,
    decode_request,
    encode_progress,
    encode_response,
)
from pycom_tx.zerojson.request import Request, Response

if TYPE_CHECKING:
    from pycom_tx.zerojson.interfaces import IChannel, IRequestHandler


@implementer(IChannelListener)
class Server:
    """Answers the requests that arrive on any number of channels.

    Any number of them are in progress at once; a reply leaves when it is ready.

    :param handler: what answers them.

    .. attribute:: undelivered

        How many replies were dropped because their client did not take them.
    """

    _log = Logger()

    def __init__(self, handler: IRequestHandler) -> None:
        self._handler = handler
        self._in_progress: set[Deferred[Response]] = set()
        self.undelivered = 0

    @property
    def in_progress(self) -> int:
        """How many calls wait for their answer."""
        return len(self._in_progress)

    def message_received(self, channel: IChannel, frames: list[bytes]) -> None:
        try:
            end = frames.index(b"") + 1
        except ValueError:
            self._fail(channel, [frames[0], b""], "No empty frame before the message")
            return
        envelope, body = frames[:end], frames[end:]
        if len(body) < 2:
            self._fail(channel, envelope, f"Expected 2-3 parts, got {len(body)}")
            return
        request: Request | None = None
        try:
            if body[0] != CALL:
                raise BadRequest(f"Unknown command: {body[0][:60]!r}")
            request = decode_request(body)
            if PROGRESS in request.extensions:
                request.report_to(partial(self._report, channel, envelope))
            answer = self._handler.handle(request)
        except BaseException:
            # Also sys.exit(), which is not a stranger's to call.
            self._reply(channel, envelope, request, self._failed(Failure(), request))
            return
        if isinstance(answer, Deferred):
            self._reply_later(channel, envelope, request, answer)
        else:
            self._reply(channel, envelope, request, answer)

    def not_sent(self, channel: IChannel, frames: list[bytes], reason: str) -> None:
        self.undelivered += 1

    def peer_lost(self, channel: IChannel, peer: bytes, reason: str) -> None:
        """Nothing to do: the replies to come for it will not be sent."""

    def close(self) -> None:
        """Cancel the calls in progress; nobody is left to read their answers."""
        for call in list(self._in_progress):
            call.cancel()
        if self.undelivered:
            self._log.info(
                "{count} replies were dropped, their clients were gone or did not take them",
                count=self.undelivered,
            )

    def _reply_later(
        self,
        channel: IChannel,
        envelope: list[bytes],
        request: Request,
        answer: Deferred[Response],
    ) -> None:
        def answered(result: Response | Failure) -> None:
            self._in_progress.discard(answer)
            response = self._failed(result, request) if isinstance(result, Failure) else result
            self._reply(channel, envelope, request, response)

        self._in_progress.add(answer)
        answer.addBoth(answered)

    def _reply(
        self,
        channel: IChannel,
        envelope: list[bytes],
        request: Request | None,
        response: Response,
    ) -> None:
        if request is not None:
            request.over()
        try:
            frames = _encoded(response, request)
        except Exception:
            # Whatever the handler gave, its client gets an answer.
            frames = _encoded(self._failed(Failure(), request), request)
        self._send(channel, envelope + frames)

    def _report(self, channel: IChannel, envelope: list[bytes], value: bytes) -> None:
        with suppress(ServiceNotAvailable):  # its answer will not arrive either
            channel.offer(envelope + encode_progress(value))

    def _fail(self, channel: IChannel, envelope: list[bytes], message: str) -> None:
        error = b'{"code":%d,"error":%b}' % (BadRequest.code, codec.encode(message))
        self._send(channel, [*envelope, FAIL, error])

    def _send(self, channel: IChannel, frames: list[bytes]) -> None:
        try:
            channel.send(frames)
        except ServiceNotAvailable as error:
            self.not_sent(channel, frames, str(error))

    def _failed(self, failure: Failure, request: Request | None) -> Response:
        error = failure.value
        if isinstance(error, RemoteError):
            # A class of its own may have declared a code that is none.
            code = error.code if type(error.code) is int and error.code else UNKNOWN
            return Response(code=code, error=str(error))
        if isinstance(error, CancelledError):
            return Response(code=UNKNOWN, error="The call was cancelled")
        self._log.failure("{request} failed", failure=failure, request=request)
        return Response(code=UNKNOWN, error="Unknown error during request")


def _encoded(response: Response, request: Request | None) -> list[bytes]:
    if request is None or request.session is None:
        return encode_response(response)
    return encode_response(response, request.session.session_id)
