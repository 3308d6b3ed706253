"""What an address of 0MQ is, before 0MQ is asked: it takes more than it should."""

from __future__ import annotations

import errno
import os
import re
import socket
from typing import Final

from pycom_tx.zerojson.errors import AddressError

LAST_PORT: Final = 65535

_TCP: Final = re.compile(r"tcp://[!-~]+:(?P<port>[0-9]{1,9}|\*)\Z")
_IPC: Final = re.compile(r"ipc://(?P<path>[^\x00-\x1f]+)\Z")


_FOREIGN: Final = "this machine has no such address; name one of its own, or * for all of them"
_HINTS: Final = {
    errno.EADDRINUSE: "it is in use; choose another port, or * to have the system choose one",
    errno.EADDRNOTAVAIL: _FOREIGN,
    errno.ENODEV: _FOREIGN,
    errno.EACCES: "that is not allowed; choose a port above 1023, or a folder of your own",
    errno.ENOENT: "there is no such folder",
}


def explained(verb: str, address: str, code: int | None) -> str:
    """What to do about an address that the system refuses with an error's code."""
    known = code or errno.EINVAL
    return f"Cannot {verb} {address!r}: {_HINTS.get(known) or os.strerror(known)}"


def check_address(verb: str, address: str) -> None:
    """Make sure that *address* is one.

    0MQ wraps ports that are too large, cuts addresses at a NUL, and knows transports that
    are of no use between processes.

    :param verb: what is to be done with it, for the message.

    :raises AddressError: it is none.
    """
    tcp = _TCP.match(address)
    if tcp is None and (_IPC.match(address) is None or not address.isprintable()):
        raise AddressError(
            f"Cannot {verb} {address!r}: an address looks like tcp://127.0.0.1:2013 "
            "or ipc:///tmp/service"
        )
    if tcp is not None and tcp["port"] != "*" and int(tcp["port"]) > LAST_PORT:
        raise AddressError(f"Cannot {verb} {address!r}: ports end at {LAST_PORT}")


def is_taken(address: str) -> bool:
    """Whether somebody listens at a path of the file system: 0MQ would push him off it."""
    found = _IPC.match(address)
    if found is None or found["path"][0] in "@*":
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(found["path"])
        except OSError:
            return False
    return True
