"""Answers, and how they leave: no faster than the client takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from math import inf
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from pycom_tx.client.over_http.pieces import PIECE, pieces

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

STALLED: Final = 60.0
"""Seconds after which a client that takes nothing has lost its connection."""


class Answer:
    """What a request is answered with.

    :param body: bytes, or a sequence of them, or of views, that follow each other.
    :param headers: what goes along with it.
    """

    def __init__(
        self,
        body: bytes | Sequence[bytes | memoryview] = b"",
        *,
        status: int = 200,
        content_type: str | None = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.parts = [body] if isinstance(body, bytes) else body
        self.headers = {} if headers is None else dict(headers)
        if content_type is not None:
            self.headers["Content-Type"] = content_type

    def send(self, request: Any) -> Deferred[None]:
        """Answer a request.

        :returns: Deferred firing once all has been handed over. Cancelling it stops that.

        :raises Problem: too much waits for other clients. Nothing is said yet.
        """
        size = sum(map(len, self.parts))
        sending = None
        if size > PIECE and request.method != b"HEAD":
            sending = Sending(request, self.parts, size)
            request.site.outgoing.begin(sending)
        begin(request, self.status, self.headers)
        if self.status not in (204, 304):
            request.setHeader("Content-Length", str(size))
        if sending is not None:
            return sending.start()
        request.write(b"".join(self.parts) if size <= PIECE else b"")
        request.finish()
        return succeed(None)


def begin(request: Any, status: int, headers: Mapping[str, str]) -> None:
    """Say how a request is answered."""
    # Twisted does not know the phrases of them all.
    request.setResponseCode(status, HTTPStatus(status).phrase.encode("ascii"))
    for name, value in headers.items():
        request.setHeader(name, value)


@implementer(IPushProducer)
class Sending:
    """A large answer on its way.

    :param request: what it answers.
    :param parts: its body.
    :param size: how many bytes that has.

    .. attribute:: paused_at

        Since when the client takes nothing; infinite while it does.
    """

    def __init__(self, request: Any, parts: Sequence[bytes | memoryview], size: int) -> None:
        self.request = request
        self.size = size
        self.paused_at = inf
        self._pieces = pieces(parts)
        self._paused = False
        self._stalled: IDelayedCall | None = None

    def start(self) -> Deferred[None]:
        # Not earlier: one that is refused would keep itself.
        self._done: Deferred[None] = Deferred(lambda _: self.stopProducing())
        self.request.registerProducer(self, True)  # noqa: FBT003 # it pushes, says Twisted's API
        self.resumeProducing()
        return self._done

    def pauseProducing(self) -> None:
        self._paused = True
        if self._stalled is None:
            clock = self.request.site.reactor
            self.paused_at = clock.seconds()
            self._stalled = clock.callLater(STALLED, self._out_of_patience)

    def resumeProducing(self) -> None:
        self._paused, self.paused_at = False, inf
        self._cancel_timer()
        while not self._paused:
            piece = next(self._pieces, None)
            if piece is None:
                self.request.unregisterProducer()
                self.request.finish()
                self._done.callback(None)
                return
            self.request.write(piece)

    def stopProducing(self) -> None:
        """The client is gone."""
        self._paused = True
        self._pieces = iter(())
        self._cancel_timer()

    def give_up(self) -> None:
        """Wait for the client no longer: it loses its connection."""
        self.request.channel.abort()

    def _out_of_patience(self) -> None:
        self._stalled = None
        self.give_up()

    def _cancel_timer(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
