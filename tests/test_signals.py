"""The signals that end a command."""

import signal

from twisted.trial.unittest import SynchronousTestCase

from pycom_tx.tap.signals import Signals


class Reactor:
    """Remembers what it was asked to do, and handles signals."""

    def __init__(self):
        self.triggers = []
        self.signals = []

    def addSystemEventTrigger(self, phase, event, call):
        self.triggers.append((phase, event, call))
        return self.triggers[-1]

    def removeSystemEventTrigger(self, trigger):
        self.triggers.remove(trigger)

    def callFromThread(self, call):
        call()

    def sigTerm(self, number, frame=None):
        self.signals.append(number)


class SignalsTests(SynchronousTestCase):
    def setUp(self):
        for number in signal.SIGTERM, signal.SIGINT:
            self.addCleanup(signal.signal, number, signal.getsignal(number))
        self.reactor = Reactor()
        self.left, self.forced = [], []
        self.handle(signal.SIGTERM)
        self.handle(signal.SIGINT)
        self.signals = Signals(
            self.reactor, lambda: self.left.append(True), lambda: self.forced.append(True)
        )

    def handle(self, number):
        signal.signal(number, self.reactor.sigTerm)

    def shut_down(self):
        ((phase, event, call),) = self.reactor.triggers
        self.assertEqual((phase, event), ("before", "shutdown"))
        self.reactor.triggers.clear()
        call()

    def assertHandled(self, *numbers, left=()):
        self.assertEqual((self.reactor.signals, self.left), ([*numbers], [*left]))
        self.assertEqual(len(self.forced), len(self.left))

    def test_twice(self):
        """The first signal is the reactor's, the second one leaves, the third one kills."""
        self.signals.install()
        signal.raise_signal(signal.SIGINT)
        self.assertHandled(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        self.assertHandled(signal.SIGINT, left=[True])
        for number in signal.SIGINT, signal.SIGTERM:
            self.assertEqual(signal.getsignal(number), signal.SIG_DFL)

    def test_stopping_already(self):
        """A reactor that stops for another reason is not asked to stop again."""
        self.signals.install()
        self.shut_down()
        signal.raise_signal(signal.SIGTERM)
        self.assertHandled(left=[True])

    def test_uninstalled(self):
        """Who gives the signals back leaves nothing behind."""
        self.signals.install()
        self.signals.uninstall()
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        self.assertHandled(signal.SIGTERM, signal.SIGTERM)
        self.assertEqual(self.reactor.triggers, [])
        self.signals.uninstall()

    def test_kept_while_it_stops(self):
        """They are not given back to a reactor that stops, which could not deal with them."""
        self.signals.install()
        self.shut_down()
        self.signals.uninstall()
        signal.raise_signal(signal.SIGTERM)
        self.assertHandled(left=[True])

    def test_others(self):
        """A signal that is not the reactor's stays whose it is."""
        seen = []
        signal.signal(signal.SIGINT, lambda number, _: seen.append(number))
        self.signals.install()
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        self.assertEqual(seen, [signal.SIGINT] * 2)
        self.assertHandled()
