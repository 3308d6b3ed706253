"""Asking whether somebody is still there."""

from __future__ import annotations

from contextvars import Context as Variables
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from pycom_tx.zerojson.errors import (
    CallTimeout,
    ConfigurationError,
    ConnectionClosed,
    InvalidReply,
    Refused,
    RemoteError,
    ServiceNotAvailable,
)

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from pycom_tx.client.context import Context

TIMEOUT: Final = 1.0
"""Seconds that somebody has to take the question."""

LATE: Final = 0.5
"""Seconds after that time in which it is noticed that it is over. Who is later has stood still
himself, maybe with his whole machine, and cannot tell who does not answer."""

LIMIT: Final = 100
"""Addresses that are asked at once."""

INTERFACE: Final = "org.pycom.probe"
"""What is called. Nobody provides it: to be told so is an answer that costs nothing, needs
no token and opens no session, in PyCOM 0.6 too."""

_log = Logger()


class Probes:
    """Asks services at other addresses whether they live, each once at a time.

    :param clock: what tells the time.
    :param limit: how many addresses are asked at once.
    """

    def __init__(self, clock: IReactorTime, *, limit: int = LIMIT) -> None:
        self._clock = clock
        self._limit = limit
        self._waiting: dict[str, list[Deferred[bool]]] = {}

    def alive(self, context: Context, address: str) -> Deferred[bool]:
        """Ask.

        :param context: what connects.

        :returns: Deferred firing with False if nobody took the question in time; with True
            also where somebody did and is too busy to answer, or where it could not be asked, or
            the time was over unnoticed.
        """
        waiting = self._waiting.get(address)
        if waiting is None and len(self._waiting) >= self._limit:
            return succeed(True)  # noqa: FBT003 # that is the answer
        answer: Deferred[bool] = Deferred()
        if waiting is not None:
            waiting.append(answer)
            return answer
        self._waiting[address] = [answer]
        # The first of those who ask may have little time left: that is not the others' affair.
        asked = Variables().run(Deferred.fromCoroutine, _alive(context, address, self._clock))
        asked.addCallback(self._answer, address)
        return answer

    def _answer(self, alive: bool, address: str) -> None:  # noqa: FBT001 # as above
        for answer in self._waiting.pop(address):
            if not answer.called:  # it may have been cancelled
                answer.callback(alive)

    def __len__(self) -> int:
        return len(self._waiting)


async def _alive(context: Context, address: str, clock: IReactorTime) -> bool:
    end = clock.seconds() + TIMEOUT
    try:
        async with context.connect(address, INTERFACE) as component:
            await component.invoke("ping", timeout=TIMEOUT)
    except (RemoteError, InvalidReply, Refused):
        return True
    except (ConfigurationError, ConnectionClosed) as error:
        _log.warn(
            "{address} cannot be asked whether it lives: {error}", address=address, error=error
        )
        return True
    except CallTimeout as error:
        # What left has reached 0MQ's own threads there: somebody lives, and is busy.
        return not error.not_started or clock.seconds() >= end + LATE
    except ServiceNotAvailable:
        return False
    return True
