"""The console's page: strange services, keys, sizes and colours, and what it asks for."""

from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry
from selenium.webdriver.common.keys import Keys
from twisted.internet import reactor
from twisted.internet.task import LoopingCall, deferLater
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from twisted.web.static import Data

import pycom_tx as pycom
from tests.figures import Load
from tests.live.console import Basket, ConsoleCase, Shop
from tests.live.processes import LOOK_AGAIN

HARM = "<img src=x onerror=harm()><script>harm()</script>"
"""What does harm where it is read as HTML."""


@pycom.interface("<script>")
class Harmful(pycom.Service):
    __doc__ = HARM

    @pycom.method
    def harm(self, request, text: str = HARM) -> str:
        return HARM

    @pycom.method
    def fail(self, request):
        raise pycom.RemoteError(HARM, 4)

    @pycom.method(results=("name", "methods", "docstring", "data"))
    def introspect(self, request):
        told = self.__interface__.introspection()
        for method in told.values():
            method["docstring"] = HARM
        told["harm"]["schema"]["arguments"] = {
            "properties": {
                HARM: {"type": "string", "description": HARM, "pattern": HARM, "format": HARM},
                "b": {"enum": [HARM], "default": HARM},
                "c": {"$ref": f"#/$defs/{HARM}"},
            },
            "required": [HARM],
            "$defs": {HARM: {"title": HARM, "type": "object", "properties": {HARM: {}}}},
        }
        told[HARM] = told["harm"]
        about = {**self.__interface__.data(), "roles": [HARM], "contract": HARM}
        return "<script>", told, HARM, {"org.pycom.interface": about}


NONSENSE = [
    *(None, 7, "x", [], {}, [[]], [None], {"a": 1}, {"type": 5}, {"type": "constructor"}),
    *({"enum": 1}, {"enum": []}, {"anyOf": 3}, {"anyOf": [None]}, {"$ref": "#/$defs/toString"}),
    *({"properties": [1]}, {"properties": {"__proto__": {"type": "array"}}, "required": 3}),
    {"properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"$ref": "#/$defs/A"}}},
    {
        "properties": {"a": {"$ref": "#/$defs/A"}},
        "$defs": {
            "A": {"type": "object", "properties": {c: {"$ref": "#/$defs/A"} for c in "bcdefghij"}}
        },
    },
    {
        "properties": {"a": {"anyOf": [{"$ref": "#/$defs/A"}] * 2}},
        "$defs": {"A": {"anyOf": [{"$ref": "#/$defs/A"}] * 2}},
    },
    {"properties": {"a": {"type": "string", "pattern": "(a+)+$", "minLength": "x"}}},
    {"properties": {"\ud800": {"type": ["null"]}}},
]


@pycom.interface("com.example.nonsense")
class Nonsense(pycom.Service):
    """Tells nonsense about itself."""

    @pycom.method(results=("name", "methods", "docstring", "data"))
    def introspect(self, request):
        methods = {
            f"m{number}": {
                "schema": schema if number % 3 == 0 else {"arguments": schema, "result": schema},
                "required_arguments": schema,
                "optional_arguments": [schema, "constructor"],
                "attachments": schema,
                "docstring": schema,
                "results": schema,
                "idempotent": schema,
            }
            for number, schema in enumerate(NONSENSE)
        }
        return (
            1,
            {**methods, "\ud800": {}, "__proto__": {"docstring": "x"}, "..": {}},
            [],
            {"org.pycom.interface": 3},
        )


CONTRAST = """
const luminance = ([r, g, b]) => [r, g, b].map((part) => part / 255)
  .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
  .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
const ground = (node) => {
  const colour = numbers(getComputedStyle(node).backgroundColor);
  return colour[3] === 0 ? ground(node.parentElement) : colour;
};
const bad = [];
for (const node of document.querySelectorAll("body *")) {
  const text = [...node.childNodes].some((one) => one.nodeType === 3 && one.data.trim());
  if (!text || !node.checkVisibility()) continue;
  const [one, other] = [numbers(getComputedStyle(node).color), ground(node)].map(luminance);
  const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  if (contrast < 4.5) bad.push(`${node.tagName}.${node.className} ${contrast.toFixed(2)}`);
}
return bad;
"""
"""Elements whose text has less contrast than WCAG wants (AA)."""


class Texts(Resource):
    """Figures that change.

    .. attribute:: asked

        How often somebody asked for them.
    """

    isLeaf = True

    def __init__(self, load):
        super().__init__()
        self._load = load
        self.asked = 0

    def render_GET(self, request):
        self.asked += 1
        return str(self._load).encode()


class Torn(Resource):
    """Answers that break off."""

    isLeaf = True
    asked = 0

    def render_GET(self, request):
        self.asked += 1
        request.setHeader("Content-Length", "100")
        request.write(b"# HELP")
        request.transport.loseConnection()
        return NOT_DONE_YET


class StrangeTests(ConsoleCase):
    async def test_markup(self):
        """Whatever a service says is shown as it says it, and does nothing."""
        path = f"/{HARM}"
        host = await self.serve(Harmful(), service=path)
        async with pycom.ProxyContext(self.where).nameserver() as nameserver:
            await nameserver.register(interfaces=[HARM], address=host.address, service=f"{path}/2")
        browser = await self.open()
        await browser.run("window.harm = () => (window.harmed = true)")
        await browser.find(".services .path", path)
        await browser.find("#interfaces .about", HARM)
        await browser.click("#interfaces a", HARM)
        await browser.find("h1", HARM)
        await browser.find("#interfaces a", "<script>")
        await browser.run("location.hash = given[0]", "#/%3Cscript%3E/harm")
        await browser.find("main .docstring", HARM)
        await browser.find(".facts .badge", f"for {HARM}")
        await browser.find(".providers .path", path)
        await browser.find(".open .summary", HARM)
        await browser.find(".open label code", HARM)
        await browser.find(".open .field .note", HARM)
        await browser.click(".open summary", "Schema of the arguments")
        await browser.fill("<img", HARM)
        await browser.click(".open button.call")
        await browser.find(".answer pre", "<script>harm()")
        await browser.run("location.hash = given[0]", "#/%3Cscript%3E/fail")
        await browser.find(".open h3", "fail(")
        await browser.click(".open button.call")
        await browser.find(".open .detail", HARM)
        await host.stopService()
        await browser.find("#said", "vanished")
        await browser.find(".notice", "Nobody provides <script> now.")
        made = (
            "document.querySelectorAll('script').length + document.querySelectorAll('img').length"
        )
        self.assertEqual(await browser.run(f"return [window.harmed, {made}]"), [None, 2])
        await self.assertNoComplaints()

    async def test_nonsense(self):
        """A service that tells nonsense about itself has forms nevertheless."""
        await self.serve(Nonsense(), service="/nonsense")
        browser = await self.open("/#/com.example.nonsense")
        await browser.find(".method h3", "m0")
        count = await browser.run("return document.querySelectorAll('.method').length")
        self.assertEqual(count, len(NONSENSE) + 3)
        opened = """
            for (const link of document.querySelectorAll(".method h3 a")) {
              location.hash = link.hash;
              await new Promise((done) => addEventListener("hashchange", done, { once: true }));
              const form = document.querySelector(".open form");
              form.requestSubmit();
              form.querySelector(".field button")?.click();
              form.querySelectorAll(".ways input")[1]?.click();
            }
        """
        await browser.run(opened)
        await self.assertNoComplaints()


class PageTests(ConsoleCase):
    async def test_keyboard(self):
        """A call can be made with keys alone, and what has the focus is seen."""
        await self.serve(Shop(), Basket())
        browser = await self.open()
        await browser.find("#interfaces a", "Takes orders.")  # so its methods can be searched, too
        await browser.press(Keys.TAB)
        self.assertEqual(await browser.focus(), "Skip the list")
        while "Search" not in await browser.focus():
            await browser.press(Keys.TAB)
        await browser.press("power")
        await browser.gone("#interfaces a", "com.example.basket")
        await browser.press(Keys.ARROW_DOWN, Keys.ENTER)
        await browser.find("h1", "com.example.shop")
        self.assertEqual(await browser.focus(), "com.example.shop")
        await browser.find(".method")
        while not (await browser.focus()).startswith("power"):
            await browser.press(Keys.TAB)
        outline = "return getComputedStyle(document.activeElement).outlineStyle"
        self.assertEqual(await browser.run(outline), "solid")
        await browser.press(Keys.ENTER)
        while not (await browser.focus()).startswith("base"):
            await browser.press(Keys.TAB)
        await browser.press("12", Keys.ENTER)
        await browser.find(".answer pre", "144")
        await browser.press(Keys.BACKSPACE)
        await browser.press(Keys.ENTER, holding=Keys.CONTROL)
        await browser.find(".answer pre", "1")
        self.assertIn("base", await browser.focus())
        while await browser.focus() != "Call":
            await browser.press(Keys.TAB)
        await browser.press(Keys.SPACE)
        await browser.until("document.querySelector('.answer').dataset.kind === 'good'")
        self.assertEqual(await browser.focus(), "Call")
        while "Result" not in await self.labelled():
            await browser.press(Keys.TAB)
        await self.assertNoComplaints()

    async def test_search(self):
        """The search finds interfaces by their names, docstrings and methods."""
        await self.serve(Shop(), Basket())
        browser = await self.open()
        await browser.find("#interfaces a", "Takes orders.")
        for text, found, left in (
            ("BASK", "com.example.basket", "com.example.shop"),
            ("chosen", "com.example.basket", "com.example.shop"),
            ("power", "com.example.shop", "com.example.basket"),
        ):
            await browser.fill("Search", text)
            await browser.gone("#interfaces a", left)
            await browser.find("#interfaces a", found)
        await browser.press(Keys.ENTER)
        await browser.find("h1", "com.example.shop")
        await browser.fill("Search", "nothing")
        await browser.find("#none", "None is like that.")

    async def labelled(self):
        """The label of what has the focus."""
        label = "return document.activeElement.getAttribute('aria-label') ?? ''"
        return await self.browser.run(label)

    async def test_addresses(self):
        """What is chosen has an address: it can be linked, and one can go back."""
        await self.serve(Shop(), Basket())
        browser = await self.open("/#/com.example.shop/fail")
        await browser.find(".open h3", "fail")
        await browser.click(".method h3 a", "echo")
        await browser.find(".open h3", "echo")
        await browser.gone(".open h3", "fail")
        await browser.click("#interfaces a", "com.example.basket")
        await browser.find("h1", "com.example.basket")
        self.assertIn("com.example.basket", await browser.run("return document.title"))
        await browser.back()
        await browser.find(".open h3", "echo")
        await browser.back()
        await browser.find(".open h3", "fail")
        await browser.click(".method h3 a", "fail")
        await browser.gone(".open")
        await browser.click(".brand")
        await browser.find("h1", "What runs")

    async def test_charts(self):
        """The charts show the calls of what is chosen, and what was where one points."""
        await self.serve(Shop())
        load = Load([])
        texts = Texts(load)
        browser = await self.open(pages={"metrics": texts})
        await browser.find(".charts h2", "All calls through this gateway")
        await browser.find(".values .calls", "0/s")

        def count():
            for _ in range(100):
                load.count("com.example.shop", "power", "0", 0.003)
                load.count("com.example.shop", "fail", "7", 0.003)

        # All the time: what was ten seconds ago is not shown any more.
        counting = LoopingCall(count)
        self.addCleanup(counting.stop)
        counting.start(0.5)
        await browser.until("parseFloat(document.querySelector('.errors b').innerText) > 0")
        self.assertRegex(await browser.find(".values .p95"), r"p95 4\.\d ms")
        await browser.click("#interfaces a", "com.example.shop")
        await browser.find(".charts h2", "Calls of com.example.shop through")
        await browser.click(".method h3 a", "power")
        await browser.find(".charts h2", "Calls of power through")
        await browser.find(".values .errors", "0/s")
        label = "document.querySelector('.chart svg').getAttribute('aria-label')"
        await browser.until(f"/^Calls in the last 5 minutes: now [1-9].*[/]s; /.test({label})")
        box = await browser.run(
            "return document.querySelector('.chart svg').getBoundingClientRect()"
        )
        await browser.command(
            "Input.dispatchMouseEvent", type="mouseMoved", x=box["x"] + 9, y=box["y"] + 9
        )
        await browser.find(".chart .when", "s ago")
        # Who asks once more has drawn what was answered before.
        asked = texts.asked
        while texts.asked < asked + 2:
            await deferLater(reactor, LOOK_AGAIN)
        self.assertIn("s ago", await browser.find(".chart .when"))

    async def test_charts_of_calls(self):
        """What the charts show is what the gateway itself has counted."""
        await self.serve(Shop())
        browser = await self.open(registry=CollectorRegistry())
        await browser.find(".values .calls", "0/s")
        context = pycom.ProxyContext(gateway=self.url)
        self.addCleanup(context.close)
        async with context.locate("com.example.shop") as shop:
            for _ in range(10):
                await shop.power(base=2)
                await self.assertFailure(shop.fail(code=7), pycom.RemoteError)
        tops_are = (
            "[...document.querySelectorAll('.chart svg')]"
            ".every((chart, at) => RegExp(arguments[at]).test(chart.ariaLabel))"
        )
        some, none = r"top is [0-9.]*[1-9]", r"top is 0/s"
        for link, tops in (None, [some] * 3), ("power", [some, none, some]), ("fail", [some] * 3):
            if link is None:
                await browser.find(".charts h2", "All calls")
            else:
                await browser.run(f"location.hash = '/com.example.shop/{link}'")
                await browser.find(".charts h2", f"Calls of {link}")
            await browser.until(tops_are, *tops)
        await self.assertNoComplaints()

    async def test_torn(self):
        """An answer whose connection breaks is none, and figures are asked for again."""
        await self.serve(Shop())
        torn = Torn()
        browser = await self.open(pages={"metrics": torn})
        while torn.asked < 2:
            await deferLater(reactor, LOOK_AGAIN)
        await browser.gone(".chart")
        await self.assertNoComplaints()

    async def test_no_figures(self):
        """A gateway that counts nothing has no charts."""
        await self.serve(Shop())
        browser = await self.open()
        await browser.find(".charts", "This gateway gives no figures of its calls.")
        await browser.gone(".chart")

    async def test_phone(self):
        """On a phone there is one column, and nothing to scroll sideways."""
        await self.serve(Shop(), Basket())
        browser = await self.open(pages={"metrics": Data(str(Load([])).encode(), "text/plain")})
        size = {"width": 375, "height": 700, "deviceScaleFactor": 2, "mobile": True}
        await browser.command("Emulation.setDeviceMetricsOverride", **size)
        fits = "document.documentElement.scrollWidth === 375 && innerWidth === 375"
        await browser.find(".services", "com.example.shop")
        await browser.find("#interfaces a", "Takes orders.")  # all is told: nothing moves any more
        await browser.until(fits)
        await browser.click("#interfaces a", "com.example.shop")
        await browser.gone("#interfaces")
        await browser.click(".method h3 a", "order")
        await browser.click(".field button", "example")
        await browser.fill("customer", "x" * 300)
        await browser.click(".open button.call")
        await browser.find(".answer pre")
        await browser.click(".answer summary", "The same with curl")
        await browser.click(".open summary", "Schema of the arguments")
        await browser.until(fits)
        await browser.click("a.back")
        await browser.find("#interfaces a", "com.example.basket")

    async def test_colours(self):
        """It is dark where the system is, and all text can be read."""
        await self.serve(Shop())
        browser = await self.open("/#/com.example.shop/order")
        await browser.find(".open .note")
        await browser.click(".open button.call")
        await browser.find(".open .wrong")
        grounds = []
        for scheme in "light", "dark":
            features = [{"name": "prefers-color-scheme", "value": scheme}]
            await browser.command("Emulation.setEmulatedMedia", features=features)
            ground = "return getComputedStyle(document.body).backgroundColor"
            grounds.append(await browser.run(ground))
            self.assertEqual(await browser.run(CONTRAST), [])
        light, dark = (sum(map(int, ground[4:-1].split(","))) for ground in grounds)
        self.assertGreater(light, 3 * 200)
        self.assertLess(dark, 3 * 60)

    async def test_motion(self):
        """Nothing moves where that is not wanted."""
        await self.serve(Shop())
        browser = await self.open()
        await browser.find(".services > li")
        names = "return getComputedStyle(document.querySelector('.services > li')).animationName"
        self.assertEqual(await browser.run(names), "come")
        features = [{"name": "prefers-reduced-motion", "value": "reduce"}]
        await browser.command("Emulation.setEmulatedMedia", features=features)
        self.assertEqual(await browser.run(names), "none")

    async def test_requests(self):
        """Nothing is asked for elsewhere, and the browser has nothing to complain about."""
        await self.serve(Shop())
        figures = Load([("com.example.shop", "power", 1, 0.01, 0)])
        browser = await self.open(pages={"metrics": Data(str(figures).encode(), "text/plain")})
        await browser.find(".chart")
        await browser.click("#interfaces a", "com.example.shop")
        await browser.click(".method h3 a", "power")
        await browser.fill("base", "3")
        await browser.click(".open button.call")
        await browser.find(".answer pre", "9")
        requested = {urlsplit(url) for url in await browser.requested()}
        self.assertEqual({(url.scheme, url.netloc) for url in requested}, {urlsplit(self.url)[:2]})
        paths = {url.path for url in requested}
        self.assertLess({"/", "/console/main.js", "/events", "/services", "/metrics"}, paths)
        self.assertEqual(await browser.complaints(), [])

    async def test_policy(self):
        """What a page could be made to do is refused by the browser itself."""
        await self.serve(Shop())
        browser = await self.open()
        await browser.run("document.body.append(document.createElement('script'))")
        harmful = """
            const script = document.createElement("script");
            try {
              script.textContent = "window.harmed = true";
              document.body.append(script);
              document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='harmed = true'>");
            } catch {}
            return window.harmed ?? null;
        """
        self.assertIsNone(await browser.run(harmful))
        refused = "return fetch('http://127.0.0.1:1/').catch(() => 'refused')"
        self.assertEqual(await browser.run(refused), "refused")
        sources = {source for source, _ in await browser.complaints()}
        self.assertIn("security", sources)
