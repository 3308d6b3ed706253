"""What a call can fail with."""

import copy
import pickle

from twisted.trial.unittest import SynchronousTestCase

from pycom_tx.zerojson import errors
from pycom_tx.zerojson.errors import (
    AccessDenied,
    AddressError,
    BadRequest,
    CallTimeout,
    ConfigurationError,
    ConnectionClosed,
    Error,
    InvalidReply,
    MethodNotFound,
    NotSerializable,
    Overloaded,
    RemoteError,
    ServiceNotAvailable,
    ServiceNotFound,
    SessionExpired,
    checked_code,
    remote_error,
)

STANDARD = {
    2: MethodNotFound,
    3: ServiceNotFound,
    4: BadRequest,
    5: AccessDenied,
    6: SessionExpired,
}


class FamilyTests(SynchronousTestCase):
    def test_root(self):
        """Every error of the protocol derives from one root."""
        kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
        raised = [kind for kind in kinds if issubclass(kind, Exception)]
        self.assertIn(AddressError, raised)
        for kind in raised:
            self.assertTrue(issubclass(kind, Error), kind)

    def test_branches(self):
        """An error says by its class whether the service answered."""
        for kind in STANDARD.values():
            self.assertTrue(issubclass(kind, RemoteError), kind)
            self.assertFalse(issubclass(kind, ServiceNotAvailable), kind)
        for kind in (CallTimeout, ConnectionClosed, Overloaded, InvalidReply):
            self.assertTrue(issubclass(kind, ServiceNotAvailable), kind)
            self.assertFalse(issubclass(kind, RemoteError), kind)
        self.assertTrue(issubclass(AddressError, ConfigurationError))

    def test_builtin_bases(self):
        """Code that knows only the built-in errors catches a timeout and a wrong type."""
        self.assertTrue(issubclass(CallTimeout, TimeoutError))
        self.assertTrue(issubclass(NotSerializable, TypeError))

    def test_text(self):
        """An error shows its message, also where a built-in base has other habits."""
        for kind in (CallTimeout, NotSerializable, RemoteError, SessionExpired):
            self.assertEqual(str(kind("what was wrong")), "what was wrong")


class RemoteErrorTests(SynchronousTestCase):
    def test_default_code(self):
        """An error without a code of its own is of code 1."""
        self.assertEqual(RemoteError("x").code, 1)

    def test_code(self):
        """An error carries the code that it was given, also a negative one."""
        self.assertEqual(RemoteError("x", 77).code, 77)
        self.assertEqual(RemoteError("x", -1).code, -1)

    def test_code_of_class(self):
        """A class of errors has the code that its errors are of."""

        class OutOfPaper(RemoteError):
            code = 12

        self.assertEqual(OutOfPaper("x").code, 12)
        self.assertEqual(OutOfPaper("x", 13).code, 13)
        self.assertEqual(OutOfPaper("x").code, 12)

    def test_no_error_code(self):
        """An error cannot be of a code that says success, or of none at all."""
        for code in (0, False, True, 1.0, "7"):
            self.assertRaises(ValueError, RemoteError, "x", code)

    def test_copies(self):
        """A copied or pickled error keeps its class, text and code."""
        error = BadRequest("what was wrong", 99)
        for other in (copy.copy(error), pickle.loads(pickle.dumps(error))):
            self.assertIs(type(other), BadRequest)
            self.assertEqual((str(other), other.code), ("what was wrong", 99))


class FromReplyTests(SynchronousTestCase):
    def assertError(self, error, kind, code):
        self.assertIs(type(error), kind)
        self.assertEqual((str(error), error.code), ("what was wrong", code))

    def test_standard_codes(self):
        """Each standard code of a reply has its class."""
        for code, kind in STANDARD.items():
            self.assertError(remote_error(code, "what was wrong", None), kind, code)

    def test_other_codes(self):
        """A service's own code, and the code of unknown errors, arrive as they are."""
        for code in (1, 7, 1234, -1, 2**70):
            self.assertError(remote_error(code, "what was wrong", None), RemoteError, code)

    def test_session(self):
        """An error that came with a session carries its id, any other carries none."""
        self.assertEqual(remote_error(6, "x", "s").session_id, "s")
        self.assertIsNone(remote_error(6, "x", None).session_id)
        self.assertIsNone(RemoteError("x").session_id)

    def test_without_text(self):
        """An error that came without a text shows its code."""
        for text in (None, ""):
            self.assertEqual(str(remote_error(5, text, None)), "Remote error 5")
            self.assertEqual(str(remote_error(99, text, None)), "Remote error 99")


class CheckedCodeTests(SynchronousTestCase):
    def test_given_back(self):
        """A code that says error is given back."""
        self.assertEqual(checked_code(7), 7)
        self.assertEqual(checked_code(-7), -7)

    def test_refused(self):
        """What is no error's code is refused, and shown."""
        for code in (0, True, 1.5, None, "7"):
            error = self.assertRaises(ValueError, checked_code, code)
            self.assertIn(repr(code), str(error))
