"""The service of PyCOM 0.6.0's documentation; for old Pythons, too."""

import pycom


@pycom.interface("com.foo.example")
class MyService(pycom.Service):
    @pycom.method
    def bar(self, request, name, value=None):
        return {name: value}


def announce():
    print("ready")  # as benchmarks.peers.READY


# The loop starts when all is set up.
pycom.ioloop().add_callback(announce)
