"""Pictures of the console, for its documentation: ``make screenshots`` puts them there."""

import os
import re
import struct
from base64 import b64decode
from math import sin
from pathlib import Path
from runpy import run_path
from textwrap import dedent

from selenium.webdriver.common.keys import Keys
from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.web.resource import Resource

from tests.figures import Load
from tests.live.console import TOKEN, ConsoleCase, Doorkeeper
from tests.live.processes import LOOK_AGAIN

ROOT = Path(__file__).parents[2]

CLOCK = """
const [now, every] = [performance.now.bind(performance), setInterval];
let [fast, gained] = [true, 0];
performance.now = () => (fast ? now() * 60 : now() + gained);
window.setInterval = (run, ms) => every(() => fast && run(), ms / 60);
window.slowDown = () => ([fast, gained] = [false, now() * 59]);
"""
"""Has five minutes of figures come in five seconds, until it slows down; then no more come."""


class Figures(Resource):
    """Figures of two more seconds of calls, each time they are asked for."""

    isLeaf = True

    def __init__(self):
        super().__init__()
        self.seconds = 0
        self._load = Load(
            [
                ("com.example.gallery", "look", 5, 0.012, 0.02),
                ("com.example.gallery", "hang", 1.5, 0.04, 0.05),
                ("com.foo.photos", "greet", 3, 0.003, 0),
                ("com.foo.basket", "put", 8, 0.004, 0.01),
            ]
        )

    def render_GET(self, request):
        self.seconds += 2
        rush = 1.2 if 190 < self.seconds < 230 else 0
        self._load.go_on(2 * (1 + 0.5 * sin(self.seconds / 40) + rush))
        return str(self._load).encode()


class PictureTests(ConsoleCase):
    def setUp(self):
        super().setUp()
        self.wanted = None
        if "PYCOM_SCREENSHOTS" in os.environ:
            self.wanted = Path(os.environ["PYCOM_SCREENSHOTS"])
            self.wanted.mkdir(parents=True, exist_ok=True)

    async def picture(self, name, scheme, width, height, **more):
        """Take a picture of what the browser shows; it is kept if somebody wants it."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False, **more}
        await self.browser.command("Emulation.setDeviceMetricsOverride", **size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        await self.browser.command("Emulation.setEmulatedMedia", features=features)
        aside = {"type": "mouseMoved", "x": width - 1, "y": height - 1}
        await self.browser.command("Input.dispatchMouseEvent", **aside)
        still = "document.getAnimations().every(({ playState }) => playState === 'finished')"
        await self.browser.until(still)
        taken = await self.browser.command("Page.captureScreenshot", format="png")
        picture = b64decode(taken["data"])
        self.assertEqual(struct.unpack(">II", picture[16:24]), (width, height))
        if self.wanted is not None:
            (self.wanted / f"{name}.png").write_bytes(picture)

    def components(self):
        """The services of the example and of the documentation."""
        page = (ROOT / "docs" / "gateway.rst").read_text("utf-8")
        source = re.search(r"   :caption: photos.py\n((?:   .*\n|\n)+)", page)[1]
        self.write_module("photos", dedent(source))
        gallery = run_path(ROOT / "examples" / "gallery" / "service.py")["Gallery"]
        photos = run_path(self.folder / "photos.py")
        return gallery, photos["Photos"], photos["Basket"]

    async def test_pictures(self):
        """The console has something to show, in every light and size."""
        gallery, photos, basket = self.components()
        await self.serve(Doorkeeper(), service="/org/pycom/authenticator")
        await self.serve(gallery(), service="/com/example/gallery")
        await self.serve(photos(), basket(), service="/com/foo/photos")
        figures = Figures()
        self.gateway(pages={"metrics": figures})
        browser = await self.start()
        await browser.command("Page.addScriptToEvaluateOnNewDocument", source=CLOCK)
        await browser.open(f"{self.url}/#/com.example.gallery/hang")
        while figures.seconds < 310:
            await deferLater(reactor, LOOK_AGAIN)
        await browser.run("slowDown()")

        await browser.fill("Token", TOKEN)
        await browser.press(Keys.ENTER)
        caption = '{"title": "The Two Fridas", "tags": ["oil", "1939"], "licence": "free"}'
        await browser.fill("caption", caption)
        (self.folder / "fridas.jpg").write_bytes(bytes(1000))
        await browser.fill("picture", str(self.folder / "fridas.jpg"))
        await browser.click(".open button.call")
        await browser.find(".answer pre", '"owner": "frida"')
        await browser.run("document.activeElement.blur()")
        await browser.run("document.querySelector('main').scrollTo(0, 0)")
        await self.picture("console", "light", 1280, 1000)

        await browser.click("#interfaces a", "com.foo.photos")
        await browser.click(".method h3 a", "greet")
        await browser.fill("name", "Frida")
        await browser.fill("times", "2")
        await browser.click(".open button.call")
        await browser.find(".answer pre", '["hello Frida", "hello Frida"]')
        await browser.run("document.activeElement.blur()")
        await self.picture("phone", "light", 390, 1000, mobile=True)

        await browser.click("a.back")
        gone = await self.serve(basket(), service="/com/foo/basket/1")
        await browser.find(".happened .appeared", "/com/foo/basket/1")
        await self.serve(basket(), service="/com/foo/basket/2")
        await browser.find(".happened .appeared", "/com/foo/basket/2")
        await gone.stopService()
        await browser.find(".happened .vanished", "/com/foo/basket/1")
        await self.picture("dark", "dark", 1280, 720)
        await self.assertNoComplaints()
