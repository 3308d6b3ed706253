"""What a program that uses pycom_tx can rely on."""

from __future__ import annotations

import importlib
import inspect
import os
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

import pycom_tx

HOMES = {
    "pycom_tx.client.component": {"Component"},
    "pycom_tx.client.context": {"Context"},
    "pycom_tx.client.proxy": {"ProxyComponent", "ProxyContext"},
    "pycom_tx.components.checks": {"check_argument"},
    "pycom_tx.components.declare": {"Service", "interface", "method"},
    "pycom_tx.host.host": {"ComponentHost"},
    "pycom_tx.nameserver.nameserver": {"NameServer"},
    "pycom_tx.zerojson.errors": {
        "AccessDenied",
        "AddressError",
        "BadRequest",
        "CallTimeout",
        "ConfigurationError",
        "ConnectionClosed",
        "ContractMismatch",
        "Error",
        "InvalidReply",
        "MethodNotFound",
        "NotSerializable",
        "Overloaded",
        "Refused",
        "RemoteError",
        "ServiceNotAvailable",
        "ServiceNotFound",
        "SessionExpired",
    },
    "pycom_tx.zerojson.request": {"Request", "Response"},
    "pycom_tx.zerojson.sessions": {"Session"},
}

ADDRESS = "nameserver='tcp://127.0.0.1:2012'"

SIGNATURES = {
    "Component.call": "(self, request, timeout=None, *, on_progress=None)",
    "Component.close": "(self)",
    "Component.introspect": "(self)",
    "Component.invoke": (
        "(self, method, args=None, timeout=None, attachment=None, *, on_progress=None)"
    ),
    "ComponentHost": (
        f"(components, address, *, {ADDRESS}, service=None, advertise=None, "
        "authentication=None, token_cache=5.0, nameserver_timeout=None, gave_up=None, "
        "verbose=False, max_calls=1000, max_waiting=1000, max_per_client=None, "
        "max_threads=10, max_message=536870912, drain=30.0, instruments=None, "
        "tracer_provider=None, reactor=None, network=None)"
    ),
    "ComponentHost.stopService": "(self)",
    "ComponentHost.stop_at_once": "(self)",
    "Context": (
        "(nameserver=None, *, gateway=None, agent=None, timeout=5.0, wait_when_full=False, "
        "silence=1.5, reactor=None, network=None, tracer_provider=None)"
    ),
    "Context.authenticate": "(self, user=None, credentials=None, *, token=None)",
    "Context.close": "(self)",
    "Context.connect": "(self, address, interface, *, contract=None)",
    "Context.locate": (
        "(self, interface, service_name=None, *, contract=None, balance='least-loaded')"
    ),
    "Context.nameserver": "(self)",
    "Context.user_info": "(self)",
    "Context.wait_for": (
        "(self, interface, service_name=None, *, timeout=inf, contract=None, "
        "balance='least-loaded')"
    ),
    "NameServer": "(registry=None, *, reactor=None)",
    "ProxyComponent.close": "(self)",
    "ProxyContext": "(nameserver=None, **options)",
    "ProxyContext.authenticate": "(self, user=None, credentials=None, *, token=None)",
    "ProxyContext.close": "(self)",
    "ProxyContext.connect": "(self, address, interface, *, contract=None)",
    "ProxyContext.locate": (
        "(self, interface, service_name=None, *, contract=None, balance='least-loaded')"
    ),
    "ProxyContext.nameserver": "(self)",
    "ProxyContext.user_info": "(self)",
    "ProxyContext.wait_for": (
        "(self, interface, service_name=None, *, timeout=inf, contract=None, "
        "balance='least-loaded')"
    ),
    "RemoteError": "(message, code=None)",
    "Request": (
        "(interface, method, args=None, *, attachment=None, extensions=None, session_id=None)"
    ),
    "Request.context": "(self)",
    "Request.error": "(self, code, message=None)",
    "Request.progress": "(self, value)",
    "Request.response": "(self, result=None, attachment=None)",
    "Response": (
        "(result=None, *, code=0, error=None, attachment=None, session_id=None, extensions=None)"
    ),
    "Service": "()",
    "Service.figures": "(self)",
    "Service.stopping": "(self)",
    "Session.discard": "(self)",
    "check_argument": "(name, valid_types=None, validator=None, error_message=None)",
    "interface": "(name, *, stateful=False, authentication=None, roles=None)",
    "method": (
        "(name=None, *, body=None, results=(), attachments=(None, None), blocking=False, "
        "roles=None, idempotent=False, strict=False)"
    ),
}


def signature(name):
    """The parameters of what *name* is in pycom_tx, without annotations."""
    found = pycom_tx
    for part in name.split("."):
        found = getattr(found, part)
    shown = inspect.signature(found)
    return str(
        shown.replace(
            parameters=[
                parameter.replace(annotation=inspect.Parameter.empty)
                for parameter in shown.parameters.values()
            ],
            return_annotation=inspect.Signature.empty,
        )
    )


class PublicTests(SynchronousTestCase):
    """The names of ``pycom_tx``."""

    def test_names(self):
        """Each public name is at home in one module, and nothing else is public."""
        self.assertEqual(
            {name: getattr(pycom_tx, name).__module__ for name in pycom_tx.__all__},
            {name: home for home, names in HOMES.items() for name in names},
        )
        self.assertEqual(list(pycom_tx.__all__), sorted(set(pycom_tx.__all__)))

    def test_same_objects(self):
        """A public name is what it is at home, under the same name."""
        for home, names in HOMES.items():
            module = importlib.import_module(home)
            for name in names:
                self.assertIs(getattr(pycom_tx, name), getattr(module, name))

    def test_signatures(self):
        """What programs call takes these arguments, with these defaults."""
        self.assertEqual({name: signature(name) for name in SIGNATURES}, SIGNATURES)

    def test_importing_chooses_no_reactor(self):
        """A program may still choose its reactor after it imported pycom_tx."""
        program = "import sys, pycom_tx; print(*sys.modules)"
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        output = subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, env=env, text=True
        ).stdout.split()
        self.assertIn("pycom_tx.client.context", output)
        self.assertEqual({"twisted.internet.reactor", "txzmq", "zmq"} & set(output), set())
