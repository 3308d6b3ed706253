"""How much a server takes on, and what it refuses."""

from contextvars import ContextVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import LogLevel, capturedLogs, formatEvent

import pycom_tx as pycom
from pycom_tx.zerojson.messages import encode_request
from tests.slow_server import OVERLOADED, STOPPING, SlowServerCase

colour = ContextVar("colour", default="none")


class LimitTests(SlowServerCase):
    def test_queue(self):
        """What is more than may be in progress waits, and starts in its order."""
        self.serve(max_calls=2, max_waiting=2, max_per_client=9)
        self.call(1, 2, 3, 4)
        self.assertEqual(self.handler.started, [1, 2])
        self.assertEqual((self.server.in_progress, self.server.waiting), (2, 2))
        self.handler.answer(2)
        self.assertEqual(self.handler.started, [1, 2, 3])
        for number in 1, 3, 4:
            self.handler.answer(number)
        self.assertEqual(self.results(), [2, 1, 3, 4])
        self.assertEqual((self.server.in_progress, self.server.waiting), (0, 0))

    def test_full(self):
        """What is more than may wait is refused at once, and not started."""
        self.serve(max_calls=1, max_waiting=1, max_per_client=9)
        self.call(1, 2, 3)
        self.assertRefused(self.replies()[3], OVERLOADED, "too many calls")
        self.handler.answer(1)
        self.call(4)
        self.assertEqual(list(self.replies()), [1])
        self.assertEqual(self.handler.started, [1, 2])

    def test_counted(self):
        """How many were refused is counted, by the reason."""
        self.serve(max_calls=1, max_waiting=0)
        self.assertEqual(self.server.refused, {"overloaded": 0, "stopping": 0})
        self.call(1, 2, 3)
        self.server.drain()
        self.call(4)
        self.assertEqual(self.server.refused, {"overloaded": 2, "stopping": 1})
        self.handler.answer(1)

    def test_one_client(self):
        """A client that has as many as one may is refused, others are not."""
        self.serve(max_calls=3, max_per_client=2)
        other = self.connect()
        self.call(1, 2, 3)
        self.assertRefused(self.replies()[3], OVERLOADED, "too many calls")
        self.call(4, 5, 6, peer=other)
        self.assertRefused(self.replies(other)[6], OVERLOADED, "too many calls")
        self.assertEqual((self.server.in_progress, self.server.waiting), (3, 1))
        self.handler.answer(1)
        self.call(7)
        self.assertEqual(self.results(), [1])
        self.assertEqual(self.server.waiting, 1)

    def test_one_client_has_half(self):
        """Unless told otherwise one client may have half of what may be in progress."""
        self.serve(max_calls=4)
        other = self.connect()
        self.call(1, 2, 3)
        self.call(4, peer=other)
        self.assertEqual(list(self.replies()), [3])
        self.assertEqual((self.server.in_progress, self.server.waiting), (3, 0))

    def test_time_over(self):
        """A call whose time is over is cancelled, and makes room for others."""
        self.serve(max_calls=1, max_per_client=9)
        self.call(1, **{"org.pycom.deadline": 1000})
        self.call(2)
        answer = self.handler.answers[1]
        self.clock.advance(1)
        self.assertTrue(answer.called)
        self.assertEqual(self.replies(), {})
        self.assertEqual((self.server.in_progress, self.server.waiting), (1, 0))

    def test_cancelled_once(self):
        """What takes its time to end is cancelled once, by its client or its deadline."""
        self.serve(max_per_client=9)
        cancelled = []
        ends = [Deferred(), Deferred()]

        async def work(number):
            try:
                await Deferred()
            except CancelledError:
                cancelled.append(number)
                await ends[number]

        self.handler.handle = lambda request: Deferred.fromCoroutine(work(request.args))
        for number, milliseconds in enumerate((1000, 3000)):
            self.call(number, **{"org.pycom.deadline": milliseconds})
        self.cancel(1)
        self.clock.pump([1, 1, 1, 1])
        self.cancel(0)
        self.assertEqual(cancelled, [1, 0])
        self.assertEqual(self.server.in_progress, 2)
        for end in ends:
            self.assertFalse(end.called)
            end.callback(None)
        self.assertEqual(self.server.in_progress, 0)

    def test_turns(self):
        """Clients that wait have their turns, however many calls one of them has sent."""
        self.serve(max_calls=1, max_per_client=9)
        other, third = self.connect(), self.connect()
        self.call(1, 2, 3, 4)
        self.call(5, 6, peer=other)
        self.call(7, peer=third)
        for _ in range(7):
            self.handler.answer(self.handler.started[-1])
        self.assertEqual(self.handler.started, [1, 2, 5, 7, 3, 6, 4])

    def test_answered_at_once(self):
        """A call that is answered at once is none in progress; any number of them may wait."""
        self.serve(max_calls=1, max_per_client=9999)
        for method in "now", "fired":
            self.call(*range(10), method=method)
            self.assertEqual(self.results(), list(range(10)))
            self.call(1000)
            self.call(*range(10, 900), method=method)
            self.assertEqual((self.server.in_progress, self.server.waiting), (1, 890))
            self.handler.answer(1000)
            self.assertEqual(self.results(), [1000, *range(10, 900)])

    def test_context(self):
        """A call that waited runs in the context that it came in."""
        self.serve(max_calls=1, max_per_client=9)
        seen = []
        handle = self.handler.handle
        self.handler.handle = lambda request: seen.append(colour.get()) or handle(request)
        self.call(1, 2)
        token = colour.set("red")
        self.handler.answer(1)
        colour.reset(token)
        self.assertEqual(seen, ["none", "none"])
        self.handler.answer(2)

    def test_same_name(self):
        """Two calls of one name are two calls."""
        self.serve(max_calls=1, max_per_client=3)
        for number in 1, 2, 3, 4:
            request = pycom.Request("i", "later", number)
            self.send(b"7", b"", *encode_request(request))
        self.assertRefused(self.replies()[7], OVERLOADED, "too many")
        self.cancel(7)
        for number in 2, 3:
            self.handler.answer(number)
            self.assertEqual(self.results(), [number])


class SizeTests(SlowServerCase):
    def test_request(self):
        """A request that is too large is answered with how large it may be."""
        self.serve(max_message=1000)
        self.call(1, method="now")
        request = pycom.Request("i", "now", 2, attachment=bytes(1000))
        self.send(b"2", b"", *encode_request(request))
        replies = self.replies()
        self.assertEqual((replies[1]["result"], replies[2]["code"]), (1, 4))
        self.assertRegex(replies[2]["error"], r"\AThe request has 10\d\d bytes, and 1000 is what")

    def test_as_large_as_may_be(self):
        """A message of the very size is none that is too large."""
        frames = encode_request(pycom.Request("i", "now", 1, attachment=bytes(50)))
        self.serve(max_message=sum(map(len, frames)))
        self.send(b"1", b"", *frames)
        self.assertEqual(self.results(), [1])
        self.send(b"1", b"", *frames[:2], bytes(51))
        self.assertEqual(self.replies()[1]["code"], 4)

    def test_reply(self):
        """A reply that is too large fails its call, and the log says which."""
        self.serve(max_message=1000)
        for response in (pycom.Response("x" * 1000), pycom.Response(attachment=bytes(1000))):
            self.handler.handle = lambda _, response=response: response
            with capturedLogs() as events:
                self.call(1)
            reply = self.replies()[1]
            self.assertEqual(reply["code"], 1)
            self.assertRegex(reply["error"], r"\AThe reply has 10\d\d bytes, and 1000 is what")
            [event] = [event for event in events if event["log_level"] is LogLevel.error]
            self.assertIn("i.later", formatEvent(event))


class DrainTests(SlowServerCase):
    def test_idle(self):
        """A server without calls is drained at once."""
        self.serve()
        self.successResultOf(self.server.drain())

    def test_refused(self):
        """What comes then is refused: it may be tried elsewhere."""
        self.serve()
        self.server.drain()
        self.call(1)
        self.assertRefused(self.replies()[1], STOPPING, "The service is stopping")
        self.assertEqual(self.handler.started, [])

    def test_goes_on(self):
        """What is in progress or waits goes on, and is answered before it is drained."""
        self.serve(max_calls=1, max_per_client=9)
        self.call(1, 2)
        drained = self.server.drain()
        self.call(3)
        self.handler.answer(1)
        self.assertNoResult(drained)
        drained.addCallback(lambda _: len(self.peer.channel._link.to_connected._on_the_way))
        self.handler.answer(2)
        self.assertEqual(self.successResultOf(drained), 2)
        self.assertEqual(list(self.replies()), [3, 1, 2])

    def test_cancelled(self):
        """Calls that are cancelled are not waited for."""
        self.serve(max_calls=1, max_per_client=9)
        self.call(1, 2)
        drained = self.server.drain()
        self.cancel(2)
        self.assertNoResult(drained)
        self.cancel(1)
        self.successResultOf(drained)

    def test_twice(self):
        """Any number may wait for it, and who stops waiting is told nothing."""
        self.serve()
        self.call(1)
        first, second, third = self.server.drain(), self.server.drain(), self.server.drain()
        second.cancel()
        self.failureResultOf(second, CancelledError)
        self.handler.answer(1)
        self.successResultOf(first)
        self.successResultOf(third)

    def test_turn_away(self):
        """Those that wait can be refused, those in progress go on."""
        self.serve(max_calls=1, max_per_client=9)
        self.call(1, 2, 3)
        drained = self.server.drain()
        self.server.turn_away()
        replies = self.replies()
        self.assertEqual(list(replies), [2, 3])
        for reply in replies.values():
            self.assertRefused(reply, STOPPING, "The service is stopping")
        self.handler.answer(1)
        self.successResultOf(drained)

    def test_close(self):
        """A server that closes refuses what waits and cancels what is in progress."""
        self.serve(max_calls=1, max_per_client=9)
        self.call(1, 2)
        drained = self.server.drain()
        self.server.close()
        self.successResultOf(drained)
        replies = self.replies()
        self.assertRefused(replies[2], STOPPING, "The service is stopping")
        self.assertEqual(replies[1]["error"], "The call was cancelled")
        self.assertEqual(self.handler.started, [1])
