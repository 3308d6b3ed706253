"""What a client says to a service that understands it, and what it says to others."""

from __future__ import annotations

import json
import math

from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

import pycom_tx as pycom
from pycom_tx.testing import MemoryNetwork
from pycom_tx.zerojson.client import LOAD_COUNTS, Client
from pycom_tx.zerojson.extensions import FEATURES
from pycom_tx.zerojson.interfaces import IChannelListener

ADDRESS = "tcp://127.0.0.1:2013"


@implementer(IChannelListener)
class Peer:
    """A service that answers what the test says, with or without features."""

    def __init__(self, network, features=FEATURES, **told):
        self.told = {"features": list(features), **told} if features is not None else None
        self.received = []
        self.channel = network.bind(ADDRESS, self)

    def message_received(self, channel, frames):
        self.received.append((frames[3], json.loads(frames[4])))
        self.last = frames

    def answer(self, **reply):
        """Answer the last request; greet, where it did."""
        reply = {"code": 0, "result": None, **reply}
        extensions = reply.setdefault("extensions", {})
        if "org.pycom.hello" in self.received[-1][1].get("extensions", {}) and self.told:
            extensions["org.pycom.hello"] = self.told
        self.channel.send([*self.last[:3], b"OK", json.dumps(reply).encode()])

    def extensions(self):
        """Those of the last request, but for its deadline."""
        told = dict(self.received[-1][1].get("extensions", {}))
        self.deadline = told.pop("org.pycom.deadline", None)
        return told

    def not_sent(self, channel, frames, reason):
        raise AssertionError(reason)

    def peer_lost(self, channel, peer, reason):
        """Nothing to do."""


class FullNetwork:
    """A network with one channel, that takes as many messages as it has room for."""

    def __init__(self, room):
        self.room = room
        self.sent = []

    def connect(self, address, listener):
        return self

    def send(self, frames):
        if not self.room:
            raise pycom.Overloaded("full")
        self.room -= 1
        self.sent.append(frames)

    def offer(self, frames):
        self.send(frames)
        return True

    def withdraw(self, frames):
        return False

    def close(self):
        """Nothing to do."""


class FeatureCase(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.network = MemoryNetwork(self.clock)
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))

    def connect(self, network=None, **options):
        """A client that is closed at the end."""
        client = Client(ADDRESS, network or self.network, self.clock, lambda: None, **options)
        self.addCleanup(client.close)
        return client

    def call(self, timeout=5.0, method="bar", **options):
        call = self.client.call(pycom.Request("com.foo", method, **options), timeout)
        self.clock.pump([0, 0])
        return call

    def greeted(self, **told):
        """A client that knows the features of its peer."""
        self.peer = Peer(self.network, **told)
        self.client = self.connect()
        call = self.call()
        self.peer.answer()
        self.clock.pump([0, 0])
        self.successResultOf(call)


class HelloTests(FeatureCase):
    """Which features a service has."""

    def test_once(self):
        """The first request of a connection greets, and those after its reply do not."""
        self.greeted()
        self.assertEqual(self.peer.extensions(), {"org.pycom.hello": {"features": list(FEATURES)}})
        self.call(math.inf).addErrback(lambda _: None)
        self.assertEqual(self.peer.extensions(), {})

    def test_while_waiting(self):
        """While the first has no reply the others do not greet: they would learn no more."""
        self.peer = Peer(self.network)
        self.client = self.connect()
        for _ in range(2):
            self.call().addErrback(lambda _: None)
        self.assertEqual(self.peer.extensions(), {})

    def test_again(self):
        """Where the first is not answered, the next greets."""
        self.peer = Peer(self.network)
        self.client = self.connect()
        call = self.call()
        call.cancel()
        self.failureResultOf(call, CancelledError)
        self.call().addErrback(lambda _: None)
        self.assertIn("org.pycom.hello", self.peer.extensions())

    def test_after_a_break(self):
        """Whoever answers after the connection broke is greeted anew."""
        self.greeted()
        self.network.disconnect(ADDRESS)
        self.call().addErrback(lambda _: None)
        self.assertEqual(list(self.peer.extensions()), ["org.pycom.hello"])

    def test_request_stays(self):
        """A request has no more extensions afterwards than its caller gave it."""
        self.greeted()
        request = pycom.Request("com.foo", "bar", extensions={"com.foo.colour": "red"})
        self.client.call(request, 5).addErrback(lambda _: None)
        self.assertEqual(request.extensions, {"com.foo.colour": "red"})

    def test_nonsense(self):
        """A greeting that makes no sense is taken for none."""
        for told in (None, [], {"features": None}, {"features": [1]}, {"max_message": "x"}):
            self.greeted(features=None)
            self.peer.told = told
            self.network.disconnect(ADDRESS)
            call = self.call()
            self.peer.answer()
            self.clock.pump([0, 0])
            self.successResultOf(call)
            self.call().addErrback(lambda _: None)
            self.assertEqual(self.peer.extensions(), {})
            self.client.close()
            self.peer.channel.close()


class DeadlineTests(FeatureCase):
    """How long a call has."""

    def test_told(self):
        """A service is told, in milliseconds, at least one; also by the first request."""
        for told in ({}, {"features": None}):
            self.greeted(**told)
            self.peer.extensions()
            self.assertEqual(self.peer.deadline, 5000)
            for timeout, milliseconds in ((0.25, 250), (0.0001, 1), (math.inf, None)):
                self.call(timeout).addErrback(lambda _: None)
                self.peer.extensions()
                self.assertEqual(self.peer.deadline, milliseconds)
            self.client.close()
            self.peer.channel.close()


class CancelTests(FeatureCase):
    """Ending a call without its reply."""

    def end(self, call):
        call.cancel()
        self.failureResultOf(call, CancelledError)
        self.clock.pump([0, 0])

    def test_cancelled(self):
        """A service that knows how to is told to cancel the call."""
        self.greeted()
        self.end(self.call())
        self.assertEqual(self.peer.received[-1], (b"CANCEL", {}))
        self.assertEqual(self.peer.last[1:3], [b"2", b""])

    def test_several_before_it_is_known(self):
        """Of all calls that were given up until then."""
        self.peer = Peer(self.network)
        self.client = self.connect()
        calls = [self.call() for _ in range(3)]
        greeting = self.peer.last
        for call in calls:
            self.end(call)
        told = json.dumps(self.peer.told).encode()
        self.peer.channel.send([greeting[0], b"1", b"", b"HELLO", told])
        self.clock.pump([0, 0])
        self.assertEqual([command for command, _ in self.peer.received[-3:]], [b"CANCEL"] * 3)

    def test_before_it_is_known(self):
        """A service that says only later that it knows how to is told then."""
        self.peer = Peer(self.network)
        self.client = self.connect()
        self.end(self.call())
        self.assertEqual(self.peer.received[-1][0], b"CALL")
        told = json.dumps(self.peer.told).encode()
        self.peer.channel.send([*self.peer.last[:3], b"HELLO", told])
        self.clock.pump([0, 0])
        self.assertEqual(self.peer.received[-1], (b"CANCEL", {}))
        self.assertEqual(self.peer.last[1], b"1")

    def test_closed_before_it_is_known(self):
        """A client that is closed by then does not wait for that: it tells of all calls."""
        self.channel = FullNetwork(4)
        self.client = self.connect(self.channel)
        given_up, in_flight = self.call(), self.call()
        self.end(given_up)
        self.client.close()
        self.failureResultOf(in_flight, pycom.ConnectionClosed)
        cancels = [[b"1", b"", b"CANCEL", b"{}"], [b"2", b"", b"CANCEL", b"{}"]]
        self.assertEqual(self.channel.sent[2:], cancels)

    def test_closed_at_an_old_one(self):
        """It does not, once it has had an answer that told of nothing."""
        self.channel = FullNetwork(4)
        self.client = self.connect(self.channel)
        answered, in_flight = self.call(), self.call()
        answer = [b"1", b"", b"OK", b'{"code":0,"result":null}']
        self.client.message_received(self.channel, answer)
        self.successResultOf(answered)
        self.client.close()
        self.failureResultOf(in_flight, pycom.ConnectionClosed)
        self.assertEqual([frames[2] for frames in self.channel.sent], [b"CALL", b"CALL"])

    def test_lost_before_it_is_known(self):
        """What was lost with its connection is not cancelled on the next one."""
        self.peer = Peer(self.network)
        self.client = self.connect()
        lost = self.call()
        self.network.disconnect(ADDRESS)
        self.failureResultOf(lost, pycom.ServiceNotAvailable)
        call = self.call()
        self.peer.answer()
        self.clock.pump([0, 0])
        self.successResultOf(call)
        self.assertEqual([command for command, _ in self.peer.received], [b"CALL", b"CALL"])

    def test_timeout(self):
        """So it is when the time of a call is over."""
        self.greeted()
        call = self.call(5)
        self.clock.advance(5)
        error = self.failureResultOf(call, pycom.CallTimeout).value
        self.assertIs(error.not_started, False)
        self.clock.pump([0, 0])
        self.assertEqual(self.peer.received[-1], (b"CANCEL", {}))

    def test_old(self):
        """One that does not is sent nothing."""
        self.greeted(features=None)
        self.end(self.call())
        self.assertEqual(self.peer.received[-1][0], b"CALL")

    def test_answered(self):
        """Nor is one that has answered."""
        self.greeted()
        call = self.call()
        self.peer.answer()
        self.clock.pump([0, 0])
        self.successResultOf(call)
        self.client.close()
        self.clock.pump([0, 0])
        self.assertEqual(self.peer.received[-1][0], b"CALL")


class RefusalTests(FeatureCase):
    """Calls that a service did not start."""

    def refused(self, told):
        self.greeted()
        call = self.call()
        self.peer.answer(code=1, error="Not now", extensions={"org.pycom.refused": told})
        self.clock.pump([0, 0])
        return self.failureResultOf(call, pycom.Refused).value

    def test_stopping(self):
        """A service that stops refuses."""
        error = self.refused({"reason": "stopping", "retry_after": 2})
        self.assertEqual((type(error), str(error)), (pycom.Refused, "Not now"))
        self.assertEqual((error.retry_after, error.not_started), (2, True))

    def test_overloaded(self):
        """One that has too many calls is overloaded, and so is one without a reason."""
        for told in ({"reason": "overloaded", "retry_after": 0.1}, {"retry_after": None}):
            error = self.refused(told)
            self.assertIsInstance(error, pycom.Overloaded)
            self.peer.channel.close()

    def test_nonsense(self):
        """What makes no sense is an error like others."""
        self.greeted()
        call = self.call()
        self.peer.answer(code=1, error="Not now", extensions={"org.pycom.refused": True})
        self.clock.pump([0, 0])
        error = self.failureResultOf(call, pycom.RemoteError).value
        self.assertEqual(error.code, 1)

    def test_load(self):
        """A client knows how many calls its service has, by its last word."""
        self.greeted()
        for load, known in ((7, 7), (3, 3), ("many", 3)):
            call = self.call()
            self.peer.answer(extensions={"org.pycom.load": load})
            self.clock.pump([0, 0])
            self.assertEqual(self.successResultOf(call).extensions, {})
            self.assertEqual(self.client.load, known)
        self.clock.advance(LOAD_COUNTS)
        self.assertEqual(self.client.load, 0)

    def test_too_large(self):
        """What is larger than the service takes is not sent."""
        self.greeted(max_message=300)
        error = self.assertRaises(pycom.BadRequest, self.call, attachment=bytes(300))
        self.assertIn(f"{ADDRESS} takes 300", str(error))
        self.assertEqual(len(self.peer.received), 1)
        self.call().addErrback(lambda _: None)
        self.assertEqual(len(self.peer.received), 2)


class NotStartedTests(FeatureCase):
    """What is known about a call that failed."""

    def test_nobody(self):
        """A call that was not sent was not started."""
        self.client = self.connect()
        call = self.call()
        self.assertIs(self.failureResultOf(call, pycom.ServiceNotAvailable).value.not_started, True)

    def test_lost(self):
        """A call that was sent may have been executed."""
        self.greeted()
        call = self.call()
        self.network.disconnect(ADDRESS)
        error = self.failureResultOf(call, pycom.ServiceNotAvailable).value
        self.assertIs(error.not_started, False)


class FullTests(FeatureCase):
    def test_no_room(self):
        """A call that finds no room is overloaded, and leaves nothing behind."""
        self.channel = FullNetwork(0)
        self.client = self.connect(self.channel)
        self.assertRaises(pycom.Overloaded, self.call)
        self.assertEqual(self.client.in_flight, 0)
        self.assertEqual(self.clock.getDelayedCalls(), [])
