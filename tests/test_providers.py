"""What the registry in memory tells of the providers of an interface."""

from functools import partial

from tests.test_registry import CountedPath, RegistryCase, count_calls


class ProvidersCase(RegistryCase):
    def setUp(self):
        super().setUp()
        self.changes = []
        self.registry.tell(lambda changed: self.changes.append(set(changed)))

    def providers(self, interface="com.a"):
        return self.successResultOf(self.registry.providers(interface))

    def revision(self, interface="com.a"):
        return self.providers(interface).revision


class ProvidersTests(ProvidersCase):
    def test_providers(self):
        """All records of services that provide it, each once."""
        one = self.register("/one", "com.a", "com.b")
        two = self.register("/two", "com.a")
        self.register("/three", "com.b")
        self.assertCountEqual(self.providers().services, [one, two])
        self.assertEqual(self.providers("com.c").services, ())

    def test_revision(self):
        """Each change of its providers gives an interface a revision that it never had."""
        revisions = [self.revision()]
        for change in (
            lambda: self.register("/one", "com.a"),
            lambda: self.register("/two", "com.a"),
            lambda: self.register("/one", "com.a", "com.b"),
            lambda: self.unregister("/one"),
            lambda: self.register("/one", "com.a"),
        ):
            change()
            revisions.append(self.revision())
        self.assertEqual(len(set(revisions)), len(revisions))

    def test_nobody(self):
        """That nobody provides it is the same state each time."""
        revision = self.revision()
        self.register("/one", "com.a")
        self.assertNotEqual(self.revision(), revision)
        self.unregister("/one")
        self.assertEqual(self.revision(), revision)

    def test_unchanged(self):
        """A renewal, and what happens to other interfaces, leave the revision as it is."""
        self.register("/one", "com.a")
        revision = self.revision()
        self.register("/one", "com.a")
        self.register("/two", "com.b")
        self.unregister("/two")
        self.assertEqual(self.revision(), revision)

    def test_another_registry(self):
        """No two registries have a revision in common."""
        self.register("/one", "com.a")
        revisions = {self.revision("com.a"), self.revision("com.b")}
        self.registry.close()
        self.registry = self.build()
        self.register("/one", "com.a")
        self.assertEqual(revisions & {self.revision("com.a"), self.revision("com.b")}, set())

    def test_told(self):
        """Each change is told once, with all interfaces that it concerns; a renewal and
        what is refused are not told."""
        self.register("/one", "com.a", "com.b")
        self.register("/one", "com.a", "com.b")
        self.unregister("/one", "tcp://other:1")
        self.register("/one", "com.b", "com.c")
        self.unregister("/one")
        self.register("/two", "com.a")
        self.clock.advance(60)
        self.assertEqual(
            self.changes,
            [
                {"com.a", "com.b"},
                {"com.a", "com.b", "com.c"},
                {"com.b", "com.c"},
                {"com.a"},
                {"com.a"},
            ],
        )

    def test_told_when_it_is_so(self):
        """Who is told of a change finds it."""
        found = []
        self.registry.tell(lambda _: found.append(len(self.providers().services)))
        self.register("/one", "com.a")
        self.register("/two", "com.a")
        self.unregister("/one")
        self.assertEqual(found, [1, 2, 1])


class CostTests(ProvidersCase):
    def test_cost(self):
        """Finding the providers of an interface does the same work however many services
        there are beside them."""
        costs = []
        for size in 10, 2000:
            self.registry.close()
            self.register(CountedPath("/one"), "com.a")
            for number in range(size):
                self.register(CountedPath(f"/{number}"), "com.b")
            costs.append(count_calls(partial(self.registry.providers, "com.a")))
        self.assertEqual(costs[0], costs[1])
