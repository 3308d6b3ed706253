"""What is measured of a nameserver.

Imported only where somebody wants to know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

if TYPE_CHECKING:
    from prometheus_client import Metric

_STATE: Final = ("services", "interfaces")


def nameserver_figures(counts: Mapping[str, int], watches: int) -> list[Metric]:
    """The metrics of a nameserver.

    :param counts: what its registry counts.
    :param watches: how many calls wait for a change.
    """
    events = CounterMetricFamily(
        "pycom_registrations", "Registrations, by what became of them.", labels=["event"]
    )
    for event, number in counts.items():
        if event not in _STATE:
            events.add_metric([event], number)
    return [
        GaugeMetricFamily(
            "pycom_registered_services", "Services that are registered.", counts["services"]
        ),
        GaugeMetricFamily(
            "pycom_registered_interfaces", "Interfaces that they provide.", counts["interfaces"]
        ),
        events,
        GaugeMetricFamily("pycom_watches", "Calls that wait for a change.", watches),
    ]
