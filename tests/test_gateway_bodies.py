"""What is held of bodies."""

import tracemalloc

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from pycom_tx.gateway.bodies import Bodies

MIB = 1024 * 1024
PART = b'--x\r\nContent-Disposition: form-data; name="attachment"; filename="f"\r\n\r\n'


class MemoryTests(SynchronousTestCase):
    """Bodies that somebody knows."""

    def setUp(self):
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)

    def assertHeld(self, least, most):
        self.assertTrue(least <= tracemalloc.get_traced_memory()[0] < most)

    def bodies(self):
        """Bodies of all kinds, each with 4 MiB in it, and what ends them."""
        for kind, head, end in (
            ("application/json", b"", b""),
            ("application/octet-stream", b"", b""),
            ("multipart/form-data; boundary=x", PART, b"\r\n--x--\r\n"),
        ):
            bodies = Bodies()
            receiving = bodies.open(Headers({"Content-Type": [kind]}), None)
            receiving.received(head)
            for _ in range(4):
                receiving.received(bytes(MIB))
            self.assertHeld(3 * MIB, 6 * MIB)
            yield receiving, end
            receiving.close()
            self.assertHeld(0, MIB)
            self.assertEqual(bodies.held, 0)

    def test_unfinished(self):
        """One whose client is gone in the middle takes no memory."""
        for _ in self.bodies():
            pass

    def test_complete(self):
        """One that is complete is held once."""
        for receiving, end in self.bodies():
            receiving.received(end)
            receiving.body.complete()
            self.assertHeld(4 * MIB, 5 * MIB)
