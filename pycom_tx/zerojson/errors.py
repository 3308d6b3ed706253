"""Everything that a call can fail with.

One root; below it a branch for each way to fail; below those the leaves::

    Error
    ├── RemoteError             the service answered, with an error
    │   ├── MethodNotFound          code 2
    │   ├── ServiceNotFound         code 3
    │   ├── BadRequest              code 4
    │   ├── AccessDenied            code 5
    │   └── SessionExpired          code 6
    ├── ServiceNotAvailable     no answer came
    │   ├── CallTimeout             none within the call's timeout
    │   ├── ConnectionClosed        this side closed the connection
    │   ├── Refused                 the service stops, and did not start the call
    │   │   └── Overloaded              too many calls wait, there or to be sent there
    │   └── InvalidReply            something came that is no reply
    ├── ContractMismatch        the service has another contract than its client
    ├── NotSerializable         a value that JSON cannot hold
    └── ConfigurationError      a service that cannot run the way it is set up
        └── AddressError            an address that cannot be listened at or connected to
"""

from __future__ import annotations

from typing import Final

UNKNOWN = 1
"""The code of an error that has none of its own."""


class Error(Exception):
    """The root: whatever pycom_tx raises derives from it."""


class RemoteError(Error):
    """The service answered with an error.

    Raised in a method, it is what the client gets; any other exception reaches the
    client as code 1 without its text.

    :param message: what went wrong, for the reader at the other end.
    :param code: a number other than 0. Left out, it is the class's own. A service takes those of
        its own errors from 7 on: the codes below have a meaning on the wire, and reach the
        client as the class that has them, whatever was raised; 3 as :class:`ServiceNotFound`.
    """

    code: int = UNKNOWN
    session_id: str | None = None
    """The session that the failed call has opened or used, on a stateful interface."""
    address: str | None = None
    """Where the call went that was answered with it; in a method that raises it, None."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = checked_code(code)


class MethodNotFound(RemoteError):
    """The interface has no such method."""

    code = 2


class ServiceNotFound(RemoteError):
    """Nobody provides the interface."""

    code = 3


class BadRequest(RemoteError):
    """The request, or one of its arguments, is not what the method takes."""

    code = 4


class AccessDenied(RemoteError):
    """The caller may not do this."""

    code = 5


class SessionExpired(RemoteError):
    """The session is unknown, discarded or has expired."""

    code = 6


class ServiceNotAvailable(Error):
    """No answer came.

    .. attribute:: not_started

        True where the call was provably not started: it may be made again. False where it
        may have been executed, in part or as a whole.
    """

    def __init__(self, message: str, *, not_started: bool = False) -> None:
        super().__init__(message)
        self.not_started = not_started


class CallTimeout(ServiceNotAvailable, TimeoutError):
    """No answer came within the call's timeout."""


class ConnectionClosed(ServiceNotAvailable):
    """This side closed the connection, or the component, before the answer came."""


class Refused(ServiceNotAvailable):
    """The service is about to stop and did not start the call.

    .. attribute:: retry_after

        Seconds after which it makes sense to try the same service again.
    """

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message, not_started=True)
        self.retry_after = retry_after


class Overloaded(Refused):
    """Too many calls wait, at the service or to be sent to it; this one was not started."""


class InvalidReply(ServiceNotAvailable):
    """The peer sent something that is no reply."""


class ContractMismatch(Error):
    """A service has other methods than its client expects, or they take or give others."""


class NotSerializable(Error, TypeError):
    """A value cannot be written as JSON; the call was not sent."""


class ConfigurationError(Error):
    """Something cannot run the way it is set up; the message says what to change."""


class AddressError(ConfigurationError):
    """An address cannot be listened at or connected to."""


_BY_CODE: Final = {
    kind.code: kind
    for kind in (MethodNotFound, ServiceNotFound, BadRequest, AccessDenied, SessionExpired)
}


def remote_error(code: int, message: str | None, session_id: str | None) -> RemoteError:
    """The exception for an error reply: each code has its class."""
    error = _BY_CODE.get(code, RemoteError)(message or f"Remote error {code}", code)
    error.session_id = session_id
    return error


def code_of(error: BaseException | None) -> int:
    """The code that a client gets for what a method, or whoever let it in, has raised."""
    # A class of its own may have declared a code that is none.
    code = error.code if isinstance(error, RemoteError) else UNKNOWN
    return code if type(code) is int and code else UNKNOWN


def checked_code(code: int) -> int:
    """Give back *code*.

    :raises ValueError: it is not an integer, or it is 0, which says success.
    """
    if type(code) is not int or code == 0:
        msg = f"An error's code is an integer other than 0, got {code!r}"
        raise ValueError(msg)
    return code
