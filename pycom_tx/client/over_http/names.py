"""What clients and gateways call things in HTTP."""

from __future__ import annotations

from typing import Final

SESSION: Final = "PyCOM-Session"
TIMEOUT: Final = "PyCOM-Timeout"
ARGS: Final = "PyCOM-Args"
RESULT: Final = "PyCOM-Result"
SERVICE: Final = "PyCOM-Service"

JSON: Final = "application/json"
BYTES: Final = "application/octet-stream"
FORM: Final = "multipart/form-data"
PROBLEM: Final = "application/problem+json"
