"""Threads for methods that block."""

import threading

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, gatherResults
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from pycom_tx.host.threads import Threads


class ThreadsTests(TestCase):
    def setUp(self):
        self.threads = Threads(reactor, "/com/example", limit=2)
        self.addCleanup(self.threads.close)
        self.go_on = threading.Event()
        self.addCleanup(self.go_on.set)

    async def test_result(self):
        """What a function gives or raises in a thread of the pool is what its caller gets."""
        name = await self.threads.run(lambda: threading.current_thread().name)
        self.assertIn("/com/example", name)
        self.assertEqual(await self.threads.run(divmod, 7, 2), (3, 1))
        await self.assertFailure(self.threads.run(divmod, 7, 0), ZeroDivisionError)

    async def test_limit(self):
        """No more run at once than there may be; the others have their turn."""
        began = threading.Semaphore(0)
        running, most = [], []

        def work(number):
            running.append(number)
            most.append(len(running))
            began.release()
            self.go_on.wait(20)
            running.remove(number)
            return number

        calls = [self.threads.run(work, number) for number in range(5)]
        await self.threads_began(began, 2)
        self.assertEqual(len(running), 2)
        self.go_on.set()
        self.assertEqual(await gatherResults(calls), [0, 1, 2, 3, 4])
        self.assertEqual(max(most), 2)

    async def test_given_up(self):
        """What was cancelled before a thread was free is not called."""
        called = []
        busy = [self.threads.run(self.go_on.wait, 20) for _ in range(2)]
        given_up = self.threads.run(called.append, 1)
        wanted = self.threads.run(called.append, 2)
        given_up.cancel()
        await self.assertFailure(given_up, CancelledError)
        self.go_on.set()
        await gatherResults([*busy, wanted])
        self.assertEqual(called, [2])

    async def test_close(self):
        """Closing ends the threads, and can be done twice."""
        before = threading.active_count()
        await gatherResults([self.threads.run(divmod, 7, 2) for _ in range(5)])
        self.assertEqual(self.threads.close(), 0)
        self.assertEqual(self.threads.close(), 0)
        self.assertEqual(threading.active_count(), before)

    async def test_left_behind(self):
        """What blocks is left behind, by a process that leaves as well; then it ends."""
        began, ended = threading.Semaphore(0), threading.Event()

        def work():
            began.release()
            self.go_on.wait(20)
            left.append(threading.current_thread())
            ended.set()

        left = []
        call = self.threads.run(work)
        await self.threads_began(began, 1)
        call.cancel()
        await self.assertFailure(call, CancelledError)
        self.assertEqual(self.threads.close(), 1)
        self.go_on.set()
        self.assertTrue(ended.wait(20))
        (thread,) = left
        self.assertTrue(thread.daemon)
        thread.join(20)
        self.assertFalse(thread.is_alive())

    async def threads_began(self, began, number):
        """Wait until so many functions are running."""
        for _ in range(number):
            await deferToThread(began.acquire, timeout=20)
