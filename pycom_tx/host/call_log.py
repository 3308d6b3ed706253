"""A log line for every call."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import CancelledError
from twisted.logger import Logger
from zope.interface import implementer

from pycom_tx.components.trace import trace_id
from pycom_tx.zerojson.errors import RemoteError
from pycom_tx.zerojson.extensions import TRACE
from pycom_tx.zerojson.interfaces import IRequestHandler

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IReactorTime

    from pycom_tx.zerojson.request import Request, Response


ANSWERED: Final = "{interface}.{method}: answered in {duration}"
FAILED: Final = "{interface}.{method}: error {code} in {duration}"
RAISED: Final = "{interface}.{method}: {error} in {duration}"
RAISED_CODE: Final = "{interface}.{method}: {error} {code} in {duration}"
"""What a line says, after how the call ended. The words of an error are left out: they may
quote what is secret."""


class Seconds(float):
    """Seconds, which a line of text tells as milliseconds."""

    def __format__(self, spec: str) -> str:
        return f"{self * 1000:.1f} ms"


@implementer(IRequestHandler)
class CallLog:
    """Tells the log of every request that passes it, and how it was answered.

    A line has the fields ``interface``, ``method``, ``code`` (0 is well, None is cancelled) and
    ``duration`` (seconds); ``error``, the class of what was raised; and where that is known,
    ``peer`` and ``trace_id``.

    :param handler: what answers them.
    :param clock: what tells how long it took.
    """

    _log = Logger()

    def __init__(self, handler: IRequestHandler, clock: IReactorTime) -> None:
        self._handler = handler
        self._clock = clock

    def handle(self, request: Request) -> Response | Deferred[Response]:
        request.when_answered(partial(self._answered, request, self._clock.seconds()))
        return self._handler.handle(request)

    def _answered(
        self, request: Request, started: float, response: Response, error: BaseException | None
    ) -> None:
        fields: dict[str, Any] = {"interface": request.interface, "method": request.method}
        if error is None:
            line = FAILED if response.code else ANSWERED
        else:
            line = RAISED_CODE if isinstance(error, RemoteError) else RAISED
            fields["error"] = type(error).__name__
        if request.peer is not None:
            line += " for {peer}"
            fields["peer"] = request.peer
        fields["code"] = None if isinstance(error, CancelledError) else response.code
        fields["duration"] = Seconds(self._clock.seconds() - started)
        trace = trace_id(request.extensions.get(TRACE))
        if trace is not None:
            fields["trace_id"] = trace
        self._log.info(line, **fields)
