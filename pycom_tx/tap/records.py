"""Log events on their way from a process to its supervisor: each is a line of JSON."""

from __future__ import annotations

import json
import sys
from typing import Any, Final, NamedTuple

from twisted.logger import FileLogObserver, InvalidLogLevelError, LogLevel, eventAsText

MARK: Final = "\x1e"
"""What begins such a line, as in RFC 7464: lines without it are no records."""

LONGEST: Final = 50_000
"""Characters of an event; what is more is left out."""


class Record(NamedTuple):
    """What is told of a log event.

    :ivar level: how grave it is, of :class:`twisted.logger.LogLevel`.
    :ivar namespace: who says it.
    :ivar text: what is said, with the traceback.
    """

    level: Any
    namespace: str
    text: str


def to_supervisor() -> FileLogObserver:
    """What ``twistd --logger`` takes: it writes each event to standard output as a record."""
    return FileLogObserver(sys.stdout, written)


def written(event: dict[str, Any]) -> str:
    """The line of a log event; empty for one that says nothing."""
    text = eventAsText(event, includeTimestamp=False, includeSystem=False)
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}… ({len(text) - LONGEST} more characters)"
    level = event.get("log_level") or LogLevel.info
    told = [level.name, event.get("log_namespace", "-"), text]
    return f"{MARK}{json.dumps(told)}\n" if text else ""


def read(line: str) -> Record | None:
    """What a line tells; None if it is no record."""
    if not line.startswith(MARK):
        return None
    try:
        level, namespace, text = json.loads(line[len(MARK) :])
        return Record(LogLevel.levelWithName(level), str(namespace), str(text))
    except (ValueError, TypeError, RecursionError, InvalidLogLevelError):
        return None
