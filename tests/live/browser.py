"""A real browser without a window."""

import json
import os
import shutil
import tempfile
from functools import cache, wraps
from unittest import SkipTest

from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import ActionChains, Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait
from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.python.procutils import which

from tests.live.processes import LOOK_AGAIN, PATIENCE

OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1280,900",
)

FIND = """
const [selector, text] = arguments;
const shown = (one) => one.checkVisibility() && one.innerText.includes(text);
return [...document.querySelectorAll(selector)].find(shown) ?? null;
"""


FIELD = """
const first = (label) => label.innerText.trim().split(/\\s/)[0];
const labels = [...document.querySelectorAll("label")].filter((label) => label.checkVisibility());
return labels.find((label) => first(label) === arguments[0])?.control ?? null;
"""


def beside(function):
    """Have a method wait in a thread, beside the reactor; it returns a Deferred."""

    @wraps(function)
    def deferred(*args, **options):
        return deferToThread(function, *args, **options)

    return deferred


def program(name):
    """Where a program is.

    :raises SkipTest: it is nowhere, and nobody has promised that it is.
    """
    found = which(name)
    if found:
        return found[0]
    if "CI" in os.environ:
        raise AssertionError(f"{name} is missing")
    raise SkipTest(f"{name} is missing")


@cache
def browser():
    """The browser of all tests: it is started once, and ends with the reactor.

    :raises SkipTest: there is none.
    """
    running = Browser()
    running.begin()
    reactor.callFromThread(reactor.addSystemEventTrigger, "during", "shutdown", running.close)
    return running


class Browser:
    """Chromium, with an empty profile.

    What finds elements takes a CSS selector, and a text that the element shows; it waits until
    there is one.
    """

    def __init__(self):
        chromium, driver = program("chromium"), program("chromedriver")
        self._profile = tempfile.mkdtemp()
        options = ChromeOptions()
        options.binary_location = chromium
        for option in (*OPTIONS, f"--user-data-dir={self._profile}"):
            options.add_argument(option)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        # Without a path selenium would look for a driver elsewhere.
        self._driver = Chrome(options, ChromeService(driver))

    def close(self):
        """End it, and remove all that it has written."""
        self._driver.quit()
        shutil.rmtree(self._profile, ignore_errors=True)

    def begin(self):
        """Leave everything as it is behind, in a tab that is closed."""
        left = self._driver.current_window_handle
        self._driver.switch_to.new_window("tab")
        fresh = self._driver.current_window_handle
        self._driver.switch_to.window(left)
        self._driver.close()
        self._driver.switch_to.window(fresh)
        for log in "browser", "performance":
            self._driver.get_log(log)

    @beside
    def open(self, url):
        """Go to a page."""
        self._driver.get(url)

    @beside
    def find(self, selector, text=""):
        """Give the text of an element."""
        return self._do(lambda element: element.text, FIND, selector, text)

    @beside
    def gone(self, selector, text=""):
        """Wait until there is no such element."""

        def away(driver):
            return driver.execute_script(FIND, selector, text) is None

        self._wait(away, "no", selector, text)

    @beside
    def click(self, selector, text=""):
        """Click on an element."""
        self._do(lambda element: element.click(), FIND, selector, text)

    @beside
    def fill(self, label, text):
        """Type a text into a labelled field in the place of what it has, or choose it there.

        :param label: the first word of the label.
        """
        self._do(lambda field: _fill(field, text), FIELD, label)

    @beside
    def pick(self, selector, text):
        """Choose one of several."""
        self._do(lambda field: _fill(field, text), FIND, selector, "")

    @beside
    def press(self, *keys, holding=None):
        """Press keys one after the other, on whatever has the focus."""
        chain = ActionChains(self._driver)
        if holding is not None:
            chain.key_down(holding)
        chain.send_keys(*keys)
        if holding is not None:
            chain.key_up(holding)
        chain.perform()

    @beside
    def focus(self):
        """The text of what has the focus, or its name where it is a field."""
        return self._driver.execute_script(
            "const one = document.activeElement;"
            "return one.labels?.[0]?.innerText ?? one.innerText ?? '';"
        )

    @beside
    def back(self):
        """Go to where one was before."""
        self._driver.back()

    @beside
    def run(self, script, *arguments):
        """Give what the body of an asynchronous function returns in the page."""
        return self._driver.execute_script(
            f"return (async (...given) => {{ {script} }})(...arguments)", *arguments
        )

    @beside
    def until(self, script, *arguments):
        """Wait until an expression is true in the page."""
        self._wait(lambda driver: driver.execute_script(f"return {script}", *arguments), "", script)

    @beside
    def command(self, name, **parameters):
        """Have the browser do something, as the protocol of its developer tools has it."""
        return self._driver.execute_cdp_cmd(name, parameters)

    @beside
    def complaints(self):
        """What the browser complained about: sources and messages. It is told once."""
        return [(line["source"], line["message"]) for line in self._driver.get_log("browser")]

    @beside
    def requested(self):
        """The URLs of all that was requested."""
        events = [json.loads(line["message"]) for line in self._driver.get_log("performance")]
        return [
            event["message"]["params"]["request"]["url"]
            for event in events
            if event["message"]["method"] == "Network.requestWillBeSent"
        ]

    def _do(self, action, script, *arguments):
        """Do something with an element, as soon as there is one, and it stays."""

        def done(driver):
            element = driver.execute_script(script, *arguments)
            return element is not None and [action(element)]

        return self._wait(done, *arguments)[0]

    def _wait(self, condition, *what):
        # What is found may be replaced in the next moment.
        wait = WebDriverWait(self._driver, PATIENCE, LOOK_AGAIN, [StaleElementReferenceException])
        return wait.until(condition, f"waited in vain for {what}")


def _fill(field, text):
    if field.tag_name == "select":
        Select(field).select_by_visible_text(text)
    elif field.get_attribute("type") == "file":
        field.send_keys(text)
    else:
        # An empty text is as if somebody had deleted the last letter.
        field.send_keys(Keys.CONTROL, "a", Keys.NULL, Keys.DELETE, text)
