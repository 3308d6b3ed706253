"""A call, as a request of HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import inf
from secrets import token_hex
from typing import Any, Final, NamedTuple

from twisted.web.http_headers import Headers

from pycom_tx.client.over_http.fields import (
    ARGS,
    BYTES,
    EXTENSIONS,
    FORM,
    JSON,
    LONGEST,
    SERVICE,
    SESSION,
    TIMEOUT,
    field,
    others,
    quoted,
)
from pycom_tx.zerojson import codec
from pycom_tx.zerojson.errors import BadRequest, NotSerializable
from pycom_tx.zerojson.extensions import AUTH, DEADLINE, TRACE
from pycom_tx.zerojson.request import Request

LONGEST_CALL: Final = 999_999_999
"""Seconds that a call asks for which has no end: the gateway cuts them to what it gives."""

_VISIBLE: Final = re.compile(r"[!-~]+\Z")
_TEXT: Final = re.compile(r"[ -~]+\Z")


class Post(NamedTuple):
    """A request of HTTP that makes a call."""

    path: str
    headers: Headers
    parts: Sequence[bytes]


def post_of(request: Request, service: str) -> Post:
    """The request of HTTP that makes a call.

    :param service: the path of the one service that will do; none, where any will.

    :raises NotSerializable: its arguments, or its extensions, are no standard JSON.
    :raises BadRequest: its token or its session is nothing that a header can hold, or its
        extensions are more.
    """
    headers = Headers({"Accept": [f"{JSON}, {FORM}"]})
    try:
        for name, value in _fields(request, service):
            headers.addRawHeader(name, value)
        parts = _body(headers, request)
    except NotSerializable as error:
        msg = f"{request.interface}.{request.method}, which goes over HTTP: {error}"
        raise NotSerializable(msg) from None
    return Post(f"/call/{quoted(request.interface)}/{quoted(request.method)}", headers, parts)


def _fields(request: Request, service: str) -> Iterator[tuple[str, str]]:
    """The headers that say what goes along with a call."""
    extensions = request.extensions
    yield TIMEOUT, f"{min(extensions.get(DEADLINE, inf) / 1000, LONGEST_CALL):.3f}"
    if service:
        yield SERVICE, quoted(service, "/")
    if request.session_id is not None:
        yield SESSION, _visible("session", request.session_id)
    token = extensions.get(AUTH)
    if token is not None:
        yield "Authorization", f"Bearer {_visible('token', token)}"
    trace = extensions.get(TRACE)
    traced = trace if isinstance(trace, dict) else {}
    for name in ("traceparent", "tracestate"):
        value = traced.get(name)
        # What is not as it should be is ignored, says W3C.
        if isinstance(value, str) and _TEXT.match(value):
            yield name, value
    more = others(extensions)
    if more:
        text = field(more)
        if text is None:
            raise BadRequest(f"Over HTTP the extensions of a call have {LONGEST} bytes at most")
        yield EXTENSIONS, text


def _body(headers: Headers, request: Request) -> Sequence[bytes]:
    args, attachment = codec.encode_strictly(request.args), request.attachment
    if attachment is None:
        headers.addRawHeader("Content-Type", JSON)
        return [args]
    text = field(request.args, args)
    if text is not None:
        headers.addRawHeader("Content-Type", BYTES)
        headers.addRawHeader(ARGS, text)
        return [attachment]
    boundary = token_hex(16)
    headers.addRawHeader("Content-Type", f"{FORM}; boundary={boundary}")
    start = b'--%b\r\nContent-Disposition: form-data; name="' % boundary.encode("ascii")
    return [
        b'%bargs"\r\n\r\n%b\r\n%battachment"\r\n\r\n' % (start, args, start),
        attachment,
        b"\r\n--%b--\r\n" % boundary.encode("ascii"),
    ]


def _visible(what: str, value: Any) -> str:
    if not isinstance(value, str) or not _VISIBLE.match(value):
        raise BadRequest(
            f"Over HTTP a {what} is text of visible ASCII, without spaces, got {value!r:.60}"
        )
    return value
