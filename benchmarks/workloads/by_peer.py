"""The same calls of some peers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from benchmarks.peers import PEERS
from benchmarks.processes import Server, server_of
from benchmarks.workload import Case, Figures, LeftOut, Settings, Steps


@dataclass(frozen=True)
class ByPeer:
    """What prepares a workload: a server for each peer, and a client for each case.

    :ivar package: where their modules are.
    :ivar cases: what clients are told, by what tables call it.
    :ivar peers: the names of the modules.
    """

    package: str
    cases: Mapping[str, Mapping[str, object]]
    peers: Iterable[str] = tuple(PEERS)

    def __call__(self, settings: Settings, stack: ExitStack, left_out: LeftOut) -> Steps:
        steps: Steps = {}
        for name in filter(settings.peers.__contains__, self.peers):
            server = server_of(name, stack, left_out, self.package)
            if server is not None:
                for case, options in self.cases.items():
                    key = PEERS[name].title, case
                    steps[", ".join(key)] = partial(_measure, settings, server, key, options)
        return steps


def _measure(
    settings: Settings, server: Server, key: Case, options: Mapping[str, object]
) -> dict[Case, Figures]:
    return {key: server.run(settings, **options)}
