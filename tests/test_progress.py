"""Reports of progress, from a method to whoever called it."""

from __future__ import annotations

import math

from twisted.internet.defer import CancelledError, Deferred
from zope.interface import implementer

import pycom_tx as pycom
from pycom_tx.zerojson.client import Client
from pycom_tx.zerojson.interfaces import IChannelListener
from tests.support import MemoryCase


@pycom.interface("com.foo.kiln")
class Kiln(pycom.Service):
    """Takes its time, and tells how far it is."""

    def __init__(self):
        self.go_on = Deferred()
        self.requests = []

    @pycom.method
    async def fire(self, request, steps):
        self.requests.append(request)
        for step in range(steps):
            request.progress({"step": step})
        await self.go_on
        request.progress("done")
        return steps

    @pycom.method
    def at_once(self, request):
        request.progress(1)
        request.progress(None)
        return 2

    @pycom.method
    def broken(self, request):
        request.progress(object())


@implementer(IChannelListener)
class Recorder:
    """A peer that knows no reports of progress."""

    def __init__(self):
        self.received = []

    def message_received(self, channel, frames):
        self.received.append(frames)

    def not_sent(self, channel, frames, reason):
        raise AssertionError(reason)

    def peer_lost(self, channel, peer, reason):
        """Nothing to do."""


class ProgressTests(MemoryCase):
    """``Request.progress`` and ``on_progress``."""

    def setUp(self):
        super().setUp()
        self.kiln = Kiln()
        self.kiln_host = self.host(self.kiln, service="/com/foo/kiln")
        self.component = self.result(self.context.locate("com.foo.kiln"))
        self.addCleanup(self.component.close)
        self.seen = []

    def fire(self, steps=2, **options):
        options.setdefault("on_progress", self.seen.append)
        return self.component.invoke("fire", {"steps": steps}, **options)

    def test_seen(self):
        """The client sees each value before the answer, in their order."""
        call = self.fire()
        call.addCallback(self.seen.append)
        self.clock.pump([0, 0])
        self.assertEqual(self.seen, [{"step": 0}, {"step": 1}])
        self.kiln.go_on.callback(None)
        self.clock.pump([0, 0])
        self.assertEqual(self.seen, [{"step": 0}, {"step": 1}, "done", 2])

    def test_at_once(self):
        """A method that answers at once may report, too, whatever JSON there is."""
        call = self.component.invoke("at_once", on_progress=self.seen.append)
        self.assertEqual(self.result(call), 2)
        self.assertEqual(self.seen, [1, None])

    def test_proxy(self):
        """A method of a proxy is told beforehand who listens."""
        proxy = self.result(self.proxies.locate("com.foo.kiln"))
        call = proxy.at_once.with_options(on_progress=self.seen.append)()
        self.assertEqual((self.result(call), self.seen), (2, [1, None]))
        proxy.close()

    def test_nobody_listens(self):
        """A client that does not listen is sent nothing but the answer."""
        recorder = Recorder()
        channel = self.network.connect(self.kiln_host.address, recorder)
        channel.send([b"1", b"", b"CALL", b'{"interface":"com.foo.kiln","method":"at_once"}'])
        self.clock.pump([0, 0])
        self.assertEqual(recorder.received, [[b"1", b"", b"OK", b'{"code":0,"result":2}']])
        channel.close()

    def test_wire(self):
        """A report is a message of its own, with the frames that its call came with."""
        recorder = Recorder()
        channel = self.network.connect(self.kiln_host.address, recorder)
        body = (
            b'{"interface":"com.foo.kiln","method":"at_once",'
            b'"extensions":{"org.pycom.progress":true}}'
        )
        channel.send([b"1", b"2", b"", b"CALL", body])
        self.clock.pump([0, 0])
        envelope = [b"1", b"2", b""]
        self.assertEqual(
            recorder.received,
            [
                [*envelope, b"PROGRESS", b'{"value":1}'],
                [*envelope, b"PROGRESS", b'{"value":null}'],
                [*envelope, b"OK", b'{"code":0,"result":2}'],
            ],
        )
        channel.close()

    def test_after_the_answer(self):
        """What is reported after the answer is left out."""
        self.kiln.go_on.callback(None)
        self.assertEqual(self.result(self.fire(0)), 0)
        self.kiln.requests[0].progress("too late")
        self.clock.pump([0, 0])
        self.assertEqual(self.seen, ["done"])

    def test_cancelled(self):
        """After its call was cancelled a client sees nothing any more."""
        call = self.fire()
        call.cancel()
        self.failureResultOf(call, CancelledError)
        self.clock.pump([0, 0])
        self.assertEqual(self.seen, [])
        self.kiln.go_on.callback(None)

    def test_timeout_goes_on(self):
        """A report does not make a call wait longer for its answer."""
        call = self.fire(timeout=5)
        self.clock.pump([1] * 5)
        self.failureResultOf(call, pycom.CallTimeout)
        self.kiln.go_on.callback(None)

    def test_listener_that_fails(self):
        """A listener that fails is logged, and neither the call nor later reports mind."""

        def listen(value):
            self.seen.append(value)
            raise ValueError(value)

        call = self.component.invoke("at_once", on_progress=listen)
        self.assertEqual((self.result(call), self.seen), (2, [1, None]))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 2)

    def test_listener_that_cancels(self):
        """A listener may cancel the call that it listens to."""
        calls = []
        calls.append(self.fire(on_progress=lambda _: calls[0].cancel()))
        self.clock.pump([0, 0])
        self.failureResultOf(calls[0], CancelledError)
        self.kiln.go_on.callback(None)

    def test_no_json(self):
        """What is no JSON is a fault of the method."""
        call = self.component.invoke("broken", on_progress=self.seen.append)
        self.failure(call, pycom.RemoteError)
        self.assertEqual(len(self.flushLoggedErrors(pycom.NotSerializable)), 1)

    def test_extensions_stay(self):
        """What the caller sends along goes along; the caller's dict stays as it is."""
        extensions = {"com.foo.colour": "red"}
        self.kiln.go_on.callback(None)
        request = pycom.Request("com.foo.kiln", "fire", {"steps": 0}, extensions=extensions)
        self.result(self.component.call(request, on_progress=self.seen.append))
        self.assertEqual(extensions, {"com.foo.colour": "red"})
        self.assertEqual(self.kiln.requests[0].extensions["com.foo.colour"], "red")

    def test_nobody_serves(self):
        """A request that nobody serves reports to nobody."""
        self.assertIs(pycom.Request("com.foo.kiln", "fire").progress(1), None)


@implementer(IChannelListener)
class Talker:
    """A server that answers with what a test gives it."""

    def __init__(self, *replies):
        self.replies = replies

    def message_received(self, channel, frames):
        for reply in self.replies:
            channel.send([*frames[:3], *reply])

    def peer_lost(self, channel, peer, reason):
        """Nothing to do."""


class StrangerTests(MemoryCase):
    """A client whose server reports what it should not."""

    def ask(self, *replies, **options):
        channel = self.network.bind("tcp://127.0.0.1:*", Talker(*replies))
        self.addCleanup(channel.close)
        client = Client(channel.address, self.network, self.clock, lambda: None)
        self.addCleanup(client.close)
        call = client.call(pycom.Request("a", "b"), math.inf, **options)
        self.clock.pump([0, 0])
        return call

    def test_broken(self):
        """A report that is none fails the call."""
        for body in ([b"{"], [b"[]"], [b"{}"], []):
            call = self.ask([b"PROGRESS", *body], on_progress=lambda _: None)
            error = self.failureResultOf(call, pycom.InvalidReply).value
            self.assertIn("Invalid report of progress", str(error))

    def test_unasked(self):
        """A report that nobody asked for is overheard."""
        call = self.ask([b"PROGRESS", b'{"value":1}'], [b"OK", b'{"code":0,"result":2}'])
        self.assertEqual(self.successResultOf(call).result, 2)
