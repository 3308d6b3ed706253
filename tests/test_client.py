"""The client's half of a connection."""

import itertools
import json
import math
import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

import pycom_tx as pycom
from pycom_tx.testing import MemoryNetwork, at_once
from pycom_tx.zerojson.client import Client
from pycom_tx.zerojson.interfaces import IChannelListener
from pycom_tx.zerojson.messages import CALL, FAIL, OK, encode_response
from pycom_tx.zerojson.request import Request, Response

ADDRESS = "tcp://127.0.0.1:2013"


@implementer(IChannelListener)
class Peer:
    """The raw other end: replies with the arguments, at once or when it is told to."""

    def __init__(self, network, at_once):
        self.channel = network.bind(ADDRESS, self)
        self.requests = []
        self.at_once = at_once

    def message_received(self, channel, frames):
        self.requests.append(frames)
        if self.at_once:
            self.reply(-1)

    def reply(self, index):
        peer, key, delimiter, _, body = self.requests[index]
        reply = encode_response(Response(json.loads(body)["args"]))
        self.channel.send([peer, key, delimiter, *reply])

    def not_sent(self, channel, *told):
        pass

    peer_lost = not_sent


class HeldNetwork:
    """A network with one channel, whose peer takes nothing yet."""

    def __init__(self, limit):
        self.limit = limit
        self.waiting, self.withdrawn = [], []

    def connect(self, address, listener):
        return self

    def send(self, frames):
        if len(self.waiting) == self.limit:
            raise pycom.Overloaded("full")
        self.waiting.append(frames)

    def offer(self, frames):
        return False

    def withdraw(self, frames):
        self.withdrawn.append(frames)

    def close(self):
        """Nothing to do."""


class ClientCase(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.network = MemoryNetwork(self.clock)
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))

    def connect(self, network=None, idle=lambda: None):
        """A client of the address."""
        self.client = Client(ADDRESS, network or self.network, self.clock, idle)
        self.addCleanup(self.client.close)
        return self.client

    def pair(self, *, answering=False, delivery=at_once):
        """A raw peer, and a client that is connected to it."""
        self.network.close()
        self.network.delivery = delivery
        return Peer(self.network, answering), self.connect()

    def call(self, args=None, timeout=10):
        return self.client.call(Request("com.foo", "bar", args), timeout)

    def turn(self):
        """Let what was sent arrive, and what was answered."""
        self.clock.pump([0, 0])

    def replied(self, *frames):
        """A call that got these frames behind its identifier."""
        peer, _ = self.pair()
        deferred = self.call()
        self.turn()
        peer.channel.send([*peer.requests[0][:2], *frames])
        self.turn()
        return deferred

    def result(self, deferred):
        return self.successResultOf(deferred).result

    def error(self, deferred, kind):
        """The text of the error, of exactly that class, that *deferred* failed with."""
        failure = self.failureResultOf(deferred)
        self.assertIs(failure.type, kind)
        return str(failure.value)


class ReplyTests(ClientCase):
    def test_interface(self):
        """A client is what channels tell about their messages."""
        verifyObject(IChannelListener, self.connect())

    def test_response(self):
        """A call fires with its response: result, attachment, session and extensions."""
        reply = Response([1], attachment=b"", session_id="s", extensions={"a": 1})
        response = self.successResultOf(self.replied(b"", *encode_response(reply)))
        for name in Response.__slots__:
            self.assertEqual(getattr(response, name), getattr(reply, name))
        self.assertEqual((self.client.in_flight, self.client.unexpected), (0, 0))

    def test_errors(self):
        """An error reply fails its call with its code's class, its text and its session."""
        for code, kind in (
            (2, pycom.MethodNotFound),
            (6, pycom.SessionExpired),
            (1, pycom.RemoteError),
        ):
            reply = encode_response(Response(code=code, error="wrong", session_id="s"))
            error = self.failureResultOf(self.replied(b"", *reply)).value
            self.assertIs(type(error), kind)
            self.assertEqual((error.code, str(error), error.session_id), (code, "wrong", "s"))

    def test_out_of_order(self):
        """Each of many replies reaches the call it is for, in whatever order they come."""
        peer, client = self.pair()
        calls = [self.call(number) for number in range(200)]
        self.turn()
        self.assertEqual((client.in_flight, len(peer.requests)), (200, 200))
        order = list(range(200))
        random.Random(2013).shuffle(order)
        for number in order:
            peer.reply(number)
        self.turn()
        self.assertEqual([self.result(call) for call in calls], list(range(200)))
        self.assertEqual((client.in_flight, client.unexpected), (0, 0))

    def test_invalid(self):
        """What is no reply ends its call, with a message of moderate length."""
        for frames in (
            [],
            [b"x", OK, b'{"code":0}'],
            [b"", OK],
            [b"", OK, b"{}"],
            [b"", OK, b"\xff"],
            [b"", OK, b'{"code":0}', b"1", b"2"],
            [b"", b"WELL", b'{"code":0}'],
            [b"", b"x" * 10_000],
        ):
            self.assertLess(len(self.error(self.replied(*frames), pycom.InvalidReply)), 250)

    def test_failing(self):
        """A service that cannot answer at all is not available, and says why if it does."""
        for body, detail in (
            ([], ""),
            ([b'{"error":"x"}'], '{"error":"x"}'),
            ([b"\xff"], "\N{REPLACEMENT CHARACTER}"),
            ([b"x" * 10_000], "x" * 200),
        ):
            error = self.error(self.replied(b"", FAIL, *body), pycom.ServiceNotAvailable)
            self.assertEqual(error, f"com.foo.bar at {ADDRESS} is failing: {detail}")

    def test_unexpected(self):
        """Replies that nobody waits for are dropped and counted."""
        peer, client = self.pair(answering=True, delivery=lambda _: (0.0, 0.0))
        deferred = self.call("once")
        self.turn()
        self.assertEqual(self.result(deferred), "once")
        self.assertEqual((len(peer.requests), client.unexpected), (2, 3))


class EndingTests(ClientCase):
    def test_timeout(self):
        """A call without a reply fails when its time is over; one that comes later is dropped."""
        peer, client = self.pair()
        deferred = self.call(timeout=2.5)
        self.clock.advance(2.4)
        self.assertNoResult(deferred)
        self.clock.advance(0.1)
        error = self.error(deferred, pycom.CallTimeout)
        self.assertEqual(error, f"No reply from com.foo.bar at {ADDRESS} within 2.5 s")
        peer.reply(0)
        self.turn()
        self.assertEqual((client.in_flight, client.unexpected), (0, 1))

    def test_lost(self):
        """A call whose request or reply was lost fails when its time is over."""
        for lost in (CALL, OK):
            self.pair(
                answering=True, delivery=lambda frames, lost=lost: () if lost in frames else (0,)
            )
            deferred = self.call(timeout=3)
            self.turn()
            self.assertNoResult(deferred)
            self.clock.advance(3)
            self.error(deferred, pycom.CallTimeout)

    def test_no_timeout(self):
        """A call may wait for ever, without a timer."""
        peer, _ = self.pair()
        deferred = self.call("at last", timeout=math.inf)
        self.turn()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        peer.reply(0)
        self.turn()
        self.assertEqual(self.result(deferred), "at last")

    def test_cancelled(self):
        """A cancelled call is forgotten, others are not, and its reply is dropped."""
        _, client = self.pair(answering=True)
        cancelled, other = self.call(1), self.call(2)
        cancelled.cancel()
        self.error(cancelled, CancelledError)
        self.assertEqual(client.in_flight, 1)
        self.turn()
        self.assertEqual(self.result(other), 2)
        self.assertEqual(client.unexpected, 1)

    def test_peer_lost(self):
        """Calls in flight fail when the connection breaks; the next call connects again."""
        peer, _ = self.pair()
        calls = [self.call(timeout=timeout) for timeout in (1, math.inf)]
        self.turn()
        self.network.disconnect(ADDRESS)
        for call in calls:
            error = self.error(call, pycom.ServiceNotAvailable)
            self.assertEqual(error, f"The connection to {ADDRESS} broke")
        peer.at_once = True
        call = self.call("again")
        self.turn()
        self.assertEqual(self.result(call), "again")

    def test_nobody_there(self):
        """A call to an address where nobody listens fails without waiting for its time."""
        self.connect()
        call = self.call(timeout=math.inf)
        self.turn()
        error = self.error(call, pycom.ServiceNotAvailable)
        self.assertEqual(error, f"Nothing answers at {ADDRESS}")

    def test_closed(self):
        """A client that closes fails its calls in flight, and makes no others."""
        peer, client = self.pair()
        calls = [self.call(), self.call()]
        client.close()
        client.close()
        for call in calls:
            self.assertIn(ADDRESS, self.error(call, pycom.ConnectionClosed))
        self.assertRaises(pycom.ConnectionClosed, self.call)
        self.turn()
        self.assertEqual(peer.requests, [])

    def test_together(self):
        """Of calls that fail together, one may cancel another, or make a new one."""
        peer, _ = self.pair()
        first, second, third = self.call(), self.call(), self.call()
        first.addErrback(lambda _: second.cancel())
        third.addErrback(lambda _: self.call("again"))
        self.turn()
        peer.at_once = True
        self.network.disconnect(ADDRESS)
        self.assertIsNone(self.successResultOf(first))
        self.error(second, CancelledError)
        self.turn()
        self.assertEqual(self.result(third), "again")


class NotSentTests(ClientCase):
    def test_not_serializable(self):
        """A call whose arguments are no JSON is refused at once, and nothing is sent."""
        peer, client = self.pair()
        error = self.assertRaises(pycom.NotSerializable, self.call, {1})
        self.assertIn("com.foo.bar", str(error))
        self.turn()
        self.assertEqual((client.in_flight, peer.requests), (0, []))

    def test_overloaded(self):
        """A call that the channel does not take is refused at once, and leaves nothing."""
        self.connect(HeldNetwork(limit=0))
        self.assertRaises(pycom.Overloaded, self.call)
        self.assertEqual(self.client.in_flight, 0)

    def test_withdrawn(self):
        """A call that ends before it left never leaves."""
        network = HeldNetwork(limit=2)
        self.connect(network)
        cancelled, late = self.call(1), self.call(2, timeout=1)
        cancelled.cancel()
        self.clock.advance(1)
        self.error(cancelled, CancelledError)
        self.error(late, pycom.CallTimeout)
        self.assertEqual(network.withdrawn, network.waiting)

    def test_told(self):
        """A call that the channel gives up fails with the reason; one that ended does not."""
        network = HeldNetwork(limit=2)
        client = self.connect(network)
        given_up, cancelled = self.call(), self.call()
        cancelled.cancel()
        for frames in network.waiting * 2:
            client.not_sent(network, frames, "the line was cut")
        self.assertEqual(self.error(given_up, pycom.ServiceNotAvailable), "the line was cut")
        self.error(cancelled, CancelledError)


class IdleTests(ClientCase):
    def test_last(self):
        """The end of the last call in flight is told, whatever its end, before it fires."""
        for end in (
            lambda _: self.turn(),
            lambda call: call.cancel(),
            lambda _: self.clock.advance(10),
            lambda _: self.network.disconnect(ADDRESS),
            lambda _: self.client.close(),
        ):
            told = []
            self.pair(answering=True)
            self.connect(idle=lambda told=told: told.append("idle"))
            first, last = self.call(), self.call()
            last.addBoth(lambda _, told=told: told.append("fired"))
            first.cancel()
            self.error(first, CancelledError)
            self.assertEqual(told, [])
            end(last)
            self.assertEqual((told, self.client.in_flight), (["idle", "fired"], 0))
            self.turn()

    def test_closing(self):
        """A client that is closed as soon as it is idle still gives the last reply."""
        self.pair(answering=True)
        closing = []
        closing.append(self.connect(idle=lambda: closing.pop().close()))
        call = self.call("last")
        self.turn()
        self.assertEqual(self.result(call), "last")
        self.assertRaises(pycom.ConnectionClosed, self.call)


ways = st.sampled_from([(), (0.0,), (0.0, 0.0), (1.0,), (0.0, 3.0)])
steps = st.lists(
    st.tuples(st.just("call"), st.sampled_from([0, 1, 3, math.inf]))
    | st.tuples(st.sampled_from(["reply", "cancel"]), st.integers(0, 5))
    | st.tuples(st.just("advance"), st.sampled_from([0, 1, 2]))
    | st.tuples(st.just("disconnect"), st.just(ADDRESS)),
    max_size=20,
)


class OnceTests(ClientCase):
    @settings(
        deadline=None,
        max_examples=300,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(steps, st.lists(ways, min_size=1, max_size=10))
    def test_once(self, steps, ways):
        """Every call fires once, whatever becomes of its messages and of the connection."""
        way = itertools.cycle(ways)
        peer, client = self.pair(delivery=lambda _: next(way))
        calls, fired = [], []

        def call(timeout):
            number = len(calls)
            calls.append(self.call(number, timeout))
            calls[number].addBoth(lambda result: fired.append((number, result)))

        actions = {
            "call": call,
            "cancel": lambda index: index < len(calls) and calls[index].cancel(),
            "reply": lambda index: index < len(peer.requests) and peer.reply(index),
            "advance": self.clock.advance,
            "disconnect": self.network.disconnect,
        }
        for name, argument in steps:
            actions[name](argument)
            self.assertEqual(client.in_flight, len(calls) - len(fired))
        client.close()
        self.clock.pump([1] * 10)
        self.assertEqual(sorted(number for number, _ in fired), list(range(len(calls))))
        for number, result in fired:
            if isinstance(result, Response):
                self.assertEqual(result.result, number)
            else:
                self.assertTrue(result.check(pycom.ServiceNotAvailable, CancelledError))
        self.assertEqual((client.in_flight, self.clock.getDelayedCalls()), (0, []))
