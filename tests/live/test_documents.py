"""What the documents show is what happens: their files, commands and outputs."""

import os
import re
import shlex
import sys
from pathlib import Path
from textwrap import dedent

from twisted.internet.utils import getProcessOutputAndValue

from tests.live.processes import ProcessCase

ROOT = Path(__file__).parents[2]


class DocumentTests(ProcessCase):
    async def follow(self, blocks):
        """Write the files and run the commands, in their order, at ports that are free.

        A command of twistd goes on; any other has to print what stands below it.
        """
        ports = {
            port: str(self.reserve_port()) for port in ("2012", "2013", "8080", "9100", "9101")
        }
        self.default_nameserver = f"tcp://127.0.0.1:{ports['2012']}"
        ran = 0
        for name, text in blocks:
            block = re.sub("|".join(ports), lambda found: ports[found[0]], text)
            if name:
                file = self.folder / name
                file.parent.mkdir(exist_ok=True)
                file.write_text(block, "utf-8")
                continue
            for line, output in re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
                await self.run_line(line, output.rstrip("\n"))
                ran += 1
        return ran

    async def run_line(self, line, output):
        if line.startswith(("curl", "echo -n")):
            await self.run_in_shell(line, output)
        else:
            await self.run_command(shlex.split(line), output)

    async def run_command(self, command, output):
        typed = None
        if command[0] == "echo":
            self.assertEqual(command[2], "|")
            typed, command = f"{command[1]}\n".encode(), command[3:]
        if "=" in command[0]:
            name, _, value = command.pop(0).partition("=")
            self.patch(os, "environ", {**os.environ, name: value})
        if command[0] == "twistd":
            self.assertEqual(command[1:3], ["-n", "--pidfile="])
            if command[3] == "pycom-nameserver":
                command += ["-a", self.default_nameserver]
            if command[3] == "pycom-gateway":
                await self.twistd(*command[3:]).wait_for("HTTP is at")
            else:
                await self.registered(*command[3:])
            return
        self.assertEqual(command[0], "python")
        out, err, status = await getProcessOutputAndValue(
            sys.executable, command[1:], path=str(self.folder), stdinBytes=typed
        )
        self.assertEqual((err, status), (b"", 0), err.decode())
        self.assertPrinted(out.decode(), output)

    async def run_in_shell(self, line, output):
        out, err, status = await getProcessOutputAndValue(
            "/bin/bash", ["-c", line], path=str(self.folder), env=os.environ
        )
        self.assertEqual((err, status), (b"", 0))
        self.assertPrinted(out.decode().replace("\r\n", "\n"), output)

    def assertPrinted(self, printed, output):
        """What was printed is what is shown, but for the end of the last line."""
        shown = "\n".join(map(matching, output.splitlines()))
        self.assertRegex(printed, rf"\A{shown}\n?\Z")

    async def test_readme(self):
        """The example of the README."""
        text = (ROOT / "README.md").read_text("utf-8")
        blocks = re.findall(
            r"(?:`([\w/]+\.py)`:\n\n)?```(?:python|console)\n(.*?)```", text, re.DOTALL
        )
        self.assertEqual(await self.follow(blocks), 3)
        for name, block in blocks:
            if name:
                self.assertEqual(block, (ROOT / "examples" / name).read_text("utf-8"))

    async def follow_page(self, name, *, files=()):
        """Do everything that a page of the documentation says to type.

        :param files: files that it takes from other pages, with what is in them.
        """
        text = (ROOT / "docs" / name).read_text("utf-8")
        ran = await self.follow([*files, *blocks_of(text)])
        self.assertEqual(ran, text.count("\n   $ "))

    async def test_tutorial(self):
        """The tutorial."""
        await self.follow_page("tutorial.rst")

    async def test_authentication(self):
        """The page on authentication."""
        await self.follow_page("authentication.rst")

    async def test_reliability(self):
        """The page on what becomes of calls when things fail."""
        await self.follow_page("reliability.rst")

    async def test_operations(self):
        """The page on metrics, traces and logs."""
        await self.follow_page("operations.rst")

    async def test_gateway(self):
        """The page on HTTP."""
        await self.follow_page("gateway.rst")

    async def test_http_clients(self):
        """The page on clients over HTTP, with the service of the page on the gateway."""
        page = (ROOT / "docs" / "gateway.rst").read_text("utf-8")
        files = [block for block in blocks_of(page) if block[0] == "photos.py"]
        await self.follow_page("http_clients.rst", files=files)

    async def test_contracts(self):
        """The page on contracts."""
        await self.follow_page("contracts.rst")


def blocks_of(text):
    """What a page shows: names of files, where there are some, and what is in them."""
    blocks = re.findall(
        r"\.\. code-block:: (?:python|console)\n(?:   :caption: (\S+)\n)?\n((?:   .*\n|\n)+)", text
    )
    return [(name, dedent(block)) for name, block in blocks]


def matching(line):
    """An expression for a line; three dots at its end stand for its rest."""
    shown = line.removesuffix("...")
    return re.escape(shown) + ("" if shown == line else ".*")
