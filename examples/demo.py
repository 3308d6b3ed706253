"""Run the example: a nameserver and the service under twistd, and the client against them.

They listen at ports that the system picks, and are stopped at the end. Beside each line of
the client stands what it printed.
"""

import re
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path

HERE = Path(__file__).parent
TWISTD = Path(sys.executable).with_name("twistd")
NAMESERVER = "tcp://127.0.0.1:2012"


@contextmanager
def running(folder, *command):
    """A command of twistd and the address where it listens, once it is registered."""
    pid_file = Path(folder) / f"{command[0]}.pid"
    process = subprocess.Popen(
        [TWISTD, "--nodaemon", f"--pidfile={pid_file}", *command],
        cwd=HERE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    log = []
    address = None
    try:
        for line in process.stdout:
            log.append(line)
            listening = re.search(r"listens at (\S+)", line)
            address = listening[1] if listening else address
            if "is registered with the nameserver" in line:
                break
        else:
            sys.exit(f"{' '.join(command)} did not start:\n{''.join(log)}")
        yield address
    finally:
        process.terminate()
        process.communicate()


def main():
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        anywhere = ("--address", "tcp://127.0.0.1:*")
        nameserver = stack.enter_context(running(folder, "pycom-nameserver", *anywhere))
        print(f"A nameserver listens at {nameserver}.")
        service = stack.enter_context(
            running(
                folder, "pycom-service", *anywhere, "--nameserver", nameserver, "package1.module1"
            )
        )
        print(f"The service package1.module1 listens at {service}.\n")
        source = (HERE / "client.py").read_text("utf-8").replace(NAMESERVER, nameserver)
        client = subprocess.run(
            [sys.executable, "-c", source], stdout=subprocess.PIPE, text=True, check=False
        )
        if client.returncode:
            sys.exit("The client failed.")
    calls = re.findall(r"print\((await .+?)\)(?:  #|\n)", source)
    for call, answer in zip(calls, client.stdout.splitlines(), strict=True):
        print(f"{call}\n    {answer}")
    print("\nBoth are stopped.")


main()
