"""Whether calls are spans.

They are where ``opentelemetry-api`` is installed and the program has a tracer provider, which
is asked when a component is opened, and when a host starts. So whoever has none pays nothing
for each call.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred, succeed

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from pycom_tx.tracing.spans import ClientSpans
    from pycom_tx.zerojson.interfaces import IRequestHandler

PATIENCE: Final = 2.0
"""Seconds that a program which ends waits until the last spans are exported."""


def client_spans(
    provider: Any = None, answered: set[tuple[str, str]] | None = None
) -> ClientSpans | None:
    """What makes a client span of each call; None where nobody wants any.

    :param provider: an ``opentelemetry.trace.TracerProvider``; the program's, if left out.
    :param answered: as for :class:`ClientSpans`.
    """
    tracer = _tracer(provider)
    if tracer is None:
        return None
    from pycom_tx.tracing.spans import ClientSpans

    return ClientSpans(tracer, answered)


def served(
    handler: IRequestHandler, methods: Mapping[str, Container[str]], provider: Any = None
) -> IRequestHandler:
    """*handler*, or what makes a server span of each call that passes it.

    :param methods: the names of the methods that there are, by their interfaces.
    :param provider: as for :func:`client_spans`.
    """
    tracer = _tracer(provider)
    if tracer is None:
        return handler
    from pycom_tx.tracing.spans import ServerSpans

    return ServerSpans(handler, tracer, methods)


def flush(reactor: Any, provider: Any = None) -> Deferred[None]:
    """Have a tracer provider export what it has collected, if there is one that does.

    :param provider: as for :func:`client_spans`.

    :returns: Deferred firing when that is done, or has taken too long.
    """
    if provider is None and _api() is not None:
        provider = _api().get_tracer_provider()
    export = getattr(provider, "force_flush", None)
    if export is None:
        return succeed(None)
    done: Deferred[None] = Deferred()

    def run() -> None:
        with suppress(Exception):  # which it has logged
            export()
        reactor.callFromThread(finish)

    def finish() -> None:
        if not done.called:
            done.callback(None)

    # No thread of the reactor's: it would wait for that, however long it takes.
    Thread(target=run, daemon=True).start()
    return done.addTimeout(PATIENCE, reactor, lambda *_: None)


def _tracer(provider: Any) -> Any:
    api = _api()
    if api is None:
        return None
    if provider is None:
        provider = api.get_tracer_provider()
        if isinstance(provider, api.ProxyTracerProvider):
            return None  # which stands for one that nobody has set yet
    return provider.get_tracer("pycom_tx")


@cache
def _api() -> Any:
    """OpenTelemetry, if it is installed. To find out that it is not takes time."""
    try:
        from opentelemetry import trace
    except ImportError:
        return None
    return trace
