"""One process of a peer: its server, or its client for one round."""

from __future__ import annotations

import argparse
import json
from math import inf

from benchmarks.peers import PEERS, peer
from benchmarks.tally import Tally


def main() -> None:
    """Serve until killed, or make calls and print what came of them as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("side", choices=("serve", "run"))
    parser.add_argument("port", type=int)
    parser.add_argument("--in-flight", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--calls", type=float, default=inf)
    parser.add_argument("--warm-up", type=float, default=0.3)
    options = parser.parse_args()
    chosen = peer(options.peer)
    if options.side == "serve":
        chosen.serve(options.port)
        return
    tally = Tally(options.seconds, options.calls, options.warm_up)
    chosen.run(options.port, options.in_flight, tally)
    print(json.dumps(tally.result()))


main()
