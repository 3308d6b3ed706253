"""Counting the calls that are served."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from twisted.internet.defer import CancelledError
from zope.interface import implementer

from pycom_tx.metrics.calls import UNKNOWN, Calls, MethodFigures
from pycom_tx.zerojson.interfaces import IRequestHandler

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IReactorTime

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
        request.when_answered(partial(self._answered, figures, self._clock.seconds()))
        return self._handler.handle(request)

    def _figures(self, request: Request) -> MethodFigures:
        interface, method = request.interface, request.method
        methods = self._methods.get(interface)
        if methods is None:
            interface = method = UNKNOWN
        elif method not in methods:
            method = UNKNOWN
        return self._calls.of(interface, method)

    def _answered(
        self,
        figures: MethodFigures,
        started: float,
        response: Response,
        error: BaseException | None,
    ) -> None:
        figures.ended()
        # As a client counts a call that got no reply.
        given_up = isinstance(error, CancelledError)
        code = type(error).__name__ if given_up else str(response.code)
        figures.count(code, self._clock.seconds() - started)
