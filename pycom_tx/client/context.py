"""Finding services and connecting to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred, succeed

from pycom_tx.client.component import Component, checked_timeout
from pycom_tx.client.connections import Connections
from pycom_tx.client.opening import Opening
from pycom_tx.zerojson.errors import InvalidReply, ServiceNotAvailable, ServiceNotFound

if TYPE_CHECKING:
    from pycom_tx.zerojson.interfaces import INetwork

NAMESERVER: Final = "org.pycom.nameserver"
"""The nameserver's interface."""

NAMESERVER_ADDRESS: Final = "tcp://127.0.0.1:2012"
"""Where a nameserver is, unless told otherwise."""

TIMEOUT: Final = 5.0
"""Seconds that a call waits for its reply, unless told otherwise; as in PyCOM 0.6."""


class Context:
    """Where a program gets its components from.

    It holds one connection for each address, which its components share; a connection is
    closed when nothing uses it any more, and all are when the reactor stops. Making a
    context opens nothing yet.

    :param nameserver: the nameserver's address.
    :param timeout: seconds that calls wait for their replies where they do not say.
    :param reactor: what it runs in; the installed one, if left out.
    :param network: what opens connections; 0MQ, if left out.

    :raises ValueError: *timeout* is not more than 0.
    """

    def __init__(
        self,
        nameserver: str = NAMESERVER_ADDRESS,
        *,
        timeout: float = TIMEOUT,
        reactor: Any = None,
        network: INetwork | None = None,
    ) -> None:
        if reactor is None:
            from twisted.internet import reactor
        self.nameserver_address = nameserver
        self._timeout = checked_timeout(timeout)
        self._own_network: INetwork | None = None
        if network is None:
            from pycom_tx.zerojson.txzmq_channel import ZmqNetwork

            network = self._own_network = ZmqNetwork(reactor)
        self._connections = Connections(network, reactor, self._release_nameserver)
        self._nameserver: Component | None = None
        self._locating = 0

    def nameserver(self) -> Opening[Component]:
        """The nameserver, as a component like others.

        :returns: Deferred firing with it, also if there is no answer there yet.

        :raises AddressError: (as a failure) the nameserver's address is none.
        """
        return self.connect(self.nameserver_address, NAMESERVER)

    def open_nameserver(self) -> Component:
        """The nameserver, at once: what :meth:`nameserver` fires with.

        :raises AddressError: the nameserver's address is none.
        """
        return self._open(self.nameserver_address, NAMESERVER)

    def locate(self, interface: str, service_name: str | None = None) -> Opening[Component]:
        """A service that provides *interface*, one of them at random.

        :param service_name: the path of the one service that will do.

        :returns: Deferred firing with a :class:`Component`, and an asynchronous context
            manager of it.

        :raises ServiceNotFound: (as a failure) the nameserver knows none.
        :raises ServiceNotAvailable: (as a failure) the nameserver does not answer.
        """
        return Opening.of(self._locate(interface, service_name))

    def connect(self, address: str, interface: str) -> Opening[Component]:
        """The service at *address*, without asking the nameserver.

        :returns: as :meth:`locate`. It fires at once: who does not answer there is found
            out by the first call.

        :raises AddressError: (as a failure) it is no address.
        """
        return Opening.of(self._connect(address, interface))

    def close(self) -> Deferred[None]:
        """Close every connection; calls in flight fail with ``ConnectionClosed``.

        :returns: Deferred that has fired: there is nothing to wait for.
        """
        self._connections.close_all()
        if self._own_network is not None:
            self._own_network.close()
        return succeed(None)

    def _open(self, address: str, interface: str) -> Component:
        return Component(self._connections.use(address), interface, self._timeout)

    async def _connect(self, address: str, interface: str) -> Component:
        return self._open(address, interface)

    async def _locate(self, interface: str, service_name: str | None) -> Component:
        self._connections.check_open()
        self._locating += 1
        try:
            address = await self._ask(interface, service_name)
            return self._open(address, interface)
        finally:
            self._locating -= 1
            self._release_nameserver()

    def _release_nameserver(self) -> None:
        """Close the connection to the nameserver when nothing else is open.

        Until then it stays, for the next that has to be located.
        """
        if self._nameserver is not None and not self._locating and self._connections.users == 1:
            nameserver, self._nameserver = self._nameserver, None
            nameserver.close()

    async def _ask(self, interface: str, service_name: str | None) -> str:
        """The address of a service, by the nameserver's word."""
        where = self.nameserver_address
        if self._nameserver is None:
            self._nameserver = self.open_nameserver()
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
