"""A service: components at an address, registered under a path."""

from __future__ import annotations

from contextlib import AsyncExitStack
from math import inf
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from twisted.application.service import IService, Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger

from pycom_tx.client.context import NAMESERVER, NAMESERVER_ADDRESS, Context
from pycom_tx.components.declare import Service as ComponentBase
from pycom_tx.components.dispatch import Dispatcher
from pycom_tx.host.call_log import CallLog
from pycom_tx.host.drain import Drain
from pycom_tx.host.instruments import IInstruments, NoInstruments
from pycom_tx.host.loading import made
from pycom_tx.host.registration import Registration
from pycom_tx.host.threads import MAX_THREADS, Threads
from pycom_tx.host.tokens import REMEMBERED, Tokens
from pycom_tx.tracing.tracer import served
from pycom_tx.zerojson.errors import ConfigurationError
from pycom_tx.zerojson.memory_channel import MemoryNetwork
from pycom_tx.zerojson.server import MAX_CALLS, MAX_MESSAGE, MAX_WAITING, Server
from pycom_tx.zerojson.sessions import SessionStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from twisted.python.failure import Failure

    from pycom_tx.zerojson.interfaces import INetwork, IRequestHandler

_EVERYWHERE: Final = ("tcp://0.0.0.0:", "tcp://[::]:")
"""How an address begins that was bound as ``tcp://*:…``."""

DRAIN: Final = 30.0
"""Seconds that calls in progress have when their host stops."""

LOCAL: Final = "local"
"""In the place of the nameserver's address: it is one of the host's own components."""


class ComponentHost(Service):
    """Serves components at an address, and keeps them registered with a nameserver.

    An ``IService`` of Twisted: it listens from ``startService`` to ``stopService``.
    Components that provide ``IService`` themselves are started and stopped with it. One
    process may have several hosts; they know nothing of each other.

    :param components: instances of classes with ``@interface``, or such classes, which it
        makes instances of when it starts.
    :param address: where to listen, like ``tcp://127.0.0.1:2013``; with ``*`` for the port
        the system chooses one.
    :param nameserver: where to register; ``"local"`` if the nameserver is one of the
        components.
    :param service: the path to register under; a new ``/auto/…``, if left out.
    :param advertise: the address to register, if others reach the service by another; a
        port ``*`` in it stands for the one listened at.
    :param authentication: ``"required"`` guards every interface that does not say
        ``authentication="never"``.
    :param token_cache: seconds that a valid token counts as valid before the authenticator
        is asked again; 0 to ask at every call.
    :param nameserver_timeout: seconds to wait for the first registration; for ever, if
        left out.
    :param gave_up: called with a message when that time is over.
    :param verbose: log every call.
    :param max_calls: how many calls of others may be in progress: those whose answer takes
        time.
    :param max_waiting: how many more may wait for their turn. What is more is refused: its
        client may call another service, or try again.
    :param max_per_client: how many of both together one connection may have; half of what may be in
        progress, if left out.
    :param max_threads: how many methods that block may run at once.
    :param max_message: bytes of a request or a reply, None for any number.
    :param drain: seconds that the calls in progress have when the host stops.
    :param instruments: what measures it, like :class:`pycom_tx.metrics.Instruments`.
    :param tracer_provider: as for :class:`~pycom_tx.Context`, and for the calls that it serves.
    :param reactor: what it runs in; the installed one, if left out.
    :param network: what listens and connects; 0MQ, if left out.

    .. attribute:: service

        The path it is registered under.

    .. attribute:: address

        The address that is registered, while it runs.

    .. attribute:: context

        A :class:`~pycom_tx.Context` for the components, while it runs. It calls those of
        the same host without a socket.
    """

    _log = Logger()

    def __init__(
        self,
        components: Iterable[Any],
        address: str,
        *,
        nameserver: str = NAMESERVER_ADDRESS,
        service: str | None = None,
        advertise: str | None = None,
        authentication: str | None = None,
        token_cache: float = REMEMBERED,
        nameserver_timeout: float | None = None,
        gave_up: Callable[[str], object] | None = None,
        verbose: bool = False,
        max_calls: int = MAX_CALLS,
        max_waiting: int = MAX_WAITING,
        max_per_client: int | None = None,
        max_threads: int = MAX_THREADS,
        max_message: int | None = MAX_MESSAGE,
        drain: float = DRAIN,
        instruments: IInstruments | None = None,
        tracer_provider: Any = None,
        reactor: Any = None,
        network: INetwork | None = None,
    ) -> None:
        if reactor is None:
            from twisted.internet import reactor
        self.service = service or f"/auto/{uuid4().hex}"
        self.address: str | None = None
        self.context: Context | None = None
        if isinstance(components, type):
            msg = f"Components come in a list: [{components.__name__}]"
            raise TypeError(msg)
        self._components = list(components)
        self._listen_at = address
        self._nameserver = nameserver
        self._advertise = advertise
        self._authentication = authentication
        self._token_cache = token_cache
        self._nameserver_timeout = nameserver_timeout
        self._gave_up = gave_up or self._log_giving_up
        self._verbose = verbose
        self._max_threads = max_threads
        self._max_message = max_message
        self._limits: dict[str, Any] = {
            "max_calls": max_calls,
            "max_waiting": max_waiting,
            "max_per_client": max_per_client,
            "max_message": max_message,
        }
        self._instruments: IInstruments = instruments or NoInstruments()
        self._tracer_provider = tracer_provider
        self._drain_time = drain
        self._drain: Drain | None = None
        self._starting = self._stopping = False
        self._want_stop: list[Deferred[None]] = []
        self._reactor = reactor
        self._network = network
        self._opened = AsyncExitStack()

    def startService(self) -> None:
        """Listen, start the components that are services, and register.

        :raises AddressError: the address cannot be listened at.
        :raises ConfigurationError: the components cannot be served, or the host has not
            stopped yet. After either, nothing is left open.
        """
        if self.running or self._starting:
            return
        if self._stopping:
            raise ConfigurationError(f"{self.service} has not stopped yet")
        self._starting = True
        try:
            dispatcher = self._open()
        except BaseException:
            self._shut()
            raise
        finally:
            self._starting = False
        super().startService()
        self._log.info(
            "{service} listens at {address} and provides {interfaces}",
            service=self.service,
            address=self.address,
            interfaces=", ".join(dispatcher.interfaces),
        )
        for interface, methods in dispatcher.methods.items():
            if methods.keys() <= {"introspect"}:
                self._log.warn(
                    "{interface} has no methods: decorate them with @pycom.method",
                    interface=interface,
                )
        if self._want_stop:  # by one of the components
            super().stopService()
            self._shut()

    def stopService(self) -> Deferred[None]:
        """Unregister, let the calls in progress end, answer them, and close everything.

        Calls that come meanwhile are refused: their clients may call another service. What
        is not answered when its time is over is cancelled.

        :returns: Deferred firing when all is closed.
        """
        super().stopService()
        stopped: Deferred[None] = Deferred()
        self._want_stop.append(stopped)
        if not self._starting and not self._stopping:
            self._shut()
        return stopped

    def stop_at_once(self) -> Deferred[None]:
        """Stop, without waiting for the calls in progress; also while that is waited for.

        :returns: as :meth:`stopService`.
        """
        if self._drain is not None:
            self._drain.cut_short()
        return self.stopService()

    def _open(self) -> Dispatcher:
        """Open everything; what is opened later is closed earlier."""
        later = self._opened
        later.callback(self._forget)
        later.callback(self._instruments.closed)
        network = self._instruments.network(self._open_network())
        sessions = SessionStore(self._reactor)
        later.callback(sessions.close)
        inside = MemoryNetwork(self._reactor, beyond=network)
        later.callback(inside.close)
        self.context = Context(
            self._nameserver,
            reactor=self._reactor,
            network=inside,
            tracer_provider=self._tracer_provider,
        )
        self._instruments.context(self.context)
        later.push_async_callback(self.context.close)
        tokens = Tokens(self.context, self._reactor, self._token_cache)
        later.callback(tokens.close)
        components = [made(component) for component in self._components]
        threads = Threads(self._reactor, self.service, limit=self._max_threads)
        later.callback(self._leave, threads)
        dispatcher = self._dispatcher(components, sessions, threads, tokens, self.context)
        handler = self._observed(dispatcher)
        # What components call of each other is part of calls that have been let in.
        among_us = Server(handler, self._reactor, max_calls=inf, max_message=None)
        inside.bind(LOCAL, among_us)
        self._start(components, self.context)
        later.callback(among_us.close)
        server = Server(handler, self._reactor, name_peers=self._verbose, **self._limits)
        self.address = self._advertised(self._listen(network, server, components))
        inside.bind(self.address, among_us)
        registration = self._register(dispatcher.interfaces, self.address, self.context)
        self._instruments.opened(components, server, sessions, registration, threads)
        return dispatcher

    def _observed(self, dispatcher: Dispatcher) -> IRequestHandler:
        """What answers calls, and tells those of them who want to know."""
        methods = dispatcher.methods
        handler = served(dispatcher, methods, self._tracer_provider)
        handler = self._instruments.handler(handler, methods)
        return CallLog(handler, self._reactor) if self._verbose else handler

    def _listen(self, network: INetwork, server: Server, components: list[Any]) -> str:
        """Serve others; gives the address."""
        self._opened.callback(server.close)
        # What is a little too large is told so, by the server.
        largest = None if self._max_message is None else 2 * self._max_message
        channel = network.bind(self._listen_at, server, max_frame=largest)
        self._opened.callback(channel.close)
        self._drain = Drain(
            server,
            channel,
            self._reactor,
            service=self.service,
            components=components,
            seconds=self._drain_time,
        )
        self._opened.push_async_callback(self._drain.run)
        address: str = channel.address
        return address

    def _open_network(self) -> INetwork:
        if self._network is not None:
            return self._network
        from pycom_tx.zerojson.txzmq_channel import ZmqNetwork

        network = ZmqNetwork(self._reactor, name_peers=self._verbose)
        self._opened.callback(network.close)
        return network

    def _start(self, components: list[Any], context: Context) -> None:
        for component in components:
            if isinstance(component, ComponentBase):
                component.context = context
            if IService.providedBy(component):
                component.startService()
                self._opened.push_async_callback(maybeDeferred, component.stopService)

    def _register(self, interfaces: list[str], address: str, context: Context) -> Registration:
        registration = Registration(
            context,
            {"service": self.service, "address": address, "interfaces": interfaces},
            self._reactor,
            give_up_after=self._nameserver_timeout,
            gave_up=self._gave_up,
        )
        self._opened.push_async_callback(registration.stop)
        registration.start()
        return registration

    def _shut(self) -> None:
        self._stopping = True
        opened, self._opened = self._opened, AsyncExitStack()
        Deferred.fromCoroutine(opened.aclose()).addBoth(self._stopped)

    def _stopped(self, result: Failure | None) -> Failure | None:
        self._stopping = False
        told, self._want_stop = self._want_stop, []
        for stopped in told:
            stopped.callback(result)
        return None if told else result

    def _forget(self) -> None:
        self.address = self.context = self._drain = None

    def _leave(self, threads: Threads) -> None:
        left = threads.close()
        if left:
            self._log.warn(
                "{service} leaves {count} methods that block, they go on by themselves",
                service=self.service,
                count=left,
            )

    def _dispatcher(
        self,
        components: list[Any],
        sessions: SessionStore,
        threads: Threads,
        tokens: Tokens,
        context: Context,
    ) -> Dispatcher:
        try:
            dispatcher = Dispatcher(
                components,
                sessions,
                threads.run,
                self._in_reactor,
                authentication=self._authentication,
                validate=tokens.validate,
                open_context=context.on_behalf_of,
            )
        except ValueError as error:
            raise ConfigurationError(str(error)) from None
        if self._nameserver == LOCAL and NAMESERVER not in dispatcher.interfaces:
            raise ConfigurationError(
                f"The nameserver is '{LOCAL}', but no component provides {NAMESERVER}"
            )
        return dispatcher

    def _in_reactor(self, function: Callable[..., Any], *args: Any) -> None:
        self._reactor.callFromThread(function, *args)

    def _advertised(self, bound: str) -> str:
        if self._advertise is not None:
            if self._advertise.endswith(":*"):
                return self._advertise[:-1] + bound.rpartition(":")[2]
            return self._advertise
        if bound.startswith(_EVERYWHERE):
            self._log.warn(
                "{address} is registered as it is, which only this machine can reach; "
                "name the address to register with --advertise",
                address=bound,
            )
        return bound

    def _log_giving_up(self, message: str) -> None:
        self._log.critical("{reason}", reason=message)
