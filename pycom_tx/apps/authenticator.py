"""The stock authenticator: ``twistd pycom-service … pycom_tx.apps.authenticator``.

It reads its users from the JSON file that the environment variable ``PYCOM_TX_USERS`` names,
``users.json`` in the current folder without it. :mod:`pycom_tx.apps.users` changes that file.
"""

from __future__ import annotations

import os
from pathlib import Path
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any, Final

from twisted.application import service as application
from twisted.internet.defer import DeferredSemaphore
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from pycom_tx.apps.users import Users, verified
from pycom_tx.client.authenticator import AUTHENTICATOR
from pycom_tx.components.declare import Service, interface, method
from pycom_tx.zerojson.errors import AccessDenied, RemoteError
from pycom_tx.zerojson.leases import Leases

if TYPE_CHECKING:
    from pycom_tx.zerojson.request import Request

LIFETIME: Final = 12 * 3600.0
"""Seconds that a token is valid."""

AT_ONCE: Final = 3
"""Passwords that are checked at once: each takes a thread of the pool, and 32 MiB."""

WAITING: Final = 30
"""Log-ins that wait for their turn."""

LIMIT: Final = 100_000
"""Tokens that are valid at once."""


@interface(AUTHENTICATOR, authentication="never")
class Authenticator(Service, application.Service):
    """Gives tokens to users, and tells whose they are.

    :param path: the file of users; what ``PYCOM_TX_USERS`` names, if left out.
    :param lifetime: seconds that a token is valid.
    :param reactor: what it runs in; the installed one, if left out.
    """

    _log = Logger()

    def __init__(
        self, path: str | Path | None = None, *, lifetime: float = LIFETIME, reactor: Any = None
    ) -> None:
        if reactor is None:
            from twisted.internet import reactor
        self._reactor = reactor
        self._users = Users(path or os.environ.get("PYCOM_TX_USERS", "users.json"))
        self._turns = DeferredSemaphore(AT_ONCE)
        self._given: Leases[str, tuple[str, str]] = Leases(reactor, lifetime)

    def startService(self) -> None:
        self._users.load()
        super().startService()

    def stopService(self) -> None:
        super().stopService()
        self._given.clear()

    @method(results=("token",))
    async def authenticate(self, request: Request, user: str, credentials: str) -> str:
        """Trade a user's name and password for a token."""
        pool = self._reactor.getThreadPool()
        if len(self._turns.waiting) >= WAITING:
            raise RemoteError("Too many log in at once, try again later")
        known = await self._turns.run(
            deferToThreadPool, self._reactor, pool, verified, self._users.get(user), credentials
        )
        if known is None:
            self._log.warn("Wrong password, or no such user: {user!r:.60}", user=user)
            raise AccessDenied("Wrong user or password")
        if len(self._given) >= LIMIT:
            raise RemoteError(f"All {LIMIT} tokens are in use, try again later")
        token = token_urlsafe(32)
        self._given.put(token, (user, known.scrypt.salt))
        return token

    @method(results=("name", "roles"))
    def validate(self, request: Request, token: str) -> tuple[str, list[str]]:
        """Tell whose token it is, and which roles that user has now."""
        name, salt = self._given.get(token) or ("", "")
        user = self._users.get(name)
        # A user who was given another password has another salt: that voids the tokens.
        if user is None or user.scrypt.salt != salt:
            raise AccessDenied("The token is unknown or has expired")
        return name, user.roles
