"""Whose a token is, by the authenticator's word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from pycom_tx.client.authenticator import validate
from pycom_tx.zerojson import codec
from pycom_tx.zerojson.errors import AccessDenied, Error, ServiceNotAvailable
from pycom_tx.zerojson.leases import Leases

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from pycom_tx.client.component import Component
    from pycom_tx.client.context import Context

_User = dict[str, Any]

REMEMBERED: Final = 5.0
"""Seconds that a valid token counts as valid before the authenticator is asked again."""

LIMIT: Final = 10_000
"""Tokens that are remembered at once."""

REMINDER: Final = 30.0
"""Seconds between two log lines that say that nobody validates tokens."""


class Tokens:
    """Validates tokens, and remembers the valid ones for a while.

    What is not valid is asked for anew each time, and so is everything while there is no
    authenticator.

    :param context: what finds the authenticator.
    :param clock: what tells the time.
    :param remembered: seconds; 0 to ask for each call.
    """

    _log = Logger()

    def __init__(self, context: Context, clock: IReactorTime, remembered: float) -> None:
        self._context = context
        self._clock = clock
        # As JSON: what a method does to its user, no other call may see.
        self._known: Leases[str, bytes] | None = Leases(clock, remembered) if remembered else None
        self._asking: dict[str, Deferred[None]] = {}
        self._waiting: dict[str, list[Deferred[_User]]] = {}
        self._authenticator: Component | None = None
        self._silent_until = 0.0

    def validate(self, token: str) -> _User | Deferred[_User]:
        """Whose token it is: what the authenticator answers, at once where it is known.

        :raises AccessDenied: nobody's, or there is nobody to tell. (As a failure.)
        """
        if self._known is None:
            return Deferred.fromCoroutine(self._ask(token)).addCallback(codec.decode)
        known = self._known.get(token)
        if known is not None:
            user: _User = codec.decode(known)
            return user
        waiting = self._waiting.setdefault(token, [])
        mine: Deferred[_User] = Deferred(waiting.remove)
        waiting.append(mine)
        if token not in self._asking:
            asking = self._asking[token] = Deferred.fromCoroutine(self._ask_for_all(token))
            asking.addErrback(lambda failure: failure.trap(CancelledError))
        return mine

    def close(self) -> None:
        """Forget all tokens and let go of the authenticator."""
        for asking in list(self._asking.values()):
            asking.cancel()
        if self._known is not None:
            self._known.clear()
        self._release()

    async def _ask_for_all(self, token: str) -> None:
        """Ask once for all calls that come with a token before the answer does."""
        try:
            user: bytes | Failure = await self._ask(token)
        except AccessDenied:
            user = Failure()
        finally:
            self._asking.pop(token, None)
            waiting = self._waiting.pop(token, [])
        for call in waiting:
            if isinstance(user, Failure):
                call.errback(user)
            else:
                call.callback(codec.decode(user))

    async def _ask(self, token: str) -> bytes:
        try:
            try:
                user = await self._validated(token)
            except ServiceNotAvailable:
                # It may have moved. To ask twice does no harm.
                self._release()
                user = await self._validated(token)
        except AccessDenied:
            raise
        except Error as error:
            self._release()
            self._complain(error)
            raise AccessDenied("The token cannot be validated: no authenticator answers") from None
        encoded = codec.encode(user)
        if self._known is not None and len(self._known) < LIMIT:
            self._known.put(token, encoded)
        return encoded

    async def _validated(self, token: str) -> dict[str, Any]:
        if self._authenticator is None:
            found = await self._context.open_authenticator()
            if self._authenticator is None:
                self._authenticator = found
            else:
                found.close()  # another call was faster
        return await validate(self._authenticator, token)

    def _release(self) -> None:
        if self._authenticator is not None:
            authenticator, self._authenticator = self._authenticator, None
            authenticator.close()

    def _complain(self, error: Error) -> None:
        now = self._clock.seconds()
        if now >= self._silent_until:
            self._silent_until = now + REMINDER
            self._log.error(
                "Callers are refused, their tokens cannot be validated: {error}", error=error
            )
