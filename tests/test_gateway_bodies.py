"""What is held of bodies."""

import tracemalloc

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from pycom_tx.gateway.bodies import Bodies

MIB = 1024 * 1024


class MemoryTests(SynchronousTestCase):
    """Bodies that are given up."""

    def test_unfinished(self):
        """One whose client is gone in the middle takes no memory, also while somebody knows it."""
        form = b'--x\r\nContent-Disposition: form-data; name="attachment"; filename="f"\r\n\r\n'
        for kind, head in (
            ("application/json", b""),
            ("application/octet-stream", b""),
            ("multipart/form-data; boundary=x", form),
        ):
            bodies = Bodies()
            tracemalloc.start()
            self.addCleanup(tracemalloc.stop)
            receiving = bodies.open(Headers({"Content-Type": [kind]}), None)
            receiving.received(head)
            for _ in range(4):
                receiving.received(bytes(MIB))
            self.assertGreater(tracemalloc.get_traced_memory()[0], 3 * MIB)
            receiving.close()
            self.assertLess(tracemalloc.get_traced_memory()[0], MIB)
            self.assertEqual(bodies.held, 0)
