"""The services of scenarios."""

from twisted.internet.task import deferLater

import pycom_tx as pycom


@pycom.interface("com.foo.shop")
class Shop(pycom.Service):
    """Counts how often each call is executed."""

    def __init__(self, clock, executed):
        self.clock = clock
        self.executed = executed

    @pycom.method
    def buy(self, request, call, seconds):
        self.executed[call] += 1
        request.progress(call)
        return deferLater(self.clock, seconds, lambda: call) if seconds else call

    @pycom.method(idempotent=True)
    def look(self, request, call, seconds):
        return self.buy(request, call, seconds)

    @pycom.method
    async def relay(self, request, call, seconds):
        self.executed[call] += 1
        inner = {"call": f"{call} within", "seconds": seconds}
        try:
            async with self.context.locate("com.foo.shop") as shop:
                await shop.invoke("buy", inner)
        except pycom.Error as error:
            raise pycom.RemoteError(f"Not relayed: {error}", 77) from None
        return call


@pycom.interface("com.foo.basket", stateful=True)
class Basket(Shop):
    """Gives back all that was added in a session."""

    @pycom.method
    def add(self, request, call, seconds):
        request.session.setdefault("calls", []).append(call)
        self.buy(request, call, 0)
        answer = list(request.session["calls"])
        return deferLater(self.clock, seconds, lambda: answer) if seconds else answer
