"""How late a reactor is."""

from prometheus_client import CollectorRegistry
from twisted.application.service import IService
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pycom_tx.metrics import ReactorLag
from pycom_tx.metrics.lag import INTERVAL


class LateClock(Clock):
    """A clock that does what is due too late, as a busy reactor does."""

    def advance_late(self, seconds, lag):
        """Let time pass, of which the reactor notices nothing while it is busy."""
        self.rightNow += lag
        self.advance(seconds)


class ReactorLagTests(SynchronousTestCase):
    def setUp(self):
        self.clock = LateClock()
        self.registry = CollectorRegistry()
        self.lag = ReactorLag(self.registry, self.clock)
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))

    def start(self):
        self.lag.startService()
        self.addCleanup(self.lag.stopService)

    def value(self, name, **labels):
        return self.registry.get_sample_value(f"pycom_reactor_{name}", labels)

    def test_service(self):
        """It is a service of Twisted."""
        verifyObject(IService, self.lag)

    def test_in_time(self):
        """A reactor that is in time has no lag, looked at twice a second."""
        self.start()
        self.clock.pump([INTERVAL] * 10)
        self.assertEqual(self.value("lag_seconds_count"), 10)
        self.assertEqual(self.value("lag_seconds_sum"), 0)
        self.assertEqual(self.value("last_lag_seconds"), 0)

    def test_late(self):
        """What it was late is told, the last time and all times."""
        self.start()
        self.clock.advance_late(INTERVAL, 0.2)
        self.assertAlmostEqual(self.value("last_lag_seconds"), 0.2)
        self.clock.advance_late(INTERVAL, 3)
        self.assertAlmostEqual(self.value("last_lag_seconds"), 3)
        self.clock.advance(INTERVAL)
        self.assertAlmostEqual(self.value("last_lag_seconds"), 0)
        self.assertAlmostEqual(self.value("lag_seconds_sum"), 3.2)
        counted = [self.value("lag_seconds_bucket", le=le) for le in ("0.1", "0.25", "5.0")]
        self.assertEqual(counted, [1, 2, 3])

    def test_stopped(self):
        """Once it is stopped there is no timer, and it can be started again."""
        for _ in range(2):
            self.lag.startService()
            self.lag.startService()
            self.assertEqual(len(self.clock.getDelayedCalls()), 1)
            self.clock.advance(INTERVAL)
            self.lag.stopService()
            self.lag.stopService()
            self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.value("lag_seconds_count"), 2)
