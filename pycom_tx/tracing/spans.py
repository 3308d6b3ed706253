"""Calls as spans of OpenTelemetry.

Imported only where that is installed.
"""

from __future__ import annotations

from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.context import Context, attach
from opentelemetry.trace import Span, SpanKind, StatusCode, get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from twisted.internet.defer import CancelledError
from zope.interface import implementer

from pycom_tx.components.observing import ICallObserver
from pycom_tx.components.proven import MAX_METHODS, proves_method
from pycom_tx.components.trace import trace_context, trace_in
from pycom_tx.zerojson.errors import UNKNOWN, RemoteError
from pycom_tx.zerojson.extensions import TRACE
from pycom_tx.zerojson.interfaces import IRequestHandler

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping

    from opentelemetry.trace import Tracer
    from twisted.internet.defer import Deferred
    from twisted.python.failure import Failure

    from pycom_tx.zerojson.request import Request, Response

SYSTEM: Final = "pycom"
"""What ``rpc.system`` says."""

OTHER: Final = "_OTHER"
"""The method that OpenTelemetry's conventions have for those that there are not: what
strangers invent makes no names of spans."""

LONGEST: Final = 100
"""Characters of such a method's name that are told beside it."""

_METHOD: Final = "rpc.method"
_STATUS: Final = "rpc.response.status_code"
_PROPAGATOR: Final = TraceContextTextMapPropagator()


@implementer(ICallObserver)
class ClientSpans:
    """Makes a span of each call that a component makes, for as long as that takes.

    It is a child of the current span, or of the trace that the call is part of without
    OpenTelemetry's knowledge. It is named after the method if its context knows that there is
    such a one, or a service has answered a call of that, this one or an earlier one.

    :param tracer: what makes them.
    :param answered: the interfaces and methods that have answered; more are added to it.
    """

    def __init__(self, tracer: Tracer, answered: set[tuple[str, str]] | None = None) -> None:
        self._tracer = tracer
        self._known = set() if answered is None else answered

    def call(
        self, component: Any, request: Request, make: Callable[..., Deferred[Response]]
    ) -> Deferred[Response]:
        parent = None  # which is the current one
        if not get_current_span().get_span_context().is_valid:
            parent = _parent(request.extensions.get(TRACE) or trace_context.get())
        interface, method = request.interface, request.method
        name, unnamed = f"{interface}/{method}", None
        if (interface, method) not in self._known and not component.context.knows_method(
            interface, method
        ):
            name, method, unnamed = OTHER, OTHER, (interface, method)
        span = self._tracer.start_span(
            name, parent, SpanKind.CLIENT, _attributes(interface, method)
        )
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier, set_span_in_context(span))
        call = make(carrier or None)
        return call.addCallbacks(
            self._answered,
            self._failed,
            callbackArgs=(unnamed, span, component),
            errbackArgs=(unnamed, span, component),
        )

    def _answered(
        self, response: Response, unnamed: tuple[str, str] | None, span: Span, component: Any
    ) -> Response:
        if unnamed is not None:
            self._name(unnamed, span, None)
        _end(span, 0, component.address)
        return response

    def _failed(
        self, failure: Failure, unnamed: tuple[str, str] | None, span: Span, component: Any
    ) -> Failure:
        error = failure.value
        if unnamed is not None:
            self._name(unnamed, span, error)
        span.set_status(StatusCode.ERROR, str(error))
        _record(span, error)
        _end(span, error.code if isinstance(error, RemoteError) else None, component.address)
        return failure

    def _name(self, key: tuple[str, str], span: Span, error: BaseException | None) -> None:
        """Name a span after its method, if that is known by now."""
        interface, method = key
        if proves_method(error) and len(self._known) < MAX_METHODS:
            self._known.add(key)
        if key in self._known:
            span.update_name(f"{interface}/{method}")
            span.set_attribute(_METHOD, method)
        else:
            span.set_attribute("rpc.method_original", method[:LONGEST])


@implementer(IRequestHandler)
class ServerSpans:
    """Makes a span of each request that passes it, for as long as its answer takes.

    It is a child of the span that the request brings along. While the method runs it is the
    current one.

    :param handler: what answers them.
    :param tracer: what makes spans.
    :param methods: the names of the methods that there are, by their interfaces.
    """

    def __init__(
        self, handler: IRequestHandler, tracer: Tracer, methods: Mapping[str, Container[str]]
    ) -> None:
        self._handler = handler
        self._tracer = tracer
        self._methods = methods

    def handle(self, request: Request) -> Response | Deferred[Response]:
        parent = _parent(request.extensions.get(TRACE))
        span = self._start(request, parent)
        # Deferreds do not keep context variables: each call has its own.
        context = copy_context()
        context.run(attach, set_span_in_context(span, parent))
        request.when_answered(partial(self._answered, span))
        return context.run(self._handler.handle, request)

    def _start(self, request: Request, parent: Context) -> Span:
        interface, method = request.interface, request.method
        if method in self._methods.get(interface, ()):
            name = f"{interface}/{method}"
        else:
            name = method = OTHER
            interface = interface if interface in self._methods else OTHER
        attributes = _attributes(interface, method)
        if request.peer is not None:
            attributes["network.peer.address"] = request.peer
        return self._tracer.start_span(name, parent, SpanKind.SERVER, attributes)

    def _answered(self, span: Span, response: Response, error: BaseException | None) -> None:
        # The others are what a client is told on purpose, and its mistake mostly.
        if response.code == UNKNOWN and not isinstance(error, CancelledError):
            what = response.error if error is None else f"{type(error).__name__}: {error}"
            span.set_status(StatusCode.ERROR, what)
        if error is not None:
            _record(span, error)
        elif response.code:
            span.set_attribute("error.type", str(response.code))
        _end(span, response.code)


def _parent(carried: Any) -> Context:
    """The context of a span elsewhere; empty where none is named."""
    trace = trace_in(carried)
    return Context() if trace is None else _PROPAGATOR.extract(trace, Context())


def _attributes(interface: str, method: str) -> dict[str, str]:
    return {"rpc.system": SYSTEM, "rpc.service": interface, _METHOD: method}


def _record(span: Span, error: BaseException | None) -> None:
    span.set_attribute("error.type", type(error).__qualname__)
    if isinstance(error, Exception):
        span.record_exception(error)


def _end(span: Span, code: int | None, address: str = "") -> None:
    if code is not None:
        span.set_attribute(_STATUS, str(code))
    if address:
        host, _, port = address.removeprefix("tcp://").rpartition(":")
        if address.startswith("tcp://") and port.isdecimal():
            span.set_attribute("server.address", host)
            span.set_attribute("server.port", int(port))
        else:
            span.set_attribute("server.address", address)
    span.end()
