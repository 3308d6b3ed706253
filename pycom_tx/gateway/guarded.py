"""What providers tell to those only who have a token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pycom_tx.gateway.descriptions import Description, describe
from pycom_tx.zerojson.errors import Error
from pycom_tx.zerojson.leases import Leases

if TYPE_CHECKING:
    from twisted.internet.defer import DeferredSemaphore
    from twisted.internet.interfaces import IReactorTime

    from pycom_tx.client.context import Context
    from pycom_tx.gateway.providers import Provider

REMEMBERED: Final = 30.0
"""Seconds until the same is asked again: each question opens a session, where there are some."""

LIMIT: Final = 10_000
"""Descriptions that are remembered, unless told otherwise."""


class Guarded:
    """Asks providers with the tokens of those who want to know.

    Only what was told is remembered: tokens that somebody invents take no room.

    :param context: what connects to them.
    :param clock: what tells how old an answer is.
    :param turns: how many are asked at once.
    :param limit: how many descriptions are remembered.
    """

    def __init__(
        self,
        context: Context,
        clock: IReactorTime,
        turns: DeferredSemaphore,
        *,
        limit: int = LIMIT,
    ) -> None:
        self._context = context
        self._turns = turns
        self._limit = limit
        self._known: Leases[tuple[str, str, str], Description] = Leases(
            clock, REMEMBERED, lambda *_: None
        )

    async def describe(self, provider: Provider, interface: str, token: str) -> Description:
        """What a provider tells of an interface to who has a token."""
        key = provider.id, interface, token
        known = self._known.get(key)
        if known is not None:
            return known
        await self._turns.acquire()
        try:
            known = await describe(self._context, provider.address, interface, token)
        except Error:
            return Description(denied=True)
        finally:
            self._turns.release()
        if not known.denied and len(self._known) < self._limit:
            self._known.put(key, known)
        return known

    def close(self) -> None:
        """Forget all of it."""
        self._known.clear()
