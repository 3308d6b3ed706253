"""The console in a real browser: what runs, and calls."""

import json
import os
import re
import struct
import zlib

from selenium.webdriver.common.keys import Keys
from twisted.internet.utils import getProcessOutputAndValue

from tests.live.console import ANY, TOKEN, Basket, ConsoleCase, Doorkeeper, OldShop, Shop, Vault

HIDE = """
Object.defineProperty(document, "hidden", { value: given[0], configurable: true });
document.dispatchEvent(new Event("visibilitychange"));
"""

PICTURES = '''
import pycom_tx as pycom

@pycom.interface("com.example.pictures")
class Pictures(pycom.Service):
    """Shows pictures."""

    @pycom.method
    def show(self, request, title: str) -> str:
        return title.upper()
'''


def png(width, height):
    """A picture."""

    def chunk(kind, data):
        checked = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checked)

    rows = b"".join(
        b"\0" + bytes(level for x in range(width) for level in (255 * x // width, 160, 200))
        for _ in range(height)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


class LivingTests(ConsoleCase):
    async def pictures(self, path="/com/example/pictures"):
        """A service in a process of its own."""
        self.write_module("pictures", PICTURES)
        process, _ = await self.registered(
            "pycom-service", "-a", ANY, "-n", self.where, "-s", path, "pictures"
        )
        return process

    async def test_comes_and_goes(self):
        """A service that starts appears without a reload, and vanishes when it is killed."""
        await self.serve(Shop())
        browser = await self.open()
        await browser.find("#interfaces a", "com.example.shop")
        await browser.run("window.loaded = 'once'")
        await browser.run("document.querySelector('.services a').focus()")
        service = await self.pictures()
        await browser.find("#interfaces a", "Shows pictures.")
        await browser.find(".services .path", "/com/example/pictures")
        await browser.find("#said", "/com/example/pictures appeared")
        self.assertEqual(await browser.focus(), "com.example.shop")
        await service.kill()
        await browser.gone("#interfaces a", "com.example.pictures")
        await browser.gone(".services .path", "/com/example/pictures")
        await browser.find(".happened .vanished", "/com/example/pictures")
        await browser.find("#said", "/com/example/pictures vanished")
        await browser.find("#interfaces a", "com.example.shop")
        self.assertEqual(await browser.run("return window.loaded"), "once")
        await self.assertNoComplaints()

    async def test_open(self):
        """What is open while its providers come and go tells so, and keeps what was typed."""
        await self.serve(Shop())
        browser = await self.open("/#/com.example.pictures/show")
        await browser.find(".notice", "Nobody provides com.example.pictures now.")
        first = await self.pictures()
        await browser.find(".providers", "/com/example/pictures")
        await browser.fill("title", "roots")
        second = await self.pictures("/com/example/more")
        await browser.find(".providers", "/com/example/more")
        await first.kill()
        await second.kill()
        await browser.find(".notice", "Nobody provides")
        await self.pictures()
        await browser.gone(".notice")
        await browser.click("button.call")
        await browser.find(".answer pre", '"ROOTS"')
        await self.assertNoComplaints()

    async def test_contracts(self):
        """Where providers mean different things by one name, each can be looked at."""
        await self.serve(Shop(), service="/new")
        await self.serve(OldShop(), service="/old")
        browser = await self.open("/#/com.example.shop")
        await browser.find(".choice", "Not all providers mean the same by it.")
        shown = {}
        for number in "1", "2":
            await browser.pick(".choice select", f"contract {number}, of 1 provider")
            provider = await browser.find(".providers li", f"contract {number}")
            old = "/old" in provider
            await browser.find("main .docstring", "Took orders." if old else "Takes orders.")
            shown[number] = old
        self.assertEqual(sorted(shown.values()), [False, True])
        await browser.click(".method h3 a", "order")
        await self.serve(Basket(), service="/basket")
        await browser.find("#interfaces a", "com.example.basket")
        await browser.find("main .docstring", "Took orders." if shown["2"] else "Takes orders.")

    async def command(self):
        """A gateway in a process of its own, always at the same port."""
        self.port = getattr(self, "port", None) or self.reserve_port()
        self.url = f"http://127.0.0.1:{self.port}"
        endpoint = f"tcp:{self.port}:interface=127.0.0.1"
        process = self.twistd("pycom-gateway", "-n", self.where, "--http", endpoint)
        await process.wait_for("HTTP is at")
        return process

    async def test_gateway_restarted(self):
        """When the gateway is away the page says so; when it is back the page is as well."""
        await self.serve(Shop())
        gateway = await self.command()
        browser = await self.open()
        await browser.find("#state", "live")
        await gateway.kill()
        await browser.find("#state", "no connection to the gateway")
        await self.serve(Basket(), service="/com/example/basket")
        await self.command()
        await browser.find("#state", "live")
        await browser.find("#interfaces a", "com.example.basket")
        await browser.find("#interfaces a", "com.example.shop")
        await self.assertNoComplaints()

    async def test_refused(self):
        """A gateway that has no stream to give is asked again."""
        await self.serve(Shop())
        gateway = self.gateway(max_streams=0)
        browser = await self.open()
        await browser.find("#state", "no connection")
        await gateway.stopService()
        self.gateway()
        await browser.find("#state", "live")

    async def test_hidden(self):
        """A page that nobody looks at holds no stream, and knows all when it is looked at."""
        await self.serve(Shop())
        self.gateway(max_streams=1)
        browser = await self.open()
        await browser.find("#state", "live")
        await browser.run(HIDE, True)
        await browser.run("while ((await fetch('events', { method: 'HEAD' })).status !== 200);")
        await self.serve(Basket(), service="/com/example/basket")
        await browser.run(HIDE, False)
        await browser.find("#interfaces a", "com.example.basket")
        await browser.find(".happened .appeared", "/com/example/basket")


class CallTests(ConsoleCase):
    async def shop(self, method, *others, **options):
        """A browser that shows a method of the shop; gives that and the shop."""
        shop = Shop()
        await self.serve(shop, *others)
        return await self.open(f"/#/com.example.shop/{method}", **options), shop

    async def call(self, selector=".answer pre", text=""):
        """Call what is open; gives what is found in the answer to that."""
        # What was answered before is still there while one waits.
        await self.browser.run("document.querySelector('.open .answer')?.replaceChildren()")
        await self.browser.click(".open button.call")
        return await self.browser.find(f".open {selector}", text)

    async def test_form(self):
        """A form has a field for each argument; the call shows its result, and its time."""
        browser, shop = await self.shop("order")
        signature = "order(items: Item[], customer: string, discount?: number, express?: boolean"
        await browser.find(".open h3", signature)
        await browser.find(".open .badge", "idempotent")
        await browser.find(".open .docstring", "All at once.")
        await browser.fill("items", '[{"article": "hat", "number": 3}]')
        await browser.fill("customer", "Frida")
        await browser.fill("discount", "0.5")
        self.assertEqual(await self.call(), '{"hat": 3}')
        self.assertRegex(await browser.find(".outcome"), r"\A200\s+[\d.]+ ms\Z")
        self.assertEqual(shop.last, ("Frida", 0.5, False, None, "card"))
        await browser.fill("express", "true")
        await browser.fill("pay", '"cash"')
        await browser.pick('[aria-label="Whether note is given"]', "given")
        await browser.fill("discount", "")
        await self.call(text="hat")
        self.assertEqual(shop.last, ("Frida", 0, True, "", "cash"))
        await self.assertNoComplaints()

    async def test_wrong(self):
        """What is wrong with arguments is said beside each, and nothing is sent."""
        browser, shop = await self.shop("order")
        await browser.click(".open button.call")
        await browser.find(".wrong", "It is required")
        self.assertIn("items", await browser.focus())
        await browser.fill("discount", "1")
        await browser.fill("items", "hat")
        await browser.find(".wrong", "expected less than 1")
        await browser.click(".open .field button", "example")
        await browser.gone(".wrong", "strings stand in quotes")
        await browser.fill("items", '[{"article": "hat"}, {"article": "tie", "number": 0}]')
        await browser.click(".open button.call")
        await browser.find(".wrong", "[1].number: expected 1 or more")
        await browser.fill("items", '[{"article": 7}]')
        await browser.click(".open button.call")
        await browser.find(".wrong", "[0].article: expected string, got integer")
        await browser.fill("timeout", "soon")
        await browser.click(".open button.call")
        await browser.find(".wrong", "A timeout is seconds, like 2.5, got soon")
        await browser.gone(".answer")
        self.assertFalse(hasattr(shop, "last"))

    async def test_json(self):
        """Arguments can be written as JSON, too; and what was typed comes along both ways."""
        browser, shop = await self.shop("order")
        await browser.fill("customer", "Frida")
        await browser.click(".ways label", "JSON")
        written = "document.querySelector('.open .field:not([hidden]) > textarea').value"
        self.assertEqual(await browser.run(f"return {written}"), '{"customer": "Frida"}')
        await browser.fill("arguments", '{"items": [{"article": "hat"}], "customer": 1}')
        detail = await self.call(".detail")
        self.assertIn("expected `str`", detail)
        await browser.find(".outcome .badge", "code 4")
        await browser.click(".ways label", "Form")
        await browser.find(".wrong", "customer is a string: no form can have it")
        await browser.fill("arguments", '{"items": [{"article": "hat"}], "customer": "Diego"}')
        await browser.click(".ways label", "Form")
        self.assertEqual(await self.call(), '{"hat": 1}')
        self.assertEqual(shop.last[0], "Diego")
        await browser.click(".ways label", "JSON")
        await browser.fill("arguments", '{"customer": "two\\nlines"}')
        await browser.click(".ways label", "Form")
        await browser.find(".wrong", "customer has several lines: no form can have it")
        await browser.fill("arguments", '{"client": "Diego"}')
        await browser.click(".ways label", "Form")
        await browser.find(".wrong", 'There is no argument "client"')
        await browser.fill("arguments", "{")
        await browser.click(".open button.call")
        await browser.find(".wrong", "It is no JSON")

    async def test_anything(self):
        """A method that does not say what it takes gets any JSON, to the last digit."""
        browser, _ = await self.shop("echo")
        given = '{"a": [123456789012345678901234567890, 1.0, null, "\u00f6"], "__proto__": 1}'
        await browser.fill("arguments", given)
        answer = await self.call()
        self.assertEqual(re.sub(r"\n *", " ", answer), f"{{ {given[1:-1]} }}")
        await browser.fill("arguments", "")
        self.assertEqual(await self.call(), "null")
        await browser.run(
            "document.querySelector('.open textarea').value = `[${'7,'.repeat(2e5)}7]`"
        )
        shown = await self.call(text="[7,7,7,")
        self.assertEqual(len(shown), 200_000)
        await browser.find(".answer .note", "The first 200000 of 400003 characters: all of it")
        await browser.click("h3 a", "power")
        await browser.fill("base", "12345678901234567890")
        self.assertEqual(await self.call(), str(12345678901234567890**2))

    async def test_error(self):
        """An error is shown with its status and code, and whether the call was started."""
        browser, _ = await self.shop("fail")
        await browser.fill("code", "117")
        self.assertEqual(await self.call(".detail"), "it failed")
        outcome = await browser.find(".outcome")
        self.assertIn("500 Internal Server Error", outcome)
        self.assertIn("code 117", outcome)
        await browser.find("#said", "code 117, it failed")
        await browser.run("location.hash = '#/com.example.shop/missing'")
        await browser.find(".open h3", "missing")
        await self.call(".detail", "missing")
        self.assertIn("code 2", await browser.find(".open .outcome"))
        await browser.run("location.hash = '#/com.example.nothing/missing'")
        await browser.find(".notice", "Nobody provides com.example.nothing now.")

    async def test_attachments(self):
        """A file goes along as the attachment, and one comes back; pictures are shown."""
        browser, _ = await self.shop("frame")
        picture, other = self.folder / "it's.png", self.folder / "other"
        picture.write_bytes(png(30, 20))
        other.write_bytes(b"no picture")
        await browser.fill("picture", str(picture))
        size = len(picture.read_bytes())
        self.assertEqual(await self.call(), f'{{"size": {size}}}')
        await browser.find(".attachment a[download='frame.png']", f"frame.png, {size} bytes")
        await browser.until("document.querySelector('.attachment img').naturalWidth === 30")
        await browser.command(
            "Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self.folder)
        )
        await browser.click(".attachment a")
        await self.file("frame.png")
        self.assertEqual((self.folder / "frame.png").read_bytes(), picture.read_bytes())
        await browser.fill("picture", str(other))
        await self.call(".attachment a[download='frame.bin']")
        self.assertEqual(await self.call(), '{"size": 10}')
        await browser.click(".control button", "remove")
        self.assertEqual(await self.call(), '{"size": 0}')
        await self.assertNoComplaints()

    async def test_token(self):
        """A token goes along with calls, and shows what is only told to those who have one."""
        await self.serve(Doorkeeper(), service="/org/pycom/authenticator")
        browser, _ = await self.shop("fail", Vault())
        await browser.find("#interfaces a", "Takes orders.")  # which moves what is below it
        await browser.click("#interfaces a", "com.example.vault")
        await browser.fill("Method", "who")
        await browser.press(Keys.ENTER)
        await self.call(".detail", "Authentication required")
        self.assertIn("401 Unauthorized", await browser.find(".outcome"))
        await browser.fill("Token", "forg\u00e9d")
        await browser.press(Keys.ENTER)
        await browser.find("#token .wrong", "letters, digits and signs")
        await browser.fill("Token", "forged")
        await browser.press(Keys.ENTER)
        await self.call(".outcome", "403 Forbidden")
        await browser.fill("Token", TOKEN)
        await browser.press(Keys.ENTER)
        await browser.find(".facts", "for keeper")
        await browser.find("#interfaces a", "For those who are known.")
        self.assertEqual(await self.call(), '"frida"')
        stored = "return [document.cookie, localStorage.length, sessionStorage.length]"
        self.assertEqual(await browser.run(stored), ["", 0, 0])
        await self.assertNoComplaints()

    async def test_session(self):
        """Calls of a stateful interface share a session, until it is forgotten or over."""
        host = await self.serve(Basket())
        browser = await self.open("/#/com.example.basket/put")
        await browser.find(".facts .badge", "stateful")
        for titles in ['["a"]', '["a", "a"]']:
            await browser.fill("title", "a")
            self.assertEqual(await self.call(), titles)
        session = await browser.find(".session code")
        self.assertIn("@", session)
        await browser.click(".session button", "forget it")
        await browser.gone(".session")
        self.assertEqual(await self.call(), '["a"]')
        self.assertNotEqual(await browser.find(".session code"), session)
        await host.stopService()
        await browser.find(".notice", "Nobody provides")
        await self.serve(Basket())
        await browser.gone(".notice")
        await self.call(".outcome", "410 Gone")
        await browser.gone(".session")
        self.assertEqual(await self.call(), '["a"]')

    async def test_cancel(self):
        """A call can be cancelled, and has as long as it is given."""
        browser, shop = await self.shop("wait")
        await browser.fill("timeout", "30")
        started = shop.started
        await browser.click(".open button.call")
        await started
        await browser.click(".send button", "Cancel")
        await browser.find(".outcome", "Cancelled")
        await shop.cancelled
        await browser.fill("timeout", "0.05")
        self.assertIn("no answer in time", await self.call(".detail"))
        self.assertIn("504", await browser.find(".outcome"))

    async def test_curl(self):
        """What is shown for a shell does the same."""
        browser, _ = await self.shop("echo")
        (self.folder / "it's a file").write_bytes(b"bytes")
        for hash_, fields in (
            ("echo", {"arguments": '{"it\'s": "a $HOME; `x`", "t": 1.0}'}),
            ("echo", {"arguments": ""}),
            ("frame", {"note": "it's;type=x", "picture": str(self.folder / "it's a file")}),
        ):
            await browser.run("location.hash = `#/com.example.shop/${given[0]}`", hash_)
            for label, text in fields.items():
                await browser.fill(label, text)
            shown = await self.call()
            await browser.click(".open .answer summary", "The same with curl")
            command = await browser.find(".open .answer details pre")
            out, err, _ = await getProcessOutputAndValue(
                "/bin/bash", ["-c", f"{command} -sS"], path=str(self.folder), env=os.environ
            )
            self.assertEqual(err, b"")
            if hash_ == "frame":
                self.assertIn(b'{"size":5}', out)
            else:
                self.assertEqual(json.loads(out), json.loads(shown))
