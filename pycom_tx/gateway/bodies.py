"""The bodies of requests: what they hold, and no more of it than there may be."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from multipart import (
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
    parse_options_header,
)

from pycom_tx.client.over_http.fields import BYTES, FORM, JSON
from pycom_tx.gateway.headers import last
from pycom_tx.gateway.problems import AGAIN, Problem
from pycom_tx.zerojson.errors import BadRequest

if TYPE_CHECKING:
    from twisted.web.http_headers import Headers

MAX_BODY: Final = 64 * 1024 * 1024
"""Bytes that a body has at most, unless told otherwise."""

TOGETHER: Final = 4
"""How many of the largest bodies all may be as large as together."""


class Body(ABC):
    """What has come of a body so far.

    .. attribute:: args

        JSON, or None where there is none.

    .. attribute:: attachment

        Bytes, or None where there is none.

    .. attribute:: where

        What *args* are of it.
    """

    where = "The body"

    def __init__(self) -> None:
        self.args: bytes | None = None
        self.attachment: bytes | None = None

    @abstractmethod
    def received(self, data: bytes) -> None:
        """Some of it came.

        :raises Problem: it is wrong.
        """

    def forget(self) -> None:
        """Let go of what has come: whoever refers to this still does for a while."""
        self.args = self.attachment = None

    @abstractmethod
    def complete(self) -> None:
        """All of it came.

        :raises Problem: it is wrong, or there should be more.
        """


class _Whole(Body):
    """One thing, alone."""

    def __init__(self) -> None:
        super().__init__()
        # Not a list: a body may come in pieces that are small, and cost more than they hold.
        self._whole = bytearray()

    def received(self, data: bytes) -> None:
        self._whole += data

    def forget(self) -> None:
        super().forget()
        self._whole = bytearray()

    def complete(self) -> None:
        whole, self._whole = self._whole, bytearray()
        self._done(bytes(whole))

    def _done(self, whole: bytes) -> None:
        self.args = whole or None


class _Attachment(_Whole):
    """An attachment, alone."""

    def _done(self, whole: bytes) -> None:
        self.attachment = whole


class _Unknown(_Whole):
    """Nothing, if it is to be understood."""

    def __init__(self, content_type: str) -> None:
        super().__init__()
        self._content_type = content_type

    def received(self, data: bytes) -> None:
        raise Problem(
            415,
            f"A body is {JSON}, {FORM} or {BYTES}, got {self._content_type!r:.60}",
            {"Accept-Post": f"{JSON}, {FORM}, {BYTES}"},
            not_started=True,
        )


class _Form(Body):
    """Parts with names: ``args`` and ``attachment``."""

    where = "The part 'args'"

    def __init__(self, boundary: str) -> None:
        super().__init__()
        self._parts: dict[str, bytearray] = {}
        self._part = bytearray()
        try:
            self._parser = PushMultipartParser(boundary, max_segment_count=2)
        except MultipartError as error:
            raise _malformed(error) from None

    def received(self, data: bytes) -> None:
        try:
            for event in self._parser.parse(data):
                if isinstance(event, MultipartSegment):
                    self._begin(event.name)
                elif event is not None:
                    self._part += event
        except MultipartError as error:
            raise _malformed(error) from None

    def forget(self) -> None:
        super().forget()
        self._parts, self._part = {}, bytearray()

    def complete(self) -> None:
        try:
            self._parser.close()
        except MultipartError as error:
            raise _malformed(error) from None
        args, attachment = self._parts.pop("args", None), self._parts.pop("attachment", None)
        self._part = bytearray()  # it was one of them
        self.args = bytes(args) if args else None
        self.attachment = None if attachment is None else bytes(attachment)

    def _begin(self, name: str | None) -> None:
        if name not in ("args", "attachment") or name in self._parts:
            twice = ", once" if name in self._parts else ""
            raise _bad(f"A form has the parts 'args' and 'attachment'{twice}, got {name!r:.60}")
        self._part = self._parts[name] = bytearray()


class Bodies:
    """The bodies that are under way: each has a limit, and all together have one.

    :param limit: bytes that one has at most.
    """

    def __init__(self, limit: int = MAX_BODY) -> None:
        self.limit = limit
        self.held = 0

    def open(self, headers: Headers, length: int | None) -> Receiving:
        """What takes a body in.

        :param headers: of its request.
        :param length: bytes that it will have, None where that is not known.

        :raises Problem: it is not taken in, or is too large.
        """
        encoding = last(headers, "Content-Encoding") or "identity"
        if encoding.lower() != "identity":
            detail = f"A body has no Content-Encoding here, got {encoding!r:.60}"
            raise Problem(415, detail, not_started=True)
        if length is not None:
            self.check(length, str(length))
        return Receiving(self, _kind(last(headers, "Content-Type") or "")())

    def check(self, length: int, told: str) -> None:
        """Make sure that a body may have so many bytes.

        :param told: how many there are, for a reader.

        :raises Problem: it may not.
        """
        if length > self.limit:
            detail = f"The body has {told:.60} bytes, {self.limit} is what --max-body lets it have"
            raise Problem(413, detail, not_started=True)

    def take(self, count: int) -> None:
        """Hold so many bytes more.

        :raises Problem: all bodies together are too large already.
        """
        if self.held + count > TOGETHER * self.limit:
            raise Problem(
                429,
                "The bodies of other requests leave no room for this one",
                {"Retry-After": str(AGAIN)},
                not_started=True,
            )
        self.held += count

    def release(self, count: int) -> None:
        """Hold so many bytes less."""
        self.held -= count


class Receiving:
    """A body under way, until its request is answered.

    :param bodies: where it counts.
    :param body: what is made of it.
    """

    def __init__(self, bodies: Bodies, body: Body) -> None:
        self.body = body
        self._bodies = bodies
        self._held = 0

    def received(self, data: bytes) -> None:
        """Some of it came.

        :raises Problem: it is wrong, or too large.
        """
        size = self._held + len(data)
        self._bodies.check(size, f"{size} or more")
        self._bodies.take(len(data))
        self._held += len(data)
        self.body.received(data)

    def close(self) -> None:
        """Nobody needs it any more."""
        self._bodies.release(self._held)
        self._held = 0
        self.body.forget()


def _kind(content_type: str) -> Callable[[], Body]:
    kind, options = parse_options_header(content_type)
    if kind in ("", JSON):
        charset = options.get("charset", "utf-8")
        if charset.lower() not in ("utf-8", "utf8"):
            raise Problem(415, f"JSON is UTF-8, got {charset!r:.60}", not_started=True)
        return _Whole
    if kind == BYTES:
        return _Attachment
    if kind == FORM:
        return lambda: _Form(options.get("boundary", ""))
    return lambda: _Unknown(kind)


def _bad(detail: str) -> Problem:
    return Problem(400, detail, code=BadRequest.code, not_started=True)


def _malformed(error: MultipartError) -> Problem:
    if isinstance(error, ParserLimitReached):
        return _bad(f"The form has more than two parts, or their headers are too long: {error}")
    return _bad(f"The body is no proper form: {error}")
