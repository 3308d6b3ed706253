"""What the headers of a request say about a call."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote

from pycom_tx.client.over_http.fields import (
    EXTENSIONS,
    OWN,
    SERVICE,
    SESSION,
    TIMEOUT,
    others,
)
from pycom_tx.components.trace import trace_in
from pycom_tx.gateway.problems import Problem
from pycom_tx.zerojson import codec
from pycom_tx.zerojson.errors import BadRequest
from pycom_tx.zerojson.extensions import AUTH

if TYPE_CHECKING:
    from twisted.web.http_headers import Headers

_NUMBER: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?\Z", re.ASCII)
_BEARER: Final = re.compile(r"bearer +(?P<token>[!-~]+) *\Z", re.IGNORECASE)
_SESSION: Final = re.compile(r"(?P<id>[!-~]+)@(?P<provider>[0-9a-f]{16})\Z", re.ASCII)


def last(headers: Headers, name: str) -> str | None:
    """What a header says, the last one where there are several; None where there is none.

    Bytes that are no UTF-8 become what nothing else is.
    """
    values = headers.getRawHeaders(name.encode("ascii"))
    return values[-1].decode("utf-8", "surrogateescape") if values else None


def joined(headers: Headers, name: str) -> str:
    """What all headers of a name say together."""
    values = headers.getRawHeaders(name.encode("ascii"), [])
    return b",".join(values).decode("utf-8", "surrogateescape")


def token_of(request: Any) -> str | None:
    """The token of the caller, or None."""
    match = _BEARER.match(last(request.requestHeaders, "Authorization") or "")
    return None if match is None else match["token"]


def timeout_of(request: Any, usual: float, most: float) -> float:
    """The seconds that a call may take.

    :raises Problem: what is asked for is no time.
    """
    text = last(request.requestHeaders, TIMEOUT)
    if text is None:
        return usual
    seconds = float(text) if _NUMBER.match(text) else 0.0
    if not seconds:
        raise _bad(f"{TIMEOUT} is a number of seconds more than 0, like 2.5, got {text!r:.60}")
    return min(seconds, most)


def service_of(request: Any) -> str | None:
    """The path of the one service that will do; None where any will."""
    text = last(request.requestHeaders, SERVICE)
    return None if text is None else unquote(text)


def session_of(request: Any) -> tuple[str, str] | None:
    """The session of a call, and the name of the provider that has it; or None.

    :raises Problem: it is none that was given out here.
    """
    text = last(request.requestHeaders, SESSION)
    if text is None:
        return None
    match = _SESSION.match(text)
    if match is None:
        raise _bad(f"{SESSION} is what the answer to an earlier call had, got {text!r:.100}")
    return unquote(match["id"]), match["provider"]


def session_header(session_id: str, provider: str) -> str:
    """How a session is written that :func:`session_of` reads."""
    return f"{quote(session_id, safe='', errors='replace')}@{provider}"


def extensions_of(request: Any) -> dict[str, Any]:
    """What goes along with a call: its extensions and its token.

    :raises Problem: extensions that are none.
    """
    extensions = _own_extensions(request)
    token = token_of(request)
    if token is not None:
        extensions[AUTH] = token
    return extensions


def trace_of(request: Any) -> dict[str, str] | None:
    """The trace that a call is part of, or None."""
    headers = request.requestHeaders
    state = joined(headers, "tracestate")
    return trace_in({"traceparent": last(headers, "traceparent"), "tracestate": state or None})


def _own_extensions(request: Any) -> dict[str, Any]:
    text = last(request.requestHeaders, EXTENSIONS)
    if text is None:
        return {}
    told = None
    with suppress(ValueError):
        told = codec.decode_strictly(text.encode("utf-8", "surrogateescape"))
    if not isinstance(told, dict) or others(told) != told:
        raise _bad(
            f"{EXTENSIONS} is a JSON object, whose names do not begin with {OWN}, got {text!r:.100}"
        )
    return told


def prefers_bytes(request: Any) -> bool:
    """Whether an attachment is wanted alone rather than in a form."""
    wanted = {"application/octet-stream": 0.0, "multipart/form-data": 0.0}
    for text in joined(request.requestHeaders, "Accept").split(","):
        kind, *parameters = (part.strip().lower() for part in text.split(";"))
        weight = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        if kind in wanted and _NUMBER.match(weight):
            wanted[kind] = float(weight)
    alone, form = wanted.values()
    return alone > form


def _bad(detail: str) -> Problem:
    return Problem(400, detail, code=BadRequest.code, not_started=True)
