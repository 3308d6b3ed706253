"""A real browser without a window, driven from beside the reactor."""

import os
import shutil
import tempfile
from functools import wraps
from unittest import SkipTest

from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait
from twisted.internet.threads import deferToThread
from twisted.python.procutils import which

from tests.live.processes import PATIENCE

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


def beside(function):
    """Have a method run in a thread; it returns a Deferred of what it gives."""

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


class Browser:
    """Chromium, with a profile of its own."""

    def __init__(self):
        self.profile = tempfile.mkdtemp()
        options = ChromeOptions()
        options.binary_location = program("chromium")
        for option in (*OPTIONS, f"--user-data-dir={self.profile}"):
            options.add_argument(option)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        # Without a path selenium would look for a driver elsewhere.
        self.driver = Chrome(options, ChromeService(program("chromedriver")))

    def quit(self):
        self.driver.quit()
        shutil.rmtree(self.profile, ignore_errors=True)

    @beside
    def open(self, url):
        self.driver.get(url)

    @beside
    def find(self, selector, text=""):
        """The first element that a selector finds and that shows a text, once there is one."""
        return self._wait(lambda _: self._found(selector, text), f"{text!r} in {selector}")

    @beside
    def gone(self, selector, text=""):
        """Wait until there is no such element."""
        self._wait(lambda _: not self._found(selector, text), f"no {text!r} in {selector}")

    @beside
    def write(self, selector, text):
        """Type a text into a field, in the place of what it has."""
        field = self._wait(lambda _: self._found(selector, ""), selector)
        field.clear()
        field.send_keys(text)

    @beside
    def click(self, selector, text=""):
        """Click on an element."""
        self._wait(lambda _: self._found(selector, text), f"{text!r} in {selector}").click()

    def _found(self, selector, text):
        # In one step, as the page may change between two.
        return self.driver.execute_script(
            """
            return [...document.querySelectorAll(arguments[0])].find((one) =>
              one.checkVisibility() && one.innerText.includes(arguments[1])) ?? null;
            """,
            selector,
            text,
        )

    def _wait(self, condition, what):
        return WebDriverWait(self.driver, PATIENCE, 0.05).until(condition, f"Waited for {what}")
