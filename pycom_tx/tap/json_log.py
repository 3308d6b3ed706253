"""A log of flat JSON: one object a line."""

from __future__ import annotations

import json
import signal
import sys
import time
from datetime import datetime, timezone
from math import isfinite
from typing import IO, TYPE_CHECKING, Any, Final

from twisted.logger import FileLogObserver, ILogObserver, eventAsText
from twisted.python.logfile import LogFile

from pycom_tx.components.trace import trace_context, trace_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twisted.python.failure import Failure

LOG_FILE: Final = "twistd.log"
"""Where a daemon writes its log, unless it is told otherwise."""

_LONGEST: Final = 1000
"""Characters of a field that is no text: whatever an event may hold has to fit in a line."""

_WIDEST: Final = 2000
"""Bits of a number that stays one: Python refuses to write those of many digits."""

_LEGACY: Final = frozenset(
    ("failure", "format", "isError", "message", "printed", "system", "time", "why")
)
"""What the log lines of old code have as fields, and is said otherwise."""


def json_line(event: dict[Any, Any]) -> str:
    """An event as a line of JSON, whatever it holds."""
    return json.dumps(flat(event)) + "\n"


def flat(event: dict[Any, Any]) -> dict[str, Any]:
    """An event as an object that JSON can hold, and that holds no other.

    ``time`` (ISO 8601, in UTC), ``level``, ``namespace`` and ``message`` come first; then the
    event's own fields, none of which takes the place of these: numbers, strings, booleans and
    null as they are, all else as text. A failure has its class as ``error``, and a
    ``traceback``; an exception that is a field called ``error`` has its class there, too. What
    was logged as part of a trace, or has one as its field ``trace``, has its ``trace_id``.
    """
    level = event.get("log_level")
    legacy = _LEGACY if "isError" in event else ()
    failure = event.get("log_failure")
    if failure is None and legacy:
        failure = event.get("failure")
    fields = {
        "time": _time(event.get("log_time")),
        "level": getattr(level, "name", "info"),
        "namespace": namespace(event),
        "message": _message(event, failure, legacy=bool(legacy)),
    }
    if failure is not None:
        fields.update(_failed(failure))
    if isinstance(event.get("error"), BaseException):
        fields.setdefault("error", type(event["error"]).__name__)
    for name, value in event.items():
        if isinstance(name, str) and not name.startswith("log_") and name not in legacy:
            fields.setdefault(name, _flat(value))
    fields.pop("trace", None)
    trace = trace_id(event.get("trace")) or trace_id(trace_context.get())
    if trace is not None:
        fields.setdefault("trace_id", trace)
    return fields


def namespace(event: dict[Any, Any]) -> str:
    """Who says it; for old code, which has no namespaces, the part of a program that it names."""
    given = _text(event.get("log_namespace", ""))
    if given != "log_legacy":
        return given
    system = _text(event.get("log_system", "-"))
    return "twisted.python.log" if system == "-" else system


def _message(event: dict[Any, Any], failure: Any, *, legacy: bool) -> str:
    """What is said, without the traceback."""
    if failure is not None and legacy:
        # What old code logs as its text ends with the traceback.
        said = _text(event.get("why") or "")
    else:
        # Which never fails: what cannot be formatted says so.
        said = eventAsText(
            event, includeTraceback=False, includeTimestamp=False, includeSystem=False
        )
    return said or (_text(getattr(failure, "value", failure)) if failure is not None else "")


def json_log(file: IO[Any]) -> FileLogObserver:
    """An ``ILogObserver`` that writes lines of JSON to a file."""
    return FileLogObserver(file, json_line)


def twistd_log(options: Mapping[str, Any]) -> ILogObserver:
    """The same, for a command of ``twistd``: it writes where that would.

    :param options: those of ``twistd``.

    :raises ValueError: that is no file.
    """
    path, daemon = options.get("logfile"), not options.get("nodaemon")
    if options.get("syslog"):
        msg = "lines of JSON are written to a file or standard output, not to syslog"
        raise ValueError(msg)
    if path == "-" and daemon:
        msg = "a daemon has no standard output to log to"
        raise ValueError(msg)
    if path == "-" or (not path and not daemon):
        return json_log(sys.stdout)
    file = LogFile.fromFullPath(path or LOG_FILE)
    # As twistd does it.
    if signal.getsignal(signal.SIGUSR1) in (None, signal.SIG_DFL):
        signal.signal(signal.SIGUSR1, lambda *_: _rotate(file))
    return json_log(file)


def _rotate(file: LogFile) -> None:
    reactor: Any
    from twisted.internet import reactor

    reactor.callFromThread(file.rotate)


def _time(seconds: Any) -> str:
    try:
        moment = datetime.fromtimestamp(seconds, timezone.utc)
    except (TypeError, ValueError, OverflowError, OSError):
        moment = datetime.fromtimestamp(time.time(), timezone.utc)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _failed(failure: Failure) -> dict[str, Any]:
    try:
        return {"error": type(failure.value).__name__, "traceback": failure.getTraceback()}
    except Exception:
        return {"error": _text(failure)}


def _flat(value: Any) -> Any:
    """A value as JSON, which is flat."""
    if value is None or type(value) in (bool, str):
        return value
    if type(value) is int and value.bit_length() <= _WIDEST:
        return value
    if isinstance(value, float) and isfinite(value):
        return float(value)
    return _text(value)[:_LONGEST]


def _text(value: Any) -> str:
    try:
        return str(str(value))
    except Exception as error:
        return f"{type(value).__name__} that cannot be shown: {type(error).__name__}"
