"""Calls that wait until services have room for them."""

from itertools import chain
from math import inf

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

import pycom_tx as pycom
from pycom_tx.client.room import LOOK, Room
from tests.support import MemoryCase


class RoomTests(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.room = Room(self.clock)
        self.tried = []

    def wait(self, name, ticket=None):
        turn = self.room.wait(ticket or self.room.ticket())
        turn.addCallback(lambda _: self.tried.append(name))
        return turn

    def assertNothingLeft(self):
        self.assertEqual(len(self.room), 0)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_made(self):
        """For each call that is answered two try, in their order."""
        for name in "abcde":
            self.wait(name)
        self.room.made()
        self.assertEqual(self.tried, ["a", "b"])
        self.room.made()
        self.room.made()
        self.assertEqual(self.tried, ["a", "b", "c", "d", "e"])
        self.assertNothingLeft()

    def test_look(self):
        """Where none is answered one tries now and then."""
        for name in "abc":
            self.wait(name)
        self.assertEqual(self.tried, [])
        self.clock.advance(LOOK)
        self.assertEqual(self.tried, ["a"])
        self.clock.pump([LOOK, LOOK])
        self.assertEqual(self.tried, ["a", "b", "c"])
        self.assertNothingLeft()

    def test_again(self):
        """Who tried in vain is the first to try again."""
        ticket = self.room.ticket()
        self.wait("a", ticket)
        self.wait("b")
        self.clock.advance(LOOK)
        self.wait("a again", ticket)
        self.clock.advance(LOOK)
        self.assertEqual(self.tried, ["a", "a again"])

    def test_cancelled(self):
        """Who does not want to wait any more is forgotten."""
        turn = self.wait("a")
        turn.cancel()
        self.failureResultOf(turn, CancelledError)
        self.assertNothingLeft()

    def test_cancelled_by_another(self):
        """One that tries, or fails, may end another."""
        for end in self.room.made, lambda: self.room.close("over"):
            first, second = (self.room.wait(self.room.ticket()) for _ in range(2))
            first.addBoth(lambda _, other=second: other.cancel())
            end()
            self.failureResultOf(second, CancelledError)
            self.assertNothingLeft()

    def test_leave(self):
        """Those of a caller that leaves fail, and the others have their turns."""
        first, second = (self.room.wait(self.room.ticket(), "a") for _ in range(2))
        third = self.room.wait(self.room.ticket(), "a")
        third.addErrback(lambda _: None)
        second.addErrback(lambda _: third.cancel())
        self.wait("b")
        self.room.leave("a")
        error = self.failureResultOf(first, pycom.ConnectionClosed).value
        self.assertTrue(error.not_started)
        self.successResultOf(second)
        self.successResultOf(third)
        self.clock.advance(LOOK)
        self.assertEqual(self.tried, ["b"])
        self.assertNothingLeft()

    def test_close(self):
        """Those that wait fail."""
        turn = self.wait("a")
        self.room.close("The reactor stopped")
        error = self.failureResultOf(turn, pycom.ConnectionClosed).value
        self.assertEqual(str(error), "The reactor stopped")
        self.assertTrue(error.not_started)
        self.assertNothingLeft()


@pycom.interface("com.example.desk")
class Desk(pycom.Service):
    """Serves one after the other."""

    def __init__(self):
        self.served = []
        self.waiting = []

    @pycom.method
    def serve(self, request, number):
        self.served.append(number)
        self.waiting.append(Deferred())
        return self.waiting[-1]

    def done(self):
        self.waiting.pop(0).callback(None)


class FullServiceTests(MemoryCase):
    """A client that waits, and services that take one call at a time."""

    def setUp(self):
        super().setUp()
        self.patient = pycom.Context(reactor=self.clock, network=self.network, wait_when_full=True)
        self.addCleanup(self.patient.close)

    def serve(self, count=1):
        self.desks = [Desk() for _ in range(count)]
        for desk in self.desks:
            self.host(desk, max_calls=1, max_waiting=0, max_per_client=9)
        self.component = self.result(self.patient.locate("com.example.desk"))

    def calls(self, count, timeout=60):
        calls = [
            self.component.invoke("serve", {"number": number}, timeout) for number in range(count)
        ]
        self.settle()
        return calls

    def assertServed(self, calls):
        """All of them are answered, once the desks have done their work."""
        for _ in range(3):
            for desk in self.desks:
                if desk.waiting:
                    desk.done()
            self.settle(LOOK)
        for call in calls:
            self.assertIsNone(self.successResultOf(call))

    def settle(self, seconds=0):
        self.clock.pump([0] * 20 + [seconds] + [0] * 20)

    def test_waits(self):
        """What a service refuses waits until it has room; all are answered, in their order."""
        self.serve()
        (desk,) = self.desks
        calls = self.calls(5)
        self.assertEqual(desk.served, [0])
        for number in range(5):
            desk.done()
            self.settle(LOOK)
            self.assertIsNone(self.successResultOf(calls[number]))
        self.assertEqual(desk.served, [0, 1, 2, 3, 4])

    def test_new_ones(self):
        """Who calls while others wait has to wait as well."""
        self.serve()
        (desk,) = self.desks
        calls = self.calls(2)
        calls.append(self.component.invoke("serve", {"number": 7}, 60))
        for call in calls:
            desk.done()
            self.settle(LOOK)
            self.assertIsNone(self.successResultOf(call))
        self.assertEqual(desk.served, [0, 1, 7])

    def test_others_first(self):
        """A call that one service refuses goes to another, and waits where all do."""
        self.serve(3)
        calls = self.calls(5)
        served = [desk.served for desk in self.desks]
        self.assertEqual([len(numbers) for numbers in served], [1, 1, 1])
        self.assertServed(calls)
        self.assertEqual(sorted(chain(*served)), [0, 1, 2, 3, 4])

    def test_budget(self):
        """A budget that is used up makes nobody fail who may wait."""
        self.serve(2)
        while self.patient.budget.spend():
            pass
        calls = self.calls(3)
        self.assertServed(calls)

    def test_no_time(self):
        """A call for which there is no room in its time was not started."""
        self.serve()
        first, late = self.calls(2, timeout=3)
        self.clock.pump([LOOK] * 30)
        self.failureResultOf(first, pycom.CallTimeout)
        error = self.failureResultOf(late, pycom.CallTimeout).value
        self.assertTrue(error.not_started)
        self.assertEqual(
            str(error),
            "No service had room for com.example.desk.serve in its time; "
            "com.example.desk.serve was not started",
        )
        self.assertEqual(self.desks[0].served, [0])

    def test_for_ever(self):
        """A call that has all the time there is waits for ever."""
        self.serve()
        first, second = self.calls(2, timeout=inf)
        self.clock.pump([10] * 100)
        self.assertNoResult(second)
        self.desks[0].done()
        self.settle(LOOK)
        self.desks[0].done()
        self.settle()
        self.successResultOf(first)
        self.successResultOf(second)

    def test_cancelled(self):
        """A call that waits can be cancelled, and is never sent."""
        self.serve()
        first, second = self.calls(2)
        second.cancel()
        self.failureResultOf(second, CancelledError)
        self.desks[0].done()
        self.settle(LOOK)
        self.successResultOf(first)
        self.assertEqual(self.desks[0].served, [0])

    def test_component_closed(self):
        """When the component is closed those that wait fail; those in flight are answered."""
        self.serve()
        first, second = self.calls(2)
        self.component.close()
        self.assertTrue(self.failureResultOf(second, pycom.ConnectionClosed).value.not_started)
        self.desks[0].done()
        self.settle()
        self.assertIsNone(self.successResultOf(first))

    def test_one_of_two_closed(self):
        """Those that wait fail at once also where another component uses the same services."""
        self.serve()
        other = self.result(self.patient.locate("com.example.desk"))
        first, *waiting = self.calls(9)
        theirs = other.invoke("serve", {"number": 7}, 60)
        self.component.close()
        for call in waiting:
            self.assertTrue(self.failureResultOf(call, pycom.ConnectionClosed).value.not_started)
        for call in first, theirs:
            self.desks[0].done()
            self.settle(LOOK)
            self.assertIsNone(self.successResultOf(call))
        other.close()

    def test_context_closed(self):
        """When the context is closed all fail; those that waited were not started."""
        self.serve()
        first, second = self.calls(2)
        self.patient.close()
        self.assertFalse(self.failureResultOf(first, pycom.ConnectionClosed).value.not_started)
        self.assertTrue(self.failureResultOf(second, pycom.ConnectionClosed).value.not_started)

    def test_impatient(self):
        """A client that does not wait is told that the service is overloaded."""
        self.serve()
        component = self.result(self.context.locate("com.example.desk"))
        self.addCleanup(component.close)
        first, second = (component.invoke("serve", {"number": n}) for n in range(2))
        self.settle()
        self.failureResultOf(second, pycom.Overloaded)
        self.desks[0].done()
        self.settle()
        self.successResultOf(first)
