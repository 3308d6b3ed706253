"""What an address of 0MQ is, before 0MQ is asked: it takes more than it should."""

from __future__ import annotations

import errno
import os
import re
import socket
import stat
from typing import Any, Final

from pycom_tx.zerojson.errors import AddressError

LAST_PORT: Final = 65535

CONNECT: Final = "connect to"
"""What is done with the address of somebody else."""

_TCP: Final = re.compile(r"tcp://[!-~]+:(?P<port>[0-9]{1,9}|\*)\Z")
_IPC: Final = re.compile(r"ipc://(?P<path>[^\x00-\x1f]+)\Z")
_OPEN: Final = re.compile(r"tcp://(\*:.*|.*:\*)|ipc://\*\Z")


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


def check_address(verb: str, address: Any) -> None:
    """Make sure that *address* is one.

    0MQ wraps ports that are too large, cuts addresses at a NUL, and knows transports that
    are of no use between processes.

    :param verb: what is to be done with it, for the message.

    :raises AddressError: it is none.
    """
    text = address if isinstance(address, str) else ""
    tcp = _TCP.match(text)
    if tcp is None and (_IPC.match(text) is None or not text.isprintable()):
        raise AddressError(
            f"Cannot {verb} {address!r}: an address looks like tcp://127.0.0.1:2013 "
            "or ipc:///tmp/service"
        )
    if tcp is not None and tcp["port"] != "*" and int(tcp["port"]) > LAST_PORT:
        raise AddressError(f"Cannot {verb} {address!r}: ports end at {LAST_PORT}")
    if verb == CONNECT and _OPEN.match(address) is not None:
        raise AddressError(
            f"Cannot connect to {address!r}: with * it is one to listen at; name the host, and the "
            "port or path, that somebody listens at"
        )


def consecutive(verb: str, address: str, count: int) -> list[str]:
    """The addresses of several processes that were given one.

    Ports count up from the given one, unless the system picks them. A path gets the number
    of the process, from 1, at its end.

    :param verb: what is to be done with them, for the message.

    :raises AddressError: the address is none, or there are not as many ports.
    """
    check_address(verb, address)
    tcp = _TCP.match(address)
    if address == "ipc://*" or (tcp is not None and tcp["port"].strip("0") in ("", "*")):
        return [address] * count
    if tcp is None:
        return [f"{address}-{number}" for number in range(1, count + 1)]
    port = int(tcp["port"])
    if port + count - 1 > LAST_PORT:
        raise AddressError(
            f"Cannot {verb} {count} ports from {address!r} on: ports end at {LAST_PORT}"
        )
    host = address[: tcp.start("port")]
    return [f"{host}{number}" for number in range(port, port + count)]


def check_free(address: str) -> None:
    """Make sure that listening at *address* takes nothing away from anybody.

    0MQ removes whatever is at a path of the file system, also a file, and a socket that
    somebody listens at.

    :raises AddressError: something is there that is more than a socket left behind.
    """
    found = _IPC.match(address)
    if found is None or found["path"][0] in "@*":
        return
    try:
        mode = os.lstat(found["path"]).st_mode
    except (OSError, ValueError):  # nothing, or no path: 0MQ says more
        return
    if not stat.S_ISSOCK(mode):
        raise AddressError(
            f"Cannot listen at {address!r}: something is there that is no socket, and would be "
            "lost; choose another path"
        )
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(0)
        try:
            probe.connect(found["path"])
        except BlockingIOError:
            pass  # so many wait for him already
        except OSError:
            return
    raise AddressError(f"Cannot listen at {address!r}: it is in use; choose another path")
