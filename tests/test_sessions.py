"""Sessions of stateful interfaces."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pycom_tx.zerojson.errors import RemoteError, SessionExpired
from pycom_tx.zerojson.sessions import LIFETIME, SessionStore


class SessionStoreTests(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))

    def store(self, **options):
        """A store that is empty when the test ends."""
        store = SessionStore(self.clock, **options)
        self.addCleanup(store.close)
        return store

    def test_kept(self):
        """A session is found by its id, with what was put into it."""
        store = self.store()
        session = store.open()
        self.assertEqual(session, {})
        session["counter"] = 1
        self.assertIs(store.use(session.session_id), session)
        self.assertEqual(store.use(session.session_id), {"counter": 1})

    def test_id(self):
        """Session ids are 128 bits in hexadecimal, each another."""
        store = self.store()
        ids = {store.open().session_id for _ in range(100)}
        self.assertEqual(len(ids), 100)
        for session_id in ids:
            self.assertRegex(session_id, "^[0-9a-f]{32}$")

    def test_apart(self):
        """What is kept in one session is not in another."""
        store = self.store()
        one, other = store.open(), store.open()
        one["a"] = 1
        self.assertEqual(store.use(other.session_id), {})

    def test_owner(self):
        """A session is there for its owner only, and somebody else does not renew it."""
        store = self.store()
        session = store.open("ann")
        self.clock.advance(LIFETIME - 1)
        for owner in ("bob", None):
            self.assertRaises(SessionExpired, store.use, session.session_id, owner)
        self.clock.advance(1)
        self.assertRaises(SessionExpired, store.use, session.session_id, "ann")

    def test_unknown(self):
        """An id that nobody was given is an expired session, and the error shows it."""
        error = self.assertRaises(SessionExpired, self.store().use, "0" * 32)
        self.assertEqual(str(error), f"Session '{'0' * 32}' has expired")

    def test_expiry(self):
        """A session expires after an hour without a call."""
        self.assertEqual(LIFETIME, 3600)
        store = self.store()
        session = store.open()
        self.clock.advance(LIFETIME - 1)
        store.use(session.session_id)
        self.clock.advance(LIFETIME - 1)
        store.use(session.session_id)
        self.clock.advance(LIFETIME)
        self.assertRaises(SessionExpired, store.use, session.session_id)
        self.assertEqual(len(store), 0)

    def test_lifetime(self):
        """A store may keep its sessions for another time."""
        store = self.store(lifetime=5)
        session = store.open()
        self.clock.advance(5)
        self.assertRaises(SessionExpired, store.use, session.session_id)

    def test_discarded(self):
        """A discarded session is empty, and its id is expired at once."""
        store = self.store()
        session = store.open()
        session["a"] = 1
        session.discard()
        self.assertEqual(session, {})
        self.assertRaises(SessionExpired, store.use, session.session_id)
        session.discard()
        self.assertEqual(len(store), 0)

    def test_dropped(self):
        """A session can be ended by its id, and one that is not there is no error."""
        store = self.store()
        session, other = store.open(), store.open()
        store.drop(session.session_id)
        store.drop(session.session_id)
        self.assertRaises(SessionExpired, store.use, session.session_id)
        self.assertIs(store.use(other.session_id), other)

    def test_limit(self):
        """A full store opens no session until one has ended."""
        store = self.store(limit=2)
        first = store.open()
        store.open()
        error = self.assertRaises(RemoteError, store.open)
        self.assertEqual(error.code, 1)
        self.assertEqual(len(store), 2)
        first.discard()
        store.open()
        self.assertRaises(RemoteError, store.open)
        self.clock.advance(LIFETIME)
        store.open()
        self.assertEqual(len(store), 1)

    def test_closed(self):
        """A closed store holds no session and no timer."""
        store = self.store()
        session = store.open()
        store.close()
        self.assertEqual(len(store), 0)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertRaises(SessionExpired, store.use, session.session_id)
