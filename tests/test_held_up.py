"""A line in the log when something holds up the reactor."""

import selectors
from threading import Event, current_thread
from traceback import FrameSummary

from twisted.application.service import IService
from twisted.internet import pollreactor, selectreactor
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pycom_tx.tap.held_up import INTERVAL, LONG, REMINDER, HeldUp, in_a_thread, waits


class HeldUpTests(SynchronousTestCase):
    def setUp(self):
        self.reactor = Clock()
        self.time = 100.0
        self.looks = []
        self.watch = HeldUp(self.reactor, lambda: self.time, self.repeat)
        self.addCleanup(lambda: self.assertEqual(self.reactor.getDelayedCalls(), []))

    def repeat(self, look):
        self.looks.append(look)
        return lambda: self.looks.remove(look)

    def start(self):
        self.watch.startService()
        self.addCleanup(lambda: self.watch.running and self.watch.stopService())
        self.reactor.advance(0)

    def pass_time(self, seconds, *, held_up=False):
        """Look again and again, while the reactor works or does not; gives what is logged."""
        with capturedLogs() as events:
            for _ in range(round(seconds / INTERVAL)):
                self.time += INTERVAL
                if not held_up:
                    self.reactor.advance(INTERVAL)
                for look in self.looks:
                    look()
        return [formatEvent(event) for event in events]

    def test_interface(self):
        """It is a service, and leaves nothing when it ends, whenever that is."""
        verifyObject(IService, self.watch)
        self.watch.startService()
        self.watch.stopService()
        self.assertEqual(self.looks, [])
        self.start()
        self.assertEqual(len(self.looks), 1)
        self.watch.stopService()
        self.assertEqual(self.looks, [])

    def test_working(self):
        """Of a reactor that works nothing is said."""
        self.start()
        self.assertEqual(self.pass_time(300), [])

    def test_held_up(self):
        """Of one that is held up it is said once, with for how long, and by what."""
        self.start()
        self.pass_time(3)
        self.assertEqual(self.pass_time(LONG - INTERVAL, held_up=True), [])
        (line,) = self.pass_time(10, held_up=True)
        self.assertRegex(line, rf"for {LONG:g}\.0 s, because of \w+ \(/.+, line \d+\)\. A method")
        self.assertIn("@method(blocking=True)", line)

    def test_again(self):
        """What goes on holding it up is told of once in a minute."""
        self.start()
        lines = 0
        for _ in range(20):
            lines += len(self.pass_time(2 * LONG, held_up=True))
            lines += len(self.pass_time(REMINDER / 20 - 2 * LONG))
        self.assertEqual(lines, 1)
        self.assertEqual(len(self.pass_time(2 * LONG, held_up=True)), 1)

    def test_stopped(self):
        """A process that was stopped, and goes on, was not held up."""
        self.start()
        self.pass_time(3)
        self.time += 600
        self.assertEqual(self.pass_time(INTERVAL, held_up=True), [])
        self.assertEqual(self.pass_time(3), [])

    def test_waiting(self):
        """A reactor that waits for something to do is told from one that does something."""
        for file, waiting in (
            (selectors.__file__, True),
            (pollreactor.__file__, True),
            (selectreactor.__file__, True),
            (Clock.__module__, False),
            ("/srv/reactor.py", False),
            (__file__, False),
        ):
            self.assertEqual(waits([FrameSummary(file, 1, "call")]), waiting, file)


class ThreadTests(SynchronousTestCase):
    def test_thread(self):
        """It looks from another thread, until that is ended."""
        looked, threads = Event(), set()

        def look():
            threads.add(current_thread())
            looked.set()

        end = in_a_thread(look)
        self.assertTrue(looked.wait(30))
        end()
        (thread,) = threads
        self.assertIsNot(thread, current_thread())
        thread.join(30)
        self.assertFalse(thread.is_alive())
