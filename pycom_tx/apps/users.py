"""Users and their roles in a JSON file, and the command that changes it.

::

    python -m pycom_tx.apps.users add users.json ann --role editor
    python -m pycom_tx.apps.users roles users.json ann --role admin
    python -m pycom_tx.apps.users remove users.json ann
    python -m pycom_tx.apps.users list users.json

The file is an object of users by their names, each with ``roles`` and the ``scrypt`` hash of
the password: ``n``, ``r``, ``p``, and ``salt`` and ``hash`` in hexadecimal.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, flock
from getpass import getpass
from hashlib import scrypt
from hmac import compare_digest
from pathlib import Path
from secrets import token_bytes
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Final

import msgspec
from twisted.logger import Logger

from pycom_tx.zerojson.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Hash(msgspec.Struct, frozen=True):
    """A password's hash. The costs are OWASP's for scrypt, with 32 MiB of memory."""

    salt: str
    hash: str
    n: int = 2**15
    r: int = 8
    p: int = 3

    @classmethod
    def of(cls, password: str) -> Hash:
        """The hash of a password, with a salt of its own."""
        empty = cls(token_bytes(16).hex(), "")
        return msgspec.structs.replace(empty, hash=empty.derive(password))

    def derive(self, password: str) -> str:
        """What *password* comes to with this salt and these costs. Takes a fraction of a second.

        :raises ValueError: the costs or the salt are none.
        """
        return scrypt(
            password.encode("utf-8", "surrogatepass"),
            salt=bytes.fromhex(self.salt),
            n=self.n,
            r=self.r,
            p=self.p,
            maxmem=128 * self.r * (self.n + self.p + 2),  # what the algorithm needs
        ).hex()


class User(msgspec.Struct, frozen=True):
    """What the file knows of a user."""

    scrypt: Hash
    roles: list[str] = []


def verified(user: User | None, password: str) -> User | None:
    """The user, if that is the password. Blocks for a fraction of a second, in any thread.

    :param user: None for somebody who is not known, which takes as long.
    """
    known = _NOBODY if user is None else user.scrypt
    return user if compare_digest(known.derive(password), known.hash) else None


_NOBODY: Final = Hash(salt="00" * 16, hash="")
"""What the password of somebody unknown is held against: that must take as long."""


class Users:
    """The users in a file, as they are there now: whoever changes it need not say so.

    :param path: the file.
    """

    _log = Logger()

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._users: dict[str, User] = {}
        self._version: tuple[int, ...] | None = None

    @property
    def exists(self) -> bool:
        """Whether there is such a file."""
        return self._path.exists()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other commands from changing the file, for as long as the context lasts.

        :raises ConfigurationError: its folder cannot be written to.
        """
        try:
            lock = self._path.with_name(f".{self._path.name}.lock").open("w")
        except OSError as error:
            raise ConfigurationError(f"{self._path} cannot be written: {error.strerror}") from None
        with lock:
            flock(lock, LOCK_EX)
            yield

    def load(self) -> dict[str, User]:
        """Read the file.

        :returns: the users by their names.

        :raises ConfigurationError: it cannot be read, or has something else in it.
        """
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, User])
        except OSError as error:
            raise ConfigurationError(f"{self._path} cannot be read: {error.strerror}") from None
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{self._path} is no file of users: {error}") from None

    def save(self, users: dict[str, User]) -> None:
        """Replace the file, at once; a new one is readable for its owner only.

        :raises ConfigurationError: it cannot be written.
        """
        try:
            text = msgspec.json.format(msgspec.json.encode(users), indent=2) + b"\n"
            # Where it is a link, the file that it leads to.
            path = self._path.resolve()
            with NamedTemporaryFile(dir=path.parent, delete=False) as file:
                file.write(text)
            with suppress(FileNotFoundError, PermissionError):
                before = path.stat()
                Path(file.name).chmod(before.st_mode)
                os.chown(file.name, before.st_uid, before.st_gid)
            Path(file.name).replace(path)
        except OSError as error:
            raise ConfigurationError(f"{self._path} cannot be written: {error.strerror}") from None
        except UnicodeError:
            raise ConfigurationError("A name is text") from None

    def get(self, name: str) -> User | None:
        """The user of that name, if there is one."""
        return self._current().get(name)

    def _current(self) -> dict[str, User]:
        try:
            status = self._path.stat()
            version: tuple[int, ...] = (status.st_mtime_ns, status.st_size, status.st_ino)
        except OSError:
            version = ()
        if version != self._version:
            self._version = version
            try:
                self._users = self.load()
            except ConfigurationError as error:
                # Whoever is writing it may not be done.
                self._log.error("The users stay as they were: {error}", error=error)
        return self._users


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = ArgumentParser(
        prog="python -m pycom_tx.apps.users", description="Change a file of users."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("add", help="add a user, or give one another password and roles")
    remove = commands.add_parser("remove", help="remove a user, whose tokens are void from then on")
    roles = commands.add_parser("roles", help="give a user other roles, or none")
    show = commands.add_parser("list", help="list the users and their roles")
    for command in (add, remove, roles, show):
        command.add_argument("file", help="the JSON file; a new one is made if there is none")
    for command in (add, remove, roles):
        command.add_argument("name", help="the user's name")
    for command in (add, roles):
        command.add_argument(
            "--role", action="append", default=[], help="a role; may be there many times"
        )
    add.epilog = "The password is asked for; without a terminal it is the first line of the input."
    given = parser.parse_args(arguments)
    users = Users(given.file)
    try:
        if given.command == "list":
            _list(users.load())
            return
        if not given.name:
            raise ConfigurationError("A name is needed")
        # Before the file is locked: at a terminal it may take long.
        password = Hash.of(_password(given.name)) if given.command == "add" else None
        with users.locked():
            _change(users, given, password)
    except ConfigurationError as error:
        parser.exit(1, f"{parser.prog}: {error}\n")


def _change(users: Users, given: Namespace, password: Hash | None) -> None:
    known = users.load() if users.exists or password is None else {}
    if password is not None:
        known[given.name] = User(password, sorted(set(given.role)))
    elif given.name not in known:
        raise ConfigurationError(f"{given.file} has no user {given.name!r}")
    elif given.command == "roles":
        known[given.name] = User(known[given.name].scrypt, sorted(set(given.role)))
    else:
        del known[given.name]
    users.save(known)


def _list(users: dict[str, User]) -> None:
    for name, user in sorted(users.items()):
        sys.stdout.write(f"{name}: {', '.join(user.roles) or 'no roles'}\n")


def _password(name: str) -> str:
    if sys.stdin.isatty():
        password = getpass(f"Password of {name}: ")
        if password != getpass("Again: "):
            raise ConfigurationError("The passwords are not the same")
    else:
        password = sys.stdin.readline().rstrip("\n")
    if not password:
        raise ConfigurationError("A password is needed")
    return password


if __name__ == "__main__":
    main()
