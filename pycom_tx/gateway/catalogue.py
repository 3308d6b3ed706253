"""Who provides what, now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.logger import Logger

from pycom_tx.gateway.guarded import Guarded
from pycom_tx.gateway.problems import AGAIN, Problem
from pycom_tx.gateway.providers import Provider, Watching
from pycom_tx.gateway.registrations import Registered, Registrations
from pycom_tx.zerojson.leases import Leases

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from pycom_tx.client.context import Context
    from pycom_tx.gateway.exposure import Exposure

Told = Callable[[str, Provider], object]

AT_ONCE: Final = 20
"""Providers that are asked about themselves at once."""

WATCHED: Final = 1000
"""Providers whose connections are held at most. What more there are is taken to live as long
as it is registered, and tells nothing."""

FILES: Final = 20
"""How many of the files that a process may open there are for one of them: a connection of
0MQ takes five, and there are others."""

PATIENCE: Final = 2.0
"""Seconds that a question waits until all providers have been asked, after the start."""


MEMORY: Final = 60.0
"""Seconds that a provider counts which lives and which a nameserver does not know any more: one
that was restarted knows it again at its next renewal, which old services make every 30 seconds."""


class Catalogue:
    """The providers of all that is exposed, as the nameserver knows them and as they live.

    :param context: what asks the nameserver, and connects to providers.
    :param clock: what times that.
    :param exposure: what is exposed.
    :param watched: how many connections are held.

    .. attribute:: version

        A number that is another after each change.

    .. attribute:: guarded

        A :class:`Guarded`: what providers tell only to who has a token.
    """

    _log = Logger()

    def __init__(
        self,
        context: Context,
        clock: IReactorTime,
        exposure: Exposure,
        *,
        watched: int | None = None,
    ) -> None:
        self.version = 0
        self._context = context
        self._clock = clock
        self._exposure = exposure
        self._watched = _affordable() if watched is None else watched
        self._turns = DeferredSemaphore(AT_ONCE)
        # Whoever wants to know something takes no turn from those who tell who lives.
        self.guarded = Guarded(context, clock, DeferredSemaphore(AT_ONCE))
        self._registrations = Registrations(context, clock, self._update)
        self._providers: dict[str, Provider] = {}
        self._watching: dict[str, Watching] = {}
        self._by_interface: dict[str, dict[str, Provider]] = {}
        self._alive: set[Provider] = set()
        self._unasked: set[Provider] = set()
        self._doubtful: Leases[str, str] = Leases(clock, MEMORY, lambda path, _: self._remove(path))
        self._listening: dict[Told, None] = {}
        self._listed = False
        self._waiting: dict[Deferred[None], None] | None = {}

    def start(self) -> None:
        """Follow them.

        :raises AddressError: the nameserver's address is none.
        """
        self._registrations.start()

    def stop(self) -> None:
        """Let go of all of them."""
        self._registrations.stop()
        for watching in self._watching.values():
            watching.stop()
        self._watching.clear()
        self._doubtful.clear()
        self.guarded.close()
        self._listening.clear()
        self._be_ready()

    def __iter__(self) -> Iterator[Provider]:
        """Those that live, in the order of their paths."""
        return iter(sorted(self._alive, key=lambda provider: provider.service))

    @property
    def interfaces(self) -> list[str]:
        """Those that somebody provides, in the order of their names."""
        return sorted(filter(self.providers, self._by_interface))

    def providers(self, interface: str) -> list[Provider]:
        """Those of an interface that live, in the order of their paths."""
        known = self._by_interface.get(interface, {})
        alive = [provider for provider in known.values() if provider.alive]
        return sorted(alive, key=lambda provider: provider.service)

    def knows_method(self, interface: str, method: str) -> bool:
        """Whether a provider has told of a method, be it alive or not."""
        known = self._by_interface.get(interface, {}).values()
        told = [provider.told[interface] for provider in known if interface in provider.told]
        return any(method in (description.methods or ()) for description in told)

    async def find(self, interface: str, session_name: str) -> str | None:
        """The address of who has a session, whether it lives or not.

        :raises Problem: as :meth:`ready`.
        """
        await self.ready()
        for provider in self._by_interface.get(interface, {}).values():
            if provider.session_name == session_name:
                return provider.address
        return None

    async def ready(self) -> None:
        """Wait until it is known what there is, for a short while.

        :raises Problem: the nameserver has not told yet.
        """
        if self._waiting is not None:
            known: Deferred[None] = Deferred(self._forget)
            self._waiting[known] = None
            await known.addTimeout(PATIENCE, self._clock, lambda *_: None)
        if not self._listed:
            raise Problem(
                503,
                "The nameserver does not answer",
                {"Retry-After": str(AGAIN)},
                not_started=True,
            )

    def listen(self, told: Told) -> None:
        """Tell of each provider, from now on, that it has ``appeared`` or ``vanished``."""
        self._listening[told] = None

    def ignore(self, told: Told) -> None:
        """Do so no more."""
        self._listening.pop(told, None)

    def _update(self, came: list[Registered], gone: list[str], missing: list[str]) -> None:
        if not self._listed:
            self._listed = True
            self._tell_idle(came)
        for path in gone:
            self._remove(path)
        for path in missing:
            if path in self._watching and self._providers[path].alive:
                self._doubtful.put(path, path)
            else:
                self._remove(path)
        for registered in came:
            self._enter(registered)
        self._look_whether_ready()

    def _tell_idle(self, registered: list[Registered]) -> None:
        """Tell of patterns that expose nothing, as one does that is misspelt."""
        known = (interface for service in registered for interface in service.interfaces)
        for pattern in self._exposure.idle(known):
            self._log.warn(
                "Nobody provides an interface like {pattern} now, which is exposed",
                pattern=pattern,
            )

    def _enter(self, registered: Registered) -> None:
        self._doubtful.pop(registered.service)
        exposed = registered._replace(interfaces=self._exposure.of(registered.interfaces))
        known = self._providers.get(exposed.service)
        if known is not None and (known.address, known.interfaces) == exposed[1:]:
            return
        self._remove(exposed.service)
        if exposed.interfaces:
            self._add(Provider(exposed))

    def _add(self, provider: Provider) -> None:
        self._providers[provider.service] = provider
        for interface in provider.interfaces:
            self._by_interface.setdefault(interface, {})[provider.service] = provider
        if len(self._watching) < self._watched:
            self._unasked.add(provider)
            self._watching[provider.service] = Watching(
                self._context, self._clock, self._turns, provider, self._changed
            )
        else:
            provider.alive = True
            self._changed(provider)

    def _remove(self, path: str) -> None:
        self._doubtful.pop(path)
        provider = self._providers.pop(path, None)
        if provider is None:
            return
        watching = self._watching.pop(path, None)
        if watching is not None:
            watching.stop()
        for interface in provider.interfaces:
            known = self._by_interface[interface]
            del known[path]
            if not known:
                del self._by_interface[interface]
        provider.alive = False
        self._changed(provider)

    def _changed(self, provider: Provider) -> None:
        self.version += 1
        self._unasked.discard(provider)
        if provider.alive is not (provider in self._alive):
            if provider.alive:
                self._alive.add(provider)
            else:
                self._alive.remove(provider)
            for told in list(self._listening):
                told("appeared" if provider.alive else "vanished", provider)
        self._look_whether_ready()
        if not provider.alive and self._doubtful.pop(provider.service) is not None:
            self._remove(provider.service)

    def _look_whether_ready(self) -> None:
        if self._listed and not self._unasked and self._waiting is not None:
            self._be_ready()

    def _be_ready(self) -> None:
        waiting, self._waiting = self._waiting or {}, None
        for known in waiting:
            known.callback(None)

    def _forget(self, known: Deferred[None]) -> None:
        (self._waiting or {}).pop(known, None)


def _affordable() -> int:
    files = getrlimit(RLIMIT_NOFILE)[0]
    return WATCHED if files == RLIM_INFINITY else min(WATCHED, files // FILES)
