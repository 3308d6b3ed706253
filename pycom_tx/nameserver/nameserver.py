"""The component that finds providers by interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import re2
from msgspec import Meta
from twisted.application import service as application
from twisted.logger import Logger

from pycom_tx.client.context import NAMESERVER
from pycom_tx.components.declare import Service, interface, method
from pycom_tx.nameserver.probes import Probes
from pycom_tx.nameserver.registry import Held, MemoryRegistry, Providers, Record
from pycom_tx.nameserver.watches import Watches
from pycom_tx.zerojson.errors import BadRequest, ServiceNotFound

if TYPE_CHECKING:
    from collections.abc import Iterable

    from twisted.python.failure import Failure

    from pycom_tx.nameserver.registry import IRegistry
    from pycom_tx.zerojson.request import Request

WATCH: Final = 25.0
"""Seconds that :meth:`NameServer.watch` waits for a change at most."""

FRESH: Final = 0.5
"""Seconds since it registered in which a service lives for sure, and need not be asked."""

Name = Annotated[str, Meta(min_length=1)]
Seconds = Annotated[float, Meta(ge=0)]

_PATTERN_OPTIONS: Final = re2.Options()
_PATTERN_OPTIONS.log_errors = False


# Clients see the docstrings of methods: where PyCOM 0.6 has them, they are the ones that
# its clients know. Details are in the documentation.
@interface(NAMESERVER, authentication="never")
class NameServer(Service, application.Service):
    """Class representing nameserver for PyCOM."""

    _log = Logger()

    def __init__(self, registry: IRegistry | None = None, *, reactor: Any = None) -> None:
        """
        :param registry: where registrations are kept; in memory, if left out.
        :param reactor: what tells the time; the installed one, if left out.
        """
        if reactor is None:
            from twisted.internet import reactor
        self._reactor = reactor
        self._registry = MemoryRegistry(reactor) if registry is None else registry
        self._started = reactor.seconds()
        self._watches = Watches(reactor)
        self._probes = Probes(reactor)
        self._registry.tell(self._watches.changed)
        self._counts = {"services": 0, "interfaces": 0}

    def startService(self) -> None:
        super().startService()
        self._watches.start()

    def stopping(self) -> None:
        self._watches.stop()

    def stopService(self) -> None:
        super().stopService()
        self._watches.stop()
        self._registry.close()

    def figures(self) -> Iterable[Any]:
        from pycom_tx.nameserver.figures import nameserver_figures

        # A registry that takes its time is one reading behind.
        self._registry.counts().addCallbacks(self._counted, self._not_counted)
        return nameserver_figures(self._counts, len(self._watches))

    @method
    async def stat(self, request: Request) -> dict[str, Any]:
        """Ping method. Will return some statistics in the future."""
        uptime = self._reactor.seconds() - self._started
        return {**await self._registry.counts(), "uptime": uptime}

    @method
    async def register(
        self, request: Request, address: Any, interfaces: Any, service: Any
    ) -> dict[str, Any]:
        """Register service."""
        if not isinstance(interfaces, list) or not all(map(_is_name, interfaces)):
            raise _wrong(request, "interfaces", "a list of strings", interfaces)
        record = Record(
            _name(request, "service", service),
            _name(request, "address", address),
            tuple(dict.fromkeys(interfaces)),
        )
        await self._enter(record)
        return {}

    @method
    async def unregister(self, request: Request, service: Any, address: Any) -> dict[str, Any]:
        """Strike a service off, if it is registered at that address."""
        gone = await self._registry.unregister(
            _name(request, "service", service), _name(request, "address", address)
        )
        return {"unregistered": gone}

    @method(results=("address", "service", "interfaces"))
    async def locate(
        self, request: Request, interface: Any, service: Any = None
    ) -> tuple[str, str, list[str]]:
        """Locate service."""
        wanted = _name(request, "interface", interface)
        if service is not None:
            _name(request, "service", service)
        record = await self._registry.locate(wanted, service)
        if record is None:
            raise ServiceNotFound(f"Interface not found: {interface}")
        return record.address, record.service, list(record.interfaces)

    @method
    async def resolve(
        self, request: Request, interface: Name | None = None, service: Name | None = None
    ) -> Providers:
        """Find all services that provide an interface, none if need be, or all."""
        found = await self._providers(interface, None)
        if service is None:
            return found
        named = (record for record in found.services if record.service == service)
        return Providers(tuple(named), found.revision)

    @method
    async def watch(
        self,
        request: Request,
        interface: Name | None = None,
        revision: str | None = None,
        timeout: Seconds = WATCH,
    ) -> Providers:
        """Answer as resolve does, once that is something else than it was at a revision."""
        with self._watches.open(interface) as change:
            found = await self._providers(interface, revision)
            if found.revision != revision:
                return found
            change.addTimeout(min(timeout, WATCH), self._reactor, lambda *_: None)
            await change
        return await self._providers(interface, revision)

    @method
    async def list_services(
        self, request: Request, interface: Any = None, service: Any = None
    ) -> list[dict[str, Any]]:
        """List all services."""
        named = _pattern(request, "service", service)
        provided = _pattern(request, "interface", interface)
        return [
            {
                "service": record.service,
                "address": record.address,
                "interfaces": list(record.interfaces),
            }
            for record in await self._registry.records()
            if named is None or named.match(record.service)
            if provided is None or any(map(provided.match, record.interfaces))
        ]

    def _counted(self, counts: dict[str, int]) -> None:
        self._counts = counts

    def _not_counted(self, failure: Failure) -> None:
        self._log.failure("The registry cannot be counted", failure=failure)

    async def _providers(self, interface: str | None, revision: str | None) -> Providers:
        """Who provides an interface; or all, or what has changed of them since a revision."""
        if interface is None:
            return await self._registry.changes(revision)
        return await self._registry.providers(interface)

    async def _enter(self, record: Record) -> None:
        """Register a service, in the place of one that has died if need be."""
        try:
            await self._registry.register(record)
        except Held as held:
            address = held.holder.address
            if self.context is None or held.age < FRESH:
                raise
            if await self._probes.alive(self.context, address):
                # It may have left meanwhile, or its lease may be over.
                await self._registry.register(record)
                return
            await self._registry.register(record, held)
            self._log.info(
                "{service} was at {address}, where nothing answers",
                service=record.service,
                address=address,
            )


def _is_name(value: Any) -> bool:
    """Whether it is text; half a surrogate pair is none, and breaks who reads it."""
    if not isinstance(value, str):
        return False
    try:
        return value.encode("utf-8") != b""
    except UnicodeEncodeError:
        return False


def _name(request: Request, argument: str, value: Any) -> str:
    if not _is_name(value):
        raise _wrong(request, argument, "a string that is not empty", value)
    return value  # type: ignore[no-any-return] # that was the question


def _pattern(request: Request, argument: str, value: Any) -> Any:
    """A compiled expression; matching it takes linear time, whatever it is."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise _wrong(request, argument, "a string or null", value)
    try:
        return re2.compile(value, _PATTERN_OPTIONS)
    except UnicodeEncodeError:
        text = "it is no text"
    except re2.error as error:
        reason = error.args[0]
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
    raise BadRequest(f"Invalid regular expression in argument '{argument}': {text}")


def _wrong(request: Request, argument: str, expected: str, value: Any) -> BadRequest:
    return BadRequest(
        f"Argument '{argument}' of {request.interface}.{request.method} "
        f"must be {expected}, got {value!r:.60}"
    )
