"""What a gateway answers, and what of it a reply is."""

from __future__ import annotations

from contextlib import suppress
from http import HTTPStatus
from math import inf
from typing import TYPE_CHECKING, Any, Final

from multipart import parse_options_header

from pycom_tx.client.over_http.body import read
from pycom_tx.client.over_http.fields import (
    EXTENSIONS,
    FORM,
    INVALID,
    JSON,
    PROBLEM,
    SESSION,
    STARTED,
    STOPPING,
)
from pycom_tx.client.over_http.form import Form
from pycom_tx.zerojson import codec
from pycom_tx.zerojson.errors import (
    BadRequest,
    CallTimeout,
    InvalidReply,
    Overloaded,
    Refused,
    ServiceNotAvailable,
    ServiceNotFound,
)
from pycom_tx.zerojson.messages import encode_response
from pycom_tx.zerojson.request import Response

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

STRANGE: Final = 300
"""Bytes that are read of an answer which is none of a gateway."""

TOLD: Final = 16 * 1024 * 1024
"""Bytes of an answer that is no result: what is wrong, or who provides something."""

_TOO_MUCH: Final = (413, 414, 431)


class Answer:
    """An answer of HTTP, from its headers on.

    :param response: what treq gave.

    .. attribute:: status
    .. attribute:: kind

        The type of the body, without parameters.

    .. attribute:: body

        The body, or the first bytes of one that is of no known type.

    .. attribute:: attachment

        Bytes that came in a form, beside the body, or None.
    """

    def __init__(self, response: Any) -> None:
        self.status: int = response.code
        self.body = b""
        self.attachment: bytes | None = None
        self._response = response
        content_type = self.header("Content-Type") or ""
        self.kind, self._options = parse_options_header(content_type)

    def header(self, name: str) -> str | None:
        """What a header says, the last one where there are several; None where there is none."""
        values = self._response.headers.getRawHeaders(name.encode("ascii"))
        return values[-1].decode("utf-8", "replace") if values else None

    def read(self, most: int) -> Deferred[Answer]:
        """Read the body.

        :param most: bytes that it has at most.

        :returns: Deferred firing with this answer. Cancelling it closes the connection.

        :raises InvalidReply: (as a failure) it is a form that is none, or has more.
        """
        if self.kind == FORM:
            form = Form(self._options.get("boundary", ""))
            return read(self._response, form.received, most).addCallback(self._take_form, form)
        limit = {JSON: most, PROBLEM: TOLD}.get(self.kind, inf)
        enough = STRANGE if limit == inf else inf
        whole = bytearray()

        def received(data: bytes) -> bool:
            whole.extend(data)
            return len(whole) < enough

        return read(self._response, received, limit).addCallback(self._take, whole)

    def __str__(self) -> str:
        try:
            phrase = f" {HTTPStatus(self.status).phrase}"
        except ValueError:
            phrase = ""
        where = self.header("Location")
        more = "" if where is None else f", to {where!r:.100}"
        text = self.body[:STRANGE].decode("utf-8", "replace")
        return f"{self.status}{phrase}{more}, {self.kind or 'of no type'}: {text!r:.120}"

    def _take(self, _: None, whole: bytearray) -> Answer:
        self.body = bytes(whole)
        return self

    def _take_form(self, _: None, form: Form) -> Answer:
        self.body, self.attachment = form.complete()
        return self


def reply_of(answer: Answer, address: str, hint: str) -> list[bytes]:
    """The reply that an answer to a call holds, as frames.

    :param address: where it was answered.
    :param hint: what may help where nobody provides what is called.

    :raises ServiceNotAvailable: it says that there is none.
    :raises InvalidReply: it is none of a gateway.
    """
    session_id = answer.header(SESSION)
    if answer.status == 200 and answer.kind in (JSON, FORM):
        result = _json(answer.body, address)
        response = Response(result, attachment=answer.attachment)
        extensions = answer.header(EXTENSIONS)
        if extensions is not None:
            response.extensions = _json(extensions.encode("utf-8"), address)
        return encode_response(response, session_id)
    problem = _problem(answer, address)
    code, detail = problem.get("code"), _detail(problem)
    if answer.status in _TOO_MUCH:
        code = BadRequest.code
    if type(code) is int and code != 0:
        if code == ServiceNotFound.code:
            detail += hint
        return encode_response(Response(code=code, error=detail), session_id)
    raise _unavailable(answer, problem, address)


def told_by(answer: Answer, address: str) -> Any:
    """The JSON of an answer to a question.

    :param address: where it was answered.

    :raises ServiceNotFound: it says that there is no such thing.
    :raises ServiceNotAvailable: it says that there is no answer.
    :raises InvalidReply: it is none of a gateway.
    """
    if answer.status == 200 and answer.kind == JSON:
        return _json(answer.body, address)
    problem = _problem(answer, address)
    if problem.get("code") == ServiceNotFound.code:
        raise ServiceNotFound(_detail(problem))
    raise _unavailable(answer, problem, address)


def _json(text: bytes, address: str) -> Any:
    try:
        return codec.decode(text)
    except ValueError as error:
        raise InvalidReply(f"{address} answered with what is no JSON: {error}") from None


def _problem(answer: Answer, address: str) -> dict[str, Any]:
    """What is wrong, as the answer says."""
    told = None
    if answer.kind == PROBLEM:
        with suppress(ValueError):
            told = codec.decode(answer.body)
    if not isinstance(told, dict):
        raise InvalidReply(f"What answers at {address} is no gateway: {answer}")
    return told


def _unavailable(answer: Answer, problem: dict[str, Any], address: str) -> ServiceNotAvailable:
    """What a call fails with that was not answered by its service."""
    not_started = problem.get("not_started") is True
    detail = _detail(problem).removesuffix(f"; {STARTED[not_started]}")
    text = f"{address}: {detail}"
    reason = problem.get("reason")
    if answer.status == 429:
        return Overloaded(text, _seconds(answer))
    if answer.status == 503 and not_started and reason == STOPPING:
        return Refused(text, _seconds(answer))
    if answer.status == 504:
        return CallTimeout(text, not_started=not_started)
    if answer.status == 503 or (answer.status == 502 and reason != INVALID):
        return ServiceNotAvailable(text, not_started=not_started)
    return InvalidReply(text, not_started=not_started)


def _detail(problem: dict[str, Any]) -> str:
    """What is wrong, for a reader."""
    return str(problem.get("detail") or problem.get("title") or "It does not say what is wrong")


def _seconds(answer: Answer) -> float:
    """After how many seconds it makes sense to try again."""
    text = answer.header("Retry-After") or ""
    return float(text) if text.isdecimal() and len(text) < 10 else 0.0
