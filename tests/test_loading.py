"""Components in modules."""

import sys
from importlib import invalidate_caches
from pathlib import Path

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from pycom_tx import ConfigurationError
from pycom_tx.host.loading import load_components

SERVICE = """
import pycom_tx as pycom

@pycom.interface("com.example.greeter")
class Greeter(pycom.Service):
    def __init__(self, greeting="Hello"):
        self.greeting = greeting
"""


class LoadingCase(SynchronousTestCase):
    def setUp(self):
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        path, modules = list(sys.path), set(sys.modules)

        def restore():
            sys.path[:] = path
            for name in set(sys.modules) - modules:
                del sys.modules[name]

        self.addCleanup(restore)
        sys.path.insert(0, str(self.folder))

    def module(self, name, source):
        """A module that can be imported; gives its name."""
        path = self.folder.joinpath(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, "utf-8")
        invalidate_caches()
        return name

    def load(self, source):
        """The components of a module with that source, and the module."""
        name = self.module("services", source)
        components = load_components([name])
        return components, sys.modules[name]


class ComponentsTests(LoadingCase):
    def test_class(self):
        """A module contributes its classes with an interface."""
        components, module = self.load(SERVICE)
        self.assertEqual(components, [module.Greeter])

    def test_instance(self):
        """A module with an instance contributes that instead of its class."""
        components, module = self.load(f"{SERVICE}\ngreeter = Greeter('Good day')\n")
        self.assertEqual(components, [module.greeter])

    def test_instance_of_one_class(self):
        """An instance stands for its own class only."""
        components, module = self.load(
            f"{SERVICE}\n"
            "greeter = Greeter()\n"
            "@pycom.interface('com.example.other')\n"
            "class Other(Greeter): pass\n"
        )
        self.assertEqual(components, [module.greeter, module.Other])

    def test_several_instances(self):
        """All instances are contributed: whether they can be served the host decides."""
        components, module = self.load(f"{SERVICE}\none, two = Greeter(), Greeter()\n")
        self.assertEqual(components, [module.one, module.two])

    def test_two_names(self):
        """What has two names in a module is contributed once."""
        for source in "alias = Greeter", "one = two = Greeter()":
            components, _ = self.load(f"{SERVICE}\n{source}\n")
            self.assertEqual(len(components), 1)
            del sys.modules["services"]

    def test_class_without_a_name_for_its_interface(self):
        """A class that only inherits an interface, and the base class, are none."""
        components, module = self.load(
            f"{SERVICE}\nfrom pycom_tx import Service\nclass Special(Greeter): pass\n"
        )
        self.assertEqual(components, [module.Greeter])

    def test_instance_of_a_subclass(self):
        """An instance that inherits its interface stands for the class that declares it."""
        components, module = self.load(
            f"{SERVICE}\nclass Special(Greeter): pass\nspecial = Special()\n"
        )
        self.assertEqual(components, [module.special])

    def test_imported(self):
        """A module contributes what it imports, too."""
        self.module("package.module", SERVICE)
        components, module = self.load("from package.module import Greeter\n")
        self.assertEqual(components, [module.Greeter])

    def test_instance_of_an_imported_class(self):
        """An instance is contributed wherever its class comes from."""
        self.module("package.module", SERVICE)
        components, module = self.load(
            "import package.module\ngreeter = package.module.Greeter()\n"
        )
        self.assertEqual(components, [module.greeter])

    def test_several_modules(self):
        """Several modules contribute in order, and what they share once."""
        names = [
            self.module("package.first", SERVICE),
            self.module("second", "from package.first import Greeter\n"),
            self.module("third", SERVICE.replace("greeter", "other")),
        ]
        self.assertEqual(
            load_components(names),
            [sys.modules["package.first"].Greeter, sys.modules["third"].Greeter],
        )

    def logged(self, *names):
        """The lines that loading these modules leaves."""
        with capturedLogs() as events:
            load_components(names)
        return [formatEvent(event) for event in events]

    def test_imported_is_logged(self):
        """A class from elsewhere that is served for its import is logged, once."""
        self.module("package.module", SERVICE)
        first = self.module("package.first", "from package.module import Greeter\n")
        second = self.module("second", "from package.module import Greeter\n")
        (line,) = self.logged(first, second)
        self.assertEqual(
            line,
            "com.example.greeter is served because package.first imports the class Greeter from "
            "package.module; who only uses it imports the module, not the class",
        )

    def test_own_classes_are_not_logged(self):
        """Those that are named, below what is, or made an instance of are served on purpose."""
        self.module("package.module", SERVICE)
        self.module("package.__init__", "from package.module import Greeter\n")
        user = self.module("user", "from package.module import Greeter\n")
        maker = self.module("maker", "from package.module import Greeter\ngreeter = Greeter()\n")
        for names in ["package"], [user, "package.module"], [user, "package"], [maker]:
            self.assertEqual(self.logged(*names), [], names)

    def test_no_modules(self):
        """No modules, no components."""
        self.assertEqual(load_components([]), [])


class ErrorTests(LoadingCase):
    def test_wrong_declaration(self):
        """A declaration that is refused is said to be where it stands."""
        source = (
            "import pycom_tx as pycom\n@pycom.interface('com.foo')\nclass Shop:\n"
            "    @pycom.method(results='x')\n    def buy(self, request): ...\n"
        )
        error = self.assertRaises(ConfigurationError, self.load, source)
        # At the decorator or below it, as the version of Python has it.
        self.assertRegex(str(error), rf"\({self.folder}/services.py, line [45]\)\Z")

    def fail_to_load(self, name):
        """The one line that loading a module fails with."""
        error = self.assertRaises(ConfigurationError, load_components, [name])
        message = str(error)
        self.assertEqual(message.splitlines(), [message])
        return message

    def test_no_component(self):
        """A module without a component is refused with what to do about it."""
        name = self.module("services", "value = 1\n\nclass Plain: pass\n")
        self.assertEqual(
            self.fail_to_load(name),
            "services has no component: decorate a class in it with @pycom.interface",
        )

    def test_no_module(self):
        """A name of no module is refused with how to name one."""
        self.module("package.module", SERVICE)
        for name in (
            "missing",
            "missing.module",
            "package.missing",
            "package.module.missing",
            "services/module.py",
        ):
            message = self.fail_to_load(name)
            self.assertTrue(message.startswith(f"There is no module {name!r}: "), message)
            self.assertIn("with dots and without .py", message)

    def test_file_name(self):
        """A name of a file is refused with how to name a module."""
        self.module("services", SERVICE)
        for name in "services.py", "./services.py", str(self.folder / "services.py"):
            self.assertIn("with dots and without .py", self.fail_to_load(name))

    def test_missing_import(self):
        """A module that imports another that is not there is told from one that is not
        there itself."""
        name = self.module("services", "import os\nimport missing.module\n")
        message = self.fail_to_load(name)
        self.assertTrue(
            message.startswith("Importing 'services' failed with ModuleNotFoundError: "), message
        )
        self.assertIn("'missing'", message)
        self.assertTrue(message.endswith(f"({self.folder / 'services.py'}, line 2)"), message)

    def test_missing_import_of_a_part(self):
        """A module that asks another for what it has not is refused with where."""
        name = self.module("services", "from os import missing\n")
        message = self.fail_to_load(name)
        self.assertTrue(message.startswith("Importing 'services' failed with ImportError: "))
        self.assertTrue(message.endswith(f"({self.folder / 'services.py'}, line 1)"), message)

    def test_module_that_raises(self):
        """An error at import is told with its class, its text and where it happened."""
        name = self.module("package.module", "\n\nraise ValueError('a reason')\n")
        self.assertEqual(
            self.fail_to_load(name),
            "Importing 'package.module' failed with ValueError: a reason "
            f"({self.folder / 'package' / 'module.py'}, line 3)",
        )

    def test_text_of_several_lines(self):
        """An error with a text of several lines is told in one."""
        for end in "\\n", "\\r\\n", "\\r":
            name = self.module("services", f"raise ValueError('one{end}two')\n")
            self.assertIn("one", self.fail_to_load(name))
            self.assertIn("two", self.fail_to_load(name))

    def test_syntax_error(self):
        """A module that is no Python is refused with where, and nothing of the machinery."""
        name = self.module("services", "x = 1\ndef f(:\n")
        message = self.fail_to_load(name)
        self.assertTrue(message.startswith("Importing 'services' failed with SyntaxError: "))
        self.assertIn("line 2", message)
        self.assertNotIn("importlib", message)

    def test_module_that_exits(self):
        """A module that exits at import, as a script without a main guard, is refused."""
        name = self.module("services", "import sys\nsys.exit(0)\n")
        message = self.fail_to_load(name)
        self.assertIn("SystemExit", message)
        self.assertIn("line 2", message)
