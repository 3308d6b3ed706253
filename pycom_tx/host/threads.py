"""Where methods that block run."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.defer import Deferred
    from twisted.python.failure import Failure

MAX_THREADS: Final = 10
"""Methods that block at once; what is more waits for its turn."""


class _Pool(ThreadPool):
    """A pool that can leave behind threads which do not come to an end."""

    class threadFactory(threading.Thread):  # noqa: N801 # Twisted's name
        """One that does not keep the process from leaving."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs, daemon=True)

    def __init__(self, limit: int, name: str) -> None:
        super().__init__(0, limit, name)
        self.busy: set[threading.Thread] = set()

    def call(self, function: Callable[..., Any], given_up: threading.Event, *args: Any) -> Any:
        thread = threading.current_thread()
        self.busy.add(thread)
        try:
            # Threads may be busy for longer than somebody waits for one.
            return None if given_up.is_set() else function(*args)
        finally:
            self.busy.discard(thread)

    def leave(self) -> int:
        """Stop, without those that are busy; gives how many these are."""
        busy = self.busy.copy()
        self.threads = [thread for thread in self.threads if thread not in busy]
        self.stop()
        return len(busy)


class Threads:
    """A pool of threads for the methods of a host that block.

    It is a host's own: what blocks for ever holds up neither the reactor's pool, where
    names are looked up, nor the end of the process.

    :param reactor: what gets the results.
    :param name: what its threads are called.
    :param limit: how many run at once.

    .. attribute:: limit

        As above.
    """

    def __init__(self, reactor: Any, name: str, *, limit: int = MAX_THREADS) -> None:
        self._reactor = reactor
        self._name = name
        self.limit = limit
        self._pool: _Pool | None = None

    @property
    def busy(self) -> int:
        """How many functions run."""
        return 0 if self._pool is None else len(self._pool.busy)

    def run(self, function: Callable[..., Any], *args: Any) -> Deferred[Any]:
        """Call a function in a thread.

        :returns: Deferred firing with its result. One that is cancelled before there was a
            thread for it is not called.
        """
        if self._pool is None:
            self._pool = _Pool(self.limit, self._name)
            self._pool.start()
        given_up = threading.Event()

        def failed(failure: Failure) -> Failure:
            given_up.set()
            return failure

        pool = self._pool
        call = deferToThreadPool(self._reactor, pool, pool.call, function, given_up, *args)
        return call.addErrback(failed)

    def close(self) -> int:
        """Let the threads end; those that block go on by themselves.

        :returns: how many these are.
        """
        pool, self._pool = self._pool, None
        return 0 if pool is None else pool.leave()
