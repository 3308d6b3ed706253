"""Calls as spans of OpenTelemetry, and the trace context that goes with them.

:data:`trace_context` is there without OpenTelemetry, too: what a service got with a call goes
along with the calls that it makes.
"""

from pycom_tx.components.trace import trace_context
from pycom_tx.tracing.tracer import client_spans, served

__all__ = ("client_spans", "served", "trace_context")
