"""``twistd pycom-gateway``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final

from twisted.python import usage

from pycom_tx import __version__
from pycom_tx.client.context import NAMESERVER_ADDRESS
from pycom_tx.gateway import cors, hosts
from pycom_tx.gateway.bodies import MAX_BODY
from pycom_tx.gateway.calls import MAX_TIMEOUT, TIMEOUT
from pycom_tx.gateway.events import MAX_STREAMS
from pycom_tx.gateway.progress import MAX_CALLS
from pycom_tx.gateway.service import DRAIN, Gateway
from pycom_tx.gateway.site import MAX_CONNECTIONS
from pycom_tx.metrics.process import process_registry
from pycom_tx.tap.running import TWISTD, Command, CommandOptions
from pycom_tx.tap.values import at_least, nameserver, option, seconds, size, some_seconds
from pycom_tx.zerojson.errors import AddressError, Error

_LIMITS: Final[dict[str, tuple[str, Callable[[Any], Any], object]]] = {
    "timeout": ("Seconds that a call may take", some_seconds, f"{TIMEOUT:g}"),
    "max-timeout": (
        "Seconds that a call may take whose client says how many",
        some_seconds,
        f"{MAX_TIMEOUT:g}",
    ),
    "max-body": ("Bytes of a request's body, like 64K or 512M", size, f"{MAX_BODY >> 20}M"),
    "max-calls": ("Calls in progress at once", at_least(1, MAX_CALLS), MAX_CALLS),
    "max-connections": ("Connections at once", at_least(1, MAX_CONNECTIONS), MAX_CONNECTIONS),
    "max-streams": ("Streams of events at once", at_least(0, MAX_STREAMS), MAX_STREAMS),
    "drain": (
        "Seconds that calls in progress have when it stops; 0 to leave at once",
        seconds,
        f"{DRAIN:g}",
    ),
}


class Options(CommandOptions):
    """The gateway's options."""

    command = "pycom-gateway"
    synopsis = "--http ENDPOINT [options]"
    longdesc = (
        "Puts all services that a nameserver knows behind HTTP. An endpoint is one of Twisted, "
        "like tcp:8080, tcp:8080:interface=127.0.0.1, unix:/run/pycom.sock or "
        f"ssl:8443:privateKey=key.pem:certKey=certificate.pem. {TWISTD}"
    )

    optParameters: ClassVar = [
        option(
            "nameserver",
            "Address of the nameserver",
            nameserver,
            short="n",
            default=NAMESERVER_ADDRESS,
        ),
        *(
            option(name, text, read, usual=str(usual))
            for name, (text, read, usual) in _LIMITS.items()
        ),
    ]
    optFlags: ClassVar = [
        ["no-console", None, "Have no page for browsers at /"],
        ["show-addresses", None, "Tell where services listen"],
        ["verbose", "v", "Log every request"],
    ]

    def __init__(self) -> None:
        super().__init__()
        self.endpoints: list[str] = []
        self.patterns: list[str] = []
        self.hosts: list[str] = []
        self.origins: list[str] = []

    def opt_http(self, endpoint: str) -> None:
        """Where to listen, like tcp:8080; may be given more than once"""
        self.endpoints.append(endpoint)

    def opt_expose(self, pattern: str) -> None:
        """Only interfaces like this can be reached: com.foo.*; may be given more than once"""
        self.patterns.append(pattern)

    def opt_host(self, host: str) -> None:
        """It answers to that name: app.example.com or *; may be given more than once"""
        self.hosts.append(_checked("host", hosts.checked, host))

    def opt_cors_origin(self, origin: str) -> None:
        """Pages from there may call: https://app.example.com or *; may be given more than once"""
        self.origins.append(_checked("cors-origin", cors.checked, origin))

    def postOptions(self) -> None:
        if not self.endpoints:
            raise SystemExit(f"{self.command}: say where to listen, with --http tcp:8080")
        timeout, most = self["timeout"], self["max-timeout"] or MAX_TIMEOUT
        if timeout is not None and timeout > most:
            raise usage.UsageError(
                f"--timeout must be seconds, --max-timeout or less, which is {most:g}, "
                f"got {timeout:g}"
            )


class GatewayCommand(Command):
    """A gateway under twistd.

    :param options: the command's options.
    """

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        registry = self.registry
        if registry is None:
            # Its metrics are one of its pages, in any case.
            registry = process_registry(__version__)
        limited = {
            name.replace("-", "_"): options[name] for name in _LIMITS if options[name] is not None
        }
        self._gateway = Gateway(
            options["nameserver"],
            options.endpoints,
            expose=options.patterns,
            hosts=options.hosts,
            origins=options.origins,
            console=not options["no-console"],
            show_addresses=bool(options["show-addresses"]),
            verbose=bool(options["verbose"]),
            registry=registry,
            **limited,
        )
        self._gateway.setServiceParent(self)

    def explained(self, error: Error) -> str:
        # Its other address, that of the nameserver, has been looked at before.
        return f"--http: {error}" if isinstance(error, AddressError) else str(error)

    def stop_at_once(self) -> object:
        return self._gateway.stop_at_once()


def makeService(options: Options) -> GatewayCommand:
    return GatewayCommand(options)


def _checked(name: str, check: Callable[[str], str], text: str) -> str:
    try:
        return check(text)
    except ValueError as error:
        raise usage.UsageError(f"--{name}: {error}") from None
