"""The services that provide an interface, and how they have behaved."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from pycom_tx.zerojson.errors import Refused, ServiceNotAvailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pycom_tx.client.balancing import IBalancer
    from pycom_tx.client.connections import Connection, Connections

FIRST_PAUSE: Final = 0.1
"""Seconds that a provider is left alone after it failed once; twice as long each time."""

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
        if self._connection is None:
            return 0
        client = self._connection.client
        return max(client.load, client.in_flight)

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
        """It did not answer: leave it alone for a while, and longer each time."""
        pause = min(FIRST_PAUSE * 2**self._pauses, LONGEST_PAUSE)
        if isinstance(error, Refused):
            pause = max(pause, error.retry_after)
        else:
            self._pauses = min(self._pauses + 1, 16)
        # Not all clients at the same time.
        pause *= random.uniform(0.75, 1.25)  # noqa: S311 # spreading, not cryptography
        self.pause_ends = self._connections.clock.seconds() + pause


class Providers:
    """Those that provide one interface, and who of them gets a call.

    :param connections: the context's.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._known: dict[tuple[str | None, str], Provider] = {}

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[Provider]:
        return iter(self._known.values())

    def __contains__(self, provider: Provider) -> bool:
        return (provider.service, provider.address) in self._known

    def knows(self, key: tuple[str | None, str]) -> bool:
        """Whether that path and address are known."""
        return key in self._known

    def update(self, known: Iterable[tuple[str | None, str]]) -> None:
        """Know these from now on, by path and address, and no others."""
        before, self._known = self._known, {}
        for key in known:
            self._known[key] = before.pop(key) if key in before else self._new(*key)
        for provider in before.values():
            provider.close()

    def _new(self, service: str | None, address: str) -> Provider:
        return Provider(self._connections, address, service)

    def choose(self, balancer: IBalancer, tried: list[Provider]) -> Provider | None:
        """Who gets a call; None where all that there are were tried.

        Those that have failed a short while ago are left out, unless there is no other.
        """
        now = self._connections.clock.seconds()
        left = [provider for provider in self._known.values() if provider not in tried]
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
        return any(provider not in tried for provider in self._known.values())

    def close(self) -> None:
        """Let go of all connections."""
        self.update(())
