"""The example that uses sessions, attachments, authentication and contracts at once."""

import os
import shutil
import sys
from hashlib import sha256
from pathlib import Path

from twisted.internet.utils import getProcessOutputAndValue

import pycom_tx as pycom
from tests.live.processes import ProcessCase

EXAMPLE = Path(__file__).parents[2] / "examples" / "gallery"

OUTPUT = """\
hung by frida licence private
refused: Argument of com.example.gallery.hang: 'caption': expected `str` at caption.tags[1], got 7
refused: Authentication required
visitor: {'name': 'diego', 'roles': []}
refused: com.example.gallery.hang is for painter only
red ones: ['Roots']
basket: ['Roots']
{'packed': 1, 'of': 1, 'title': 'Roots'}
taken home: {'Roots': 4000} 4000 bytes
"""


class GalleryTests(ProcessCase):
    async def start(self):
        """Everything that the client needs; gives the address of the nameserver."""
        for file in EXAMPLE.glob("*.py"):
            shutil.copy(file, self.folder)
        users = self.folder / "users.json"
        for name, password, *roles in (("frida", "two fridas", "painter"), ("diego", "murals")):
            options = [f"--role={role}" for role in roles]
            _, _, status = await getProcessOutputAndValue(
                sys.executable,
                ["-m", "pycom_tx.apps.users", "add", str(users), name, *options],
                stdinBytes=f"{password}\n".encode(),
            )
            self.assertEqual(status, 0)
        self.patch(os, "environ", {**os.environ, "PYCOM_TX_USERS": str(users)})
        nameserver = self.nameserver_here()
        for module in ("pycom_tx.apps.authenticator", "service"):
            await self.registered(
                *("pycom-service", "-n", nameserver, "-a", "tcp://127.0.0.1:*", module)
            )
        return nameserver

    async def test_visit(self):
        """Painters hang pictures, visitors take them home, strangers stay outside."""
        out, err, status = await getProcessOutputAndValue(
            sys.executable, ["client.py", await self.start()], path=str(self.folder)
        )
        self.assertEqual((err, status), (b"", 0))
        self.assertEqual(out.decode(), OUTPUT)

    async def test_baskets(self):
        """Each visitor has a basket of their own, and what comes home is what was hung."""
        context = self.client(await self.start())
        await context.authenticate("frida", "two fridas")
        first, second = [await context.locate("com.example.gallery") for _ in range(2)]
        pictures = {title: os.urandom(1000) for title in ("Roots", "Moses")}
        for title, picture in pictures.items():
            hung = await first.hang({"title": title, "tags": [], "licence": "free"}, picture)
            self.assertEqual(hung["digest"], sha256(picture).hexdigest())
        await first.put_in_basket("Roots")
        self.assertEqual(await first.put_in_basket("Moses"), ["Roots", "Moses"])
        self.assertEqual((await second.take_home()).pictures, b"")
        self.assertEqual((await first.take_home()).pictures, b"".join(pictures.values()))
        with self.assertRaisesRegex(pycom.BadRequest, 'one of "free", "private"'):
            await first.hang({"title": "x", "tags": [], "licence": "paid"}, b"")
        with self.assertRaisesRegex(pycom.RemoteError, "no picture 'Dream'"):
            await first.put_in_basket("Dream")
