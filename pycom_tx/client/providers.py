"""The services that provide an interface, and how they have behaved."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from pycom_tx.zerojson.errors import CallTimeout, Overloaded, Refused, ServiceNotAvailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pycom_tx.client.balancing import IBalancer
    from pycom_tx.client.connections import Connection, Connections

FIRST_PAUSE: Final = 0.1
"""Seconds that a provider is left alone after it failed once; twice as long each time."""

MEMORY: Final = 60.0
"""Seconds that a provider is remembered after it was struck off: a nameserver that was
restarted knows it again at its next renewal, which old services make every 30 seconds."""

STOPPING: Final = 5.0
"""Seconds that a provider is left alone which said that it is about to stop."""

LONGEST_PAUSE: Final = 30.0
"""Seconds that a provider is left alone at most."""


class Provider:
    """A service that provides an interface.

    .. attribute:: address
    .. attribute:: service

        Its path; None where only the address is known.
    """

    __slots__ = ("_connection", "_connections", "_pauses", "address", "pause_ends", "service")

    def __init__(self, connections: Connections, address: str, service: str | None = None) -> None:
        self.address = address
        self.service = service
        self.pause_ends = 0.0
        self._pauses = 0
        self._connections = connections
        self._connection: Connection | None = None

    @property
    def load(self) -> int:
        """How many calls it has in progress: by its last word, or those of ours if more."""
        return 0 if self._connection is None else self._connection.client.load

    @property
    def is_well(self) -> bool:
        """Whether it has answered, as far as it was asked."""
        return not self.pause_ends

    def connection(self) -> Connection:
        """The connection to it, which is there from the first call on.

        :raises AddressError: there cannot be one.
        """
        if self._connection is None:
            self._connection = self._connections.use(self.address)
        return self._connection

    def close(self) -> None:
        """Let go of the connection. Calls in flight still get their replies."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.release()

    def succeeded(self) -> None:
        """It answered."""
        self._pauses = 0
        self.pause_ends = 0.0

    def failed(self, error: ServiceNotAvailable) -> None:
        """It did not answer: leave it alone for a while, and longer each time.

        All calls that fail meanwhile have failed the same time. One whose time was over says
        more about the time than about the provider.
        """
        now = self._connections.clock.seconds()
        if now < self.pause_ends or isinstance(error, CallTimeout):
            return
        pause = min(FIRST_PAUSE * 2**self._pauses, LONGEST_PAUSE)
        if isinstance(error, Overloaded):
            pause = max(pause, error.retry_after)
        elif isinstance(error, Refused):
            # It stops: what reaches it when it closes its socket is lost.
            pause = max(STOPPING, error.retry_after)
        else:
            self._pauses = min(self._pauses + 1, 16)
        # Not all clients at the same time.
        pause *= random.uniform(0.75, 1.25)  # noqa: S311 # spreading, not cryptography
        self.pause_ends = now + pause


class Providers:
    """Those that provide one interface, and who of them gets a call.

    One that was struck off gets none while there is another. But it is remembered for a
    while: its nameserver may have been restarted, and know nobody yet.

    :param connections: the context's.

    .. attribute:: room

        Where calls wait that none of them has room for; None if they do not wait.
    """

    def __init__(self, connections: Connections) -> None:
        self.room = connections.open_room()
        self._connections = connections
        self._known: dict[tuple[str | None, str], Provider] = {}
        self._struck_off: dict[tuple[str | None, str], tuple[float, Provider]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[Provider]:
        return iter(self._known.values())

    def __contains__(self, provider: Provider) -> bool:
        return provider in self._known.values() or provider in self._remembered()

    def knows(self, key: tuple[str | None, str]) -> bool:
        """Whether that path and address are known."""
        return key in self._known

    def update(self, known: Iterable[tuple[str | None, str]]) -> None:
        """Know these from now on, by path and address, and no others."""
        before, self._known = self._known, {}
        for key in known:
            if key in before:
                self._known[key] = before.pop(key)
            elif key in self._struck_off:
                self._known[key] = self._struck_off.pop(key)[1]
            else:
                self._known[key] = Provider(self._connections, key[1], key[0])
        until = self._connections.clock.seconds() + MEMORY
        self._struck_off.update((key, (until, provider)) for key, provider in before.items())
        self._remembered()

    def _remembered(self) -> list[Provider]:
        """Those that were struck off and are well; the others are forgotten."""
        now = self._connections.clock.seconds()
        for key, (until, provider) in list(self._struck_off.items()):
            if until <= now or not provider.is_well:
                del self._struck_off[key]
                provider.close()
        return [provider for _, provider in self._struck_off.values()]

    def choose(self, balancer: IBalancer, tried: list[Provider]) -> Provider | None:
        """Who gets a call; None where all that there are were tried.

        Those that have failed a short while ago are left out, unless there is no other.
        """
        if len(self._known) == 1 and not tried:
            (provider,) = self._known.values()
            return provider
        now = self._connections.clock.seconds()
        left = self._left(tried)
        ready = [provider for provider in left if provider.pause_ends <= now]
        if ready:
            return balancer.choose(ready)
        return min(left, key=lambda provider: provider.pause_ends, default=None)

    def only(self) -> Provider:
        """The one that there is."""
        (provider,) = self._known.values()
        return provider

    def left(self, tried: list[Provider]) -> bool:
        """Whether there are others than those that were tried."""
        return bool(self._left(tried))

    def _left(self, tried: list[Provider]) -> list[Provider]:
        return [provider for provider in self._known.values() if provider not in tried] or [
            provider for provider in self._remembered() if provider not in tried
        ]

    def close_unknown(self, provider: Provider) -> None:
        """Let go of the connection of a provider that is none of those known any more."""
        if provider not in self:
            provider.close()

    def close(self) -> None:
        """Let go of all connections; calls that wait for room fail."""
        if self.room is not None:
            self._connections.close_room(self.room)
        self.update(())
        for _, provider in self._struck_off.values():
            provider.close()
        self._struck_off.clear()
