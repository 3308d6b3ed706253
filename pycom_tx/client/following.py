"""Knowing who provides an interface, now and as that changes."""

from __future__ import annotations

import contextvars
from math import inf
from typing import TYPE_CHECKING, Final, NoReturn

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater

from pycom_tx.client.providers import Providers
from pycom_tx.zerojson.errors import (
    ConnectionClosed,
    ContractMismatch,
    Error,
    InvalidReply,
    ServiceNotAvailable,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pycom_tx.client.context import Context
    from pycom_tx.client.directory import IDirectory

SETTLE: Final = 0.2
"""Seconds between two questions to a nameserver that tells when something changes."""

POLL: Final = 5.0
"""Seconds between two questions to one that does not."""

RETRY: Final = 0.5
"""Seconds until a nameserver that did not answer is asked again."""

_SHOWN: Final = 3
"""Paths of others that are named where a path was not found."""


class Following:
    """The providers of an interface, as a nameserver knows them.

    While the nameserver is away they are those that it knew last. Once the last user has
    released it, it is over.

    :param context: whose components use it.
    :param directory: what asks the nameserver.
    :param wanted: the interface's name; the path of the one service that will do, or None;
        a class whose contract they have to have, or None.
    :param closed: called when the last component that uses it is closed.

    .. attribute:: providers

        A :class:`Providers`.
    """

    def __init__(
        self,
        context: Context,
        directory: IDirectory,
        wanted: tuple[str, str | None, type | None],
        closed: Callable[[], object],
    ) -> None:
        self.providers = Providers(context.connections)
        self._context = context
        self._directory = directory
        self._interface, self._service_name, self._contract = wanted
        self._closed = closed
        self._users = 0
        self._refused: dict[tuple[str | None, str], ContractMismatch] = {}
        self._others: list[str] = []
        self._error: Error | None = None
        # Since when the nameserver owes an answer; None while it has given one.
        self._silent_since: float | None = context.connections.clock.seconds()
        self._changes: list[Deferred[None]] = []
        self._running: Deferred[None] | None = None
        self._stopped = False

    def use(self) -> None:
        """Follow the nameserver until :meth:`release` was called as often."""
        self._users += 1
        if self._running is None:
            # What it was first used for, a call with a deadline maybe, is none of its business.
            variables = contextvars.Context()
            self._running = variables.run(Deferred.fromCoroutine, self._run())
            self._running.addErrback(lambda failure: failure.trap(CancelledError))
            self._context.connections.follows(self)

    def release(self) -> None:
        """One user less."""
        self._users -= 1
        if self._users == 0:
            self.stop("The context is closed")
            self.providers.close()
            self._closed()

    def stop(self, reason: str) -> None:
        """Ask the nameserver no more; those who wait are told."""
        self._stopped = True
        self._context.connections.follows_no_more(self)
        if self._running is not None:
            self._running.cancel()
        self._error = ConnectionClosed(
            f"{reason}: nobody looks for {self._interface} any more", not_started=True
        )
        self._tell()

    async def found(self) -> None:
        """Wait until a provider is known, or it is known that there is none.

        :raises ServiceNotFound: there is none.
        :raises ContractMismatch: none has the contract.
        :raises ServiceNotAvailable: the nameserver does not answer.
        """
        while not len(self.providers):
            if self._error is not None:
                raise self._error
            await self.changed()

    async def appeared(self, timeout: float = inf) -> None:
        """Wait until a provider is known.

        :param timeout: seconds that it may take.

        :raises ServiceNotFound: there was none in time.
        :raises ContractMismatch: none that has the contract.
        :raises ServiceNotAvailable: the nameserver did not answer in time.
        """
        waiting = Deferred.fromCoroutine(self._appeared())
        if timeout != inf:
            waiting.addTimeout(timeout, self._context.connections.clock, self._missed)
        await waiting

    async def _appeared(self) -> None:
        while not len(self.providers):
            await self.changed()
            if isinstance(self._error, ConnectionClosed):
                raise self._error

    def _missed(self, _: object, seconds: float) -> NoReturn:
        if self._silent_since is None:
            error = self._error or self._nobody()
            raise type(error)(f"{error}, for {seconds:g} s") from error
        silent = self._context.connections.clock.seconds() - self._silent_since
        raise ServiceNotAvailable(
            f"The {self._directory.who} has not answered for {round(silent, 1):g} s",
            not_started=True,
        ) from self._error

    def changed(self) -> Deferred[None]:
        """Fires when the nameserver has answered again."""
        change: Deferred[None] = Deferred(self._changes.remove)
        self._changes.append(change)
        return change

    async def _run(self) -> None:
        revision: str | None = None
        while True:
            try:
                before, asked = revision, self._context.connections.clock.seconds()
                known, revision = await self._ask(revision)
                # A nameserver that lets nobody wait any more says at once that all is the same.
                waited = self._context.connections.clock.seconds() - asked > POLL
                told = before is None or before != revision or waited
                complete = await self._agree(known)
            except Error as error:
                self._error = error
                pause = RETRY
            else:
                if complete:
                    self._error = self._nobody()
                else:
                    revision = None
                pause = SETTLE if revision is not None and told else POLL
            self._tell()
            if self._stopped:
                return  # by somebody who was told
            await deferLater(self._context.connections.clock, pause)

    async def _ask(
        self, revision: str | None = None
    ) -> tuple[list[tuple[str | None, str]], str | None]:
        """The providers that will do, and the revision that they are of.

        Know since when there was no answer, too, and who provides the interface besides.
        """
        try:
            found, revision = await self._directory.providers(self._interface, revision)
        except ServiceNotAvailable as error:
            if isinstance(error, InvalidReply):
                self._silent_since = None
            elif self._silent_since is None:
                self._silent_since = self._context.connections.clock.seconds()
            raise
        self._silent_since = None
        self._others = [path for path, _ in found if self._service_name not in (None, path)]
        return [one for one in found if self._service_name in (None, one[0])], revision

    def _nobody(self) -> Error:
        for refused in self._refused.values():
            return refused
        what = self._interface
        if self._service_name is not None:
            what += f" as {self._service_name}"
        error = self._directory.nobody(what, self._interface)
        if not self._others:
            return error
        more = f" and {len(self._others) - _SHOWN} more" if len(self._others) > _SHOWN else ""
        return type(error)(f"{error}; others do: {', '.join(self._others[:_SHOWN])}{more}")

    async def _agree(self, known: list[tuple[str | None, str]]) -> bool:
        """Know those that have the right contract; whether that could be found out of all."""
        if self._contract is None:
            self.providers.update(known)
            return True
        agreed, complete = [], True
        self._refused = {key: error for key, error in self._refused.items() if key in known}
        for key in known:
            if self.providers.knows(key):
                agreed.append(key)
            elif key not in self._refused:
                checking = self._context.connect(key[1], self._interface, contract=self._contract)
                try:
                    async with checking:
                        pass  # it has the contract, or there is an error
                except ContractMismatch as error:
                    self._refused[key] = error
                except Error as error:
                    self._error, complete = error, False
                else:
                    agreed.append(key)
        self.providers.update(agreed)
        return complete

    def _tell(self) -> None:
        changes, self._changes = self._changes, []
        for change in changes:
            change.callback(None)
