"""The trace that a call is part of, as the W3C's Trace Context has it.

Nothing here makes traces: what came with a call is passed on to the calls that it makes.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from typing import Any, Final

trace_context: Final[ContextVar[dict[str, str] | None]] = ContextVar("trace", default=None)
"""A dict with ``traceparent`` and maybe ``tracestate``, or None outside of a trace. What a
program calls while it is set is part of that trace. It is set while a method runs whose call
is part of one."""

_PARENT: Final = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<parent>[0-9a-f]{16})-[0-9a-f]{2}"
)
_LENGTH: Final = 55
"""Characters of a ``traceparent`` of version 00. Later ones may have more behind a hyphen."""

_MAX_STATE: Final = 512
"""Characters of a ``tracestate`` that everybody has to pass on."""

_MAX_MEMBERS: Final = 32
"""Members that a ``tracestate`` may have."""

_KEY: Final = r"(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})"
_MEMBER: Final = re.compile(rf"[ \t]*{_KEY}=[ -+\--<>-~]{{0,255}}[!-+\--<>-~][ \t]*|[ \t]*")


def trace_in(carried: Any) -> dict[str, str] | None:
    """The trace in what came as ``org.pycom.trace``.

    :returns: what to pass on: a dict with ``traceparent``, and with ``tracestate`` unless
        that is missing or malformed; None where the parent is no
        `trace context <https://www.w3.org/TR/trace-context/>`_ at all. Versions to come are
        passed on as the one that is known.
    """
    parent = carried.get("traceparent") if isinstance(carried, dict) else None
    if not isinstance(parent, str):
        return None
    read = _PARENT.match(parent)
    if read is None or not _known(parent, read["version"]):
        return None
    if not read["trace"].strip("0") or not read["parent"].strip("0"):
        return None
    trace = {"traceparent": f"00{parent[2:_LENGTH]}"}
    state = carried.get("tracestate")
    if isinstance(state, str) and _is_state(state):
        trace["tracestate"] = state
    return trace


def trace_id(carried: Any) -> str | None:
    """What names the trace in what came as ``org.pycom.trace``: 32 hexadecimal digits."""
    trace = trace_in(carried)
    return None if trace is None else trace["traceparent"].split("-")[1]


def _known(parent: str, version: str) -> bool:
    """Whether a ``traceparent`` ends where one of its version does."""
    if version == "ff":
        return False
    return len(parent) == _LENGTH or (version != "00" and parent[_LENGTH] == "-")


def _is_state(state: str) -> bool:
    members = state.split(",")
    return (
        len(state) <= _MAX_STATE
        and len(members) <= _MAX_MEMBERS
        and all(map(_MEMBER.fullmatch, members))
    )
