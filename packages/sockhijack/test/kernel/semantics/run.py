"""Runs the socket-semantics cases: `run.py --list`, `run.py` (all), `run.py NAME…`; one JSON line per case on stdout.

In MITSU_FLOWS is the command that prints sockhijack's flows as JSON, or `unix:PATH` (see flows-relay.ts); without it the run is a
plain one. MITSU_PEER is a command prefix that puts a case's peer process into another service. `--jobs N` runs N cases at a time (default 1).
"""
import json
import sys
import time

sys.dont_write_bytecode = True  # the sources' folder stays as git has it

import harness

# One theme a module; importing it registers its cases.
THEMES = ["connect", "addresses", "close", "readiness", "flags", "vectors", "transfer", "zerocopy", "blocking", "process", "threads", "options", "namespaces", "programs"]


def main(arguments):
    for theme in THEMES:
        __import__(theme)
    jobs = 1
    if "--jobs" in arguments:
        at = arguments.index("--jobs")
        jobs = int(arguments[at + 1])
        del arguments[at : at + 2]
    if "--list" in arguments:
        for one in harness.CASES.values():
            print(json.dumps({"case": one.name, "coupled": one.coupled, "limit": one.limit}))
        return 0
    unknown = [name for name in arguments if name not in harness.CASES]
    if unknown:
        print(f"no such case: {', '.join(unknown)}; see --list", file=sys.stderr)
        return 2
    waiting = [harness.CASES[name] for name in arguments] or list(harness.CASES.values())
    running = []
    while waiting or running:
        while waiting and len(running) < jobs:
            one = waiting.pop(0)
            running.append((one, harness.start(one)))
        one, (pid, reader, deadline) = running.pop(0)
        print(harness.finish(one, pid, reader, deadline), flush=True)
    return 0


if __name__ == "__main__":
    began = time.monotonic()
    status = main(sys.argv[1:])
    print(f"{time.monotonic() - began:.1f} s", file=sys.stderr)
    sys.exit(status)
