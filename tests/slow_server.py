"""A server in memory whose calls are answered when a test says so."""

import json

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

import pycom_tx as pycom
from pycom_tx.testing import MemoryNetwork
from pycom_tx.zerojson.extensions import REFUSED
from pycom_tx.zerojson.interfaces import IChannelListener, IRequestHandler
from pycom_tx.zerojson.messages import CANCEL, OK, encode_request
from pycom_tx.zerojson.server import Server

ADDRESS = "tcp://127.0.0.1:2013"
OVERLOADED = {"reason": "overloaded", "retry_after": 0.1}
STOPPING = {"reason": "stopping", "retry_after": 0}


@implementer(IChannelListener)
class Peer:
    """The raw other end: keeps the replies."""

    def __init__(self, network):
        self.channel = network.connect(ADDRESS, self)
        self.replies = []

    def message_received(self, channel, frames):
        self.replies.append(frames)

    def not_sent(self, channel, frames, reason):
        self.replies.append(reason)

    def peer_lost(self, channel, peer, reason):
        """Nothing to do."""


@implementer(IRequestHandler)
class Slow:
    """Answers when the test says so, or at once where the request's method is "now"."""

    def __init__(self):
        self.answers = {}
        self.started = []

    def handle(self, request):
        self.started.append(request.args)
        if request.method == "now":
            return pycom.Response(request.args)
        if request.method == "fired":
            return succeed(pycom.Response(request.args))
        answer = self.answers[request.args] = Deferred()
        return answer

    def answer(self, number):
        self.answers.pop(number).callback(pycom.Response(number))


class SlowServerCase(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.network = MemoryNetwork(self.clock)
        self.handler = Slow()
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))

    def serve(self, **limits):
        """From now on, answer within these limits; one peer is there."""
        self.server = Server(self.handler, self.clock, **limits)
        self.network.bind(ADDRESS, self.server)
        self.peer = self.connect()
        self.addCleanup(self.assertNothingHeld)

    def connect(self):
        return Peer(self.network)

    def call(self, *numbers, peer=None, method="later", **extensions):
        """Send calls, named and with an argument like their number."""
        for number in numbers:
            request = pycom.Request("i", method, number, extensions=extensions)
            self.send(b"%d" % number, b"", *encode_request(request), peer=peer)

    def send(self, *frames, peer=None):
        (peer or self.peer).channel.send(list(frames))
        self.clock.pump([0, 0])

    def cancel(self, number, peer=None):
        self.send(b"%d" % number, b"", CANCEL, b"{}", peer=peer)

    def replies(self, peer=None):
        """The bodies of the replies since the last look, by the names of their calls."""
        self.clock.advance(0)
        peer = peer or self.peer
        replies, peer.replies = peer.replies, []
        self.assertEqual({tuple(frames[1:3]) for frames in replies} - {(b"", OK)}, set())
        return {int(frames[0]): json.loads(frames[3]) for frames in replies}

    def results(self, peer=None):
        """The results among them, in the order in which they came."""
        return [reply["result"] for reply in self.replies(peer).values()]

    def assertRefused(self, reply, refused, text):
        self.assertEqual(reply["code"], 1)
        self.assertIn(text, reply["error"])
        self.assertEqual(reply["extensions"][REFUSED], refused)

    def assertNothingHeld(self):
        """Nothing remembers a call that is over."""
        self.server.close()
        self.clock.advance(0)
        calls = self.server._calls
        self.assertEqual((len(calls), calls._held, calls._queues), (0, {}, {}))
        self.assertEqual(self.server._drained, [])
