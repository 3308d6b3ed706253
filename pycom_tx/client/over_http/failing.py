"""What a request of HTTP fails with that gets no answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from OpenSSL.SSL import Error as TLSError
from service_identity import VerificationError
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectingCancelledError

from pycom_tx.zerojson.errors import InvalidReply, ServiceNotAvailable

_OTHERS: Final = {b"\xff\0": "0MQ", b"\x15\x03": "TLS"}
"""What begins so."""


class NoGateway(Exception):
    """Something came that no gateway says."""


class NoHTTP(NoGateway):
    """Something came that is no answer of HTTP.

    :param began: its first bytes.
    """

    def __init__(self, began: bytes) -> None:
        super().__init__(f"it speaks {_OTHERS.get(began[:2], 'no HTTP')}, {began[:60]!r}")


def failed(error: Exception, url: str, *, begun: bool) -> CancelledError | ServiceNotAvailable:
    """What a request failed with that got no answer.

    :param begun: whether it was written.
    """
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, NoGateway):
            return InvalidReply(f"What answers at {url} is no gateway: {cause}")
    if any(isinstance(cause, (CancelledError, ConnectingCancelledError)) for cause in causes):
        return CancelledError()
    texts = [str(cause).rstrip(".") or type(cause).__name__ for cause in causes]
    told = ", ".join(dict.fromkeys(texts))
    if any(map(_is_distrust, causes)):
        text = f"What answers at {url} is not trusted: {told}"
        return ServiceNotAvailable(text, not_started=True)
    if any(map(_is_plain, causes)):
        text = f"What answers at {url} speaks no TLS: {told}"
        return ServiceNotAvailable(text, not_started=not begun)
    if begun:
        return ServiceNotAvailable(f"The connection to {url} broke: {told}")
    return ServiceNotAvailable(f"Nothing answers at {url}: {told}", not_started=True)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """What is behind an error of Twisted's client."""
    reasons = getattr(error, "reasons", None)
    if reasons is None:
        yield error
    for reason in reasons or ():
        yield from _causes(reason.value)


def _is_distrust(error: BaseException) -> bool:
    """Whether a handshake of TLS ended with it, so that nothing was said."""
    return isinstance(error, VerificationError) or (
        isinstance(error, TLSError) and "certificate verify failed" in str(error)
    )


def _is_plain(error: BaseException) -> bool:
    """Whether something else came where TLS was to come."""
    return isinstance(error, TLSError) and "wrong version number" in str(error)
