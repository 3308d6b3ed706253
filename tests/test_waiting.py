"""Messages that wait until their peer takes more."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from pycom_tx.zerojson.errors import Overloaded
from pycom_tx.zerojson.waiting import SMALL, Waiting

LIMIT = 3

some_peer = st.sampled_from([b"a", b"b"])
steps = st.lists(
    st.tuples(st.just("put"), some_peer)
    | st.tuples(st.just("withdraw"), some_peer, st.integers(min_value=0, max_value=9))
    | st.tuples(st.just("flush"), st.integers(0, 4), st.integers(0, 4))
    | st.tuples(st.just("take_all")),
    max_size=30,
)


class Model:
    """The same, in one list."""

    def __init__(self):
        self.messages = []

    def of(self, peer):
        return [frames for frames in self.messages if frames[0] == peer]

    def put(self, peer, frames):
        if len(self.of(peer)) == LIMIT:
            raise Overloaded("full")
        self.messages.append(frames)

    def withdraw(self, peer, frames):
        there = frames in self.of(peer)
        if there:
            self.messages.remove(frames)
        return there

    def flush(self, sent):
        for peer in (b"a", b"b"):
            for frames in self.of(peer):
                if not sent(frames):
                    break
                self.messages.remove(frames)

    def take_all(self):
        messages, self.messages = self.messages, []
        return messages


class Tested:
    """A queue, real or modelled, and what was sent from it, by peer."""

    def __init__(self, queue):
        self.queue = queue
        self.sent = {b"a": [], b"b": []}

    def put(self, peer, frames):
        try:
            return self.queue.put(peer, frames)
        except Overloaded:
            return Overloaded

    def withdraw(self, peer, frames):
        return self.queue.withdraw(peer, frames)

    def take_all(self):
        return sorted(self.queue.take_all())

    def flush(self, *room):
        left = dict(zip((b"a", b"b"), room, strict=True))

        def send(frames):
            peer = frames[0]
            left[peer] -= 1
            if left[peer] >= 0:
                self.sent[peer].append(frames)
            return left[peer] >= 0

        self.queue.flush(send)


def waiting(*messages, limit=LIMIT, **options):
    """A queue in which *messages* wait, each for the peer in its first frame."""
    queue = Waiting(limit, **options)
    for frames in messages:
        queue.put(frames[0], frames)
    return queue


class WaitingTests(SynchronousTestCase):
    @settings(
        deadline=None,
        max_examples=300,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(steps)
    def test_model(self, steps):
        """Each peer's messages wait and leave in order, none lost and none twice."""
        real, model = Tested(waiting()), Tested(Model())
        put = []
        for name, *arguments in steps:
            if name == "put":
                put.append([arguments[0], b"%d" % len(put)])
                arguments.append(put[-1])
            elif name == "withdraw":
                arguments[1] = put[arguments[1]] if arguments[1] < len(put) else []
            results = [getattr(tested, name)(*arguments) for tested in (real, model)]
            self.assertEqual(*results, name)
            self.assertEqual(real.sent, model.sent)
            self.assertEqual(bool(real.queue.queues), bool(model.queue.messages))
            for peer in (b"a", b"b"):
                self.assertEqual(peer in real.queue.queues, bool(model.queue.of(peer)))

    def test_slow_peer(self):
        """A peer that takes nothing does not hold up the others."""
        queue = waiting([b"slow", b"1"], [b"quick", b"2"], [b"slow", b"3"], [b"quick", b"4"])
        sent = []

        def send(frames):
            if frames[0] == b"slow":
                return False
            sent.append(frames)
            return True

        queue.flush(send)
        self.assertEqual(sent, [[b"quick", b"2"], [b"quick", b"4"]])
        self.assertIn(b"slow", queue.queues)
        self.assertNotIn(b"quick", queue.queues)
        self.assertEqual(queue.take_all(), [[b"slow", b"1"], [b"slow", b"3"]])

    def test_limit(self):
        """A peer has no more than so many messages waiting, whatever waits for others."""
        queue = waiting([b"a", b"1"], [b"a", b"2"], limit=2)
        error = self.assertRaises(Overloaded, queue.put, b"a", [b"a", b"3"])
        self.assertIn("2 messages", str(error))
        queue.put(b"b", [b"b", b"4"])
        self.assertEqual(queue.take_all(), [[b"a", b"1"], [b"a", b"2"], [b"b", b"4"]])

    def test_bytes(self):
        """A peer has no more than so many bytes waiting, unless they are of one message."""
        size = SMALL + 1
        queue = waiting([b"a", bytes(size)], [b"b", bytes(9 * size)], limit=9, max_bytes=3 * size)
        self.assertRaises(Overloaded, queue.put, b"b", [b"b", bytes(size)])
        second = [b"a", bytes(size)]
        queue.put(b"a", second)
        error = self.assertRaises(Overloaded, queue.put, b"a", [b"a", bytes(size)])
        self.assertIn(f"{2 * size + 2} bytes", str(error))
        queue.withdraw(b"a", second)
        queue.put(b"a", [b"a", b"", bytes(size)])
        self.assertRaises(Overloaded, queue.put, b"a", [b"a", bytes(size)])
        queue.flush(lambda _: True)
        queue.put(b"a", [b"a", bytes(9 * size)])

    def test_small(self):
        """Small ones wait all the same, within the limit of their number."""
        queue = waiting([b"a", bytes(9999)], limit=3, max_bytes=20)
        self.assertRaises(Overloaded, queue.put, b"a", [b"a", bytes(SMALL)])
        queue.put(b"a", [b"a", bytes(SMALL - 1)])
        queue.put(b"a", [b"a"])
        error = self.assertRaises(Overloaded, queue.put, b"a", [b"a"])
        self.assertIn("3 messages", str(error))

    def test_half_of_the_bytes(self):
        """Half full is also who has half of the bytes."""
        queue = waiting([b"a", bytes(8)], limit=9, max_bytes=20)
        self.assertFalse(queue.half_full(b"a"))
        queue.put(b"a", [b"a"])
        self.assertTrue(queue.half_full(b"a"))
        self.assertFalse(queue.half_full(b"b"))

    def test_emptied(self):
        """Whoever waits until nothing does is told, however that comes."""
        message = [b"a", b"1"]
        for empty in (
            lambda queue: queue.withdraw(b"a", message),
            lambda queue: queue.flush(lambda _: True),
            lambda queue: queue.take_all(),
        ):
            queue = waiting(message)
            emptied, cancelled = queue.emptied(), queue.emptied()
            cancelled.cancel()
            self.failureResultOf(cancelled, CancelledError)
            queue.flush(lambda _: False)
            self.assertNoResult(emptied)
            empty(queue)
            self.successResultOf(emptied)
            self.successResultOf(queue.emptied())

    def test_emptied_of_all(self):
        """It is empty when nothing waits for anybody."""
        queue = waiting([b"a", b"1"], [b"b", b"2"])
        emptied = queue.emptied()
        queue.flush(lambda frames: frames[0] == b"a")
        self.assertNoResult(emptied)
        queue.flush(lambda _: True)
        self.successResultOf(emptied)

    def test_withdrawn(self):
        """A message that is withdrawn is not sent, those around it are."""
        messages = [[b"a", b"1"], [b"a", b"2"], [b"a", b"3"]]
        queue = waiting(*messages)
        self.assertTrue(queue.withdraw(b"a", messages[1]))
        self.assertFalse(queue.withdraw(b"a", messages[1]))
        self.assertFalse(queue.withdraw(b"b", messages[0]))
        self.assertFalse(queue.withdraw(b"a", list(messages[0])))
        self.assertEqual(queue.take_all(), [[b"a", b"1"], [b"a", b"3"]])

    def test_length(self):
        """It knows how many messages wait, for all peers together."""
        queue = waiting([b"a", b"1"], [b"b", b"2"], [b"a", b"3"])
        self.assertEqual(len(queue), 3)
        queue.flush(lambda frames: frames[0] == b"a")
        self.assertEqual(len(queue), 1)

    def test_put_twice(self):
        """The same list put twice is two messages."""
        message = [b"a", b"1"]
        queue = waiting(message, message)
        self.assertTrue(queue.withdraw(b"a", message))
        self.assertEqual(queue.take_all(), [[b"a", b"1"]])

    def test_last_withdrawn(self):
        """A peer whose last message is withdrawn has nothing waiting."""
        message = [b"a", b"1"]
        queue = waiting(message)
        self.assertTrue(queue.withdraw(b"a", message))
        self.assertNotIn(b"a", queue.queues)
        self.assertEqual(queue.queues, {})

    def test_error(self):
        """A message whose sending raises still waits."""
        queue = waiting([b"a", b"1"], [b"a", b"2"])

        def send(frames):
            raise ConnectionResetError

        self.assertRaises(ConnectionResetError, queue.flush, send)
        self.assertEqual(queue.take_all(), [[b"a", b"1"], [b"a", b"2"]])
