"""Operations of nameservers that know few and many services."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import Final

from benchmarks.processes import Server, serving
from benchmarks.workload import Case, Figures, LeftOut, Settings, Steps, Workload

SERVICES: Final = (10, 1_000, 100_000)

OPERATIONS: Final = {
    "locate": "locate",
    "resolve": "resolve",
    "watch": "watch, which a context asks",
    "renew": "register: a renewal",
    "come-and-go": "register a new one and unregister it",
}
"""What tables call them."""


def case(services: int) -> str:
    """What a nameserver with so many is called."""
    return f"{services:,} services"


def prepare(settings: Settings, stack: ExitStack, left_out: LeftOut) -> Steps:
    """Start a nameserver for each number of services, and register them."""
    steps: Steps = {}
    servers = {}
    for services in map(settings.scaled, SERVICES):
        server = stack.enter_context(serving("nameserver.operations"))
        server.do(services=services)
        servers[services] = server
    for operation, title in OPERATIONS.items():
        for services, server in servers.items():
            key = title, case(services)
            measure = partial(_measure, settings, server, key, operation, services)
            steps[", ".join(key)] = measure
    return steps


def _measure(
    settings: Settings, server: Server, key: Case, operation: str, services: int
) -> dict[Case, Figures]:
    before = server.seconds()
    figures = server.run(settings, operation=operation, services=services)
    cost = (server.seconds() - before) / figures["made"]
    return {key: {**figures, "microseconds": cost * 1e6}}


WORKLOAD: Final = Workload(
    "nameserver",
    "the nameserver's processor time for an operation, 100 in flight",
    "microseconds",
    "µs",
    prepare,
    ratio="first",
    most_rounds=5,
)
