"""Large answers, and clients that take their time."""

import gc
import tracemalloc

from pycom_tx.gateway.answers import Answer
from pycom_tx.gateway.pages import Page
from pycom_tx.gateway.problems import Problem
from tests.gateway import GatewayCase


class Large(Page):
    """As many bytes as its path says."""

    isLeaf = True

    async def answer(self, request):
        (size,) = map(int, request.postpath)
        if size % 2:
            raise Problem(500, "x" * size)
        return Answer(b"x" * size, content_type="text/plain")


class OutgoingCase(GatewayCase):
    def setUp(self):
        super().setUp()
        self.running = self.gateway(max_body=250_000, pages={"large": Large()})

    def slow(self, size=300_000):
        """A client that takes nothing of an answer until it is told to."""
        connection = self.connect(self.running)
        connection.transport.slow = True
        connection.ask("GET", f"/large/{size}")
        self.addCleanup(connection.hang_up)
        return connection


class OutgoingTests(OutgoingCase):
    def take(self, connection):
        """Take all of an answer."""
        connection.transport.take_all()
        return connection.read()

    @property
    def held(self):
        return self.running.site.outgoing.held

    def test_together(self):
        """What waits for clients has a limit, four times that of a body; more is refused until
        one of them has taken its answer."""
        slow = [self.slow() for _ in range(3)]
        self.assertEqual(self.held, 900_000)
        refused = self.ask(self.running, "GET", "/large/300000")
        self.problem(refused, 503)
        self.assertEqual(refused.headers["Retry-After"], "1")
        for size in 60_000, 100_000:
            self.assertEqual(len(self.ask(self.running, "GET", f"/large/{size}").body), size)
        self.assertEqual(len(self.take(slow[0]).body), 300_000)
        self.assertEqual(len(self.ask(self.running, "GET", "/large/300000").body), 300_000)
        slow[1].hang_up()
        self.assertEqual(self.held, 300_000)

    def test_problem(self):
        """So it is with what tells that something is wrong."""
        for _ in range(3):
            self.slow()
        self.assertIn(
            "other clients", self.problem(self.ask(self.running, "GET", "/large/300001"), 503)
        )

    def test_slowest(self):
        """Who takes nothing for five seconds loses its connection, if others need the room; the
        slowest first."""
        first, second, third = (self.slow() for _ in range(3))
        self.clock.advance(3)
        first.transport.full = False
        first.transport.producer.resumeProducing()  # takes some
        self.clock.advance(2)
        self.assertEqual(len(self.ask(self.running, "GET", "/large/300000").body), 300_000)
        lost = [one.transport.lost for one in (first, second, third)]
        self.assertEqual(lost, [False, True, False])
        self.assertEqual(self.held, 600_000)
        self.problem(self.ask(self.running, "GET", "/large/800000"), 503)
        self.assertFalse(third.transport.lost)  # as that alone would not do
        self.assertEqual(len(self.take(first).body), 300_000)

    def test_larger_than_all(self):
        """One that is larger than all may be leaves alone."""
        large = self.slow(2_000_000)
        self.problem(self.ask(self.running, "GET", "/large/100000"), 503)
        self.assertEqual(self.ask(self.running, "GET", "/healthz").status, 200)
        self.assertEqual(len(self.take(large).body), 2_000_000)
        self.assertEqual(self.held, 0)

    def test_head(self):
        """What is not sent needs no room."""
        self.slow(2_000_000)
        response = self.ask(self.running, "HEAD", "/large/300000")
        self.assertEqual((response.status, response.headers["Content-Length"]), (200, "300000"))


class MemoryTests(OutgoingCase):
    """What is held of answers, with nobody who looks for what is not used any more."""

    def setUp(self):
        super().setUp()
        gc.disable()
        self.addCleanup(gc.enable)
        self.warm_up()
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)

    def warm_up(self):
        """Do once what takes some memory the first time."""
        self.ask(self.running, "GET", "/large/100000")
        self.slow().hang_up()

    def assertHeld(self, least, most):
        held = tracemalloc.get_traced_memory()[0]
        self.assertTrue(least <= held < most, held)

    def test_gone(self):
        """An answer is let go of with its client."""
        for _ in range(5):
            connection = self.slow(800_000)
            self.assertHeld(800_000, 1_600_000)
            connection.hang_up()
            connection.transport.clear()
            self.assertHeld(0, 300_000)

    def test_call(self):
        """So is that of a call."""
        for _ in range(5):
            connection = self.connect(self.running)
            connection.transport.slow = True
            headers = {"Content-Type": "application/octet-stream"}
            connection.ask("POST", "/call/com.foo.example/mirror", bytes(240_000), headers)
            self.assertIn(b"200 OK", connection.received)
            self.example.requests.clear()
            connection.hang_up()
            connection.transport.clear()
            self.assertHeld(0, 200_000)

    def test_refused(self):
        """One that there is no room for is let go of at once."""
        slow = [self.slow() for _ in range(3)]
        for _ in range(5):
            self.problem(self.ask(self.running, "GET", "/large/800000"), 503)
            self.assertHeld(900_000, 1_600_000)
        self.clock.advance(60)
        self.assertTrue(all(connection.transport.lost for connection in slow))
