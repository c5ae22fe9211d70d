#!/usr/bin/python3
"""Figures of the sockhijack daemon itself, appended to --to as JSON lines of phase "daemon".

    daemon.py --to raw.jsonl --program bin/sockhijack --socket /tmp/x.sock --pid 4711 --idle-seconds 10

help:   wall time of `sockhijack --help`, each of 9 runs.
idle:   the daemon's resident set and its CPU share over the idle seconds, after --settle-seconds without a request: what work left
        behind has been tidied up by then.
attach: wall time of `sockhijack attach pid:N` on a fresh sleeping program, less that of `sockhijack status` (the same start
        of Node and the same socket, but no attach), each of 5 runs; both walls are recorded.
"""

import argparse
import json
import os
import subprocess
import time


def wall_ms(command):
    """Milliseconds from start to exit; None with the reason printed when the command fails."""
    begun = time.monotonic()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    elapsed = (time.monotonic() - begun) * 1e3
    if done.returncode == 0:
        return elapsed
    return {"failed": " ".join(command[1:]), "exit": done.returncode, "stderr": done.stderr.strip()[-300:]}


def cpu_seconds(pid):
    """Run time of all threads, in seconds."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat") as stat:
            total += int(stat.read().split()[0])
    return total / 1e9


def resident_mb(pid):
    """Resident set in MB (10^6 bytes), shared file pages included."""
    with open(f"/proc/{pid}/status") as status:
        kib = next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
    return kib * 1024 / 1e6


def attach_once(program, socket):
    """One attach of a fresh sleeper, with the base line beside it."""
    sleeper = subprocess.Popen(["sleep", "60"])
    try:
        base = wall_ms([program, "status", "--socket", socket])
        whole = wall_ms([program, "attach", f"pid:{sleeper.pid}", "--service", "attached", "--socket", socket])
        subprocess.run([program, "detach", f"pid:{sleeper.pid}", "--socket", socket], capture_output=True, timeout=30)
    finally:
        sleeper.kill()
        sleeper.wait()
    return {"statusMs": base, "attachMs": whole}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", required=True)
    parser.add_argument("--program", required=True)
    parser.add_argument("--socket", required=True)
    parser.add_argument("--pid", required=True, type=int, help="the daemon's process id")
    parser.add_argument("--settle-seconds", type=float, default=12.0)
    parser.add_argument("--idle-seconds", type=float, default=10.0)
    args = parser.parse_args()

    time.sleep(args.settle_seconds)
    begun, cpu = time.monotonic(), cpu_seconds(args.pid)
    time.sleep(args.idle_seconds)
    idle_percent = (cpu_seconds(args.pid) - cpu) / (time.monotonic() - begun) * 100
    line = {
        "phase": "daemon",
        "idleRssMb": resident_mb(args.pid),
        "idleCpuPercent": idle_percent,
        "helpMs": [wall_ms([args.program, "--help"]) for _ in range(9)],
        "attach": [attach_once(args.program, args.socket) for _ in range(5)],
    }
    with open(args.to, "a") as out:
        out.write(json.dumps(line) + "\n")


main()
