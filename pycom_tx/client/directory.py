"""Asking a nameserver who provides what."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from zope.interface import Attribute, Interface, implementer

from pycom_tx.client.following import Following
from pycom_tx.zerojson.errors import (
    InvalidReply,
    MethodNotFound,
    RemoteError,
    ServiceNotAvailable,
    ServiceNotFound,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycom_tx.client.component import Component
    from pycom_tx.client.connections import Connections
    from pycom_tx.client.context import Context

WATCH: Final = 25.0
"""Seconds that a nameserver waits for a change before it answers that there is none."""

GRACE: Final = 5.0
"""Seconds that its answer may take beyond that."""


class IDirectory(Interface):
    """Knows who provides what."""

    who = Attribute("""Who is asked, and where: "nameserver tcp://127.0.0.1:2012", say. A str.""")

    async def providers(
        interface: str, revision: str | None = None
    ) -> tuple[list[tuple[str, str]], str | None]:
        """Who provides *interface*: paths and addresses, and the revision that they are of.

        :param revision: what the last answer said, to wait until there is another. Who knows
            none answers at once, and says None.

        :raises ServiceNotAvailable: there is no answer.
        """

    def nobody(what: str, interface: str) -> ServiceNotFound:
        """What to raise where there is no provider.

        :param what: how to name what was wanted of *interface*.
        """

    def follow(
        context: Context,
        wanted: tuple[str, str | None, type | None],
        closed: Callable[[], object],
    ) -> Following:
        """What knows who provides an interface, as :class:`Following` has it."""

    def release_unused() -> None:
        """Close the connection to whoever is asked, when nothing else is open.

        Until then it stays, for the next service that has to be located.
        """


def check_wanted(interface: Any, service_name: Any = None) -> None:
    """Make sure that an interface, and a service, are asked for by their names.

    :raises TypeError: they are not.
    :raises ValueError: the interface is a path.
    """
    if not isinstance(interface, str):
        msg = f"An interface is asked for by its name, 'com.foo.example', got {interface!r:.60}"
        raise TypeError(msg)
    if interface.startswith("/"):
        msg = f"An interface is asked for by its name, got the path {interface!r:.60}"
        raise ValueError(msg)
    if service_name is not None and not isinstance(service_name, str):
        msg = f"A service is asked for by its path, '/com/foo/service', got {service_name!r:.60}"
        raise TypeError(msg)


def text(told: Any) -> str:
    """Give back what a nameserver or a gateway has told, if it is a string.

    :raises TypeError: it is none.
    """
    if isinstance(told, str):
        return told
    raise TypeError(told)


def no_nameserver(address: str, error: RemoteError) -> InvalidReply:
    """What is raised where another service answers than a nameserver, and with which error."""
    return InvalidReply(f"What answers at {address} is no nameserver: {error}")


@implementer(IDirectory)
class Directory:
    """What the nameserver of a context knows. One of PyCOM 0.6 knows no revisions.

    :param address: the nameserver's.
    :param connections: the context's.
    :param open_nameserver: makes a component of the nameserver.
    """

    def __init__(
        self, address: str, connections: Connections, open_nameserver: Callable[[], Component]
    ) -> None:
        self.who = f"nameserver {address}"
        self._address = address
        self._connections = connections
        self._open_nameserver = open_nameserver
        self._nameserver: Component | None = None
        self._asking = 0
        self._old = False

    async def providers(
        self, interface: str, revision: str | None = None
    ) -> tuple[list[tuple[str, str]], str | None]:
        self._connections.check_open()
        if self._nameserver is None:
            self._nameserver, self._old = self._open_nameserver(), False
        self._asking += 1
        try:
            records, revision = await self._ask(self._nameserver, interface, revision)
            return [
                (text(record["service"]), text(record["address"]))
                for record in records
                if interface in record["interfaces"]
            ], revision
        except ServiceNotAvailable as error:
            self._old = False
            raise type(error)(f"The nameserver does not answer: {error}") from error
        except RemoteError as error:
            raise no_nameserver(self._address, error) from error
        except (LookupError, TypeError):
            raise InvalidReply(
                f"The nameserver {self._address} answered with something that tells no services"
            ) from None
        finally:
            self._asking -= 1

    def nobody(self, what: str, interface: str) -> ServiceNotFound:
        return ServiceNotFound(f"Nobody provides {what}, says the {self.who}")

    def follow(
        self,
        context: Context,
        wanted: tuple[str, str | None, type | None],
        closed: Callable[[], object],
    ) -> Following:
        return Following(context, self, wanted, closed)

    def release_unused(self) -> None:
        if self._nameserver is not None and not self._asking and self._connections.users == 1:
            nameserver, self._nameserver = self._nameserver, None
            nameserver.close()

    async def _ask(
        self, nameserver: Component, interface: str, revision: str | None
    ) -> tuple[list[dict[str, Any]], str | None]:
        if not self._old:
            args: dict[str, Any] = {"interface": interface}
            timeout = None
            if revision is not None:
                args.update(revision=revision, timeout=WATCH)
                timeout = WATCH + GRACE
            try:
                told = await nameserver.invoke("watch", args, timeout)
            except MethodNotFound:
                self._old = True
            else:
                return told["services"], told["revision"]
        pattern = f"{re.escape(interface)}$"
        return await nameserver.invoke("list_services", {"interface": pattern}), None
