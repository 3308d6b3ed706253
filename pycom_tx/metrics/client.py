"""Counting the calls that a client makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zope.interface import implementer

from pycom_tx.components.observing import ICallObserver
from pycom_tx.components.proven import MAX_METHODS, proves_method
from pycom_tx.metrics.calls import UNKNOWN, Calls, MethodFigures
from pycom_tx.zerojson.errors import RemoteError

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import CollectorRegistry
    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IReactorTime
    from twisted.python.failure import Failure

    from pycom_tx.zerojson.request import Request, Response


@implementer(ICallObserver)
class ClientCalls:
    """Counts and times the calls of components, but for those of the nameserver and the
    authenticator.

    To be put into the ``observers`` of a :class:`~pycom_tx.Context`. Which methods there are
    is learned from their answers, and in a gateway from what services tell: until then a method
    counts as an unknown one.

    :param registry: where the metrics belong.
    :param clock: what tells how long calls take.
    """

    def __init__(self, registry: CollectorRegistry, clock: IReactorTime) -> None:
        self._calls = Calls(registry, "pycom_client", "made as a client")
        self._unknown = self._calls.of(UNKNOWN, UNKNOWN)
        self._known: dict[tuple[str, str], MethodFigures] = {}
        self._clock = clock

    def call(
        self, component: Any, request: Request, make: Callable[..., Deferred[Response]]
    ) -> Deferred[Response]:
        key = request.interface, request.method
        figures = self._known.get(key)
        if figures is None:
            known = component.context.knows_method(*key)
            figures = self._proven(key) if known else self._unknown
        figures.started()
        call = (key, figures, self._clock.seconds())
        return make().addCallbacks(
            self._answered, self._failed, callbackArgs=call, errbackArgs=call
        )

    def _answered(
        self, response: Response, key: tuple[str, str], figures: MethodFigures, started: float
    ) -> Response:
        figures.ended()
        self._proven(key).count("0", self._clock.seconds() - started)
        return response

    def _failed(
        self, failure: Failure, key: tuple[str, str], figures: MethodFigures, started: float
    ) -> Failure:
        figures.ended()
        error = failure.value
        code = type(error).__name__  # where no reply came that has one
        if isinstance(error, RemoteError):
            code = str(error.code)
        if proves_method(error):
            figures = self._proven(key)
        figures.count(code, self._clock.seconds() - started)
        return failure

    def _proven(self, key: tuple[str, str]) -> MethodFigures:
        """The figures of a method that there is."""
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= MAX_METHODS:
                return self._unknown
            known = self._known[key] = self._calls.of(*key)
        return known
