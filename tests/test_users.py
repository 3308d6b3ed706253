"""The file of users, its command, and the authenticator that reads it."""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

import pycom_tx as pycom
from pycom_tx.apps import authenticator, users
from pycom_tx.apps.authenticator import Authenticator
from pycom_tx.apps.users import Hash, User, Users, main
from tests.support import MemoryCase


def cheap(password):
    """A hash that costs nothing."""
    empty = Hash(salt="5a" * 16, hash="", n=2, r=1, p=1)
    return Hash(empty.salt, empty.derive(password), empty.n, empty.r, empty.p)


class ThreadingClock(Clock):
    """A clock whose threads do what they have to at once."""

    def getThreadPool(self):
        return self

    def callInThreadWithCallback(self, on_result, function, *args, **kwargs):
        try:
            result, success = function(*args, **kwargs), True
        except Exception:
            result, success = Failure(), False
        self.callFromThread(on_result, success, result)

    def callFromThread(self, function, *args):
        function(*args)


class FileCase(SynchronousTestCase):
    """A file of users."""

    def setUp(self):
        super().setUp()
        self.path = Path(self.mktemp())
        self.users = Users(self.path)

    def write(self, **known):
        self.users.save(known)

    def touch(self):
        """Make sure that a change counts as one, however soon it comes."""
        self.stamp = getattr(self, "stamp", 0) + 10**9
        os.utime(self.path, ns=(self.stamp, self.stamp))


class HashTests(SynchronousTestCase):
    """Hashes of passwords."""

    def test_derive(self):
        """It is what RFC 7914 has for scrypt."""
        known = Hash(b"NaCl".hex(), "", n=1024, r=8, p=16)
        self.assertTrue(known.derive("password").startswith("fdbabe1c9d3472007856e7190d01e9fe"))

    def test_of(self):
        """A password has another salt, and so another hash, each time."""
        first, second = Hash.of("secret"), Hash.of("secret")
        self.assertNotEqual(first.salt, second.salt)
        self.assertNotEqual(first.hash, second.hash)
        self.assertEqual(first.derive("secret"), first.hash)
        self.assertNotEqual(first.derive("Secret"), first.hash)


class UsersTests(FileCase):
    """``Users``."""

    def test_saved(self):
        """What is saved is loaded, and only its owner can read it."""
        known = {"ann": User(cheap("pa55"), ["reader"])}
        self.write(**known)
        self.assertEqual(self.users.load(), known)
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)

    def test_mode_stays(self):
        """A file that others may read stays so."""
        self.write()
        self.path.chmod(0o640)
        self.write(ann=User(cheap("x")))
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o640)
        self.assertEqual([file.name for file in self.path.parent.glob("tmp*")], [])

    def test_get(self):
        """A user is as the file has it now."""
        self.write(ann=User(cheap("x"), ["reader"]))
        self.assertEqual(self.users.get("ann").roles, ["reader"])
        self.assertIs(self.users.get("bob"), None)
        self.write(ann=User(cheap("x"), ["writer"]))
        self.touch()
        self.assertEqual(self.users.get("ann").roles, ["writer"])

    def test_verified(self):
        """A user is verified by the right password only."""
        self.write(ann=User(cheap("pa55")))
        self.patch(users, "_NOBODY", cheap(""))
        self.assertEqual(users.verified(self.users.get("ann"), "pa55"), User(cheap("pa55")))
        for name, password in (("ann", "PA55"), ("ann", ""), ("bob", "pa55"), ("ann", "\ud800")):
            self.assertIs(users.verified(self.users.get(name), password), None)

    def test_unknown_user_takes_as_long(self):
        """The password of an unknown user is held against a hash that costs as much."""
        known = Hash.of("x")
        self.assertEqual(
            (users._NOBODY.n, users._NOBODY.r, users._NOBODY.p), (known.n, known.r, known.p)
        )
        self.assertIs(users.verified(None, ""), None)

    def test_unreadable(self):
        """What cannot be read is told apart: no file, no JSON, other JSON."""
        error = self.assertRaises(pycom.ConfigurationError, self.users.load)
        self.assertEqual(str(error), f"{self.path} cannot be read: No such file or directory")
        for text in (b"{", b'{"ann": 1}', b"[]", b'{"ann": {"roles": []}}', b"\xff"):
            self.path.write_bytes(text)
            error = self.assertRaises(pycom.ConfigurationError, self.users.load)
            self.assertIn(f"{self.path} is no file of users", str(error))

    def test_broken_later(self):
        """A file that breaks, or goes, leaves the users as they were, and the log says so once."""
        self.write(ann=User(cheap("x"), ["reader"]))
        self.touch()
        self.assertEqual(self.users.get("ann").roles, ["reader"])
        for breaking in (lambda: self.path.write_text("{"), self.path.unlink):
            breaking()
            with capturedLogs() as events:
                for _ in range(2):
                    self.assertEqual(self.users.get("ann").roles, ["reader"])
            self.assertEqual(len(events), 1)

    def test_cannot_be_written(self):
        """Where the file cannot be written, the error says why."""
        error = self.assertRaises(
            pycom.ConfigurationError, Users(self.path / "no" / "users.json").save, {}
        )
        self.assertIn("cannot be written: No such file or directory", str(error))


class CommandTests(FileCase):
    """``python -m pycom_tx.apps.users``."""

    def run_command(self, *arguments, typed="", status=0):
        """What the command says."""
        out = io.StringIO()
        self.patch(sys, "stdin", io.StringIO(typed))
        with redirect_stdout(out), redirect_stderr(out):
            if status:
                error = self.assertRaises(SystemExit, main, arguments)
                self.assertEqual(error.code, status)
            else:
                main(arguments)
        return out.getvalue()

    def test_add_list_remove(self):
        """Users are added, changed, listed and removed."""
        path = str(self.path)
        self.run_command("add", path, "ann", "--role", "b", "--role", "a", typed="pa55\n")
        self.run_command("add", path, "bob", typed="secret")
        self.assertEqual(self.run_command("list", path), "ann: a, b\nbob: no roles\n")
        self.assertIsNot(users.verified(self.users.get("ann"), "pa55"), None)
        self.run_command("add", path, "ann", typed="other\n")
        self.touch()
        self.assertIs(users.verified(self.users.get("ann"), "pa55"), None)
        self.run_command("roles", path, "bob", "--role", "c")
        self.assertEqual(self.users.load()["bob"].roles, ["c"])
        self.touch()
        self.assertIsNot(users.verified(self.users.get("bob"), "secret"), None)
        self.run_command("remove", path, "ann")
        self.assertEqual(list(json.loads(self.path.read_text())), ["bob"])

    def test_refused(self):
        """What cannot be done is said in a line."""
        path = str(self.path)
        self.assertIn("A password is needed", self.run_command("add", path, "ann", status=1))
        self.assertFalse(self.path.exists())
        for command in (("list", path), ("remove", path, "ann")):
            self.assertIn("cannot be read", self.run_command(*command, status=1))
        self.write()
        self.assertIn("has no user 'ann'", self.run_command("remove", path, "ann", status=1))
        self.assertIn("usage", self.run_command(status=2))

    def test_at_a_terminal(self):
        """At a terminal the password is asked for, twice."""
        for again, status in (("pa55", 0), ("pa56", 1)):
            answers = ["pa55", again]
            self.patch(users, "getpass", lambda _, answers=answers: answers.pop(0))
            out = io.StringIO()
            out.isatty = lambda: True
            self.patch(sys, "stdin", out)
            with redirect_stderr(io.StringIO()):
                try:
                    main(["add", str(self.path), "ann"])
                    code = 0
                except SystemExit as error:
                    code = error.code
            self.assertEqual(code, status)

    def test_at_the_same_time(self):
        """Commands that run at the same time keep each other's changes."""
        path = str(self.path)
        self.run_command("add", path, "ann", typed="x\n")

        def ask(question):
            """While a password is asked for, somebody else removes a user."""
            Users(self.path).save({})
            return "y"

        self.patch(users, "getpass", ask)
        out = io.StringIO()
        out.isatty = lambda: True
        self.patch(sys, "stdin", out)
        main(["add", path, "bob"])
        self.assertEqual(list(self.users.load()), ["bob"])

    def test_name_that_is_none(self):
        """A name is text, and not empty; nothing is left behind."""
        for name in ("", "\udcff"):
            self.run_command("add", str(self.path), name, typed="x\n", status=1)
        self.assertFalse(self.path.exists())

    def test_link(self):
        """A link stays one."""
        link = self.path.with_name(f"{self.path.name}.link")
        link.symlink_to(self.path.name)
        self.write()
        Users(link).save({"ann": User(cheap("x"))})
        self.assertTrue(link.is_symlink())
        self.assertEqual(list(self.users.load()), ["ann"])


class AuthenticatorTests(MemoryCase, FileCase):
    """The stock authenticator."""

    def setUp(self):
        super().setUp()
        self.write(ann=User(cheap("pa55"), ["reader"]))
        self.patch(users, "_NOBODY", cheap(""))
        self.threads = ThreadingClock()
        self.threads.callLater = self.clock.callLater
        self.threads.seconds = self.clock.seconds
        self.service = self.host(
            Authenticator(self.path, lifetime=100, reactor=self.threads), service="/auth"
        )

    def log_in(self, password="pa55"):
        return self.context.authenticate("ann", password)

    def test_token(self):
        """A password becomes a token, which tells name and roles."""
        self.result(self.log_in())
        self.assertEqual(len(self.context.token), 43)
        self.assertEqual(
            self.result(self.context.user_info()), {"name": "ann", "roles": ["reader"]}
        )

    def test_denied(self):
        """A wrong password is denied, and the log has the name, but not the password."""
        with capturedLogs() as events:
            error = self.failure(self.log_in("pa56"), pycom.AccessDenied)
        self.assertEqual(str(error), "Wrong user or password")
        self.assertEqual([event["user"] for event in events if "user" in event], ["ann"])
        self.assertNotIn("pa56", repr(events))
        self.failure(self.context.authenticate(token="forged"), pycom.AccessDenied)
        self.failure(self.context.authenticate("ann", {"pass": "word"}), pycom.BadRequest)

    def test_expires(self):
        """A token is valid for its time, however often it is used."""
        self.result(self.log_in())
        for _ in range(9):
            self.clock.advance(10)
            self.result(self.context.user_info())
        self.clock.advance(10)
        error = self.failure(self.context.user_info(), pycom.AccessDenied)
        self.assertEqual(str(error), "The token is unknown or has expired")

    def test_changed(self):
        """Other roles count at once; another password, or none, voids the tokens."""
        self.result(self.log_in())
        for roles in (["writer"], []):
            self.write(ann=User(cheap("pa55"), roles))
            self.touch()
            self.assertEqual(self.result(self.context.user_info())["roles"], roles)
        self.write(ann=User(Hash.of("other")))
        self.touch()
        self.failure(self.context.user_info(), pycom.AccessDenied)
        self.write()
        self.touch()
        self.failure(self.context.user_info(), pycom.AccessDenied)

    def test_limit(self):
        """There is an end to how many tokens are valid at once."""
        self.patch(authenticator, "LIMIT", 1)
        self.result(self.log_in())
        self.failure(self.log_in(), pycom.RemoteError)

    def test_too_many(self):
        """There is an end to how many passwords are checked, and wait to be."""
        self.threads.callInThreadWithCallback = lambda *_: None
        calls = [self.log_in() for _ in range(authenticator.AT_ONCE + authenticator.WAITING)]
        self.clock.pump([0, 0])
        error = self.failure(self.log_in(), pycom.RemoteError)
        self.assertIn("Too many log in at once", str(error))
        for call in calls:
            call.cancel()
            self.failure(call, CancelledError)

    def test_no_file(self):
        """Without its file it does not start."""
        missing = Authenticator(self.path.with_name("nowhere.json"), reactor=self.threads)
        self.assertRaises(pycom.ConfigurationError, missing.startService)

    def test_default_file(self):
        """The file is the one that the environment names, or users.json."""
        self.patch(os, "environ", {"PYCOM_TX_USERS": str(self.path)})
        Authenticator(reactor=self.threads).startService()
        self.patch(os, "environ", {})
        error = self.assertRaises(
            pycom.ConfigurationError, Authenticator(reactor=self.threads).startService
        )
        self.assertIn("users.json", str(error))
