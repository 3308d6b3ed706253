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
from pycom_tx.tap import limits
from pycom_tx.tap.running import Command, CommandOptions


def _seconds(text: str) -> float:
    seconds = limits.seconds(text)
    if not seconds:
        msg = f"seconds, more than 0, got {text!r}"
        raise ValueError(msg)
    return seconds


def _size(text: str) -> int:
    size = limits.size(text)
    if size is None:
        msg = "bytes, 1 or more, like 65536, 64K or 512M"
        raise ValueError(msg)
    return size


def _checked(check: Callable[[str], str], text: str) -> str:
    try:
        return check(text)
    except ValueError as error:
        raise usage.UsageError(str(error)) from None


_LIMITS: Final[dict[str, tuple[str, Callable[[Any], Any]]]] = {
    "timeout": (f"Seconds that a call may take; {TIMEOUT:g}", _seconds),
    "max-timeout": (f"Seconds that it may take on request; {MAX_TIMEOUT:g}", _seconds),
    "max-body": (f"Bytes of a request's body, like 64K or 512M; {MAX_BODY >> 20}M", _size),
    "max-calls": (f"Calls in progress at once; {MAX_CALLS}", limits.at_least(1)),
    "max-connections": (f"Connections at once; {MAX_CONNECTIONS}", limits.at_least(1)),
    "max-streams": (f"Streams of events at once; {MAX_STREAMS}", limits.at_least(0)),
    "drain": (
        f"Seconds that calls in progress have when it stops; {DRAIN:g}, 0 to leave at once",
        limits.seconds,
    ),
}


class Options(CommandOptions):
    """The gateway's options."""

    command = "pycom-gateway"
    synopsis = "--http ENDPOINT [options]"
    longdesc = (
        "Puts all services that a nameserver knows behind HTTP. An endpoint is one of Twisted, "
        "like tcp:8080, tcp:8080:interface=127.0.0.1, unix:/run/pycom.sock or "
        "ssl:8443:privateKey=key.pem:certKey=certificate.pem."
    )

    optParameters: ClassVar = [
        ["nameserver", "n", NAMESERVER_ADDRESS, "Address of the nameserver"],
        *([name, None, None, text, read] for name, (text, read) in _LIMITS.items()),
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
        """Where to listen; may be given more than once"""
        self.endpoints.append(endpoint)

    def opt_expose(self, pattern: str) -> None:
        """Only interfaces like this can be reached: com.foo.*; may be given more than once"""
        self.patterns.append(pattern)

    def opt_host(self, host: str) -> None:
        """It answers to that name: app.example.com or *; may be given more than once"""
        self.hosts.append(_checked(hosts.checked, host))

    def opt_cors_origin(self, origin: str) -> None:
        """Pages from there may call: https://app.example.com or *; may be given more than once"""
        self.origins.append(_checked(cors.checked, origin))

    def postOptions(self) -> None:
        if not self.endpoints:
            raise SystemExit(f"{self.command}: say where to listen, with --http tcp:PORT")


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

    def stop_at_once(self) -> object:
        return self._gateway.stop_at_once()


def makeService(options: Options) -> GatewayCommand:
    return GatewayCommand(options)
