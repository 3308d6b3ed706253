"""A call in flight, and what a reply to it means."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from pycom_tx.zerojson.errors import (
    InvalidReply,
    Overloaded,
    Refused,
    ServiceNotAvailable,
    remote_error,
)
from pycom_tx.zerojson.extensions import REFUSED
from pycom_tx.zerojson.messages import FAIL

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycom_tx.zerojson.client import Client
    from pycom_tx.zerojson.request import Request, Response


class CallInFlight:
    """A call in flight.

    .. attribute:: ends

        When its time is over.

    .. attribute:: greets

        Whether its request asks the service what that knows.
    """

    __slots__ = (
        "client",
        "deferred",
        "ends",
        "frames",
        "greets",
        "key",
        "on_progress",
        "request",
        "timeout",
    )

    def __init__(
        self,
        client: Client,
        request: Request,
        frames: list[bytes],
        timeout: float,
        on_progress: Callable[[Any], object] | None,
    ) -> None:
        self.client = client
        self.key = frames[0]
        self.request = request
        self.frames = frames
        self.timeout = timeout
        self.on_progress = on_progress
        self.greets = False
        self.ends = inf
        self.deferred: Deferred[Response] = Deferred(self.cancelled)

    def cancelled(self, _: Deferred[Response]) -> None:
        self.client.forget(self)

    def __str__(self) -> str:
        return f"{self.request.interface}.{self.request.method}"


def failure_of(response: Response) -> Exception:
    """What a call fails with whose reply has a code."""
    refused = response.extensions.get(REFUSED)
    if isinstance(refused, dict):
        kind = Refused if refused.get("reason") == "stopping" else Overloaded
        after = refused.get("retry_after")
        return kind(response.error or "", after if isinstance(after, (int, float)) else 0.0)
    return remote_error(response.code, response.error, response.session_id)


def not_ok(address: str, call: CallInFlight, frames: list[bytes]) -> ServiceNotAvailable:
    """What a call fails with whose reply has another status than OK."""
    if frames[1:3] == [b"", FAIL]:
        detail = bytes(frames[3][:200]).decode("utf-8", "replace") if len(frames) > 3 else ""
        return ServiceNotAvailable(f"{call} at {address} is failing: {detail}")
    return InvalidReply(f"{address} sent no reply but {frames[1:3]!r:.100}")
