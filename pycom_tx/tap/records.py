"""Log events on their way from a process to its supervisor: each is a line of JSON."""

from __future__ import annotations

import json
import sys
from typing import Any, Final, NamedTuple

from twisted.logger import FileLogObserver, InvalidLogLevelError, LogLevel, eventAsText

from pycom_tx.tap.json_log import flat, namespace

MARK: Final = "\x1e"
"""What begins such a line, as in RFC 7464: lines without it are no records."""

LONGEST: Final = 50_000
"""Characters of an event, or of one of its fields; what is more is left out."""

_SAID: Final = ("time", "level", "namespace", "message")
"""What is no field here: it is told by itself."""


class Record(NamedTuple):
    """What is told of a log event.

    :ivar level: how grave it is, of :class:`twisted.logger.LogLevel`.
    :ivar namespace: who says it.
    :ivar text: what is said, with the traceback.
    :ivar fields: what else the event has, as :func:`~pycom_tx.tap.json_log.flat` has it.
    """

    level: Any
    namespace: str
    text: str
    fields: dict[str, Any]


def to_supervisor() -> FileLogObserver:
    """What ``twistd --logger`` takes: it writes each event to standard output as a record."""
    return FileLogObserver(sys.stdout, written)


def written(event: dict[str, Any]) -> str:
    """The line of a log event; empty for one that says nothing."""
    text = eventAsText(event, includeTimestamp=False, includeSystem=False)
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}… ({len(text) - LONGEST} more characters)"
    level = event.get("log_level") or LogLevel.info
    fields = {
        name: value
        for name, value in flat(event).items()
        if name not in _SAID and not (isinstance(value, str) and len(value) > LONGEST)
    }
    told = [level.name, namespace(event) or "-", text, fields]
    return f"{MARK}{json.dumps(told)}\n" if text else ""


def read(line: str) -> Record | None:
    """What a line tells; None if it is no record."""
    if not line.startswith(MARK):
        return None
    try:
        level, namespace, text, fields = json.loads(line[len(MARK) :])
        return Record(LogLevel.levelWithName(level), str(namespace), str(text), dict(fields))
    except (ValueError, TypeError, RecursionError, InvalidLogLevelError):
        return None
