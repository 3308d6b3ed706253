"""How the twistd commands are told how much a service takes on."""

from pycom_tx import ComponentHost
from pycom_tx.tap import nameserver, service
from tests.test_tap import OptionsCase

LIMITS = {
    "max_calls": 10,
    "max_waiting": 0,
    "max_per_client": 5,
    "max_threads": 3,
    "max_message": 65536,
    "drain": 2.5,
}


class LimitsTests(OptionsCase):
    def limits(self, *arguments, **options):
        settings = self.parse(*arguments, **options).settings
        return {name: value for name, value in settings.items() if name in LIMITS}

    def test_options(self):
        """Each limit is an option; what is left out is left to the host."""
        options = (f"--{name.replace('_', '-')}={value}" for name, value in LIMITS.items())
        self.assertEqual(self.limits(*options), LIMITS)
        self.assertEqual(self.limits(), {})

    def test_file(self):
        """Each is a setting of the same name, and an option wins over it."""
        path = self.file(LIMITS)
        self.assertEqual(self.limits("-c", path), LIMITS)
        self.assertEqual(self.limits("-c", path, "--drain=0"), {**LIMITS, "drain": 0})

    def test_sizes(self):
        """A size may have a unit, or be none at all."""
        for text, number in (
            ("1", 1),
            ("64K", 65536),
            ("512M", 536_870_912),
            ("2G", 2_147_483_648),
            ("none", None),
        ):
            self.assertEqual(self.limits(f"--max-message={text}"), {"max_message": number})
            path = self.file({"max_message": text})
            self.assertEqual(self.limits("-c", path), {"max_message": number})
        self.assertEqual(self.limits("-c", self.file({"max_message": None})), {"max_message": None})

    def test_wrong_options(self):
        """What is no limit is refused, with its option and what would be one."""
        for option, values, right in (
            ("max-calls", ("0", "-1", "1.5", "many", "", "9" * 20), "a whole number, 1 or more"),
            ("max-waiting", ("-1", "x", "\u0663"), "a whole number, 0 or more"),
            ("max-per-client", ("0",), "a whole number, 1 or more"),
            ("max-message", ("0", "0K", "1.5M", "64k", "M", "-1", "1T", ""), "bytes, 1 or more"),
            ("drain", ("-1", "nan", "inf", "soon", ""), "seconds, 0 or more"),
        ):
            for value in values:
                message = self.refused(f"--{option}={value}")
                self.assertIn(f"pycom-service: --{option} must be {right}", message)
                self.assertTrue(message.endswith(f"got {value!r}"))

    def test_wrong_settings(self):
        """In a file it ends the command with one line."""
        for name, values in (
            ("max_calls", (0, 1.5, True, None, [], "x")),
            ("max_message", (0, 1.5, True, [], {}, "64Q")),
            ("drain", (-1, True, None, "soon", 10**400)),
        ):
            for value in values:
                message = self.refused("-c", self.file({name: value}))
                self.assertRegex(message, rf"pycom.json: {name} must be .*, got ")

    def test_host(self):
        """The host takes them all."""
        ComponentHost([], "tcp://127.0.0.1:*", **LIMITS)

    def test_nameserver(self):
        """A nameserver has them, too."""
        self.assertEqual(self.limits("--max-calls=7", command=nameserver), {"max_calls": 7})

    def test_help(self):
        """Their help tells what holds without them."""
        text = str(service.Options())
        for default in ("1000", "512M", "30", "half of --max-calls"):
            self.assertIn(f"[default: {default}]", " ".join(text.split()))
