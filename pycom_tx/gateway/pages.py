"""What the pages of the gateway have in common."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Final

from twisted.internet.defer import Deferred, succeed
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from pycom_tx.gateway.answers import Answer
from pycom_tx.gateway.problems import Problem, not_found

READ: Final = (b"GET", b"HEAD")


class Page(Resource):
    """Something at a path."""

    methods: ClassVar[tuple[bytes, ...] | None] = READ
    """Those of HTTP that it answers; None for all."""

    def getChild(self, path: bytes, request: Any) -> Resource:
        return Nothing()

    def render(self, request: Any) -> int:
        finished = request.notifyFinish()  # before whatever else wants to know
        answering = Deferred.fromCoroutine(self._answer(request))
        finished.addErrback(lambda _: answering.cancel())
        answering.addErrback(request.processingFailed)
        return NOT_DONE_YET

    @abstractmethod
    async def answer(self, request: Any) -> Answer | None:
        """Answer a request.

        :returns: what answers it; None where it was answered already, or will be.

        :raises Problem: something is wrong with it.
        """

    async def _answer(self, request: Any) -> None:
        # The answer has no name here: an error that says its client is gone would keep it.
        await self._sent(request, await self._answered(request))

    def _sent(self, request: Any, answer: Answer | None) -> Deferred[None]:
        if answer is None:
            return succeed(None)
        try:
            return answer.send(request)
        except Problem as problem:
            return problem.answer().send(request)

    async def _answered(self, request: Any) -> Answer | None:
        try:
            return await self._asked(request)
        except Problem as problem:
            return problem.answer()

    async def _asked(self, request: Any) -> Answer | None:
        if self.methods is None or request.method in self.methods:
            return await self.answer(request)
        allowed = b", ".join((*self.methods, b"OPTIONS")).decode("ascii")
        if request.method == b"OPTIONS":
            return Answer(status=204, content_type=None, headers={"Allow": allowed})
        method = request.method.decode("ascii", "backslashreplace")
        raise Problem(405, f"{method:.60} is not for this page: {allowed}", {"Allow": allowed})


class Nothing(Page):
    """What is at every other path."""

    methods = None

    async def answer(self, request: Any) -> Answer | None:
        raise not_found("There is no such page")


def text(name: bytes) -> str:
    """A part of a path as text.

    :raises Problem: it is none.
    """
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        raise not_found(f"The path is no UTF-8: {name!r:.60}") from None
