"""Entries that vanish when nobody renews them."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pycom_tx.zerojson.leases import Leases

LIFETIME = 10

some_key = st.sampled_from("abc")
steps = st.lists(
    st.tuples(st.just("put"), some_key, st.integers())
    | st.tuples(st.sampled_from(["renew", "pop", "get", "expires"]), some_key)
    | st.tuples(st.just("advance"), st.integers(min_value=0, max_value=12))
    | st.tuples(st.just("clear")),
    max_size=30,
)


class Model:
    """The same, without a timer: every entry is looked at each time."""

    def __init__(self):
        self.now = 0
        self.entries = {}
        self.expired = []

    def put(self, key, value):
        self.entries.pop(key, None)
        self.entries[key] = (self.now + LIFETIME, value)

    def renew(self, key):
        value = self.entries[key][1]
        self.put(key, value)
        return value

    def expires(self, key):
        return self.entries[key][0]

    def pop(self, key):
        return self.entries.pop(key, (0, None))[1]

    def get(self, key):
        return self.entries.get(key, (0, None))[1]

    def clear(self):
        self.entries.clear()

    def advance(self, seconds):
        self.now += seconds
        for key, (expires, value) in list(self.entries.items()):
            if expires <= self.now:
                del self.entries[key]
                self.expired.append((key, value))


def result(function, *arguments):
    """What the call gives, or the type of what it raises."""
    try:
        return function(*arguments)
    except KeyError:
        return KeyError


class LeasesTests(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.over = []
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))

    def leases(self):
        return Leases(self.clock, LIFETIME, lambda key, value: self.over.append((key, value)))

    @settings(
        deadline=None,
        max_examples=300,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(steps)
    def test_model(self, steps):
        """Entries live and expire as in a model that looks at each of them all the time."""
        clock, model, over = Clock(), Model(), []
        leases = Leases(clock, LIFETIME, lambda key, value: over.append((key, value)))
        for name, *arguments in steps:
            real = clock.advance if name == "advance" else getattr(leases, name)
            self.assertEqual(
                result(real, *arguments), result(getattr(model, name), *arguments), name
            )
            self.assertEqual(list(leases.values()), [v for _, v in model.entries.values()])
            self.assertEqual(len(leases), len(model.entries))
            self.assertEqual(over, model.expired)
            self.assertEqual(len(clock.getDelayedCalls()), 1 if model.entries else 0)

    def test_expiry(self):
        """An entry is there until its lifetime is over, and not any longer."""
        leases = self.leases()
        leases.put("a", 1)
        self.clock.advance(LIFETIME - 0.001)
        self.assertEqual((leases.get("a"), len(leases), self.over), (1, 1, []))
        self.clock.advance(0.001)
        self.assertEqual((leases.get("a"), len(leases), self.over), (None, 0, [("a", 1)]))

    def test_renewal(self):
        """An entry that is renewed, or put again, lives as long as a new one."""
        leases = self.leases()
        leases.put("renewed", 1)
        leases.put("replaced", 2)
        leases.put("left", 3)
        self.clock.advance(LIFETIME / 2)
        self.assertEqual(leases.renew("renewed"), 1)
        leases.put("replaced", 4)
        self.clock.advance(LIFETIME / 2)
        self.assertEqual(self.over, [("left", 3)])
        self.clock.advance(LIFETIME / 2)
        self.assertEqual(self.over, [("left", 3), ("renewed", 1), ("replaced", 4)])

    def test_reading_does_not_renew(self):
        """Looking at an entry does not make it live longer."""
        leases = self.leases()
        leases.put("a", 1)
        self.clock.advance(LIFETIME / 2)
        leases.get("a")
        list(leases.values())
        self.clock.advance(LIFETIME / 2)
        self.assertEqual(self.over, [("a", 1)])

    def test_nothing_to_renew(self):
        """An entry that is not there, or not any more, cannot be renewed."""
        leases = self.leases()
        self.assertRaises(KeyError, leases.renew, "a")
        leases.put("a", 1)
        self.clock.advance(LIFETIME)
        self.assertRaises(KeyError, leases.renew, "a")

    def test_taken_out(self):
        """An entry that is taken out does not expire."""
        leases = self.leases()
        leases.put("a", 1)
        leases.put("b", 2)
        self.assertEqual(leases.pop("a"), 1)
        self.assertIsNone(leases.pop("a"))
        leases.clear()
        self.assertEqual(len(leases), 0)
        self.clock.advance(LIFETIME)
        self.assertEqual(self.over, [])

    def test_gone_when_told(self):
        """An entry is gone when its expiry is told, and can be put again there and then."""
        seen = []

        def expired(key, value):
            seen.append((leases.get(key), len(leases)))
            if len(seen) == 1:
                leases.put(key, value + 1)

        leases = Leases(self.clock, LIFETIME, expired)
        leases.put("a", 1)
        self.clock.advance(LIFETIME)
        self.assertEqual(list(leases.values()), [2])
        self.clock.advance(LIFETIME)
        self.assertEqual(seen, [(None, 0), (None, 0)])

    def test_nobody_told(self):
        """Entries expire also where nobody wants to know."""
        leases = Leases(self.clock, LIFETIME)
        leases.put("a", 1)
        self.clock.advance(LIFETIME)
        self.assertEqual(len(leases), 0)

    def test_one_timer(self):
        """However many entries there are, one timer watches them, and none when there is none."""
        leases = self.leases()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        for number in range(1000):
            leases.put(number, number)
            self.clock.advance(0.001)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.advance(LIFETIME)
        self.assertEqual(self.over, [(number, number) for number in range(1000)])
