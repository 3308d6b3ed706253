"""Counting the calls that are served."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from zope.interface import implementer

from pycom_tx.metrics.calls import UNKNOWN, Calls, MethodFigures
from pycom_tx.zerojson.errors import code_of
from pycom_tx.zerojson.interfaces import IRequestHandler

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from twisted.internet.interfaces import IReactorTime
    from twisted.python.failure import Failure

    from pycom_tx.zerojson.request import Request, Response


@implementer(IRequestHandler)
class CountedCalls:
    """Counts and times every request that passes it.

    :param handler: what answers them.
    :param calls: what they are counted in.
    :param methods: the names of the methods that there are, by their interfaces.
    :param clock: what tells how long they take.
    """

    def __init__(
        self,
        handler: IRequestHandler,
        calls: Calls,
        methods: Mapping[str, Collection[str]],
        clock: IReactorTime,
    ) -> None:
        self._handler = handler
        self._calls = calls
        self._methods = methods
        self._clock = clock
        # Those that nobody has called yet are shown, too.
        for interface, names in methods.items():
            for method in names:
                calls.of(interface, method)

    def handle(self, request: Request) -> Response | Deferred[Response]:
        figures = self._figures(request)
        figures.started()
        started = self._clock.seconds()
        try:
            answer = self._handler.handle(request)
        except BaseException as error:
            self._count(figures, code_of(error), started)
            raise
        if isinstance(answer, Deferred):
            return answer.addCallbacks(
                self._answered,
                self._failed,
                callbackArgs=(figures, started),
                errbackArgs=(figures, started),
            )
        return self._answered(answer, figures, started)

    def _figures(self, request: Request) -> MethodFigures:
        interface, method = request.interface, request.method
        methods = self._methods.get(interface)
        if methods is None:
            interface = method = UNKNOWN
        elif method not in methods:
            method = UNKNOWN
        return self._calls.of(interface, method)

    def _answered(self, response: Response, figures: MethodFigures, started: float) -> Response:
        self._count(figures, response.code, started)
        return response

    def _failed(self, failure: Failure, figures: MethodFigures, started: float) -> Failure:
        self._count(figures, code_of(failure.value), started)
        return failure

    def _count(self, figures: MethodFigures, code: int, started: float) -> None:
        figures.ended()
        figures.count(str(code), self._clock.seconds() - started)
