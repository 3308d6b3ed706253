"""Metrics for Prometheus, of hosts and of clients.

Each of these is handed the ``CollectorRegistry`` that it belongs to; there is no global one,
so several hosts of one process keep apart.
"""

from pycom_tx.metrics.client import ClientCalls
from pycom_tx.metrics.instruments import Instruments
from pycom_tx.metrics.lag import ReactorLag
from pycom_tx.metrics.resource import MetricsResource
from pycom_tx.metrics.server import MetricsServer

__all__ = ("ClientCalls", "Instruments", "MetricsResource", "MetricsServer", "ReactorLag")
