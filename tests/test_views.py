"""Attachments as views, together with all else that touches them on their way."""

from __future__ import annotations

import threading

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

import pycom_tx as pycom
from pycom_tx.testing import MemoryNetwork
from tests.support import MemoryCase

SCAN = b"\xff\x00scan"


@pycom.interface("com.foo.scans")
class Scans(pycom.Service):
    """Gives back what it is given, as it came."""

    def __init__(self):
        self.seen = []
        self.threads = []
        self.waiting = None

    @pycom.method(attachments=("scan", "scan"), results=("scan",), idempotent=True)
    def copy(self, request, scan: memoryview) -> memoryview:
        self.seen.append((type(scan), scan.readonly))
        return scan if self.waiting is None else self.waiting

    @pycom.method(attachments=("scan", "scan"), results=("scan",), blocking=True)
    def slowly(self, request, scan: memoryview):
        self.threads.append(threading.current_thread())
        return scan[2:]


class ViewTests(MemoryCase):
    """Views of what was received."""

    def setUp(self):
        super().setUp()
        self.scans = Scans()
        self.service = self.host(self.scans, service="/scans/a")
        self.proxy = self.result(self.proxies.locate("com.foo.scans"))
        self.addCleanup(self.proxy.close)

    def viewed(self, scan):
        """What the service gives, as a view."""
        return self.proxy.copy.with_options(attachment_view=True)(scan)

    def assertView(self, view):
        self.assertEqual((type(view), view.readonly, bytes(view)), (memoryview, True, SCAN))

    def test_whole_way(self):
        """Whatever the attachment is when it is sent, a view of it comes, there and back."""
        for scan in (SCAN, memoryview(SCAN), bytearray(SCAN), memoryview(b"--" + SCAN)[2:]):
            self.assertView(self.result(self.viewed(scan)))
        self.assertEqual(self.scans.seen, [(memoryview, True)] * 4)

    def test_buffer(self):
        """What is in a buffer is sent as it was when it was given."""
        scan = bytearray(SCAN)
        call = self.viewed(scan)
        scan[:] = bytes(len(scan))
        self.assertView(self.result(call))

    def test_service_hooks(self):
        """Hooks of a service may look at the attachment, and put another message in its place."""
        interface = type(self.scans).__interface__
        method = interface.methods["copy"]
        self.addCleanup(method.prehooks.clear)
        self.addCleanup(method.posthooks.clear)
        looked = []

        def replaced(interface, method, request):
            looked.append(request.attachment)
            return pycom.Request(
                request.interface, request.method, attachment=request.attachment_view
            )

        def answered(interface, method, response):
            looked.append(response.attachment)
            return pycom.Response(response.result, attachment=response.attachment_view)

        method.prehooks.append(replaced)
        method.posthooks.append(answered)
        self.assertView(self.result(self.viewed(SCAN)))
        self.assertEqual(looked, [SCAN] * 2)
        self.assertEqual(self.scans.seen, [(memoryview, True)])

    def test_client_hooks(self):
        """So may hooks of a client."""
        looked = []

        def replaced(component, request):
            looked.append(request.attachment)
            return pycom.Request(
                request.interface, request.method, attachment=request.attachment_view
            )

        def answered(component, response):
            looked.append(response.attachment)
            return pycom.Response(response.result, attachment=response.attachment_view)

        self.proxies.prehooks.append(replaced)
        self.proxies.posthooks.append(answered)
        self.assertView(self.result(self.viewed(memoryview(SCAN))))
        self.assertEqual(looked, [SCAN] * 2)

    def test_other_provider(self):
        """A view is sent to another provider where the first one is gone."""
        other = Scans()
        self.scans.waiting = other.waiting = Deferred()
        host = self.host(other, service="/scans/b")
        hosts = {self.scans: self.service, other: host}
        self.wait(1)
        call = self.viewed(memoryview(SCAN))
        self.settle()
        (first,) = (scans for scans in hosts if scans.seen)
        (second,) = (scans for scans in hosts if not scans.seen)
        first.waiting, second.waiting = Deferred(), None
        self.network.crash(hosts[first].address)
        self.assertView(self.result(call))
        self.assertEqual(second.seen, [(memoryview, True)])


class ThreadTests(TestCase):
    """Views in threads."""

    async def test_blocking(self):
        """A method in a thread gets a view, and may give a part of it."""
        options = {"reactor": reactor, "network": MemoryNetwork(reactor)}
        scans = Scans()
        components = [scans, pycom.NameServer()]
        host = pycom.ComponentHost(components, "tcp://127.0.0.1:*", nameserver="local", **options)
        host.startService()
        self.addCleanup(host.stopService)
        context = pycom.ProxyContext(**options)
        async with context, context.connect(host.address, "com.foo.scans") as proxy:
            slowly = proxy.slowly.with_options(attachment_view=True)
            views = [await slowly(scan) for scan in (SCAN, memoryview(SCAN))]
        self.assertEqual([(type(view), bytes(view)) for view in views], [(memoryview, b"scan")] * 2)
        self.assertNotIn(threading.main_thread(), scans.threads)
