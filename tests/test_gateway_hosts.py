"""Names that the gateway is asked by."""

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress

from tests.gateway import Connection, GatewayCase


class HostTests(GatewayCase):
    def status(self, gateway, host, at="127.0.0.1"):
        kind = IPv6Address if ":" in at else IPv4Address
        where = UNIXAddress(at) if at.startswith("/") else kind("TCP", at, 8080)
        answer = self.ask(gateway, "GET", "/healthz", None, {"Host": host}, at=where)
        if answer.status != 200:
            self.assertIn(f"{host!r}: if it is to, give it --host", self.problem(answer, 421))
        return answer.status

    def test_loopback(self):
        """At a loopback address it answers to what nobody can point there: to addresses, and
        to localhost."""
        gateway = self.gateway()
        for at in "127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1":
            for host in (
                *("localhost", "LOCALHOST:8080", "console.localhost:1", "127.0.0.1:8080"),
                *("[::1]:8080", "[::1]", "10.0.0.1"),
            ):
                self.assertEqual(self.status(gateway, host, at), 200, (host, at))
            for host in (
                *("evil.example.com", "evil.example.com:8080", "localhost.example.com", "gateway"),
                *("notlocalhost", "[evil]", "1.2.3.4.example.com", "a@localhost", "::1", ""),
            ):
                self.assertEqual(self.status(gateway, host, at), 421, (host, at))

    def test_elsewhere(self):
        """At other addresses, and at a socket of the file system, it answers to any name."""
        gateway = self.gateway()
        for at in "10.0.0.1", "fe80::1%eth0", "/run/gateway.sock":
            self.assertEqual(self.status(gateway, "app.example.com:80", at), 200)

    def test_given(self):
        """Where names are given it answers to those, wherever it is."""
        gateway = self.gateway(hosts=["app.example.com", "Other"])
        for at in "10.0.0.1", "127.0.0.1", "/run/gateway.sock":
            for host in "app.example.com", "APP.example.com:443", "other", "10.0.0.1:8080":
                self.assertEqual(self.status(gateway, host, at), 200)
            for host in "example.com", "a.app.example.com", "gateway":
                self.assertEqual(self.status(gateway, host, at), 421)

    def test_any(self):
        """With * it answers to any name."""
        self.assertEqual(self.status(self.gateway(hosts=["*"]), "app.example.com"), 200)

    def test_rebound(self):
        """A page whose name points here cannot call, though browsers take it for the gateway's
        own; nor is its body read."""
        gateway = self.gateway()
        loopback = IPv4Address("TCP", "127.0.0.1", 8080)
        headers = {"Host": "evil.example.com:8080", "Origin": "http://evil.example.com:8080"}
        path = "/call/com.foo.example/echo"
        answer = self.ask(gateway, "POST", path, b"1", headers, at=loopback)
        self.problem(answer, 421, not_started=True)
        self.assertEqual(self.example.requests, [])
        connection = Connection(gateway.site, self.clock, loopback)
        connection.send(b"POST / HTTP/1.1\r\nHost: gateway\r\nContent-Length: 1000000000\r\n\r\n")
        self.problem(connection.read(), 421)
        connection.hang_up()

    def test_one(self):
        """Who names none is no browser; who names several is refused, wherever that is."""
        gateway = self.gateway()
        for at in "127.0.0.1", "10.0.0.1":
            for hosts, status in (b"", 200), (b"Host: localhost\r\n" * 2, 400):
                connection = Connection(gateway.site, self.clock, IPv4Address("TCP", at, 1))
                connection.send(b"GET /healthz HTTP/1.1\r\n" + hosts + b"\r\n")
                self.assertEqual(connection.read().status, status)
