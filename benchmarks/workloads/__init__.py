"""All that can be measured."""

from __future__ import annotations

from typing import Final

from benchmarks.workload import Workload
from benchmarks.workloads import (
    attachments,
    calls,
    clients,
    gateway,
    locating,
    memory,
    nameserver,
    processes,
    stages,
    starting,
)

WORKLOADS: Final[dict[str, Workload]] = {
    workload.name: workload
    for workload in (
        calls.WORKLOAD,
        attachments.WORKLOAD,
        clients.WORKLOAD,
        gateway.WORKLOAD,
        processes.WORKLOAD,
        locating.WORKLOAD,
        nameserver.WORKLOAD,
        memory.WORKLOAD,
        starting.WORKLOAD,
        stages.WORKLOAD,
    )
}
"""By their names, in the order in which they are measured."""
