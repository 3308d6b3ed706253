"""The calls of a server: those in progress, and those that wait for their turn."""

from __future__ import annotations

from collections import OrderedDict
from contextvars import copy_context
from math import inf
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.defer import Deferred

    from pycom_tx.zerojson.interfaces import IChannel
    from pycom_tx.zerojson.request import Request, Response

    _Turn = Literal["now", "later", "never"]

NOW: Final = "now"
LATER: Final = "later"
NEVER: Final = "never"


class Call(msgspec.Struct, eq=False):
    """A request on its way to its reply.

    :param channel: where it came from.
    :param envelope: the frames before its message: its client's name, first, and whatever
        the client put there.

    .. attribute:: request

        The request, or None while it is not known.

    .. attribute:: answer

        The Deferred of its answer, once it was started.

    .. attribute:: cancelled

        Whether its client wants no reply any more.

    .. attribute:: ends

        When its time is over, once it was started.

    .. attribute:: told

        What begins the extensions of its reply, as JSON; None where its client may be one
        of PyCOM 0.6, which is told nothing new.
    """

    channel: IChannel
    envelope: list[bytes]
    request: Request | None = None
    answer: Deferred[Response] | None = None
    cancelled: bool = False
    ends: float = inf
    told: bytes | None = None
    # What the calls that are held are found by, and the context of those that wait.
    client: Any = None
    key: Any = None
    context: Any = None


class Calls:
    """Calls in progress and in a queue, no more of either than there may be.

    The queue is fair: where several clients wait, each has its turn.

    :param start: called with each call that has waited, when its turn has come, in the
        context that it arrived in.
    :param max_calls: how many may be in progress.
    :param max_waiting: how many may wait.
    :param max_per_client: how many of one client may be either.

    .. attribute:: in_progress
    .. attribute:: waiting

        How many there are.
    """

    def __init__(
        self,
        start: Callable[[Call], object],
        *,
        max_calls: float,
        max_waiting: float,
        max_per_client: float,
    ) -> None:
        self._start = start
        self._max_calls = max_calls
        self._max_waiting = max_waiting
        self._max_per_client = max_per_client
        # Both by client, and then by the envelope, which CANCEL has as well.
        self._held: dict[tuple[IChannel, bytes], dict[Any, Call]] = {}
        self._queues: OrderedDict[tuple[IChannel, bytes], OrderedDict[Any, Call]] = OrderedDict()
        self._starting = False
        self.in_progress = 0
        self.waiting = 0

    def __len__(self) -> int:
        return self.in_progress + self.waiting

    def turn(self, call: Call) -> _Turn:
        """When a call that has arrived may start: NOW, LATER or NEVER."""
        if self.in_progress + self.waiting >= self._max_per_client:
            # Only now can one client have so many.
            held = self._held.get((call.channel, call.envelope[0]), ())
            if len(held) >= self._max_per_client:
                return NEVER
        if self.in_progress < self._max_calls:
            return NOW
        return LATER if self.waiting < self._max_waiting else NEVER

    def wait(self, call: Call) -> None:
        """Put a call into the queue."""
        self._hold(call)
        call.context = copy_context()
        self._queues.setdefault(call.client, OrderedDict())[call.key] = call
        self.waiting += 1

    def started(self, call: Call) -> None:
        """A call is in progress."""
        self._hold(call)
        self.in_progress += 1

    def ended(self, call: Call) -> None:
        """A call is not in progress any more."""
        self._release(call)
        self.in_progress -= 1

    def leave(self, call: Call) -> None:
        """Take a call out of the queue."""
        queue = self._queues[call.client]
        del queue[call.key]
        if not queue:
            del self._queues[call.client]
        self._release(call)
        self.waiting -= 1

    def find(self, channel: IChannel, envelope: list[bytes]) -> Call | None:
        """The call that came with these frames, in progress or waiting."""
        held = self._held.get((channel, envelope[0]))
        return None if held is None else held.get(tuple(envelope))

    def next(self) -> None:
        """Start as many of those that wait as may be."""
        if self._starting:
            return  # whoever is at it goes on
        self._starting = True
        try:
            while self._queues and self.in_progress < self._max_calls:
                client, queue = next(iter(self._queues.items()))
                call = next(iter(queue.values()))
                self._queues.move_to_end(client)
                self.leave(call)
                call.context.run(self._start, call)
        finally:
            self._starting = False

    def all_waiting(self) -> list[Call]:
        """Those that wait, in no order."""
        return [call for queue in self._queues.values() for call in queue.values()]

    def all_in_progress(self) -> list[Call]:
        """Those in progress, in no order."""
        held = [call for calls in self._held.values() for call in calls.values()]
        return [call for call in held if call.answer is not None]

    def _hold(self, call: Call) -> None:
        client = call.client = (call.channel, call.envelope[0])
        held = self._held.get(client)
        if held is None:
            held = self._held[client] = {}
        key: Any = tuple(call.envelope)
        if key in held:
            key = call  # a client that gives two calls one name can cancel the first only
        held[key] = call
        call.key = key

    def _release(self, call: Call) -> None:
        held = self._held[call.client]
        del held[call.key]
        if not held:
            del self._held[call.client]
