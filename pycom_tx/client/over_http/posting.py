"""A call, as a request of HTTP."""

from __future__ import annotations

import re
from collections.abc import Sequence
from secrets import token_hex
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from twisted.web.http_headers import Headers

from pycom_tx.client.over_http.names import ARGS, BYTES, FORM, JSON, SESSION, TIMEOUT
from pycom_tx.zerojson import codec
from pycom_tx.zerojson.errors import BadRequest, NotSerializable
from pycom_tx.zerojson.extensions import AUTH, DEADLINE, TRACE
from pycom_tx.zerojson.request import Request

ARGS_LIMIT: Final = 4096
"""Bytes of arguments that go in a header, beside an attachment that is the whole body."""

NO_END: Final = "999999999"
"""Seconds for a call that has no end: the gateway cuts them to what it gives."""

_VISIBLE: Final = re.compile(r"[!-~]+\Z")
_TEXT: Final = re.compile(r"[ -~]+\Z")


class Post(NamedTuple):
    """A request of HTTP that makes a call."""

    path: str
    headers: Headers
    parts: Sequence[bytes]


def post_of(request: Request) -> Post:
    """The request of HTTP that makes a call.

    :raises NotSerializable: its arguments are no standard JSON.
    :raises BadRequest: its token or its session is nothing that a header can hold.
    """
    try:
        args = codec.encode_strictly(request.args)
    except NotSerializable as error:
        msg = f"{request.interface}.{request.method}, which goes over HTTP: {error}"
        raise NotSerializable(msg) from None
    headers = Headers({"Accept": [f"{JSON}, {FORM}"]})
    for name, value in _fields(request):
        headers.addRawHeader(name, value)
    parts = _body(headers, args, request.attachment)
    return Post(f"/call/{_quoted(request.interface)}/{_quoted(request.method)}", headers, parts)


def _fields(request: Request) -> list[tuple[str, str]]:
    """The headers that say what goes along with a call."""
    extensions = request.extensions
    left = extensions.get(DEADLINE)
    fields = [(TIMEOUT, NO_END if left is None else f"{left / 1000:.3f}")]
    if request.session_id is not None:
        fields.append((SESSION, _visible("session", request.session_id)))
    token = extensions.get(AUTH)
    if token is not None:
        fields.append(("Authorization", f"Bearer {_visible('token', token)}"))
    trace = extensions.get(TRACE)
    traced = trace if isinstance(trace, dict) else {}
    for name in ("traceparent", "tracestate"):
        value = traced.get(name)
        # What is not as it should be is ignored, says W3C.
        if isinstance(value, str) and _TEXT.match(value):
            fields.append((name, value))
    return fields


def _body(headers: Headers, args: bytes, attachment: bytes | None) -> Sequence[bytes]:
    if attachment is None:
        headers.addRawHeader("Content-Type", JSON)
        return [args]
    if len(args) <= ARGS_LIMIT and args.isascii():
        headers.addRawHeader("Content-Type", BYTES)
        headers.addRawHeader(ARGS, args)
        return [attachment]
    boundary = token_hex(16)
    headers.addRawHeader("Content-Type", f"{FORM}; boundary={boundary}")
    start = b'--%b\r\nContent-Disposition: form-data; name="' % boundary.encode("ascii")
    return [
        b'%bargs"\r\n\r\n%b\r\n%battachment"\r\n\r\n' % (start, args, start),
        attachment,
        b"\r\n--%b--\r\n" % boundary.encode("ascii"),
    ]


def _quoted(name: str) -> str:
    return quote(name, safe="", errors="surrogatepass")


def _visible(what: str, value: Any) -> str:
    if not isinstance(value, str) or not _VISIBLE.match(value):
        raise BadRequest(
            f"Over HTTP a {what} is text of visible ASCII, without spaces, got {value!r:.60}"
        )
    return value
