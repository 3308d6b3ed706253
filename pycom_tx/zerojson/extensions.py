"""What peers may say to each other beside calls, and how each learns what the other knows.

The first request of a connection carries :data:`HELLO`, and its reply tells what the service
knows. Peers of PyCOM 0.6 ignore extensions, and are sent nothing that would need an answer.
"""

from __future__ import annotations

from typing import Any, Final

AUTH: Final = "org.pycom.auth"
"""In a request: its client's token, a string."""

PROGRESS: Final = "org.pycom.progress"
"""In a request whose client listens to reports of progress: true."""

HELLO: Final = "org.pycom.hello"
"""In a connection's first request and its reply: an object, with the names of ``features``."""

DEADLINE: Final = "org.pycom.deadline"
"""In a request: the milliseconds that are left for it."""

TRACE: Final = "org.pycom.trace"
"""In a request: the W3C trace context that it is part of, an object with ``traceparent`` and
maybe ``tracestate``."""

LOAD: Final = "org.pycom.load"
"""In a reply: how many calls the service has in progress."""

REFUSED: Final = "org.pycom.refused"
"""In a reply to a call that was not started: an object with ``reason``, "stopping" or
"overloaded", and ``retry_after``, the seconds after which trying again makes sense."""

FEATURES: Final = ("cancel", "deadline", "heartbeat", "load", "progress", "refused")
"""What this package knows."""

SILENCE: Final = 1.5
"""Seconds after which a peer that answers no heartbeats counts as lost."""

SILENT: Final = "no heartbeat was answered for"
"""What is said then, for a reader, with the seconds behind it."""


def hello(**more: Any) -> dict[str, Any]:
    """What one peer tells the other about itself."""
    return {"features": list(FEATURES), **more}


def features(told: Any) -> frozenset[str]:
    """The features of a peer, of what it told; none of what makes no sense."""
    names = told.get("features") if isinstance(told, dict) else None
    if not isinstance(names, list):
        return frozenset()
    return frozenset(name for name in names if isinstance(name, str))
