"""The gateway: a service of Twisted that opens all of it, and closes it again."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final

from twisted.application.service import Service
from twisted.internet import defer
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.task import deferLater
from twisted.logger import Logger

from pycom_tx.client.context import NAMESERVER_ADDRESS, Context
from pycom_tx.gateway import static
from pycom_tx.gateway.bodies import MAX_BODY, Bodies
from pycom_tx.gateway.calls import MAX_TIMEOUT, TIMEOUT, Calls
from pycom_tx.gateway.catalogue import Catalogue
from pycom_tx.gateway.cors import Origins
from pycom_tx.gateway.events import MAX_STREAMS, Events
from pycom_tx.gateway.exposure import Exposure
from pycom_tx.gateway.figures import Figures
from pycom_tx.gateway.health import Health
from pycom_tx.gateway.hosts import Hosts
from pycom_tx.gateway.located import Located
from pycom_tx.gateway.openapi import OpenAPI
from pycom_tx.gateway.pages import Nothing
from pycom_tx.gateway.progress import MAX_CALLS, InProgress
from pycom_tx.gateway.services import Services
from pycom_tx.gateway.site import MAX_CONNECTIONS, Site
from pycom_tx.host.patience import Patience
from pycom_tx.zerojson.errors import AddressError

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from twisted.python.failure import Failure
    from twisted.web.resource import IResource

    from pycom_tx.zerojson.interfaces import INetwork

DRAIN: Final = 30.0
"""Seconds that the calls in progress have when the gateway stops, unless told otherwise."""

FAREWELL: Final = 1.0
"""Seconds that the last answers have to leave."""


class Gateway(Service):
    """Puts all that a nameserver knows behind HTTP.

    An ``IService`` of Twisted: it listens from ``startService`` to ``stopService``.

    :param nameserver: the nameserver's address.
    :param endpoints: where to listen, as Twisted describes them: ``tcp:8080``.
    :param expose: patterns of the interfaces that can be reached; all but those that begin
        with ``org.pycom.``, if there are none.
    :param hosts: names that it answers to, beside addresses and ``localhost``; all there are,
        if there are none, but for connections to a loopback address.
    :param origins: where pages of browsers may come from that call.
    :param timeout: seconds that a call may take, unless its client asks for others.
    :param max_timeout: seconds that it may take at most.
    :param max_body: bytes of a request's body.
    :param max_calls: calls that may be in progress.
    :param max_connections: connections that there may be.
    :param max_streams: streams of events that there may be.
    :param drain: seconds that the calls in progress have when it stops.
    :param show_addresses: whether addresses of services may be told.
    :param console: whether there is a page for browsers.
    :param verbose: log every request.
    :param registry: what its metrics belong to, which then are at ``/metrics``.
    :param pages: what else there is, by the names of paths.
    :param reactor: what it runs in; the installed one, if left out.
    :param network: what connects to services; 0MQ, if left out.

    .. attribute:: site

        What connections are made to, while it runs.
    """

    _log = Logger()

    def __init__(
        self,
        nameserver: str = NAMESERVER_ADDRESS,
        endpoints: Iterable[str] = (),
        *,
        expose: Iterable[str] = (),
        hosts: Iterable[str] = (),
        origins: Iterable[str] = (),
        timeout: float = TIMEOUT,
        max_timeout: float = MAX_TIMEOUT,
        max_body: int = MAX_BODY,
        max_calls: int = MAX_CALLS,
        max_connections: int = MAX_CONNECTIONS,
        max_streams: int = MAX_STREAMS,
        drain: float = DRAIN,
        show_addresses: bool = False,
        console: bool = True,
        verbose: bool = False,
        registry: CollectorRegistry | None = None,
        pages: Mapping[str, IResource] | None = None,
        reactor: Any = None,
        network: INetwork | None = None,
    ) -> None:
        if reactor is None:
            from twisted.internet import reactor
        self.site: Site | None = None
        self._nameserver = nameserver
        self._endpoints = tuple(endpoints)
        self._exposure = Exposure(expose)
        self._hosts = Hosts(hosts)
        self._origins = Origins(origins)
        self._timeout = min(timeout, max_timeout)
        self._max_timeout = max_timeout
        self._max_body = max_body
        self._max_calls = max_calls
        self._max_connections = max_connections
        self._max_streams = max_streams
        self._drain_time = drain
        self._frank = show_addresses
        self._console = console
        self._verbose = verbose
        self._figures = None if registry is None else Figures(registry, reactor)
        self._pages = {} if pages is None else dict(pages)
        if self._figures is not None:
            self._pages["metrics"] = self._figures.page
        self._reactor = reactor
        self._network = network
        self._opened = AsyncExitStack()
        self._patience = Patience(reactor)
        self._closing = False
        self._want_stop: list[defer.Deferred[None]] = []

    def startService(self) -> None:
        """Follow the nameserver, and listen.

        :raises AddressError: an endpoint cannot be listened at, or an address is none. Then
            nothing is left open.
        """
        self._patience = Patience(self._reactor)
        try:
            self._open()
        except BaseException:
            self._shut()
            raise
        super().startService()

    def stopService(self) -> defer.Deferred[None]:
        """Listen no more, let the calls in progress end, and close everything.

        :returns: Deferred firing when all is closed.
        """
        super().stopService()
        return self._shut()

    def stop_at_once(self) -> defer.Deferred[None]:
        """Stop, without waiting for the calls in progress; also while that is waited for."""
        self._patience.lose()
        return self.stopService()

    def _open(self) -> None:
        """Open everything; what is opened later is closed earlier."""
        later = self._opened
        context = Context(self._nameserver, reactor=self._reactor, network=self._network)
        later.push_async_callback(context.close)
        if self._figures is not None:
            context.observers.append(self._figures.calls)
        catalogue = Catalogue(context, self._reactor, self._exposure)
        context.knows_method = catalogue.knows_method
        located = Located(context, self._reactor, catalogue.providers)
        later.callback(located.close)
        in_progress = InProgress(self._max_calls)
        events = Events(catalogue, self._reactor, limit=self._max_streams, frank=self._frank)
        root = Nothing()
        for name, page in {
            "call": Calls(
                context=context,
                located=located,
                exposure=self._exposure,
                in_progress=in_progress,
                find=catalogue.find,
                clock=self._reactor,
                timeout=self._timeout,
                max_timeout=self._max_timeout,
                frank=self._frank,
            ),
            "services": Services(catalogue, frank=self._frank),
            "events": events,
            "openapi.json": OpenAPI(catalogue),
            "healthz": Health(context),
            **(static.console() if self._console else {}),
            **self._pages,
        }.items():
            root.putChild(name.encode("utf-8"), page)
        site = self.site = Site(
            root,
            self._reactor,
            bodies=Bodies(self._max_body),
            hosts=self._hosts,
            origins=self._origins,
            max_connections=self._max_connections,
            verbose=self._verbose,
            figures=self._figures,
        )
        if self._figures is not None:
            self._figures.opened(site, events)
            later.callback(self._figures.opened, (), ())
        later.callback(site.abort)
        later.push_async_callback(self._end_calls, context, in_progress, site)
        later.callback(catalogue.stop)
        catalogue.start()
        later.callback(events.stop)
        for endpoint in self._endpoints:
            self._listen(endpoint, site)

    def _listen(self, description: str, site: Site) -> None:
        ports: list[Any] = []
        failures: list[Failure] = []
        try:
            endpoint = serverFromString(self._reactor, description)
        except Exception as error:
            raise AddressError(
                f"{description!r} is no endpoint like tcp:8080 or unix:/run/pycom.sock: {error}"
            ) from None
        endpoint.listen(site).addCallbacks(ports.append, failures.append)
        for failure in failures:
            cause = failure.value
            reason = cause.socketError if isinstance(cause, CannotListenError) else cause
            said = getattr(reason, "strerror", None) or reason  # without files of Twisted's own
            raise AddressError(f"Cannot listen at {description!r}: {said}")
        for port in ports:  # one, as all of Twisted's endpoints listen at once
            self._opened.push_async_callback(defer.maybeDeferred, port.stopListening)
            self._log.info("HTTP is at {where}", where=_shown(port.getHost()))

    async def _end_calls(self, context: Context, in_progress: InProgress, site: Site) -> None:
        """Let the calls in progress end, and answer those that do not."""
        ended = in_progress.stop()
        site.close()
        seconds = self._drain_time
        if len(in_progress) and seconds and not self._patience.is_lost:
            self._log.info(
                "The gateway waits for {count} calls, {seconds:g} s at most",
                count=len(in_progress),
                seconds=seconds,
            )
        await self._patience.wait(ended, seconds)
        if len(in_progress):
            self._log.warn("The gateway cuts off {count} calls", count=len(in_progress))
            await context.close()  # they are answered so
        if len(site):
            # What was just said leaves in the reactor's next turn, however late that comes: only
            # then does the time begin to run.
            await deferLater(self._reactor, 0)
        await Patience(self._reactor).wait(site.closed(), FAREWELL)

    def _shut(self) -> defer.Deferred[None]:
        stopped: defer.Deferred[None] = defer.Deferred()
        self._want_stop.append(stopped)
        if not self._closing:
            self._closing = True
            opened, self._opened = self._opened, AsyncExitStack()
            defer.Deferred.fromCoroutine(opened.aclose()).addBoth(self._closed)
        return stopped

    def _closed(self, result: Any) -> None:
        self._closing, self.site = False, None
        told, self._want_stop = self._want_stop, []
        for stopped in told:
            stopped.callback(result)


def _shown(address: Any) -> str:
    """Where a port is, for the log."""
    if isinstance(address, (IPv4Address, IPv6Address)):
        return f"{address.host}, port {address.port}"
    if isinstance(address, UNIXAddress) and address.name is not None:
        return os.fsdecode(address.name)
    return str(address)
