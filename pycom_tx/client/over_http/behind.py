"""Finding services behind a gateway."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, Final, NoReturn

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from zope.interface import implementer

from pycom_tx.client.directory import IDirectory, text
from pycom_tx.client.following import Following
from pycom_tx.client.over_http.fields import OWN, quoted
from pycom_tx.zerojson.errors import (
    CallTimeout,
    Error,
    InvalidReply,
    ServiceNotFound,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.web.iweb import IAgent

    from pycom_tx.client.context import Context
    from pycom_tx.client.over_http.network import GatewayNetwork

LOOK: Final = 1.0
"""Seconds between two questions for something that is not there."""


@implementer(IDirectory)
class GatewayDirectory:
    """What a gateway knows.

    :param network: what reaches it.
    :param context: whose timeout counts.
    """

    def __init__(self, network: GatewayNetwork, context: Context) -> None:
        self.network = network
        self.who = f"gateway {network.url}"
        self._context = context

    async def providers(
        self, interface: str, revision: str | None = None
    ) -> tuple[list[tuple[str, str]], str | None]:
        context = self._context
        page = f"/services/{quoted(interface)}"
        asking = Deferred.fromCoroutine(self.network.ask(page))
        if context.timeout != inf:
            asking.addTimeout(context.timeout, context.connections.clock, self._silent)
        try:
            told = await asking
            paths = [text(provider["service"]) for provider in told["providers"]]
            found = [(path, self.network.address(path)) for path in paths]
        except ServiceNotFound:
            found = []
        except (LookupError, TypeError):
            raise InvalidReply(
                f"The gateway {self.network.url} answered with something that tells no services"
            ) from None
        return found, None

    def nobody(self, what: str, interface: str) -> ServiceNotFound:
        return ServiceNotFound(f"Nobody provides {what}, says the {self.who}" + hint(interface))

    def follow(
        self,
        context: Context,
        wanted: tuple[str, str | None, type | None],
        closed: Callable[[], object],
    ) -> Behind:
        return Behind(context, self, wanted, closed)

    def release_unused(self) -> None:
        """Connections that are not used end by themselves."""

    def _silent(self, _: Any, seconds: float) -> NoReturn:
        raise CallTimeout(
            f"The gateway {self.network.url} does not answer within {seconds:g} s",
            not_started=True,
        )


def hint(interface: str) -> str:
    """What may help where an interface is not found."""
    if not interface.startswith(OWN):
        return ""
    return (
        f"; a gateway shows it only if it was started with --expose {interface}, which leaves out "
        "all others unless they are exposed, too"
    )


class Behind(Following):
    """An interface behind a gateway: its provider is the gateway, which follows the others.

    So nothing is followed here, once somebody is found.

    :param directory: what asks the gateway.
    """

    def __init__(
        self,
        context: Context,
        directory: GatewayDirectory,
        wanted: tuple[str, str | None, type | None],
        closed: Callable[[], object],
    ) -> None:
        super().__init__(context, directory, wanted, closed)
        self._network = directory.network

    async def _run(self) -> None:
        while not len(self.providers):
            try:
                await self._find()
            except Error as error:
                self._error = error
            self._tell()
            if self._stopped:
                return
            if not len(self.providers):
                await deferLater(self._context.connections.clock, LOOK)

    async def _find(self) -> None:
        """Know the gateway, if somebody behind it provides the interface.

        :raises ServiceNotFound: nobody does.
        :raises ContractMismatch: somebody does that has another contract.
        """
        found, _ = await self._ask()
        if not found:
            raise self._nobody()
        for _, address in found if self._contract is not None else ():
            checking = self._context.connect(address, self._interface, contract=self._contract)
            async with checking:
                pass  # it has the contract, or there is an error
        self.providers.update([(self._service_name, self._network.address(self._service_name))])


def through_gateway(
    url: str | None, agent: IAgent | None, reactor: Any, **excluded: Any
) -> GatewayNetwork:
    """What reaches services through a gateway.

    :param excluded: what a context has that has no gateway; all None.

    :raises TypeError: there is more, or less, than a gateway needs.
    """
    if url is None:
        msg = "agent makes requests to a gateway, and there is none: say gateway=…"
        raise TypeError(msg)
    for name, value in excluded.items():
        if value is not None:
            msg = f"A context has a gateway or a {name}, not both: got {url!r} and {value!r}"
            raise TypeError(msg)
    from pycom_tx.client.over_http.network import GatewayNetwork

    return GatewayNetwork(url, reactor, agent)
