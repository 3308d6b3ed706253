"""What clients and servers tell each other beside calls: deadlines, cancellation, load."""

from twisted.internet.defer import CancelledError, Deferred

import pycom_tx as pycom
from pycom_tx.zerojson.extensions import DEADLINE, FEATURES, HELLO, LOAD, PROGRESS, REFUSED
from pycom_tx.zerojson.messages import CANCEL, encode_request
from pycom_tx.zerojson.server import MAX_MESSAGE
from tests.slow_server import SlowServerCase


class DeadlineTests(SlowServerCase):
    def test_deadline(self):
        """A request knows when its client stops waiting."""
        self.serve()
        deadlines = []
        handle = self.handler.handle
        self.handler.handle = lambda request: deadlines.append(request.deadline) or handle(request)
        self.clock.advance(10)
        for milliseconds in 1500, 0.5:
            self.call(1, method="now", **{DEADLINE: milliseconds})
        self.call(1, method="now")
        self.assertEqual(deadlines, [11.5, 10.0005, None])

    def test_over(self):
        """A call whose time is over when it comes is neither started nor answered."""
        self.serve()
        self.call(1, 2, **{DEADLINE: 0})
        self.call(3, **{DEADLINE: -1})
        self.assertEqual((self.replies(), self.handler.started), ({}, []))

    def test_over_while_it_waited(self):
        """Nor is one whose time is over when its turn comes; who is next is started."""
        self.serve(max_calls=1, max_per_client=9)
        self.call(1)
        self.call(2, 3, **{DEADLINE: 1000})
        self.call(4, **{DEADLINE: 2000})
        self.clock.advance(1)
        self.handler.answer(1)
        self.assertEqual(self.handler.started, [1, 4])
        self.handler.answer(4)
        self.assertEqual(list(self.replies()), [1, 4])

    def test_nonsense(self):
        """A deadline that is none is a bad request."""
        self.serve()
        for value in (
            "1000",
            None,
            True,
            [],
            {},
            float("nan"),
            float("inf"),
            10**400,
            -(10**400),
        ):
            self.call(1, **{DEADLINE: value})
            reply = self.replies()[1]
            self.assertEqual(reply["code"], 4, value)
            self.assertIn("org.pycom.deadline must be a number of milliseconds", reply["error"])
        self.assertEqual(self.handler.started, [])


class CancelTests(SlowServerCase):
    def test_in_progress(self):
        """A call that its client cancels is cancelled, and not answered."""
        self.serve()
        cancelled = []
        later = self.handler.handle
        self.handler.handle = lambda _: Deferred(cancelled.append)
        self.call(1)
        self.handler.handle = later
        self.call(2)
        self.cancel(1)
        self.assertEqual((len(cancelled), self.server.in_progress), (1, 1))
        self.handler.answer(2)
        self.assertEqual(self.results(), [2])
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_goes_on(self):
        """One that makes something of its cancellation is in progress until it is done."""
        self.serve()
        answer, more = Deferred(), Deferred()
        answer.addErrback(lambda failure: failure.trap(CancelledError) and more)
        self.handler.handle = lambda _: answer
        self.call(1)
        self.cancel(1)
        self.assertEqual(self.server.in_progress, 1)
        more.callback(pycom.Response("done"))
        self.assertEqual((self.replies(), self.server.in_progress), ({}, 0))

    def test_waiting(self):
        """A call that waits and is cancelled is never started."""
        self.serve(max_calls=1, max_waiting=2, max_per_client=9)
        self.call(1, 2, 3)
        self.cancel(2)
        self.call(4)
        self.handler.answer(1)
        self.handler.answer(3)
        self.handler.answer(4)
        self.assertEqual(self.results(), [1, 3, 4])

    def test_unknown(self):
        """Whoever cancels what is not there is not answered."""
        self.serve()
        other = self.connect()
        self.call(1)
        self.cancel(2)
        self.cancel(1, peer=other)
        self.handler.answer(1)
        self.cancel(1)
        self.assertEqual((self.results(), self.replies(other)), ([1], {}))

    def test_without_a_name(self):
        """A client of one call at a time cancels that."""
        self.serve()
        self.send(b"", *encode_request(pycom.Request("i", "later", 1)))
        self.send(b"", CANCEL, b"{}")
        self.assertEqual((self.server.in_progress, self.peer.replies), (0, []))

    def test_reports(self):
        """A call that was cancelled reports nothing any more."""
        self.serve()
        reports = []
        handle = self.handler.handle
        self.handler.handle = lambda request: reports.append(request.progress) or handle(request)
        self.call(1, **{PROGRESS: True})
        self.cancel(1)
        reports[0]("much later")
        self.assertEqual(self.replies(), {})

    def test_that_fails(self):
        """A cancellation that raises is logged, and keeps nothing else from being cancelled."""
        self.serve()

        def refuse(_):
            raise ZeroDivisionError

        waiting = [Deferred(refuse), Deferred()]
        self.handler.handle = lambda _: waiting[0]
        self.call(1)
        self.handler.handle = lambda _: waiting[1]
        self.call(2)
        self.server.close()
        self.assertEqual(self.server.in_progress, 1)
        waiting[0].callback(pycom.Response())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class TellingTests(SlowServerCase):
    def test_old_client(self):
        """A client that says nothing of itself is told nothing new, whatever becomes of it."""
        self.serve()
        self.call(1, method="now")
        self.send(b"2", b"", b"CALL", b"[]")
        self.assertEqual(
            [set(reply) for reply in self.replies().values()],
            [
                {"code", "result"},
                {"code", "error"},
            ],
        )

    def test_hello(self):
        """A client that greets is greeted, with what is known here and how much is taken."""
        for limits, told in (
            ({}, {"max_message": MAX_MESSAGE}),
            ({"max_message": 1000}, {"max_message": 1000}),
            ({"max_message": None}, {}),
        ):
            self.network.close()
            self.serve(**limits)
            self.call(1, method="now", **{HELLO: {"features": []}})
            extensions = self.replies()[1]["extensions"]
            self.assertEqual(extensions, {HELLO: {"features": [*FEATURES], **told}, LOAD: 0})

    def test_hello_in_errors(self):
        """It is greeted in an error as well, and where it is refused."""
        self.serve(max_calls=1)
        hello = {HELLO: None}
        self.call(1, **hello, **{DEADLINE: "soon"})
        self.call(2)
        self.call(3, **hello)
        replies = self.replies()
        self.assertIn(HELLO, replies[1]["extensions"])
        self.assertEqual(set(replies[3]["extensions"]), {HELLO, LOAD, REFUSED})

    def test_load(self):
        """A client that knows deadlines learns how many calls there are beside its own."""
        self.serve(max_calls=2, max_per_client=9)
        self.call(1, 2, 3, 4, 5)
        for number in 1, 2:
            self.handler.answer(number)
        self.call(6, **{DEADLINE: 1000})
        for number in 3, 4, 5, 6:
            self.handler.answer(number)
        replies = self.replies()
        self.assertEqual(replies.pop(6)["extensions"], {LOAD: 0})
        self.assertEqual({"extensions" in reply for reply in replies.values()}, {False})
        self.call(7, 8, 9)
        self.call(10, **{DEADLINE: 1000})
        self.handler.answer(7)
        self.handler.answer(8)
        self.handler.answer(10)
        self.assertEqual(self.replies()[10]["extensions"], {LOAD: 1})

    def test_beside_its_own(self):
        """What the service sends goes along, too."""
        self.serve()
        self.handler.handle = lambda _: pycom.Response(1, extensions={"com.foo": "ö"})
        self.call(1, **{DEADLINE: 1000})
        self.assertEqual(self.replies()[1]["extensions"], {"com.foo": "ö", LOAD: 0})
