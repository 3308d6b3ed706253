"""Who sees the calls of a component."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pycom_tx.tracing.tracer import client_spans

if TYPE_CHECKING:
    from pycom_tx.client.context import Context
    from pycom_tx.components.observing import ICallObserver


def observers_of(context: Context) -> tuple[ICallObserver, ...]:
    """Who sees the calls of a component that is opened now: the innermost first."""
    spans = client_spans(context.tracer_provider, context.answered)
    return (*context.observers,) if spans is None else (spans, *context.observers)
