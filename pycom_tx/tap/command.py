"""What the twistd commands have in common."""

from __future__ import annotations

import json
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from twisted.logger import Logger

from pycom_tx.components.contract import POLICIES
from pycom_tx.host.host import ComponentHost
from pycom_tx.host.tokens import REMEMBERED
from pycom_tx.tap import limits, values
from pycom_tx.tap.running import Command, CommandOptions
from pycom_tx.zerojson.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pycom_tx.tap.supervisor import Supervisor

_SETTINGS: Final = {
    "address": values.address,
    "service": values.path,
    "nameserver": values.nameserver_or_local,
}
_READERS: Final = {**_SETTINGS, **limits.READERS}
"""What reads each setting of a file that is one value."""

_log = Logger()


def places(*, address: str, nameserver: str, service: str) -> list[list[Any]]:
    """The options that say where a command is, and with whom.

    :param address: where it listens without being told, for the help.
    :param nameserver: where it registers then.
    :param service: under which path.
    """
    return [
        values.option(
            "address",
            "Address to listen at; with * for the port the system picks one",
            values.address,
            short="a",
            usual=address,
        ),
        values.option(
            "nameserver",
            "Address of the nameserver to register with",
            values.nameserver_or_local,
            short="n",
            usual=nameserver,
        ),
        values.option(
            "service",
            "Path to register under, like /com/foo/service",
            values.path,
            short="s",
            usual=service,
        ),
    ]


class HostOptions(CommandOptions):
    """Options of a command that serves components."""

    optParameters: ClassVar = [
        values.option(
            "advertise",
            "Address to register, where others reach it by another than it listens at",
            values.advertised,
        ),
        ["config", "c", None, "JSON file of settings; options win over it"],
        values.option(
            "nameserver-timeout",
            "Seconds to wait for the nameserver before giving up",
            values.some_seconds,
            usual="for ever",
        ),
        values.option(
            "token-cache",
            "Seconds that a valid token counts as valid before the authenticator is asked again",
            values.seconds,
            usual=f"{REMEMBERED:g}",
        ),
        *limits.PARAMETERS,
    ]
    optFlags: ClassVar = [["verbose", "v", "Log every call"]]

    settings: dict[str, Any]
    """What the host gets of it all, by the names of its parameters."""

    unknown: list[str]
    """What the file has beside them."""

    preset: ClassVar[dict[str, str]] = {}
    """Settings that neither an option nor the file gives."""

    def postOptions(self) -> None:
        path = self["config"]
        try:
            configured, self.unknown = ({}, []) if path is None else _read(path)
        except ConfigurationError as error:
            raise SystemExit(f"{self.command}: {error}") from None
        self.settings = {**self.preset, **configured}
        for name in (*_SETTINGS, "advertise"):
            if self[name] is not None:
                self.settings[name] = self[name]
        self.settings["nameserver_timeout"] = self["nameserver-timeout"]
        if self["token-cache"] is not None:
            self.settings["token_cache"] = self["token-cache"]
        self.settings.update(limits.given(self))
        self.settings["verbose"] = bool(self["verbose"])


def _read(path: str) -> tuple[dict[str, Any], list[str]]:
    """The settings in a file, as PyCOM 0.6 has it, and the names that are none."""
    try:
        given = json.loads(Path(path).read_text("utf-8"))
    except RecursionError:
        raise ConfigurationError(f"{path} is nested too deeply") from None
    except OSError as error:
        raise ConfigurationError(f"--config {path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ConfigurationError(f"{path} is not JSON: {error}") from None
    if not isinstance(given, dict):
        raise ConfigurationError(f"{path} holds no JSON object")
    settings = {}
    unknown = []
    for name, value in given.items():
        if name == "authentication":
            settings.update(_authentication(path, value))
        elif name in _READERS:
            settings[name] = _setting(path, name, value)
        else:
            unknown.append(name)
            _log.warn("{path}: nobody knows the setting {name!r}", path=path, name=name)
    return settings, unknown


def _setting(path: str, name: str, value: Any) -> Any:
    try:
        return _READERS[name](value)
    except ValueError as error:
        raise ConfigurationError(f"{path}: {name} must be {error}") from None


def _authentication(path: str, value: Any) -> dict[str, Any]:
    """What a file says about authentication."""
    known = value if isinstance(value, dict) else {}
    policy, cache = known.get("policy"), known.get("token_cache", REMEMBERED)
    if (
        policy is None
        or policy not in POLICIES
        or not set(known) <= {"policy", "token_cache"}
        or not isinstance(cache, (int, float))
        or not 0 <= cache < inf
    ):
        raise ConfigurationError(
            f'{path}: authentication must be {{"policy": "required"}} or {{"policy": "never"}}, '
            f'perhaps with {{"token_cache": SECONDS}}, got {value!r:.60}'
        )
    return {"authentication": policy} | ({"token_cache": cache} if "token_cache" in known else {})


class HostCommand(Command):
    """A host under twistd.

    :param options: the command's options.
    :param components: what it serves.
    :param serve: makes what serves them.
    """

    def __init__(
        self,
        options: HostOptions,
        components: Iterable[Any],
        serve: Callable[..., ComponentHost | Supervisor] = ComponentHost,
    ) -> None:
        super().__init__(options)
        settings = dict(options.settings)
        if "address" not in settings:
            hint = f" (nobody knows the setting {options.unknown[0]!r})" if options.unknown else ""
            raise SystemExit(
                f"{options.command}: say where to listen, with --address tcp://HOST:PORT{hint}"
            )
        if self.registry is not None:
            from pycom_tx.metrics import Instruments

            settings["instruments"] = Instruments(self.registry)
        self._host = serve(components, gave_up=self.fail, **settings)
        self._host.setServiceParent(self)

    def stop_at_once(self) -> object:
        return self._host.stop_at_once()
