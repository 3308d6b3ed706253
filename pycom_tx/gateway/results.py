"""What a service answered, as an answer of HTTP."""

from __future__ import annotations

from contextlib import suppress
from secrets import token_hex
from typing import TYPE_CHECKING, Final

from pycom_tx.client.over_http.fields import EXTENSIONS, INVALID, RESULT, field, others
from pycom_tx.gateway.answers import Answer
from pycom_tx.gateway.problems import Problem
from pycom_tx.zerojson import codec
from pycom_tx.zerojson.errors import NotSerializable

if TYPE_CHECKING:
    from pycom_tx.zerojson.request import Response

_RESULT: Final = (
    '--{0}\r\nContent-Disposition: form-data; name="result"\r\n'
    "Content-Type: application/json\r\n\r\n"
)
_ATTACHMENT: Final = (
    '\r\n--{0}\r\nContent-Disposition: form-data; name="attachment"; filename="attachment"\r\n'
    "Content-Type: application/octet-stream\r\n\r\n"
)
_END: Final = "\r\n--{0}--\r\n"


def result_of(response: Response, *, alone: bool) -> Answer:
    """The answer for a *response*: JSON, a form, or bytes.

    :param alone: whether an attachment is wanted without a form around it.

    :raises Problem: its result is no standard JSON.
    """
    try:
        result = codec.encode_strictly(response.result)
    except NotSerializable as error:
        detail = f"The result is nothing that JSON can hold: {error}"
        raise Problem(502, detail, not_started=False, reason=INVALID) from None
    headers = {"Cache-Control": "no-store"}
    _tell_extensions(headers, response)
    attachment = response.attachment_view
    if attachment is None:
        return Answer(result, headers=headers)
    if not alone:
        return _form(result, attachment, headers)
    told = field(response.result, result)
    if told is not None:
        headers[RESULT] = told
    return Answer([attachment], content_type="application/octet-stream", headers=headers)


def _tell_extensions(headers: dict[str, str], response: Response) -> None:
    """Tell the extensions of an answer, as far as a header can."""
    extensions = others(response.extensions)
    if extensions:
        with suppress(NotSerializable):
            told = field(extensions)
            if told is not None:
                headers[EXTENSIONS] = told


def _form(result: bytes, attachment: memoryview, headers: dict[str, str]) -> Answer:
    boundary = token_hex(16)
    before, between, after = (
        part.format(boundary).encode("ascii") for part in (_RESULT, _ATTACHMENT, _END)
    )
    return Answer(
        [before + result + between, attachment, after],
        content_type=f"multipart/form-data; boundary={boundary}",
        headers=headers,
    )
