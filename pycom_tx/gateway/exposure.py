"""Which interfaces can be reached."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate
from typing import Final

OWN: Final = "org.pycom."
"""How the names of interfaces begin that are only exposed where a pattern says so."""


class Exposure:
    """Tells which interfaces are exposed.

    :param patterns: as for file names, like ``com.foo.*``; everything but what begins with
        ``org.pycom.``, if there are none. Case matters.
    """

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        self._patterns = tuple(patterns)
        given = self._patterns or ("*",)
        self._explicit = _any_of(pattern for pattern in given if pattern.startswith(OWN))
        self._all = _any_of(given)

    def __contains__(self, interface: str) -> bool:
        wanted = self._explicit if interface.startswith(OWN) else self._all
        return wanted.match(interface) is not None

    def of(self, interfaces: Iterable[str]) -> tuple[str, ...]:
        """Those that are exposed."""
        return tuple(interface for interface in interfaces if interface in self)

    def idle(self, interfaces: Iterable[str]) -> list[str]:
        """The patterns that expose none of them."""
        known = set(interfaces)
        return [pattern for pattern in self._patterns if not Exposure([pattern]).of(known)]


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    # The patterns are the operator's own.
    return re.compile("|".join(map(translate, patterns)) or r"(?!)")
