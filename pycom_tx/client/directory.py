"""Asking a nameserver where services are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pycom_tx.zerojson.errors import InvalidReply, ServiceNotAvailable, ServiceNotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycom_tx.client.component import Component
    from pycom_tx.client.connections import Connections


class Directory:
    """What the nameserver of a context knows.

    :param address: the nameserver's.
    :param connections: the context's.
    :param open_nameserver: makes a component of the nameserver.
    """

    def __init__(
        self, address: str, connections: Connections, open_nameserver: Callable[[], Component]
    ) -> None:
        self._address = address
        self._connections = connections
        self._open_nameserver = open_nameserver
        self._nameserver: Component | None = None
        self._asking = 0

    async def address(self, interface: str, service_name: str | None) -> str:
        """Where *interface* is provided, by one of its providers at random.

        :param service_name: the path of the one service that will do.

        :raises ServiceNotFound: nowhere.
        :raises ServiceNotAvailable: the nameserver does not answer.
        """
        self._connections.check_open()
        self._asking += 1
        try:
            return await self._ask(interface, service_name)
        finally:
            self._asking -= 1

    def release_unused(self) -> None:
        """Close the connection to the nameserver when nothing else is open.

        Until then it stays, for the next service that has to be located.
        """
        if self._nameserver is not None and not self._asking and self._connections.users == 1:
            nameserver, self._nameserver = self._nameserver, None
            nameserver.close()

    async def _ask(self, interface: str, service_name: str | None) -> str:
        where = self._address
        if self._nameserver is None:
            self._nameserver = self._open_nameserver()
        try:
            found = await self._nameserver.invoke(
                "locate", {"interface": interface, "service": service_name}
            )
        except ServiceNotFound:
            what = interface if service_name is None else f"{interface} as {service_name}"
            raise ServiceNotFound(f"Nobody provides {what}, says the nameserver {where}") from None
        except ServiceNotAvailable as error:
            raise type(error)(f"The nameserver does not answer: {error}") from error
        if not isinstance(found, dict) or not isinstance(found.get("address"), str):
            raise InvalidReply(f"The nameserver {where} answered locate without an address")
        address: str = found["address"]
        return address
