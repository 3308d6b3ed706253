"""Sessions over HTTP: nothing of them is kept here."""

import pycom_tx as pycom
from tests.gateway import GatewayCase


@pycom.interface("com.foo.basket", stateful=True)
class Basket(pycom.Service):
    """Keeps what was chosen."""

    @pycom.method
    def put(self, request, title: str) -> list[str]:
        request.session.setdefault("chosen", []).append(title)
        return request.session["chosen"]

    @pycom.method
    def fail(self, request):
        raise pycom.RemoteError("no", 9)

    @pycom.method
    def leave(self, request):
        request.session.discard()


class SessionTests(GatewayCase):
    def setUp(self):
        super().setUp()
        self.baskets = [self.host(Basket(), service=f"/baskets/{n}") for n in range(4)]
        self.running = self.gateway()

    def basket(self, method, args=None, session=None, gateway=None):
        headers = {} if session is None else {"PyCOM-Session": session}
        return self.call(gateway or self.running, method, args, headers, "com.foo.basket")

    def put(self, title, session=None, gateway=None):
        """What is in the basket then, and its session."""
        response = self.basket("put", {"title": title}, session, gateway)
        return self.result(response), response.headers["PyCOM-Session"]

    def test_session(self):
        """Whoever sends back the session of an answer is in it, and nobody else is."""
        chosen, first = self.put("Roots")
        self.assertEqual(chosen, ["Roots"])
        for number in range(8):
            self.assertEqual(self.put(f"{number}")[0], [f"{number}"])
        self.assertEqual(self.put("Sun", first), (["Roots", "Sun"], first))

    def test_errors(self):
        """A session is told with an error, too."""
        response = self.basket("fail")
        self.problem(response, 500, code=9)
        self.assertEqual(self.put("Sun", response.headers["PyCOM-Session"])[0], ["Sun"])

    def test_other_gateway(self):
        """Any gateway finds the provider of a session, also before it was asked anything."""
        _, session = self.put("Roots")
        self.assertEqual(self.put("Sun", session, self.gateway())[0], ["Roots", "Sun"])

    def test_new_gateway(self):
        """A session that comes before the gateway knows anybody waits until it does."""
        _, session = self.put("Roots")
        gateway = self.gateway()
        self.stop(gateway)
        gateway.startService()
        self.assertEqual(self.put("Sun", session, gateway)[0], ["Roots", "Sun"])

    def test_over(self):
        """A session that is over is 410."""
        _, session = self.put("Roots")
        self.assertIsNone(self.result(self.basket("leave", None, session)))
        self.problem(self.basket("put", {"title": "Sun"}, session), 410, code=6)

    def test_unknown_provider(self):
        """So is one whose provider is not registered any more."""
        _, session = self.put("Roots")
        for host in self.baskets:
            self.result(host.stopService())
        self.clock.pump([0.3] * 3)
        self.host(Basket(), service="/baskets/0")
        self.clock.pump([0.3] * 3)
        response = self.basket("put", {"title": "Sun"}, session)
        self.problem(response, 410, code=6, not_started=True)

    def test_of_another_interface(self):
        """The session of one interface leads to no provider that another one has."""
        _, session = self.put("Roots")
        response = self.call(self.running, "echo", 1, {"PyCOM-Session": session})
        self.problem(response, 410, code=6)

    def test_dead_provider(self):
        """A provider that is registered and does not answer may still have it: 503."""
        _, session = self.put("Roots")
        for host in self.baskets:
            self.network.crash(host.address)
        self.clock.advance(0)
        response = self.basket("put", {"title": "Sun"}, session)
        self.problem(response, 503, not_started=True)

    def test_no_nameserver(self):
        """Nobody says that a session is over before it is known who is there."""
        _, session = self.put("Roots")
        self.network.crash("tcp://127.0.0.1:2012")
        gateway = self.gateway()
        connection = self.connect(gateway)
        headers = {"PyCOM-Session": session}
        connection.ask("POST", "/call/com.foo.basket/put", b'{"title": "Sun"}', headers)
        self.clock.advance(2)
        connection.settle()
        self.problem(connection.read(), 503, not_started=True)

    def test_restarted_nameserver(self):
        """A nameserver that was restarted, and knows nobody yet, ends no session."""
        _, session = self.put("Roots")
        self.result(self.nameserver.stopService())
        self.nameserver = self.host(
            pycom.NameServer(reactor=self.clock),
            address="tcp://127.0.0.1:2012",
            nameserver="local",
        )
        for count in range(2, 12):
            self.clock.pump([0.1] + [0] * 5)
            self.assertEqual(len(self.put("Sun", session)[0]), count)

    def test_nonsense(self):
        """What was never given out is refused."""
        for session in "x", "", "x@y", "@0123456789abcdef", f"{'x' * 10} y@0123456789abcdef":
            detail = self.problem(self.basket("put", {"title": "Sun"}, session), 400, code=4)
            self.assertIn("PyCOM-Session", detail)

    def test_odd_ids(self):
        """An id is written so that it fits into a header, whatever a service calls it."""
        from pycom_tx.gateway.headers import session_header, session_of

        for session_id in "plain", "a b@c", "Zoë\r\nX: y", "%41", "\u2028":
            header = session_header(session_id, "0123456789abcdef")
            self.assertTrue(header.isascii() and header.isprintable() and " " not in header)
            request = type("Request", (), {})()
            from twisted.web.http_headers import Headers

            request.requestHeaders = Headers({"PyCOM-Session": [header]})
            self.assertEqual(session_of(request), (session_id, "0123456789abcdef"))
