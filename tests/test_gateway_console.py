"""The console's files, as they are served."""

from importlib.resources import files

from tests.gateway import GatewayCase

CONSOLE = files("pycom_tx.gateway") / "console"


class ConsoleTests(GatewayCase):
    def test_page(self):
        """The page is at the root, and says what a browser may do with it."""
        response = self.ask(self.gateway(), "GET", "/")
        self.assertEqual(response.status, 200)
        self.assertEqual(response.headers["Content-Type"], "text/html; charset=utf-8")
        self.assertEqual(response.body, (CONSOLE / "index.html").read_bytes())
        policy = dict(
            directive.split(" ", 1)
            for directive in response.headers["Content-Security-Policy"].split("; ")
        )
        self.assertEqual(policy["default-src"], "'none'")
        self.assertEqual(policy["img-src"], "'self' blob:")
        for directive in "script-src", "style-src", "connect-src":
            self.assertEqual(policy[directive], "'self'")
        for directive in "base-uri", "form-action", "frame-ancestors":
            self.assertEqual(policy[directive], "'none'")
        self.assertEqual(response.headers["Referrer-Policy"], "no-referrer")
        self.assertEqual(response.headers["X-Content-Type-Options"], "nosniff")

    def test_files(self):
        """Each of its files is there, as what it is, under the same policy."""
        gateway = self.gateway()
        types = {
            "js": "text/javascript; charset=utf-8",
            "css": "text/css; charset=utf-8",
            "svg": "image/svg+xml",
        }
        page = self.ask(gateway, "GET", "/")
        names = [file.name for file in CONSOLE.iterdir() if file.name != "index.html"]
        self.assertLess({"style.css", "main.js", "icon.svg"}, set(names))
        for name in names:
            response = self.ask(gateway, "GET", f"/console/{name}")
            self.assertEqual(response.body, (CONSOLE / name).read_bytes())
            self.assertEqual(response.headers["Content-Type"], types[name.rpartition(".")[2]])
            for header in "Content-Security-Policy", "X-Content-Type-Options":
                self.assertEqual(response.headers[header], page.headers[header])

    def test_known(self):
        """A browser that knows a file already is told so, and asks again the next time."""
        gateway = self.gateway()
        for path in "/", "/console/main.js":
            response = self.ask(gateway, "GET", path)
            self.assertEqual(response.headers["Cache-Control"], "no-cache")
            known = {"If-None-Match": response.headers["ETag"]}
            again = self.ask(gateway, "GET", path, headers=known)
            self.assertEqual((again.status, again.body), (304, b""))
            other = self.ask(gateway, "GET", path, headers={"If-None-Match": '"other"'})
            self.assertEqual(other.body, response.body)

    def test_read_only(self):
        """It is only read."""
        gateway = self.gateway()
        for path in "/", "/console/main.js":
            response = self.ask(gateway, "HEAD", path)
            self.assertEqual((response.status, response.body), (200, b""))
            response = self.ask(gateway, "POST", path, b"")
            self.problem(response, 405)
            self.assertEqual(response.headers["Allow"], "GET, HEAD, OPTIONS")

    def test_nothing_else(self):
        """There is no list of files, and nothing beside them."""
        gateway = self.gateway()
        for path in (
            *("/console", "/console/", "/console/index.html", "/index.html", "/console/missing.js"),
            *("/console/main.js/x", "/console/../static.py", "/console/%2e%2e/static.py"),
        ):
            self.problem(self.ask(gateway, "GET", path), 404)

    def test_without(self):
        """A gateway need not have it."""
        gateway = self.gateway(console=False)
        for path in "/", "/console/main.js":
            self.problem(self.ask(gateway, "GET", path), 404)
        self.assertEqual(self.ask(gateway, "GET", "/services").status, 200)
