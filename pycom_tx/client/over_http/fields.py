"""What clients and gateways say to each other in the headers of HTTP."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import quote

from pycom_tx.zerojson import codec

SESSION: Final = "PyCOM-Session"
SERVICE: Final = "PyCOM-Service"
TIMEOUT: Final = "PyCOM-Timeout"
ARGS: Final = "PyCOM-Args"
RESULT: Final = "PyCOM-Result"
EXTENSIONS: Final = "PyCOM-Extensions"

JSON: Final = "application/json"
BYTES: Final = "application/octet-stream"
FORM: Final = "multipart/form-data"
PROBLEM: Final = "application/problem+json"

STOPPING: Final = "stopping"
"""The reason of a 503: whoever is asked is about to stop, rather than out of reach."""

INVALID: Final = "invalid"
"""The reason of a 502: what a service answered is no reply, rather than lost."""

STARTED: Final = {True: "it was not started", False: "it may have been executed"}
"""How the text of a problem ends where there was no answer, by its ``not_started``."""

LONGEST: Final = 4096
"""Bytes of JSON that a header has at most."""

OWN: Final = "org.pycom."
"""How the names of interfaces and extensions begin that are none of the services' own."""


def quoted(name: str, safe: str = "") -> str:
    """A name as a URL holds it, or a header."""
    return quote(name, safe=safe, errors="surrogatepass")


def field(value: Any, encoded: bytes | None = None) -> str | None:
    """JSON as a header holds it, in ASCII; None where it is too long for that.

    :param encoded: what *value* is, where that is known already.

    :raises NotSerializable: it is nothing that standard JSON can hold.
    """
    if encoded is None:
        encoded = codec.encode_strictly(value)
    if len(encoded) > LONGEST:
        return None
    text = encoded.decode("utf-8")
    if not text.isascii():
        text = json.dumps(value, separators=(",", ":"))
    return text if len(text) <= LONGEST else None


def others(extensions: dict[str, Any]) -> dict[str, Any]:
    """The extensions that have no header of their own: those of services and their clients."""
    return {name: value for name, value in extensions.items() if not name.startswith(OWN)}
