"""How many large frames 0MQ holds for each peer."""

from twisted.trial.unittest import SynchronousTestCase

from pycom_tx.zerojson.txzmq_held import Held


class HeldTests(SynchronousTestCase):
    def setUp(self):
        self.held = Held(100)

    def add(self, peer, size):
        frame = memoryview(bytes(size))
        self.held.add(peer, frame)
        return frame

    def test_full(self):
        """A peer is full with as many bytes as there may be, and others are not."""
        first, second = self.add(b"a", 60), self.add(b"a", 40)
        self.assertTrue(self.held.full(b"a"))
        self.assertFalse(self.held.full(b"b"))
        del first
        self.assertFalse(self.held.full(b"a"))
        del second
        self.assertFalse(self.held.full(b"a"))
        self.assertEqual(self.held.frames, {})

    def test_gone(self):
        """Peers that nobody sends anything to any more are forgotten in time."""
        for number in range(1000):
            self.add(b"%d" % number, 60)
        self.assertLess(len(self.held.frames), 10)
