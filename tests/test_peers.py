"""Where requests come from, for those who want to know."""

import pycom_tx as pycom
from pycom_tx.zerojson.messages import encode_request
from tests.slow_server import SlowServerCase
from tests.support import MemoryCase


class PeerTests(SlowServerCase):
    """What a request knows of its peer."""

    def serve(self, **options):
        super().serve(**options)
        self.requests = []
        handle = self.handler.handle
        self.handler.handle = lambda request: self.requests.append(request) or handle(request)

    def test_unasked(self):
        """Who has not asked is not told."""
        self.serve()
        self.call(1, method="now")
        self.assertIsNone(self.requests[0].peer)

    def test_address(self):
        """Where the channel knows an address, that is it."""
        self.serve(name_peers=True)
        for sender in "192.168.10.1", "localhost:0:0:7551":
            (bound,) = self.network.bound.values()
            bound.sender = sender
            self.call(1, method="now")
            self.assertEqual(self.requests.pop().peer, sender)

    def test_no_address(self):
        """Where it does not, it is the name that tells a connection from others."""
        self.serve(name_peers=True)
        other = self.connect()
        self.call(1, 2, method="now")
        self.call(3, peer=other, method="now")
        first, second, third = (request.peer for request in self.requests)
        self.assertRegex(first, r"\A[0-9a-f]+\Z")
        self.assertEqual(first, second)
        self.assertNotEqual(first, third)

    def test_waits(self):
        """A call that waits keeps where it came from, whoever calls meanwhile."""
        self.serve(name_peers=True, max_calls=1, max_per_client=9)
        (bound,) = self.network.bound.values()
        bound.sender = "box1"
        self.call(1, 2)
        bound.sender = "box2"
        self.call(3)
        for number in 1, 2, 3:
            self.handler.answer(number)
        self.assertEqual([request.peer for request in self.requests], ["box1", "box1", "box2"])

    def test_replaced(self):
        """A request that takes another's place comes from where that came from."""
        first, second = (pycom.Request("com.foo", "bar") for _ in range(2))
        first.peer = "box1"
        second.replace(first)
        self.assertEqual(second.peer, "box1")

    def test_encoded(self):
        """It stays where it is."""
        request = pycom.Request("com.foo", "bar")
        request.peer = "a secret place"
        self.assertNotIn(b"secret", b"".join(encode_request(request)))


@pycom.interface("com.foo.whoami")
class WhoAmI(pycom.Service):
    @pycom.method
    def peer(self, request):
        return request.peer

    @pycom.method
    async def ask_myself(self, request):
        async with self.context.locate("com.foo.whoami") as again:
            return await again.invoke("peer")


class HostTests(MemoryCase):
    def ask(self, host, method):
        component = self.result(self.context.connect(host.address, "com.foo.whoami"))
        call = component.invoke(method)
        component.close()
        self.clock.pump([0] * 12)
        return self.successResultOf(call)

    def test_verbose(self):
        """A host that logs its calls finds out whose they are; those of its own have no peer."""
        host = self.host(WhoAmI, verbose=True)
        self.assertRegex(self.ask(host, "peer"), r"\A[0-9a-f]+\Z")
        self.assertIsNone(self.ask(host, "ask_myself"))

    def test_quiet(self):
        """Another does not."""
        self.assertIsNone(self.ask(self.host(WhoAmI), "peer"))
