"""What a request of HTTP fails with that gets no answer."""

from __future__ import annotations

from collections.abc import Iterator

from OpenSSL.SSL import Error as TLSError
from service_identity import VerificationError
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectingCancelledError

from pycom_tx.zerojson.errors import ServiceNotAvailable


def failed(error: Exception, url: str, *, begun: bool) -> CancelledError | ServiceNotAvailable:
    """What a request failed with that got no answer.

    :param begun: whether it was written.
    """
    causes = list(_causes(error))
    if any(isinstance(cause, (CancelledError, ConnectingCancelledError)) for cause in causes):
        return CancelledError()
    texts = [str(cause).rstrip(".") or type(cause).__name__ for cause in causes]
    told = ", ".join(dict.fromkeys(texts))
    if any(map(_is_distrust, causes)):
        text = f"What answers at {url} is not trusted: {told}"
        return ServiceNotAvailable(text, not_started=True)
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
