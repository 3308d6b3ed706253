"""A context for the time of a call, on behalf of who made it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, succeed

from pycom_tx.client.context import Context
from pycom_tx.zerojson.errors import ConnectionClosed

if TYPE_CHECKING:
    from pycom_tx.client.component import Component


class BorrowedContext(Context):
    """A context that lives on another's connections, and has a token of its own."""

    def __init__(self, owner: Context, token: str | None) -> None:
        self.nameserver_address = owner.nameserver_address
        self.prehooks = list(owner.prehooks)
        self.posthooks = list(owner.posthooks)
        self.observers = owner.observers
        self.tracer_provider = owner.tracer_provider
        self.token = token
        self.timeout = owner.timeout
        self.budget = owner.budget
        self.answered = owner.answered
        self.knows_method = owner.knows_method
        self.connections = owner.connections
        self._gateway = owner._gateway  # noqa: SLF001 # of its own kind
        self._directory = owner._directory  # noqa: SLF001 # of its own kind
        self._followed = {}
        self._opened: list[Component] | None = []

    def close(self) -> Deferred[None]:
        opened, self._opened = self._opened, None
        for following in list(self._followed.values()):
            following.stop("The context is closed")
        for component in opened or ():
            component.close()
        return succeed(None)

    def _at(self, address: str, interface: str, *, bare: bool = False) -> Component:
        return self._kept(super()._at(address, interface, bare=bare))

    async def _locate(self, *wanted: Any, **options: Any) -> Component:
        return self._kept(await super()._locate(*wanted, **options))

    def _kept(self, component: Component) -> Component:
        if self._opened is None:
            component.close()
            raise ConnectionClosed("The call that this context was for is over")
        self._opened = [known for known in self._opened if not known.is_closed]
        self._opened.append(component)
        return component
