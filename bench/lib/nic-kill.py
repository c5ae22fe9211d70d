#!/usr/bin/python3
"""kill -9 of one of a relay's workers under load: whose connections suffer? One JSON object on stdout.

    nic-kill.py --port 8370 --connections 64 --seconds 4 --client /tmp/x/keep-alive

The load (lib/keep-alive.c) tells which connections failed, the kernel (`ss -p`) which worker each belonged to before the kill.
`lost` are failures of the killed worker's; `elsewhere` those of another worker's, which must be none; `later` those of connections
that were opened after the kill, in place of the lost ones: the dying worker's listener may still have taken them.
"""

import argparse
import collections
import json
import os
import re
import signal
import subprocess
import sys
import time


def owners(port):
    """The client's port of each connection to the relay → the pids that hold its other end."""
    listed = subprocess.run(["ss", "-tnpHO", "state", "established", f"sport = :{port}"], capture_output=True, text=True, check=True)
    found = {}
    for line in listed.stdout.splitlines():
        far = int(line.split()[3].rsplit(":", 1)[1])
        found[far] = [int(pid) for pid in re.findall(r"\bpid=(\d+)", line)]
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--client", required=True, help="lib/keep-alive.c, compiled")
    args = parser.parse_args()

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # by way of `finally`
    load = subprocess.Popen(
        [args.client, args.address, str(args.port), "/1024", str(args.connections), "1000000000", str(args.seconds)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        time.sleep(args.seconds / 2)
        owned = owners(args.port)
        counts = collections.Counter(pid for pids in owned.values() for pid in pids)
        if len(counts) < 2:
            raise SystemExit(f"nic-kill: of {len(owned)} connections all belong to {dict(counts)}: there is no other worker to look at")
        victim = counts.most_common(1)[0][0]
        os.kill(victim, signal.SIGKILL)
        output, _ = load.communicate(timeout=args.seconds + 10)
    finally:
        load.kill()
        load.wait()
    result = json.loads(output)
    fates = collections.Counter()
    for far in result["broken"]:
        fates["later" if far not in owned else "lost" if victim in owned[far] else "elsewhere"] += 1
    print(
        json.dumps(
            {
                "connections": len(owned),
                "workers": len(counts),
                "killedHeld": counts[victim],
                "lost": fates["lost"],
                "elsewhere": fates["elsewhere"] + result["unanswered"],
                "later": fates["later"] + result["failed"] - len(result["broken"]),
                "requests": result["requests"],
                "why": result["why"],
            }
        )
    )


main()
