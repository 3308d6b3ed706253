"""``GET /events``: providers that come and go, as server-sent events."""

from __future__ import annotations

import json
from collections import deque
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from pycom_tx.gateway.answers import STALLED, begin
from pycom_tx.gateway.pages import Page
from pycom_tx.gateway.problems import AGAIN, Problem

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from pycom_tx.gateway.answers import Answer
    from pycom_tx.gateway.catalogue import Catalogue
    from pycom_tx.gateway.providers import Provider

MAX_STREAMS: Final = 100
"""Streams that there may be, unless told otherwise."""

HEARTBEAT: Final = 15.0
"""Seconds after which a comment tells clients, and what is in between, that it goes on."""

RETRY: Final = 1000
"""Milliseconds after which a client that lost its stream opens another one."""

BACKLOG: Final = 1000
"""Events that wait for a client; one that lets more wait has lost its connection."""


class Events(Page):
    """Streams of events.

    :param catalogue: what tells of them.
    :param clock: what beats.
    :param limit: how many streams there may be.
    :param frank: whether addresses of services may be told.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        clock: IReactorTime,
        *,
        limit: int = MAX_STREAMS,
        frank: bool = False,
    ) -> None:
        super().__init__()
        self._catalogue = catalogue
        self._clock = clock
        self._limit = limit
        self._frank = frank
        self._streams: dict[_Stream, None] = {}
        self._beat: IDelayedCall | None = None
        self._stopped = False

    async def answer(self, request: Any) -> Answer | None:
        await self._catalogue.ready()
        if self._stopped or len(self._streams) >= self._limit:
            detail = f"{self._limit} streams are open already"
            raise Problem(
                503,
                "The gateway is about to stop" if self._stopped else detail,
                {"Retry-After": str(AGAIN)},
            )
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        begin(request, 200, headers)
        if request.method == b"HEAD":
            request.finish()
            return None
        stream = _Stream(request, self._clock)
        self._streams[stream] = None
        request.notifyFinish().addBoth(lambda _: self._closed(stream))
        if len(self._streams) == 1:
            self._catalogue.listen(self._happened)
            self._beat = self._clock.callLater(HEARTBEAT, self._beats)
        providers = [provider.public(frank=self._frank) for provider in self._catalogue]
        stream.start()
        stream.say(f"retry: {RETRY}\n")
        stream.tell("snapshot", {"providers": providers})
        return None

    def stop(self) -> None:
        """End all streams, and open no more."""
        self._stopped = True
        for stream in list(self._streams):
            stream.end()

    def __len__(self) -> int:
        return len(self._streams)

    def _happened(self, event: str, provider: Provider) -> None:
        told = provider.public(frank=self._frank)
        for stream in list(self._streams):
            stream.tell(event, told)

    def _beats(self) -> None:
        self._beat = self._clock.callLater(HEARTBEAT, self._beats)
        for stream in list(self._streams):
            stream.say(":\n\n")

    def _closed(self, stream: _Stream) -> None:
        self._streams.pop(stream, None)
        if not self._streams:
            self._catalogue.ignore(self._happened)
            if self._beat is not None:
                self._beat.cancel()
                self._beat = None


@implementer(IPushProducer)
class _Stream:
    """Events for one client, no faster than it takes them.

    :param request: what asked for them.
    :param clock: what tells that it takes nothing.
    """

    def __init__(self, request: Any, clock: IReactorTime) -> None:
        self._request = request
        self._clock = clock
        self._numbers = count(1)
        self._waiting: deque[bytes] = deque()
        self._paused = False
        self._stalled: IDelayedCall | None = None

    def start(self) -> None:
        self._request.registerProducer(self, True)  # noqa: FBT003 # it pushes, says Twisted's API

    def tell(self, event: str, data: Any) -> None:
        """Send an event, when the client takes it."""
        self.say(f"id: {next(self._numbers)}\nevent: {event}\ndata: {json.dumps(data)}\n\n")

    def say(self, text: str) -> None:
        """Send text, when the client takes it."""
        self._waiting.append(text.encode("ascii"))
        if len(self._waiting) > BACKLOG:
            self._drop()
        elif not self._paused:
            self.resumeProducing()

    def end(self) -> None:
        """Say no more."""
        self.stopProducing()
        self._request.unregisterProducer()
        self._request.finish()

    def pauseProducing(self) -> None:
        self._paused = True
        if self._stalled is None:
            self._stalled = self._clock.callLater(STALLED, self._drop)

    def resumeProducing(self) -> None:
        self._paused = False
        self._cancel_timer()
        while self._waiting and not self._paused:
            self._request.write(self._waiting.popleft())

    def stopProducing(self) -> None:
        """The client is gone."""
        self._paused = True
        self._waiting.clear()
        self._cancel_timer()

    def _drop(self) -> None:
        """The client takes nothing."""
        channel = self._request.channel
        self.stopProducing()
        if channel is not None:
            channel.abort()

    def _cancel_timer(self) -> None:
        if self._stalled is not None:
            if self._stalled.active():
                self._stalled.cancel()
            self._stalled = None
