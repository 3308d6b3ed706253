"""Messages that wait until their peer takes more."""

from __future__ import annotations

from collections import OrderedDict
from math import inf
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred, succeed

from pycom_tx.zerojson.errors import Overloaded

if TYPE_CHECKING:
    from collections.abc import Callable


QUEUE_LIMIT: Final = 10_000
"""Messages that wait for one peer once its connection takes no more."""

QUEUE_BYTES: Final = 512 * 1024 * 1024
"""Bytes of replies that do. (Requests may have any size: who makes them has them anyway.)"""


SMALL: Final = 1024
"""Bytes of a message that may wait where there is no room for others: it may say just that."""


class _Queue:
    """What waits for one peer."""

    __slots__ = ("messages", "size")

    def __init__(self) -> None:
        # By the identity of each message, so that one is found however many there are.
        self.messages: OrderedDict[int, list[bytes]] = OrderedDict()
        self.size = 0

    def take(self, identity: int) -> list[bytes] | None:
        frames = self.messages.pop(identity, None)
        if frames is not None:
            self.size -= sum(map(len, frames))
        return frames


class Waiting:
    """A queue for each peer, so that a slow one does not hold up the others.

    :param limit: how many messages may wait for one peer.
    :param max_bytes: how many bytes they may have. A message that waits alone may have more, and
        small ones wait all the same: it is enough that their number is limited.

    .. attribute:: queues

        Those for whom messages wait, by their names.
    """

    def __init__(self, limit: int, max_bytes: float = inf) -> None:
        self._limit = limit
        self._max_bytes = max_bytes
        self.queues: dict[bytes, _Queue] = {}
        self._emptied: list[Deferred[None]] = []

    def __len__(self) -> int:
        return sum(len(queue.messages) for queue in self.queues.values())

    def half_full(self, peer: bytes) -> bool:
        """Whether half of what may wait for a peer does."""
        queue = self.queues.get(peer)
        return queue is not None and (
            len(queue.messages) * 2 >= self._limit or queue.size * 2 >= self._max_bytes
        )

    def put(self, peer: bytes, frames: list[bytes]) -> None:
        """Let a message wait behind those that do already.

        :raises Overloaded: there are as many as may be.
        """
        queue = self.queues.get(peer)
        if queue is None:
            queue = self.queues[peer] = _Queue()
        if len(queue.messages) >= self._limit:
            raise Overloaded(f"{self._limit} messages wait to be sent to the same peer")
        size = sum(map(len, frames))
        if queue.messages and size > SMALL and queue.size + size > self._max_bytes:
            raise Overloaded(f"{queue.size} bytes wait to be sent to the same peer")
        if id(frames) in queue.messages:
            frames = list(frames)
        queue.messages[id(frames)] = frames
        queue.size += size

    def withdraw(self, peer: bytes, frames: list[bytes]) -> bool:
        """Forget a message, the very list that was put; whether it was there."""
        queue = self.queues.get(peer)
        if queue is None or queue.take(id(frames)) is None:
            return False
        self._drop_empty(peer, queue)
        return True

    def flush(self, sent: Callable[[list[bytes]], bool]) -> None:
        """Send what can be sent.

        :param sent: sends a message, or says that its peer takes no more.
        """
        for peer, queue in list(self.queues.items()):
            messages = queue.messages
            while messages and sent(messages[next(iter(messages))]):
                queue.take(next(iter(messages)))
            self._drop_empty(peer, queue)

    def take_all(self) -> list[list[bytes]]:
        """Every message; none waits any longer."""
        queues, self.queues = self.queues, {}
        self._tell_emptied()
        return [frames for queue in queues.values() for frames in queue.messages.values()]

    def emptied(self) -> Deferred[None]:
        """Wait until nothing waits here.

        :returns: Deferred firing then.
        """
        if not self.queues:
            return succeed(None)
        emptied: Deferred[None] = Deferred(self._emptied.remove)
        self._emptied.append(emptied)
        return emptied

    def _drop_empty(self, peer: bytes, queue: _Queue) -> None:
        if not queue.messages:
            del self.queues[peer]
            self._tell_emptied()

    def _tell_emptied(self) -> None:
        if not self.queues:
            emptied, self._emptied = self._emptied, []
            for deferred in emptied:
                deferred.callback(None)
