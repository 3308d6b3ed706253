"""Several processes that serve the same modules: ``pycom-service --processes``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from pycom_tx.client.context import NAMESERVER
from pycom_tx.host.host import DRAIN
from pycom_tx.tap.supervisor import Supervisor
from pycom_tx.zerojson.addresses import LAST_PORT, consecutive
from pycom_tx.zerojson.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pycom_tx.tap.service import Options

# What a terminal sends to all processes of a group is for the supervisor, which passes it on. As
# for a script, modules in the current folder do not come before those of Python.
_ENDPOINT: Final = re.compile(
    r"(?P<begin>(tcp6?:|ssl:)(port=)?|unix:)(?P<place>[^:=\\]+)(?P<rest>(:.*)?)", re.DOTALL
)

PROGRAM: Final = (
    "import os, sys; os.setsid(); sys.path[:] = filter(None, sys.path); "
    "from pycom_tx.tap.supervised import run; run()"
)
"""What a process runs."""


def supervisor(
    options: Options,
    endpoint: str | None,
    components: Iterable[Any],
    *,
    gave_up: Callable[[str], object],
    **settings: Any,
) -> Supervisor:
    """What runs as many processes as the options say.

    :param endpoint: where the first one serves its metrics, if any does.

    :raises ConfigurationError: there cannot be so many.
    """
    if any(component.__interface__.name == NAMESERVER for component in components):
        raise ConfigurationError(
            f"{NAMESERVER} keeps in its memory who is registered: it is one process, "
            f"not {options['processes']}"
        )
    return Supervisor(
        programs(options, endpoint),
        command=options.command,
        drain=settings.get("drain", DRAIN),
        gave_up=gave_up,
        folder=str(Path.cwd()),
    )


def programs(options: Options, endpoint: str | None = None) -> dict[str, list[str]]:
    """The arguments of Python for each process, by the path of its service.

    :param endpoint: as above.

    :raises ConfigurationError: there are not as many addresses, or endpoints.
    """
    count, settings = options["processes"], options.settings
    path = settings.get("service") or f"/auto/{uuid4().hex}"
    paths = [f"{path.rstrip('/')}/{number}" for number in range(1, count + 1)]
    own = {"service": paths, "address": consecutive("listen at", settings["address"], count)}
    if "advertise" in settings:
        own["advertise"] = consecutive("register", settings["advertise"], count)
    if endpoint is not None:
        own["metrics"] = endpoints(endpoint, count)
    return {path: _program(options, own, place) for place, path in enumerate(paths)}


def endpoints(description: str, count: int) -> list[str]:
    """The endpoints of several processes that were given one, counted as addresses are.

    :raises ConfigurationError: it is of another kind, or there are not as many ports.
    """
    found = _ENDPOINT.match(description)
    if found is None:
        raise ConfigurationError(
            f"--metrics {description!r} is for one process: several take tcp:PORT or unix:PATH, "
            "with more of it behind a colon if need be"
        )
    begin, rest = found["begin"], found["rest"]
    if begin == "unix:":
        return [f"{begin}{found['place']}-{number}{rest}" for number in range(1, count + 1)]
    if not found["place"].isdecimal() or int(found["place"]) + count - 1 > LAST_PORT:
        raise ConfigurationError(
            f"--metrics {description!r}: there are no {count} ports from there on, they end at "
            f"{LAST_PORT}"
        )
    port = int(found["place"])
    return [f"{begin}{port + number if port else 0}{rest}" for number in range(count)]


def _program(options: Options, own: dict[str, list[str]], place: int) -> list[str]:
    # Of an option that is given twice, the last one counts.
    given = [f"--{name}={values[place]}" for name, values in own.items()]
    return [
        *("-c", PROGRAM, *_twistd(options), options.command),
        *(*options.given, *given, "--processes=1", "--", *options.modules),
    ]


def _twistd(options: Options) -> list[str]:
    """The options of twistd itself."""
    parent: dict[str, Any] = options.parent or {}
    chosen = [f"--{name}={parent[name]}" for name in ("reactor", "rundir") if name in parent]
    return ["--nodaemon", "--pidfile=", "--logger=pycom_tx.tap.records.to_supervisor", *chosen]
