"""All that can be measured."""

from __future__ import annotations

from typing import Final

from benchmarks.workload import Workload
from benchmarks.workloads import calls

WORKLOADS: Final[tuple[Workload, ...]] = (calls.WORKLOAD,)
