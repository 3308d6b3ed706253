"""The recorded exchanges with PyCOM 0.6.0, replayed in memory."""

import json

from twisted.internet.defer import Deferred
from zope.interface import implementer

from pycom_tx.apps.demo import Demo
from pycom_tx.zerojson.interfaces import IChannelListener
from tests import vectors
from tests.support import MemoryCase
from tests.vectors import fixture_authenticator, fixture_service


@implementer(IChannelListener)
class Recorder:
    """Sends requests as they were recorded, one at a time."""

    def __init__(self, network, address):
        self._channel = network.connect(address, self)
        self._reply = None

    def ask(self, frames):
        self._reply = Deferred()
        self._channel.send([b"id", b"", *frames])
        return self._reply

    def message_received(self, channel, frames):
        self._reply.callback(frames)

    def not_sent(self, channel, frames, reason):
        self._reply.errback(AssertionError(reason))

    def peer_lost(self, channel, peer, reason):
        """Nothing to do."""


class VectorTests(MemoryCase):
    def test_exchanges(self):
        """Every reply is the one that PyCOM 0.6.0 gave."""
        shapes = (
            fixture_service.Example,
            fixture_service.Shapes,
            fixture_service.Counter,
            fixture_service.Guarded,
            Demo,
        )
        addresses = {
            "ns": self.nameserver.address,
            "svc": self.host(*shapes, service="/com/foo/fixture").address,
            "auth": self.host(fixture_authenticator.Authenticator, service="/com/foo/auth").address,
        }
        replayed = 0
        for exchange in vectors.exchanges():
            recorder = Recorder(self.network, addresses[exchange["to"]])
            session = ""
            for step, recorded in enumerate(exchange["steps"]):
                reply = self.result(recorder.ask(vectors.frames(recorded["request"], session)))
                self.assertEqual(reply[:2], [b"id", b""])
                session = session or json.loads(reply[3]).get("session_id") or ""
                wrong = vectors.differences(exchange, step, reply[2:], session)
                self.assertEqual(wrong, [], exchange["name"])
                replayed += 1
            recorder._channel.close()
        self.assertEqual(replayed, 67)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
