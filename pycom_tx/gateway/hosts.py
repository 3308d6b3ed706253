"""Which names the gateway answers to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Any, Final

from pycom_tx.gateway.problems import Problem

if TYPE_CHECKING:
    from twisted.internet.interfaces import IAddress

_HOST: Final = re.compile(rb"(?P<name>\[[0-9a-f:.]+\]|[^:\[\]]+)(:[0-9]*)?\Z", re.IGNORECASE)
_NAME: Final = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\Z", re.ASCII | re.IGNORECASE)


class Hosts:
    """The names that pages and programs may know the gateway by.

    Anybody may have a name of theirs point at an address here: for a browser the gateway is
    then part of their site, and their pages may call. So only names that are given will do, and
    those that nobody can have: ``localhost``, and addresses. Where no names are given, that
    holds for connections that are made to a loopback address; elsewhere every name will do.

    :param allowed: names, like ``app.example.com``; ``*`` for all there are.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = frozenset(name.lower() for name in allowed)

    def check(self, request: Any) -> None:
        """Make sure that a request is for one of them, or does not say.

        :raises Problem: it is for somebody else.
        """
        hosts = request.requestHeaders.getRawHeaders(b"Host", ())
        if len(hosts) > 1:
            raise Problem(400, "A request has one Host, got several", not_started=True)
        if "*" in self._allowed or not (self._allowed or _is_loopback(request.getHost())):
            return
        for host in hosts:
            match = _HOST.match(host)
            name = "" if match is None else match["name"].decode("utf-8", "replace").lower()
            if name not in self._allowed and not _is_nobodys(name):
                told = host.decode("utf-8", "backslashreplace")
                raise Problem(
                    421,
                    f"This gateway does not answer to {told!r:.100}: if it is to, give it --host",
                    not_started=True,
                )


def checked(host: str) -> str:
    """Give back the name of a host.

    :raises ValueError: it is none.
    """
    if host != "*" and _NAME.match(host) is None:
        msg = f"a host is like app.example.com, without a port, or *, got {host!r:.100}"
        raise ValueError(msg)
    return host


def _is_nobodys(name: str) -> bool:
    """Whether nobody can have a name, and have it point somewhere."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    with suppress(ValueError):
        ip_address(name.strip("[]"))
        return True
    return False


def _is_loopback(address: IAddress) -> bool:
    with suppress(AttributeError, ValueError):  # sockets of the file system have no such thing
        host = ip_address(address.host)  # type: ignore[attr-defined] # as just said
        mapped = host.ipv4_mapped if isinstance(host, IPv6Address) else None
        return (mapped or host).is_loopback
    return False
