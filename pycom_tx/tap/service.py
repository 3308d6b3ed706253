"""``twistd pycom-service``."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import ClassVar

from twisted.python import usage

from pycom_tx.client.context import NAMESERVER, NAMESERVER_ADDRESS
from pycom_tx.host.host import LOCAL
from pycom_tx.host.loading import load_components
from pycom_tx.tap.command import HostCommand, HostOptions, places
from pycom_tx.tap.processes import supervisor
from pycom_tx.tap.running import TWISTD
from pycom_tx.tap.values import at_least, option
from pycom_tx.zerojson.errors import Error


class Options(HostOptions):
    """The options of a service."""

    command = "pycom-service"
    synopsis = "[options] MODULE [MODULE...]"
    longdesc = (
        "Serves the components in Python modules, named with dots: each class decorated with "
        "@pycom.interface, or each instance of one instead of its class. Modules in the current "
        f"folder are found. {TWISTD}"
    )

    optParameters: ClassVar = [
        *places(
            address="none, give one here or in the file",
            nameserver=f"{NAMESERVER_ADDRESS}, or {LOCAL} where one of the components is one",
            service="/auto/ and something random",
        ),
        option(
            "processes",
            "Processes that serve them, registered as PATH/1, PATH/2 …, at ports from --address on",
            at_least(1, like=4),
            default=1,
        ),
    ]

    given: list[str]
    """The options, as they were given."""

    modules: tuple[str, ...]
    """The names of the modules."""

    def parseOptions(self, options: list[str] | None = None) -> None:
        self.given = list(options or ())
        super().parseOptions(options)

    def parseArgs(self, *modules: str) -> None:
        if not modules:
            raise usage.UsageError(
                "name the module that holds the service, with dots, like package1.module1"
            )
        self.modules = modules
        self.given = self.given[: -len(modules)]
        if self.given[-1:] == ["--"]:
            self.given.pop()


def makeService(options: Options) -> HostCommand:
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        components = load_components(options.modules)
        if options["processes"] > 1:
            # The supervisor itself has nothing to measure.
            endpoint, options["metrics"] = options["metrics"], None
            return HostCommand(options, components, partial(supervisor, options, endpoint))
    except Error as error:
        raise SystemExit(f"{options.command}: {error}") from None
    if any(component.__interface__.name == NAMESERVER for component in components):
        options.settings.setdefault("nameserver", LOCAL)
    return HostCommand(options, components)
