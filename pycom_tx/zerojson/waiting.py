"""Messages that wait until their peer takes more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pycom_tx.zerojson.errors import Overloaded

if TYPE_CHECKING:
    from collections.abc import Callable


class Waiting:
    """A queue for each peer, so that a slow one does not hold up the others.

    :param limit: how many messages may wait for one peer.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        # By the identity of each message, so that one is found however many there are.
        self._queues: dict[bytes, dict[int, list[bytes]]] = {}

    def __contains__(self, peer: bytes) -> bool:
        return peer in self._queues

    def __bool__(self) -> bool:
        return bool(self._queues)

    def half_full(self, peer: bytes) -> bool:
        """Whether half of the messages that may wait for a peer do."""
        return len(self._queues.get(peer, ())) * 2 >= self._limit

    def put(self, peer: bytes, frames: list[bytes]) -> None:
        """Let a message wait behind those that do already.

        :raises Overloaded: there are as many as may be.
        """
        queue = self._queues.setdefault(peer, {})
        if len(queue) >= self._limit:
            raise Overloaded(f"{self._limit} messages wait to be sent to the same peer")
        if id(frames) in queue:
            frames = list(frames)
        queue[id(frames)] = frames

    def withdraw(self, peer: bytes, frames: list[bytes]) -> bool:
        """Forget a message, the very list that was put; whether it was there."""
        queue = self._queues.get(peer)
        if queue is None or queue.pop(id(frames), None) is None:
            return False
        if not queue:
            del self._queues[peer]
        return True

    def flush(self, sent: Callable[[list[bytes]], bool]) -> None:
        """Send what can be sent.

        :param sent: sends a message, or says that its peer takes no more.
        """
        for peer, queue in list(self._queues.items()):
            while queue and sent(queue[next(iter(queue))]):
                del queue[next(iter(queue))]
            if not queue:
                del self._queues[peer]

    def take_all(self) -> list[list[bytes]]:
        """Every message; none waits any longer."""
        queues, self._queues = self._queues, {}
        return [frames for queue in queues.values() for frames in queue.values()]
