"""Call the service through proxies of PyCOM 0.6.0; for old Pythons, too.

    old_client.py NAMESERVER IN_FLIGHT SECONDS CALLS

With "located" for the number in flight each call has its service located. It prints when each
call began and ended, as JSON.
"""

import json
import sys
import threading
from timeit import default_timer

import pycom

nameserver, how, seconds, calls = sys.argv[1:]
callers = 1 if how == "located" else int(how)
context = pycom.ProxyContext(nameserver=nameserver)
# Each caller makes one call that does not count, to be warm.
most = float(calls) + callers
times = []


def wanted():
    # From the first answer on.
    return not times or (default_timer() < times[0][1] + float(seconds) and len(times) < most)


def call(component, began):
    # Not all by name: the proxy's own parameter is called name, too.
    answer = component.bar("field1", value=42)
    times.append((began, default_timer()))
    assert answer == {"field1": 42}, answer


def make_calls():
    # Contexts are shared by threads, components are not.
    with context.locate("com.foo.example") as component:
        while wanted():
            call(component, default_timer())


def locate_each_time():
    while wanted():
        began = default_timer()
        with context.locate("com.foo.example") as component:
            call(component, began)


if how == "located":
    locate_each_time()
elif callers == 1:
    make_calls()
else:
    threads = [threading.Thread(target=make_calls) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print(json.dumps(sorted(times, key=lambda pair: pair[1])))
