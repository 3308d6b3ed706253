"""Processes that serve the same: started, restarted when they die, and stopped together."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults

from pycom_tx.tap.place import MARGIN, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pycom_tx.tap.child import Child


class Supervisor(Service):
    """Keeps processes of Python running until it stops.

    What they write is in its log. When one dies it is started again; if one cannot start the
    first time, and says why, all are stopped.

    :param programs: the arguments of Python for each of them, by its name.
    :param command: how the line begins which says why a process cannot go on.
    :param drain: seconds that their calls in progress have when they stop.
    :param gave_up: called with the reason if one cannot start.
    :param folder: their current folder.
    :param reactor: what starts them, and tells the time; the installed one, if left out.
    """

    def __init__(
        self,
        programs: Mapping[str, list[str]],
        *,
        command: str,
        drain: float,
        gave_up: Callable[[str], object],
        folder: str,
        reactor: Any = None,
    ) -> None:
        if reactor is None:
            from twisted.internet import reactor
        self._programs = dict(programs)
        self._command = command
        self._patience = drain + MARGIN
        self._gave_up = gave_up
        self._folder = folder
        self._reactor = reactor
        self._places: list[Place] = []

    def startService(self) -> None:
        super().startService()
        self._places = [
            Place(
                name,
                partial(self._spawn, arguments),
                self._command,
                self._reactor,
                patience=self._patience,
                gave_up=self._give_up,
            )
            for name, arguments in self._programs.items()
        ]
        for place in self._places:
            place.start()

    def stopService(self) -> Deferred[Any]:
        """Have all of them end when their calls have, at the same time.

        :returns: Deferred firing when they have.
        """
        super().stopService()
        return gatherResults([place.stop() for place in self._places])

    def stop_at_once(self) -> Deferred[Any]:
        """Stop, without waiting for the calls in progress; also while that is waited for.

        :returns: as :meth:`stopService`.
        """
        for place in self._places:
            place.stop_at_once()
        return self.stopService()

    def _give_up(self, reason: str) -> None:
        # Others would say the same.
        for place in self._places:
            place.stop()
        self._gave_up(reason)

    def _spawn(self, arguments: list[str], child: Child) -> Any:
        return self._reactor.spawnProcess(
            child,
            sys.executable,
            [sys.executable, *arguments],
            env=os.environ,
            path=self._folder,
        )
