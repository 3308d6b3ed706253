"""A gateway with its console, services behind it, and a browser in front."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

import pycom_tx as pycom
from pycom_tx.gateway.service import Gateway
from tests.live.browser import browser
from tests.live.processes import ProcessCase

ANY = "tcp://127.0.0.1:*"


@dataclass
class Item:
    """What is ordered."""

    article: str
    number: Annotated[int, Meta(ge=1)] = 1
    wrapping: Literal["paper", "box"] = "paper"


@pycom.interface("com.example.shop")
class Shop(pycom.Service):
    """Takes orders.

    For everybody.
    """

    def __init__(self):
        self.started = Deferred()  # fires when the next call waits

    @pycom.method(idempotent=True)
    def order(
        self,
        request,
        items: list[Item],
        customer: str,
        *,
        discount: Annotated[float, Meta(ge=0, lt=1)] = 0,
        express: bool = False,
        note: str | None = None,
        pay: Literal["card", "cash"] = "card",
    ) -> dict[str, int]:
        """Give the number of each article.

        All at once.
        """
        self.last = customer, discount, express, note, pay
        return {item.article: item.number for item in items}

    @pycom.method
    def echo(self, request):
        """Give back whatever came."""
        return request.args

    @pycom.method
    def power(self, request, base: int, exponent: int = 2) -> int:
        """A number of any size."""
        return base**exponent

    @pycom.method
    def fail(self, request, code: int, text: str = "it failed"):
        """Fail, as told."""
        raise pycom.RemoteError(text, code)

    @pycom.method(attachments=("picture", "picture"), results=("size", "picture"))
    def frame(self, request, picture: bytes | None, note: str = "") -> tuple[int, bytes]:
        """Give back a picture."""
        picture = picture or b""
        return len(picture), picture

    @pycom.method
    async def wait(self, request):
        """Wait until the call is cancelled."""
        self.cancelled = Deferred()
        started, self.started = self.started, Deferred()
        started.callback(None)
        await Deferred(lambda _: self.cancelled.callback(None))


@pycom.interface("com.example.shop")
class OldShop(pycom.Service):
    """Took orders."""

    @pycom.method
    def order(self, request, articles: list[str]) -> bool:
        """Take an order."""
        return True


@pycom.interface("com.example.basket", stateful=True)
class Basket(pycom.Service):
    """Keeps what somebody has chosen."""

    @pycom.method
    def put(self, request, title: str) -> list[str]:
        """Choose something; gives all that is chosen."""
        return request.session.setdefault("chosen", []).append(title) or request.session["chosen"]


TOKEN = "open-sesame"


@pycom.interface("org.pycom.authenticator", authentication="never")
class Doorkeeper(pycom.Service):
    """Knows one token."""

    @pycom.method(results=("name", "roles"))
    def validate(self, request, token: str) -> tuple[str, list[str]]:
        if token != TOKEN:
            raise pycom.AccessDenied("Nobody has that token")
        return "frida", ["keeper", "painter"]


@pycom.interface("com.example.vault", authentication="required", roles=("keeper",))
class Vault(pycom.Service):
    """For those who are known."""

    @pycom.method
    def who(self, request) -> str:
        """Tell who calls."""
        return request.user["name"]


class ConsoleCase(ProcessCase):
    """Tests of the console. Whatever runs is of the test and ends with it."""

    async def serve(self, *components, service="/com/example/shop", **options):
        """Host components in this process, registered with a nameserver here; gives the host."""
        if not hasattr(self, "where"):
            self.where = None
            registry = await self.serve(
                pycom.NameServer(), service="/org/pycom/nameserver", nameserver="local"
            )
            self.where = registry.address
        options = {"nameserver": self.where, **options}
        host = pycom.ComponentHost(components, ANY, service=service, drain=0, **options)
        host.startService()
        self.addCleanup(host.stopService)
        return host

    def gateway(self, **options):
        """A gateway in this process, which runs until the test ends."""
        if not hasattr(self, "url"):
            self.port = self.reserve_port()
            self.url = f"http://127.0.0.1:{self.port}"
        endpoint = f"tcp:{self.port}:interface=127.0.0.1"
        gateway = Gateway(self.where, [endpoint], drain=0, **options)
        gateway.startService()
        self.addCleanup(gateway.stopService)
        return gateway

    async def start(self):
        """The browser, with an empty page."""
        self.browser = await deferToThread(browser)
        # A page that is left open would go on asking whoever is there next.
        self.addCleanup(deferToThread, self.browser.begin)
        return self.browser

    async def open(self, path="/", **options):
        """The browser, which shows the console, in front of a gateway if there is none yet."""
        if not hasattr(self, "url"):
            self.gateway(**options)
        await self.start()
        await self.browser.open(self.url + path)
        return self.browser

    async def assertNoComplaints(self):
        """The browser has seen nothing wrong, but for answers that say that something is."""
        complaints = await self.browser.complaints()
        self.assertEqual([told for told in complaints if told[0] != "network"], [])
