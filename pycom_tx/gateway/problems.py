"""What is answered where something is wrong: RFC 9457."""

from __future__ import annotations

from http import HTTPStatus
from math import ceil
from typing import Any, Final

from pycom_tx.client.over_http.fields import INVALID, PROBLEM, STARTED, STOPPING
from pycom_tx.gateway.answers import Answer
from pycom_tx.zerojson import codec
from pycom_tx.zerojson.errors import (
    AccessDenied,
    BadRequest,
    CallTimeout,
    ConnectionClosed,
    InvalidReply,
    MethodNotFound,
    Overloaded,
    Refused,
    RemoteError,
    ServiceNotAvailable,
    ServiceNotFound,
    SessionExpired,
)
from pycom_tx.zerojson.extensions import SILENT

AGAIN: Final = 1
"""Seconds after which it makes sense to try again, where nobody has said more."""

_BY_CODE: Final = {
    MethodNotFound.code: 404,
    ServiceNotFound.code: 404,
    BadRequest.code: 400,
    AccessDenied.code: 403,
    SessionExpired.code: 410,
}

_UNAVAILABLE: Final[tuple[tuple[type[ServiceNotAvailable], int, str | None, str], ...]] = (
    (CallTimeout, 504, None, "There was no answer in time"),
    (ConnectionClosed, 503, STOPPING, "The gateway is about to stop"),
    (Overloaded, 429, None, "The service has too much to do"),
    (Refused, 503, STOPPING, "The service is about to stop"),
    (InvalidReply, 502, INVALID, "What the service answered is no reply"),
)
"""Where no answer came: the status, the reason where that does not say all, and what is said if
addresses are nobody's business."""


class Problem(Exception):
    """What is answered in the place of a result.

    :param status: of HTTP.
    :param detail: for a reader: what was wrong, with which value, and what would be right.
    :param headers: what goes along with it.
    :param members: what else the answer has; those that are None are left out.
    """

    def __init__(
        self, status: int, detail: str, headers: dict[str, str] | None = None, /, **members: Any
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = {} if headers is None else headers
        self.members = members

    def answer(self) -> Answer:
        """What goes over the wire."""
        described = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": str(self),
            **{name: value for name, value in self.members.items() if value is not None},
        }
        return Answer(
            codec.encode(described),
            status=self.status,
            content_type=PROBLEM,
            headers={"Cache-Control": "no-store", **self.headers},
        )


def not_found(detail: str, **members: Any) -> Problem:
    """The problem of what is not there, or not exposed: nobody can tell which."""
    return Problem(404, detail, **members)


def problem_of(
    error: RemoteError | ServiceNotAvailable, *, known: bool, frank: bool, **call: str
) -> Problem:
    """The problem that a call has failed with.

    :param known: whether the caller has a token.
    :param frank: whether addresses of services may be told.
    :param call: members that say which call it was.
    """
    if isinstance(error, RemoteError):
        return _remote(error, known=known, **call)
    return _unavailable(error, frank=frank, **call)


def _remote(error: RemoteError, *, known: bool, **call: str) -> Problem:
    status = _BY_CODE.get(error.code, 500)
    headers = {}
    if status == 403 and not known:
        status, headers = 401, {"WWW-Authenticate": "Bearer"}
    return Problem(status, str(error), headers, code=error.code, **call)


def _unavailable(error: ServiceNotAvailable, *, frank: bool, **call: str) -> Problem:
    status, said = 502, "The connection to the service broke"
    if SILENT in str(error):
        said = "The service fell silent"
    reason: str | None = None
    if error.not_started:
        status, said = 503, "Nobody who provides it can be reached"
    for kind, its_status, its_reason, its_text in _UNAVAILABLE:
        if isinstance(error, kind):
            status, reason, said = its_status, its_reason, its_text
            break
    detail = str(error) if frank else f"{said}; {STARTED[error.not_started]}"
    headers = {}
    if status in (429, 503):
        after = error.retry_after if isinstance(error, Refused) else AGAIN
        headers["Retry-After"] = str(max(AGAIN, ceil(after)))
    return Problem(status, detail, headers, not_started=error.not_started, reason=reason, **call)
