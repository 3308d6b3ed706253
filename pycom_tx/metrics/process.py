"""The metrics of a process."""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    Info,
    PlatformCollector,
    ProcessCollector,
)


def process_registry(version: str) -> CollectorRegistry:
    """A registry with what is measured of every process.

    Those are the metrics ``process_…`` and ``python_…`` of ``prometheus_client``.

    :param version: that of this package, which ``pycom_info`` tells.
    """
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    Info("pycom", "What serves this.", registry=registry).info({"version": version})
    return registry
