"""``GET /healthz``: whether the gateway is of any use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred

from pycom_tx.gateway.answers import Answer
from pycom_tx.gateway.pages import Page
from pycom_tx.gateway.problems import AGAIN, Problem
from pycom_tx.zerojson.errors import Error

if TYPE_CHECKING:
    from twisted.python.failure import Failure

    from pycom_tx.client.context import Context

PATIENCE: Final = 2.0
"""Seconds that the nameserver has to answer."""


class Health(Page):
    """Asks the nameserver, once for all who want to know at the same time.

    :param context: whose nameserver it is.
    """

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self._waiting: list[Deferred[bool]] | None = None

    async def answer(self, request: Any) -> Answer:
        if not await self._answers():
            again = {"Retry-After": str(AGAIN)}
            raise Problem(503, "The nameserver does not answer", again)
        return Answer(b'{"status":"ok"}', headers={"Cache-Control": "no-store"})

    def _answers(self) -> Deferred[bool]:
        answer: Deferred[bool] = Deferred()
        if self._waiting is not None:
            self._waiting.append(answer)
            return answer
        self._waiting = [answer]
        Deferred.fromCoroutine(self._ask()).addBoth(self._told)
        return answer

    async def _ask(self) -> bool:
        try:
            async with self._context.nameserver() as nameserver:
                await nameserver.invoke("stat", timeout=PATIENCE)
        except Error:
            return False
        return True

    def _told(self, answers: bool | Failure) -> None:  # noqa: FBT001 # that is the question
        waiting, self._waiting = self._waiting or [], None
        for answer in waiting:
            if not answer.called:  # its client may be gone
                answer.callback(answers)
