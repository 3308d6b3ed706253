"""PyCOM 0.6.0, under an old Python, where there is one."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Final
from unittest import SkipTest

from benchmarks.peers.work import HOST
from benchmarks.tally import Tally
from tests.interop.old_peer import VERSIONS, OldPeer

HERE: Final = Path(__file__).parent


def serve(port: int) -> None:
    """Become its launcher, which serves its nameserver as well."""
    old = _old()
    address = ["-a", f"tcp://{HOST}:{port}", "-n", "local"]
    command = [old.python, "-m", "pycom", *address, "pycom.apps.nameserver", "old_service"]
    path = f"{old.environment['PYTHONPATH']}{os.pathsep}{HERE}"
    os.execve(old.python, command, {**old.environment, "PYTHONPATH": path})  # noqa: S606 # no shell


def run(port: int, tally: Tally, in_flight: int) -> None:
    """Call."""
    run_client(port, tally, in_flight)


def run_client(port: int, tally: Tally, how: object) -> None:
    """Run its client to the end, then count what it did.

    :param how: as ``old_client.py`` has it.
    """
    old = _old()
    command = [old.python, str(HERE / "old_client.py"), f"tcp://{HOST}:{port}"]
    done = subprocess.run(
        [*command, str(how), str(tally.warm_up + tally.seconds), str(tally.calls)],
        env=old.environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    for began, ended in json.loads(done.stdout):
        tally.answered(began, ended)


def _old() -> OldPeer:
    """It, for the first Python that there is.

    :raises SkipTest: there is none of them.
    """
    for version in VERSIONS[:-1]:
        try:
            return OldPeer(version)
        except SkipTest:
            continue
    return OldPeer(VERSIONS[-1])
