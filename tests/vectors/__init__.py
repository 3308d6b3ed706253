"""Exchanges that were recorded with PyCOM 0.6.0, and how replies are compared with them.

``exchanges.jsonl`` holds an exchange a line: its ``name``, the server that it is ``to``, and
``steps``, each a request and the reply it got, as lists of frames. The two fixtures are the
services that they were made with.
"""

import base64
import json
from pathlib import Path

FOLDER = Path(__file__).parent

MAY_HOLD_MORE = ("introspect", "nameserver: stat")
"""How the names of exchanges begin whose replies may hold more than was recorded."""


def exchanges():
    """Every recorded exchange, in order."""
    lines = (FOLDER / "exchanges.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def frames(recorded, session):
    """The frames as bytes, with the session's id in its place."""
    return [
        base64.b64decode(frame["base64"])
        if "base64" in frame
        else frame["text"].replace("$SESSION", session).encode("utf-8")
        for frame in recorded
    ]


def differences(exchange, step, reply, session):
    """What is wrong with *reply*: a list of texts, empty where it is as recorded."""
    status, body, *attachment = frames(exchange["steps"][step]["reply"], session)
    if [status, *attachment] != [reply[0], *reply[2:]]:
        return [f"status or attachment: {reply}"]
    wanted, got = json.loads(body), json.loads(reply[1])
    if "note" in exchange:
        wanted["error"] = got["error"] if isinstance(got["error"], str) else "some text"
    if exchange["name"].startswith(MAY_HOLD_MORE):
        return list(_missing(wanted, got, ""))
    return [] if _plain(wanted) == _plain(got) else [f"{got} instead of {wanted}"]


def _plain(value):
    """*value* without what is free: the order of interfaces and of listed services."""
    if isinstance(value, dict):
        plain = {key: _plain(item) for key, item in value.items() if (key, item) != ("error", None)}
        if "interfaces" in plain:
            plain["interfaces"] = sorted(plain["interfaces"])
        return plain
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return sorted(map(_plain, value), key=repr)
    return value


def _missing(wanted, got, path):
    """Where *got* lacks something of *wanted*; it may hold more."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        for key, value in wanted.items():
            yield from _missing(value, got.get(key), f"{path}/{key}")
    elif wanted != got:
        yield f"{path}: {got!r} instead of {wanted!r}"
