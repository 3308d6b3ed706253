"""What is installed is what was written, and twistd finds it."""

import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from zipfile import ZipFile

from twisted.trial.unittest import SynchronousTestCase

from tests.live.processes import uncovered

ROOT = Path(__file__).parents[2]
CONSOLE = ROOT / "pycom_tx" / "gateway" / "console"
SOURCES = ("LICENSE", "README.md", "examples", "pycom_tx", "pyproject.toml", "setup.py", "twisted")
COMMANDS = ("pycom-gateway", "pycom-nameserver", "pycom-service")


class PackagingTests(SynchronousTestCase):
    """With a copy of the sources, and an environment of its own for each way to install."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.sources = self.folder / "sources"
        for name in SOURCES:
            if (ROOT / name).is_dir():
                shutil.copytree(
                    ROOT / name,
                    self.sources / name,
                    ignore=shutil.ignore_patterns("__pycache__", "dropin.cache*"),
                )
            else:
                self.sources.mkdir(exist_ok=True)
                shutil.copy(ROOT / name, self.sources)
        self.elsewhere = self.folder / "elsewhere"
        self.elsewhere.mkdir()
        self.environment = self.folder / "environment"
        venv.create(self.environment)

    def run_there(self, program, *arguments):
        """Run a program of the environment from another folder; gives what it prints."""
        done = subprocess.run(
            [self.environment / "bin" / program, *arguments],
            cwd=self.elsewhere,
            env=uncovered(),  # no tool of ours is in that environment
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def pip(self, *command):
        """Run the pip of this environment, for that one if it is told so."""
        done = subprocess.run(
            [sys.executable, "-m", "pip", "-q", *command],
            env=uncovered(),
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def install(self, *what):
        # Few modules of what is installed are ever imported there, the others stay as they are.
        self.pip("--python", self.environment, "install", "--no-compile", *what)

    def forget_plugins(self):
        """Remove what Twisted remembers of its plugins."""
        for cache in self.folder.rglob("dropin.cache"):
            cache.unlink()

    def check_commands(self):
        """twistd knows all commands and runs their options, whatever it remembers."""
        self.forget_plugins()
        for options in ("--reactor=asyncio",), ("--reactor=asyncio",), ():
            listed = self.run_there("twistd", *options, "--help")
            for command in COMMANDS:
                self.assertIn(f"    {command}  ", listed)
        for command in COMMANDS:
            self.forget_plugins()
            help_text = self.run_there("twistd", "--reactor=asyncio", command, "--help")
            self.assertIn("--nameserver", help_text)

    def test_wheel(self):
        """A wheel has the plugin and nothing else of Twisted, and its example runs."""
        wheels = self.folder / "wheels"
        self.pip("wheel", "--no-deps", "-w", wheels, self.sources)
        (wheel,) = wheels.iterdir()
        names = ZipFile(wheel).namelist()
        of_twisted = [name for name in names if name.startswith("twisted/")]
        self.assertEqual(of_twisted, ["twisted/plugins/pycom_tx_plugin.py"])
        self.assertIn("pycom_tx/py.typed", names)
        console = {f"pycom_tx/gateway/console/{file.name}" for file in CONSOLE.iterdir()}
        self.assertEqual({name for name in names if "/console/" in name}, console)
        self.assertEqual([name for name in names if name.endswith("licenses/LICENSE")][1:], [])
        tops = {name.partition("/")[0] for name in names}
        self.assertEqual({top for top in tops if "dist-info" not in top}, {"pycom_tx", "twisted"})
        self.install(wheel)
        self.check_commands()
        shutil.copytree(self.sources / "examples", self.elsewhere / "examples")
        printed = self.run_there("python", "examples/demo.py")
        self.assertIn(
            "await component.bar(name=\"field1\", value=42)\n    {'field1': 42}\n", printed
        )

    def test_editable(self):
        """An editable install is found by twistd, too."""
        self.install("-e", self.sources)
        self.check_commands()
