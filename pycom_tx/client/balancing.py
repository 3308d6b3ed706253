"""Which of several providers gets a call."""

from __future__ import annotations

import random
from itertools import count
from typing import TYPE_CHECKING, Final

from zope.interface import Interface, implementer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pycom_tx.client.providers import Provider


class IBalancer(Interface):
    """Chooses providers for the calls of one component."""

    def choose(providers: Sequence[Provider]) -> Provider:
        """The provider that gets the next call.

        :param providers: those that will do, one at least, in no particular order; each
            has an ``address``, a ``service`` path and a ``load``.
        """


@implementer(IBalancer)
class LeastLoaded:
    """Of two at random the one with fewer calls in progress, by its own word and ours.

    That comes close to the best of all, and does not send everybody to the same one
    (Mitzenmacher, The Power of Two Choices in Randomized Load Balancing).
    """

    def choose(self, providers: Sequence[Provider]) -> Provider:
        if len(providers) == 1:
            return providers[0]
        first, second = random.sample(providers, 2)
        return first if first.load <= second.load else second


@implementer(IBalancer)
class RoundRobin:
    """One after the other."""

    def __init__(self) -> None:
        self._turns = count(random.randrange(1000))  # noqa: S311 # where to begin

    def choose(self, providers: Sequence[Provider]) -> Provider:
        ordered = sorted(providers, key=lambda provider: provider.address)
        return ordered[next(self._turns) % len(ordered)]


@implementer(IBalancer)
class Random:
    """Any of them."""

    def choose(self, providers: Sequence[Provider]) -> Provider:
        return random.choice(providers)  # noqa: S311 # balancing, not cryptography


_BY_NAME: Final[dict[str, Callable[[], IBalancer]]] = {
    "least-loaded": LeastLoaded,
    "round-robin": RoundRobin,
    "random": Random,
}


def balancer(chosen: str | IBalancer) -> IBalancer:
    """The balancer with that name, or the one that is given.

    :raises ValueError: there is none of that name.
    """
    if not isinstance(chosen, str):
        return chosen
    if chosen not in _BY_NAME:
        msg = f"balance is {', '.join(map(repr, _BY_NAME))} or an IBalancer, got {chosen!r}"
        raise ValueError(msg)
    return _BY_NAME[chosen]()
