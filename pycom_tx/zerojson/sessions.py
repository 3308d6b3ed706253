"""What a stateful interface remembers of each of its clients."""

from __future__ import annotations

from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final

from pycom_tx.zerojson.errors import RemoteError, SessionExpired
from pycom_tx.zerojson.leases import Leases

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

LIFETIME: Final = 3600.0
"""Seconds that a session lives without a call, as in PyCOM 0.6."""

LIMIT: Final = 100_000
"""Sessions that a store holds at once: opening one needs no more than a request."""


class Session(dict[str, Any]):
    """A dict that outlives the call: whatever a stateful interface keeps for one client.

    Its values stay in the process and need not be JSON.

    .. attribute:: session_id

        What the client sends to be recognised: 128 random bits in hexadecimal.
    """

    __slots__ = ("_store", "owner", "session_id")

    def __init__(self, session_id: str, store: SessionStore, owner: object) -> None:
        super().__init__()
        self.session_id = session_id
        self.owner = owner
        self._store = store

    def discard(self) -> None:
        """End the session and forget what is in it: its id is expired from now on."""
        self._store.drop(self.session_id)
        self.clear()


class SessionStore:
    """The open sessions of a host.

    :param clock: what tells the time.
    :param lifetime: seconds that a session lives after the last call that used it.
    :param limit: how many may be open at once.
    """

    def __init__(
        self, clock: IReactorTime, *, lifetime: float = LIFETIME, limit: int = LIMIT
    ) -> None:
        self._leases: Leases[str, Session] = Leases(clock, lifetime)
        self._limit = limit

    def open(self, owner: object = None) -> Session:
        """A new, empty session.

        :param owner: whose it is: anything that can be compared.

        :raises RemoteError: as many as may be are open.
        """
        if len(self._leases) >= self._limit:
            raise RemoteError(f"All {self._limit} sessions are in use, try again later")
        session = Session(token_hex(16), self, owner)
        self._leases.put(session.session_id, session)
        return session

    def use(self, session_id: str, owner: object = None) -> Session:
        """The session with that id, which lives on from now.

        :raises SessionExpired: its owner has none.
        """
        known = self._leases.get(session_id)
        if known is None or known.owner != owner:
            raise SessionExpired(f"Session '{session_id}' has expired")
        return self._leases.renew(session_id)

    def drop(self, session_id: str) -> None:
        """End a session; one that is not there is no error."""
        self._leases.pop(session_id)

    def close(self) -> None:
        """End all sessions."""
        self._leases.clear()

    def __len__(self) -> int:
        return len(self._leases)
