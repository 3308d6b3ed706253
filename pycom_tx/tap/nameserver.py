"""``twistd pycom-nameserver``."""

from __future__ import annotations

from typing import ClassVar

from pycom_tx.client.context import NAMESERVER_ADDRESS
from pycom_tx.host.host import LOCAL
from pycom_tx.nameserver.nameserver import NameServer
from pycom_tx.tap.command import HostCommand, HostOptions, places
from pycom_tx.tap.running import TWISTD

SERVICE = "/org/pycom/nameserver"
"""The path that a nameserver registers itself under."""


class Options(HostOptions):
    """The nameserver's options."""

    command = "pycom-nameserver"
    synopsis = "[options]"
    longdesc = f"Tells clients which services provide an interface. {TWISTD}"
    optParameters: ClassVar = places(
        address=NAMESERVER_ADDRESS,
        nameserver=f"{LOCAL}, which is itself",
        service=SERVICE,
    )
    preset: ClassVar = {
        "address": NAMESERVER_ADDRESS,
        "nameserver": LOCAL,
        "service": SERVICE,
    }


def makeService(options: Options) -> HostCommand:
    return HostCommand(options, [NameServer])
