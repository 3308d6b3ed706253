"""The way of requests and responses into frames and back.

Pure functions, no I/O. Frames here are those behind the routing frames and the delimiter:
a command or a status, a JSON object, and at most one attachment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final, TypeVar

import msgspec

from pycom_tx.zerojson import codec
from pycom_tx.zerojson.errors import BadRequest, InvalidReply, NotSerializable, checked_code
from pycom_tx.zerojson.request import Request, Response

CALL: Final = b"CALL"
CANCEL: Final = b"CANCEL"
OK: Final = b"OK"
FAIL: Final = b"FAIL"
PROGRESSED: Final = b"PROGRESS"
GREETING: Final = b"HELLO"

_T = TypeVar("_T", bound=msgspec.Struct)

_SIZES: Final = (2, 3)
"""How many frames a message has behind the delimiter: the last one is optional."""


class _Call(msgspec.Struct):
    """The JSON object of a request, as msgspec reads and checks it."""

    interface: str
    method: str
    args: Any = None
    session_id: str | None = None
    extensions: dict[str, Any] | None = None


class _Reply(msgspec.Struct):
    """The JSON object of a reply."""

    code: int
    result: Any = None
    error: str | None = None
    session_id: str | None = None
    extensions: dict[str, Any] | None = None


class _Progress(msgspec.Struct):
    """The JSON object of a report of progress."""

    value: Any


_read_call = msgspec.json.Decoder(_Call).decode
_read_reply = msgspec.json.Decoder(_Reply).decode
_read_progress = msgspec.json.Decoder(_Progress).decode


def encode_request(request: Request, more: bytes = b"") -> list[bytes]:
    """The frames of *request*.

    :param more: extensions beside the request's own, as JSON without the braces.

    :raises NotSerializable: the arguments are nothing that JSON can hold; the message
        names the method.
    """
    try:
        body = _head(request.interface, request.method) + codec.encode(request.args)
        body = _finished(body, request.session_id, request.extensions, more)
        return [CALL, body] if request.carried is None else [CALL, body, _lasting(request.carried)]
    except NotSerializable as error:
        wrong = _wrong_arguments(request.args, str(error))
        msg = f"{request.interface}.{request.method}{wrong}"
        raise NotSerializable(msg) from None


@lru_cache(maxsize=1000)
def _head(interface: str, method: str) -> bytes:
    """What the requests of a method begin with."""
    names = codec.encode(interface), codec.encode(method)
    return b'{"version":"1.0","interface":%b,"method":%b,"args":' % names


def decode_request(frames: Sequence[bytes]) -> Request:
    """The request in *frames*: a command, which is not looked at, body and attachment.

    :raises BadRequest: it is none; the message says what is wrong with it. A field that
        nobody knows is no error.
    """
    try:
        call = _parsed(_Call, _read_call, frames)
    except ValueError as error:
        raise BadRequest(str(error)) from None
    request = Request(call.interface, call.method, call.args)
    _complete(request, call, frames)
    return request


def encode_response(
    response: Response, session_id: str | None = None, more: bytes = b""
) -> list[bytes]:
    """The frames of *response*.

    :param session_id: its session, where that is not the response's own.
    :param more: extensions beside the response's own, as JSON without the braces.

    :raises NotSerializable: its result is nothing that JSON can hold, or its attachment no
        bytes.
    :raises ValueError: its code is no integer.
    """
    if response.code:
        body = b'{"code":%d,"error":%b' % (
            checked_code(response.code),
            codec.encode(response.error),
        )
    else:
        try:
            body = b'{"code":0,"result":%b' % codec.encode(response.result)
        except NotSerializable as error:
            raise NotSerializable(_wrong_result(response.result, str(error))) from None
    if session_id is None:
        session_id = response.session_id
    body = _finished(body, session_id, response.extensions, more)
    return [OK, body] if response.carried is None else [OK, body, _lasting(response.carried)]


def encode_progress(value: bytes) -> list[bytes]:
    """The frames of a report of progress.

    :param value: JSON.
    """
    return [PROGRESSED, b'{"value":%b}' % value]


def decode_progress(frames: Sequence[bytes]) -> Any:
    """The value that is reported in *frames*.

    :raises InvalidReply: they are no report of progress.
    """
    try:
        return _parsed(_Progress, _read_progress, frames).value
    except ValueError as error:
        raise InvalidReply(f"Invalid report of progress: {error}") from None


def decode_response(frames: Sequence[bytes]) -> Response:
    """The response in *frames*: a status, which is not looked at, body and attachment.

    :raises InvalidReply: it is none; the message says what is wrong with it.
    """
    try:
        reply = _parsed(_Reply, _read_reply, frames)
    except ValueError as error:
        raise InvalidReply(f"Invalid reply: {error}") from None
    response = Response(reply.result)
    response.code = reply.code
    response.error = reply.error
    _complete(response, reply, frames)
    return response


def _complete(message: Request | Response, read: _Call | _Reply, frames: Sequence[bytes]) -> None:
    """Give a message what requests and responses have in common.

    To call their classes with arguments by name would cost more.
    """
    message.session_id = read.session_id
    if read.extensions is not None:
        message.extensions = read.extensions
    if len(frames) == 3:
        message.carried = frames[2]


def _wrong_arguments(args: Any, error: str) -> str:
    """What is wrong with arguments, and what would be right."""
    name = _culprit(args)
    if name is None:
        return f": {error}"
    hint = ""
    if _is_bytes(args[name]):
        hint = (
            ", which can only go as the attachment that its method declares (Component.invoke "
            "takes it as attachment=…)"
        )
    return f", argument {name!r}{hint}: {error}"


def _wrong_result(result: Any, error: str) -> str:
    """What is wrong with a result, and what would be right."""
    name = _culprit(result)
    declared = '(None, "name"), results=("name",)'
    if name is not None:
        declared = f"(None, {name!r}), with {name!r} among the results"
        result, error = result[name], f"{name!r}: {error}"
    if _is_bytes(result):
        error += f"; bytes are attachments, which a method declares: attachments={declared}"
    return error


def _culprit(values: Any) -> Any:
    """The name of what JSON cannot hold among arguments or results; None if none has one."""
    for name, value in values.items() if isinstance(values, dict) else ():
        try:
            codec.encode(value)
        except NotSerializable:  # it has failed already, it may take its time
            return name
    return None


def _is_bytes(value: Any) -> bool:
    return isinstance(value, (bytes, bytearray, memoryview))


def _finished(
    body: bytes, session_id: str | None, extensions: dict[str, Any], more: bytes = b""
) -> bytes:
    if session_id is not None:
        body += b',"session_id":%b' % codec.encode(session_id)
    if extensions:
        own = codec.encode(extensions)
        body += b',"extensions":%b' % (b"%b,%b}" % (own[:-1], more) if more else own)
    elif more:
        body += b',"extensions":{%b}' % more
    return body + b"}"


def _lasting(attachment: Any) -> Any:
    """An attachment that nobody changes while it is sent."""
    if type(attachment) is bytes:
        return attachment  # however many: a copy would cost as much again
    try:
        view = memoryview(attachment)
    except TypeError:
        msg = f"An attachment is bytes, got {type(attachment).__name__}"
        raise NotSerializable(msg) from None
    return view.cast("B") if view.readonly and view.c_contiguous else bytes(view)


_STRING = (str, "a string")
_OPTIONAL_STRING = (str | None, "a string or null")
_OPTIONAL_OBJECT = (dict | None, "an object or null")
_FIELDS: Final[dict[str, tuple[Any, str]]] = {
    "interface": _STRING,
    "method": _STRING,
    "code": (int, "an integer"),
    "error": _OPTIONAL_STRING,
    "session_id": _OPTIONAL_STRING,
    "extensions": _OPTIONAL_OBJECT,
}
"""What each field has to be; those that are not here may be anything."""


def _parsed(kind: type[_T], read: Callable[[bytes], _T], frames: Sequence[bytes]) -> _T:
    """The object of a message: fast where msgspec takes it, exact where it does not."""
    if len(frames) not in _SIZES:
        msg = f"Expected 2-3 parts, got {len(frames)}"
        raise ValueError(msg)
    try:
        return read(frames[1])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _checked(kind, bytes(frames[1]))


def _checked(kind: type[_T], body: bytes) -> _T:
    """Read an object that msgspec refuses, or say what is wrong with it."""
    try:
        fields = codec.decode(body)
    except ValueError as error:
        # Old peers say "response" here for a request as well, and so do all.
        msg = str(error)
        raise ValueError(
            msg
            if msg.startswith(("Invalid encoding", "Nested"))
            else f"Cannot decode response: {msg}"
        ) from None
    if type(fields) is not dict:
        msg = f"Expected an object, got {_shown(fields)}"
        raise ValueError(msg)
    known = {}
    for field in msgspec.structs.fields(kind):
        name = field.name
        if name not in fields:
            if field.required:
                msg = f"Field {name} is required"
                raise ValueError(msg)
            continue
        value = known[name] = fields[name]
        if name in _FIELDS:
            expected, described = _FIELDS[name]
            if not isinstance(value, expected) or isinstance(value, bool):
                msg = f"Field {name} must be {described}, got {_shown(value)}"
                raise ValueError(msg)
    return kind(**known)


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except RecursionError:
        return "something nested too deeply"
    return text if len(text) <= 60 else f"{text[:57]}..."
