"""A log line for every call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from pycom_tx.components.trace import trace_id
from pycom_tx.zerojson.errors import RemoteError, code_of
from pycom_tx.zerojson.extensions import TRACE
from pycom_tx.zerojson.interfaces import IRequestHandler

if TYPE_CHECKING:
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

    A line has the fields ``interface``, ``method``, ``code`` (0 is well) and ``duration``
    (seconds); ``error``, the class of what was raised; and where that is known, ``peer`` and
    ``trace_id``.

    :param handler: what answers them.
    :param clock: what tells how long it took.
    """

    _log = Logger()

    def __init__(self, handler: IRequestHandler, clock: IReactorTime) -> None:
        self._handler = handler
        self._clock = clock

    def handle(self, request: Request) -> Response | Deferred[Response]:
        started = self._clock.seconds()
        try:
            answer = self._handler.handle(request)
        except BaseException as error:
            self._raised(error, request, started)
            raise
        if isinstance(answer, Deferred):
            return answer.addCallbacks(
                self._answered,
                self._failed,
                callbackArgs=(request, started),
                errbackArgs=(request, started),
            )
        return self._answered(answer, request, started)

    def _answered(self, response: Response, request: Request, started: float) -> Response:
        self._write(FAILED if response.code else ANSWERED, request, started, code=response.code)
        return response

    def _failed(self, failure: Failure, request: Request, started: float) -> Failure:
        self._raised(failure.value, request, started)
        return failure

    def _raised(self, error: BaseException | None, request: Request, started: float) -> None:
        line = RAISED_CODE if isinstance(error, RemoteError) else RAISED
        self._write(line, request, started, code=code_of(error), error=type(error).__name__)

    def _write(self, line: str, request: Request, started: float, **outcome: Any) -> None:
        fields: dict[str, Any] = {"interface": request.interface, "method": request.method}
        if request.peer is not None:
            line += " for {peer}"
            fields["peer"] = request.peer
        fields |= outcome
        fields["duration"] = Seconds(self._clock.seconds() - started)
        trace = trace_id(request.extensions.get(TRACE))
        if trace is not None:
            fields["trace_id"] = trace
        self._log.info(line, **fields)
