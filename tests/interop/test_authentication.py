"""Tokens between our peers and those of PyCOM 0.6.0."""

import json

from twisted.internet.utils import getProcessOutputAndValue

import pycom_tx as pycom
from tests.interop.old_peer import OldPeer
from tests.interop.old_services import OldServiceCase
from tests.live.processes import ProcessCase
from tests.vectors import FOLDER

MODULES = ("fixture_service", "fixture_authenticator")
FIXTURES = {name: (FOLDER / f"{name}.py").read_text("utf-8") for name in MODULES}

# The hash of "pa55", made with costs that are low.
PA55 = {
    "salt": "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a",
    "hash": "e9d3b7f093357da9b61b1d112b60627728c48d621539eae1ad28d0bd0703cd9e"
    "ed5af9ef60a2e7b34bd4edcfae510abd71a4b44e8c43cc21850aea351c77901b",
    "n": 2,
    "r": 1,
    "p": 1,
}

OLD_CLIENT = """
from __future__ import print_function
import json, sys
import pycom

nameserver = sys.argv[1]

def secret(context):
    component = context.locate("com.foo.guarded")
    try:
        return component.invoke("secret")
    except pycom.RemoteError as error:
        return [error.code, str(error)]

def forge(component, request):
    request.extensions["org.pycom.auth"] = "forged"
    return request

answers = {"nobody": secret(pycom.Context(nameserver))}
context = pycom.Context(nameserver)
context.prehooks.append(forge)
answers["forged"] = secret(context)
context = pycom.Context(nameserver)
for credentials in (("ann", "wrong"), ("ann", sys.argv[2])):
    try:
        context.authenticate(*credentials)
    except pycom.RemoteError as error:
        answers["wrong password"] = error.code
answers["ann"] = secret(context)
answers["info"] = context.user_info()
with pycom.ProxyContext(context).locate("com.foo.guarded") as component:
    answers["proxy"] = component.secret()
print(json.dumps(answers))
"""

ANSWERS = {
    "nobody": [5, "Authentication required"],
    "forged": [5, "Invalid token"],
    "wrong password": 5,
    "ann": "let in",
    "info": {"name": "ann", "roles": ["reader"]},
    "proxy": "let in",
}


class OldClientTests(ProcessCase):
    """A client of PyCOM 0.6.0 with guarded services of ours."""

    version = "3.6"

    async def ask(self, *modules):
        """What the old client finds, with the authenticator in one of the modules."""
        old = OldPeer(self.version)
        for name, text in FIXTURES.items():
            self.write_module(name, text)
        _, nameserver = await self.nameserver()
        for module in modules:
            await self.registered(
                *("pycom-service", "-a", "tcp://127.0.0.1:*", "-n", nameserver),
                *("-s", f"/com/foo/{module}", module),
            )
        out, err, status = await getProcessOutputAndValue(
            old.python, ["-c", OLD_CLIENT, nameserver, "pa55"], env=old.environment
        )
        self.assertEqual(status, 0, err.decode())
        return json.loads(out)

    async def test_authenticated(self):
        """It gets in with a token, and neither without one nor with one that is forged."""
        self.assertEqual(await self.ask(*MODULES), ANSWERS)

    async def test_stock_authenticator(self):
        """The authenticator that comes with the package knows it, too."""
        with (self.folder / "users.json").open("w") as file:
            file.write(json.dumps({"ann": {"scrypt": PA55, "roles": ["reader"]}}))
        answers = await self.ask("fixture_service", "pycom_tx.apps.authenticator")
        unknown = [5, "The token is unknown or has expired"]
        self.assertEqual(answers, {**ANSWERS, "forged": unknown})


class OldClientOfPython27Tests(OldClientTests):
    """The same under Python 2.7."""

    version = "2.7"


class NewClientTests(OldServiceCase):
    """A client of ours with guarded services and an authenticator of PyCOM 0.6.0."""

    def setUp(self):
        super().setUp()
        for name, text in FIXTURES.items():
            self.write_module(name, text)

    async def check(self, nameserver):
        """Let a client of ours be nobody, somebody else, and ann."""
        context = self.client(nameserver)
        for interface in ("org.pycom.authenticator", "com.foo.shapes"):
            (await self.located(context, interface)).close()
        plain = context.context
        async with plain.locate("com.foo.guarded") as guarded:
            for token, reason in ((None, "Authentication required"), ("forged", "Invalid token")):
                plain.token = token
                with self.assertRaisesRegex(pycom.AccessDenied, reason):
                    await guarded.invoke("secret")
            plain.token = None
            with self.assertRaisesRegex(pycom.AccessDenied, "Wrong user or password"):
                await context.authenticate("ann", "wrong")
            await context.authenticate("ann", "pa55")
            self.assertEqual(await guarded.invoke("secret"), "let in")
            self.assertEqual(await context.user_info(), {"name": "ann", "roles": ["reader"]})
        async with context.locate("com.foo.guarded") as proxy:
            self.assertEqual(await proxy.secret(), "let in")
        await context.authenticate(token="token-of-ann")
        with self.assertRaisesRegex(pycom.AccessDenied, "Invalid token"):
            await context.authenticate(token="forged")

    async def test_all_old(self):
        """Nameserver, authenticator and guarded service are of 0.6.0."""
        nameserver = await self.old_nameserver()
        for module in MODULES:
            self.serve("-n", nameserver, "-s", f"/com/foo/{module}", module)
        await self.check(nameserver)

    async def test_new_nameserver(self):
        """Only the nameserver is ours."""
        _, nameserver = await self.nameserver()
        for module in MODULES:
            self.serve("-n", nameserver, "-s", f"/com/foo/{module}", module)
        await self.check(nameserver)

    async def test_old_authenticator(self):
        """Our service asks the authenticator of 0.6.0."""
        _, nameserver = await self.nameserver()
        self.serve("-n", nameserver, "-s", "/com/foo/auth", "fixture_authenticator")
        folder = self.folder / "new"
        folder.mkdir()
        (folder / "fixture_service.py").write_text(FIXTURES["fixture_service"], "utf-8")
        self.folder = folder
        await self.registered(
            *("pycom-service", "-a", "tcp://127.0.0.1:*", "-n", nameserver),
            *("-s", "/com/foo/fixture", "fixture_service"),
        )
        await self.check(nameserver)


class NewClientOfPython27Tests(NewClientTests):
    """The same with PyCOM 0.6.0 under Python 2.7."""

    version = "2.7"
