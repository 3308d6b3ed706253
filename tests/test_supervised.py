"""How a process follows its supervisor."""

import os
import signal

from twisted.internet.error import ReactorNotRunning
from twisted.trial.unittest import SynchronousTestCase

from pycom_tx.tap.place import MARGIN
from pycom_tx.tap.signals import GRACE
from pycom_tx.tap.supervised import FirstSignal, Leash


class Reactor:
    """Can be stopped, once."""

    def __init__(self):
        self.stopped = []

    def callFromThread(self, call, *args):
        call(*args)

    def stop(self):
        if self.stopped:
            raise ReactorNotRunning
        self.stopped.append(True)

    def addSystemEventTrigger(self, *trigger):
        """Nothing is ever fired."""

    def sigTerm(self, number, frame):
        self.stop()


class LeashTests(SynchronousTestCase):
    def setUp(self):
        self.done = []
        reader, self.writer = os.pipe()
        self.addCleanup(os.close, reader)
        self.leash = Leash(
            reader,
            lambda: self.done.append("stop"),
            lambda s: self.done.append(f"exit within {s:g}"),
        )

    def assertDoes(self, words, *expected):
        """It does what is expected for these words, and the end of the supervisor."""
        os.write(self.writer, words)
        os.close(self.writer)
        self.leash.follow()
        self.assertEqual(self.done, [*expected, f"exit within {30 + MARGIN:g}", "stop"])

    def test_death(self):
        """When the supervisor is gone the process stops, and ends in any case."""
        self.assertDoes(b"")

    def test_word(self):
        """The first word stops it."""
        self.assertDoes(b"!", "stop")

    def test_serving(self):
        """Once it serves, the first word stops the reactor, and the second one makes it leave.

        It ends in any case, and that the reactor stops already does no harm.
        """
        reactor = Reactor()
        self.leash.signals(reactor, lambda: self.done.append("leave"))
        os.write(self.writer, b"!!")
        os.close(self.writer)
        self.leash.follow()
        self.assertEqual(
            self.done, [f"exit within {GRACE:g}", "leave", f"exit within {30 + MARGIN:g}"]
        )
        self.assertEqual(reactor.stopped, [True])

    def test_two_words_early(self):
        """Before there is something to leave, the first one is enough."""
        self.assertDoes(b"!!", "stop", f"exit within {GRACE:g}")

    def test_patience(self):
        """How long it may take to stop can be set."""
        self.leash.patience = 7
        os.close(self.writer)
        self.leash.follow()
        self.assertEqual(self.done, ["exit within 7", "stop"])


class FirstSignalTests(SynchronousTestCase):
    def test_any(self):
        """Signals stop the reactor, of whatever kind and however many there are."""
        reactor, left = Reactor(), []
        for number in signal.SIGTERM, signal.SIGINT:
            self.addCleanup(signal.signal, number, signal.getsignal(number))
            signal.signal(number, reactor.sigTerm)
        FirstSignal(reactor, lambda: left.append(True)).install()
        for number in signal.SIGTERM, signal.SIGINT, signal.SIGTERM:
            signal.raise_signal(number)
        self.assertEqual((reactor.stopped, left), ([True], []))
