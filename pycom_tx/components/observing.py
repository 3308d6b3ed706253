"""Seeing the calls that components make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zope.interface import Interface

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.defer import Deferred

    from pycom_tx.zerojson.request import Request, Response


class ICallObserver(Interface):
    """Sees the calls of components, once hooks have let them pass."""

    def call(
        component: Any, request: Request, make: Callable[..., Deferred[Response]]
    ) -> Deferred[Response]:
        """Make a call.

        :param component: the :class:`~pycom_tx.Component` that it is made through.
        :param make: makes it, and raises nothing. It may be handed the trace context that
            goes along, a dict, in the place of the one that would.

        :returns: what *make* gave.
        """
