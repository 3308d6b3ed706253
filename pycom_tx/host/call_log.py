"""A log line for every call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from pycom_tx.zerojson.errors import RemoteError
from pycom_tx.zerojson.interfaces import IRequestHandler

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from pycom_tx.zerojson.request import Request, Response


@implementer(IRequestHandler)
class CallLog:
    """Tells the log of every request that passes it, and how it was answered.

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
            self._write(request, started, _failure(error))
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
        outcome = f"error {response.code}" if response.code else "answered"
        self._write(request, started, outcome)
        return response

    def _failed(self, failure: Failure, request: Request, started: float) -> Failure:
        self._write(request, started, _failure(failure.value))
        return failure

    def _write(self, request: Request, started: float, outcome: str) -> None:
        self._log.info(
            "{interface}.{method}: {outcome} in {duration:.1f} ms",
            interface=request.interface,
            method=request.method,
            outcome=outcome,
            duration=(self._clock.seconds() - started) * 1000,
        )


def _failure(error: BaseException | None) -> str:
    """What happened, without the words: they may quote what is secret."""
    name = type(error).__name__
    return f"{name} {error.code}" if isinstance(error, RemoteError) else name
