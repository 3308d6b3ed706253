"""Services and nameservers of PyCOM 0.6.0, in processes of their own."""

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater

import pycom_tx as pycom
from tests.interop.old_peer import OldPeer
from tests.live.processes import ProcessCase


class OldService(ProcessProtocol):
    """A process of PyCOM 0.6.0 that serves modules until it is killed."""

    def __init__(self):
        self.ended = Deferred()

    def processEnded(self, reason):
        self.ended.callback(None)

    def kill(self):
        """End it, however it is; a Deferred that fires when it has ended."""
        if not self.ended.called:
            self.transport.signalProcess("KILL")
        return self.ended


class OldServiceCase(ProcessCase):
    """Tests with services of PyCOM 0.6.0, under the Python of that *version*."""

    version = "3.6"

    def setUp(self):
        super().setUp()
        self.old = OldPeer(self.version)
        # The fixtures name our package; there, that is the old one.
        self.write_module("pycom_tx", "import pycom, sys; sys.modules[__name__] = pycom")

    def serve(self, *arguments):
        """Run the old launcher at an address of its own, and give that."""
        address = f"tcp://127.0.0.1:{self.reserve_port()}"
        self.serve_at(address, *arguments)
        return address

    def serve_at(self, address, *arguments):
        """Run the old launcher, and give its process."""
        process = OldService()
        reactor.spawnProcess(
            process,
            self.old.python,
            [self.old.python, "-m", "pycom", "-a", address, *arguments],
            env=self.old.environment,
            path=str(self.folder),
        )
        self.addCleanup(process.kill)
        return process

    async def old_nameserver(self):
        """The address of a nameserver that answers: old services do not wait long for that."""
        address = self.serve("-s", "/org/pycom/nameserver", "pycom.apps.nameserver")
        await self.located(self.client(address), "org.pycom.nameserver")
        return address

    async def located(self, context, interface):
        """A proxy, as soon as somebody provides the interface."""
        for _ in range(200):
            try:
                return await context.locate(interface)
            except (pycom.ServiceNotFound, pycom.ServiceNotAvailable):
                await deferLater(reactor, 0.1)
        raise AssertionError(f"Nobody provides {interface}")
