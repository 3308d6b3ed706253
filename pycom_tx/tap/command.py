"""What the twistd commands have in common."""

from __future__ import annotations

import atexit
import json
import os
import sys
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from pycom_tx.components.contract import POLICIES
from pycom_tx.host.host import ComponentHost
from pycom_tx.host.tokens import REMEMBERED
from pycom_tx.tap import limits
from pycom_tx.tap.observing import Observed, ObservingOptions
from pycom_tx.tap.signals import Signals
from pycom_tx.zerojson.errors import ConfigurationError, Error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pycom_tx.tap.supervisor import Supervisor

_SETTINGS: Final = ("address", "service", "nameserver")

_log = Logger()


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        msg = f"seconds are a number more than 0, got {text!r}"
        raise ValueError(msg)
    return seconds


class HostOptions(ObservingOptions):
    """Options of a command that serves components."""

    optParameters: ClassVar = [
        ["address", "a", None, "Address to listen at; with * for the port the system picks one"],
        ["advertise", None, None, "Address to register, where others reach it by another"],
        ["service", "s", None, "Path to register under, like /com/foo/service"],
        ["nameserver", "n", None, "Address of the nameserver"],
        ["config", "c", None, "JSON file of settings; options win over it"],
        [
            "nameserver-timeout",
            None,
            None,
            "Seconds to wait for the nameserver before giving up; for ever, if left out",
            _seconds,
        ],
        [
            "token-cache",
            None,
            None,
            "Seconds that a valid token counts as valid before the authenticator is asked again",
            limits.seconds,
        ],
        *limits.PARAMETERS,
    ]
    optFlags: ClassVar = [["verbose", "v", "Log every call"]]

    settings: dict[str, Any]
    """What the host gets of it all, by the names of its parameters."""

    unknown: list[str]
    """What the file has beside them."""

    preset: ClassVar[dict[str, str]] = {}
    """Settings that neither an option nor the file gives."""

    signals: Callable[..., Signals] = Signals
    """Makes what deals with the signals that end it."""

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
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ConfigurationError(f"{path} is not JSON: {error}") from None
    if not isinstance(given, dict):
        raise ConfigurationError(f"{path} holds no JSON object")
    settings = {}
    unknown = []
    for name, value in given.items():
        if name in _SETTINGS:
            if not isinstance(value, str):
                raise ConfigurationError(f"{path}: {name} must be a string, got {value!r:.60}")
            settings[name] = value
        elif name == "authentication":
            settings.update(_authentication(path, value))
        elif limits.is_limit(name):
            settings[name] = limits.configured(path, name, value)
        else:
            unknown.append(name)
            _log.warn("{path}: nobody knows the setting {name!r}", path=path, name=name)
    return settings, unknown


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


class HostCommand(Observed):
    """A host under twistd: where it cannot go on, the command ends with one line.

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
        super().__init__(options, self._fail)
        self._command = command = options.command
        self._detached = options.parent is not None and not options.parent["nodaemon"]
        settings = dict(options.settings)
        if "address" not in settings:
            hint = f" (nobody knows the setting {options.unknown[0]!r})" if options.unknown else ""
            raise SystemExit(
                f"{command}: say where to listen, with --address tcp://HOST:PORT{hint}"
            )
        if self.registry is not None:
            from pycom_tx.metrics import Instruments

            settings["instruments"] = Instruments(self.registry)
        self._host = serve(components, gave_up=self._fail, **settings)
        self._host.setServiceParent(self)
        self._catch_signals = options.signals
        self._signals: Signals | None = None

    def startService(self) -> None:
        from twisted.internet import reactor

        self._signals = self._catch_signals(reactor, self._host.stop_at_once)
        reactor.callWhenRunning(self._signals.install)
        try:
            super().startService()
        except Error as error:
            if self._detached:
                # The process that waits for us says it. Here, the log gets the line.
                message = str(error)
                sys.excepthook = lambda *_: self._say(message)
                raise
            self._fail(str(error))
        except Exception as error:
            if self._detached:
                raise
            _log.failure("The command cannot start")
            self._fail(f"{type(error).__name__}: {error}, see the log")

    def stopService(self) -> Deferred[Any]:
        stopped: Deferred[Any] = super().stopService()
        return stopped.addBoth(self._stopped)

    def _stopped(self, result: Any) -> Any:
        if self._signals is not None:
            self._signals.uninstall()
            self._signals = None
        return result

    def _fail(self, message: str) -> None:
        """End with exit status 1; twistd itself knows no way to."""
        self._say(message)
        atexit.register(_exit_with_failure)
        from twisted.internet import reactor

        reactor.callWhenRunning(reactor.stop)

    def _say(self, message: str) -> None:
        if self._detached or sys.__stderr__ is None:
            _log.critical("{command}: {reason}", command=self._command, reason=message)
        else:
            # twistd has turned sys.stderr into the log.
            sys.__stderr__.write(f"{self._command}: {message}\n")


def _exit_with_failure() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)
