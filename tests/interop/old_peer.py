"""PyCOM 0.6.0, unmodified, under a Python that it runs on."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from unittest import SkipTest

VERSIONS = ("3.6", "2.7")
REQUIREMENTS = ("pycom==0.6.0", "pyzmq==16.0.4", "six")

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".interop"


class OldPeer:
    """PyCOM 0.6.0, installed for one version of Python.

    :param version: of Python: one of ``VERSIONS``.

    :raises SkipTest: it cannot be had here; the message says why. Where ``CI`` is set in
        the environment that is a failure.
    """

    def __init__(self, version):
        self.python = _python(version)
        self.packages = CACHE / version
        if not self.packages.exists():
            self._install(version)

    @property
    def environment(self):
        """What a process of it needs in its environment."""
        # Not our own variables: coverage's start-up hook is none for an old Python.
        kept = {name: os.environ[name] for name in ("HOME", "PATH", "TMPDIR") if name in os.environ}
        return {**kept, "PYTHONPATH": str(self.packages), "PYTHONUNBUFFERED": "1"}

    def _install(self, version):
        CACHE.mkdir(exist_ok=True)
        folder = tempfile.mkdtemp(prefix=f"{version}-", dir=CACHE)
        command = [self.python, "-m", "pip", "install", "-q", "--target", folder]
        done = subprocess.run(
            [*command, *REQUIREMENTS],
            env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            shutil.rmtree(folder)
            unavailable(f"PyCOM 0.6.0 does not install into Python {version}: {done.stderr}")
        try:
            # Whole or not at all, whoever installs it at the same time.
            Path(folder).rename(self.packages)
        except OSError:
            shutil.rmtree(folder)


def _python(version):
    """An interpreter of that version: on the path, or among those of pyenv."""
    found = shutil.which(f"python{version}")
    # One of pyenv's shims is there for every version, and works for the chosen ones.
    if found is not None and _runs(found):
        return found
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for candidate in sorted(root.glob(f"versions/{version}.*/bin/python"), reverse=True):
        if _runs(candidate):
            return str(candidate)
    return unavailable(f"There is no Python {version}, neither on the path nor below {root}")


def _runs(python):
    return (
        subprocess.run([python, "-c", "import pip"], capture_output=True, check=False).returncode
        == 0
    )


def unavailable(why):
    """Skip the test; in CI, where everything has to be there, fail it."""
    if os.environ.get("CI"):
        raise AssertionError(why)
    raise SkipTest(why)
