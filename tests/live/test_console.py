"""The console in a real browser."""

from twisted.internet.threads import deferToThread

from tests.live.browser import Browser
from tests.live.test_gateway import GatewayCase


class ConsoleCase(GatewayCase):
    async def open(self, hash_=""):
        """A browser that shows the console of a gateway; what is behind that runs, too."""
        self.processes = await self.serve()
        self.browser = await deferToThread(Browser)
        self.addCleanup(self.browser.quit)
        await self.browser.open(f"{self.url}/{hash_}")


class LivingTests(ConsoleCase):
    async def test_comes_and_goes(self):
        """A service that starts appears without a reload, and vanishes when it is killed."""
        await self.open()
        await self.browser.find("#interfaces a", "com.foo.busy")
        other, _ = await self.service("/com/foo/other")
        await self.browser.find(".services .path", "/com/foo/other")
        await other.kill()
        await self.browser.gone(".services .path", "/com/foo/other")
        await self.browser.find(".services .path", "/com/foo/busy")


class CallTests(ConsoleCase):
    async def test_call(self):
        """A call that is made through the form shows its result."""
        await self.open("#/com.foo.basket/put")
        await self.browser.write(".field input", "Roots")
        await self.browser.click("button.call")
        await self.browser.find(".answer pre", '["Roots"]')
