"""Calls that are under way when a service stops."""

from twisted.internet.defer import Deferred, succeed

from pycom_tx.host.drain import FLUSH, Drain
from tests.slow_server import STOPPING, SlowServerCase


class Closing:
    """A channel that says when all has left as the test has it."""

    def __init__(self):
        self.left = Deferred()

    def flushed(self):
        return self.left

    def finish(self, seconds):
        return succeed(None)


class LastCallTests(SlowServerCase):
    def drain(self):
        """Let the server end its calls; gives what fires when the channel may close."""
        self.channel = Closing()
        drain = Drain(
            self.server, self.channel, self.clock, service="/one", components=(), seconds=30
        )
        return Deferred.fromCoroutine(drain.run())

    def test_just_called(self):
        """Whoever has just called may have called again: that is refused, and not lost."""
        self.serve()
        self.call(1, method="now")
        self.assertEqual(self.results(), [1])
        drained = self.drain()
        self.assertNoResult(drained)
        self.call(2)
        self.assertRefused(self.replies()[2], STOPPING, "stopping")
        self.assertNoResult(drained)
        self.channel.left.callback(None)
        self.successResultOf(drained)

    def test_quiet(self):
        """Where nobody has called for a while, there is nothing to wait for."""
        self.serve()
        self.call(1, method="now")
        self.clock.advance(FLUSH)
        self.successResultOf(self.drain())

    def test_never_called(self):
        """Nor is there where nobody has called at all."""
        self.serve()
        self.successResultOf(self.drain())
