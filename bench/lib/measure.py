#!/usr/bin/python3
"""Run one load generator and record what it cost: one JSON line, appended to --to.

    measure.py --to raw.jsonl --point '{"phase":"http","mode":"plain","rep":1}' --watch server=4711 -- wrk ...

CPU seconds are the scheduler's own run time in nanoseconds (/proc/PID/task/*/schedstat, rusage of the generator), which
includes the soft interrupts that loopback TCP runs in the sender's context. A watched pid stands for its descendants too; with
--watch-cgroup for all that its cgroup (version 2) has used, by the kernel's own account, programs that have ended included.
TCP segments come from /proc/PID/net/snmp of every network namespace the watched programs live in, over the whole run and
over a steady window that leaves out the connections' first moments (--skip seconds at the start, 0.3 s at the end).

With --receiver (lib/receiver.ts) the spans that arrive are counted too. They come in batches after the fact: when the generator has
ended, the measurement goes on until none has come for QUIET_SECONDS, so that the CPU that exports them is charged to this run.
"""

import argparse
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time

from resident import tree

TAIL_SECONDS = 0.3
QUIET_SECONDS = 1.3  # longer than the interval at which any mode exports
PATIENCE_SECONDS = 10.0


def cpu_seconds(pids):
    """Run time of every thread of the given process trees, in seconds."""
    total = 0
    for root in pids:
        for pid in tree(root):
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{task}/schedstat") as stat:
                        total += int(stat.read().split()[0])
            except (FileNotFoundError, ProcessLookupError):
                pass
    return total / 1e9


def cgroup_account(pid):
    """The cpu.stat of the cgroup that a program is in."""
    with open("/proc/mounts") as mounts:
        root = next(line.split()[1] for line in mounts if line.split()[2] == "cgroup2")
    with open(f"/proc/{pid}/cgroup") as cgroups:
        return root + next(line[3:].strip() for line in cgroups if line.startswith("0::")) + "/cpu.stat"


def account_seconds(accounts):
    """CPU time of all that some cgroups have run, in seconds."""
    total = 0
    for account in accounts:
        with open(account) as stat:
            total += next(int(line.split()[1]) for line in stat if line.startswith("usage_usec"))
    return total / 1e6


def machine_seconds():
    """(busy without steal, softirq, steal) of the whole machine in seconds, 10 ms resolution."""
    with open("/proc/stat") as stat:
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, stat.readline().split()[1:9])
    tick = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + softirq) / tick, softirq / tick, steal / tick


def segments(namespaces):
    """(TCP segments sent, retransmitted) in the network namespaces of the given pids."""
    sent = again = 0
    for pid in namespaces:
        with open(f"/proc/{pid}/net/snmp") as snmp:
            names, values = [line.split()[1:] for line in snmp if line.startswith("Tcp:")]
        row = dict(zip(names, map(int, values)))
        sent += row["OutSegs"]
        again += row["RetransSegs"]
    return sent, again


def distinct_namespaces(pids):
    """One pid for each distinct network namespace, this process' own included."""
    seen = {}
    for pid in [os.getpid(), *pids]:
        seen.setdefault(os.stat(f"/proc/{pid}/ns/net").st_ino, pid)
    return list(seen.values())


def kernel_counters(status_commands):
    """The daemons' counters by name, summed; empty without a daemon or when none answers."""
    total = {}
    for command in status_commands:
        done = subprocess.run(command.split(), capture_output=True, text=True, timeout=20)
        counters = json.loads(done.stdout).get("counters", {}) if done.stdout.startswith("{") else {}
        for name, count in counters.items():
            total[name] = total.get(name, 0) + count
    return total


def received(receivers):
    """What the receivers with these control sockets have counted, summed: {"requests", "spans", "bytes"}."""
    total = {}
    for path in receivers:
        connection = http.client.HTTPConnection("localhost", timeout=20)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(path)
        connection.request("GET", "/")
        for name, count in json.load(connection.getresponse()).items():
            total[name] = total.get(name, 0) + count
        connection.close()
    return total


def wait_until_quiet(receivers):
    """Waits until no span has arrived for QUIET_SECONDS, PATIENCE_SECONDS at most; returns what has."""
    latest, since, deadline = received(receivers), time.monotonic(), time.monotonic() + PATIENCE_SECONDS
    while receivers and time.monotonic() < min(since + QUIET_SECONDS, deadline):
        time.sleep(0.1)
        now = received(receivers)
        if now != latest:
            latest, since = now, time.monotonic()
    return latest


def resident_mb(pids):
    """Resident set of the given processes in MB (10^6 bytes), shared file pages included."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/status") as status:
            total += next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
    return total * 1024 / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", required=True, help="file the JSON line is appended to")
    parser.add_argument("--point", required=True, help="JSON object that names the measurement; copied into the line")
    parser.add_argument("--watch", action="append", default=[], metavar="ROLE=PID", help="program to account for; repeatable")
    parser.add_argument("--watch-cgroup", action="append", default=[], metavar="ROLE=PID", help="the same for this program's cgroup; repeatable")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long the generator is told to run")
    parser.add_argument("--skip", type=float, default=0.5, help="seconds left out of the steady window at its start")
    parser.add_argument("--status", action="append", default=[], help="command that prints a daemon's status as JSON, asked before and after")
    parser.add_argument("--receiver", action="append", default=[], metavar="SOCKET", help="control socket of lib/receiver.ts; repeatable")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    command = args.command[1:] if args.command[:1] == ["--"] else args.command

    roles = {}
    for entry in args.watch:
        role, pid = entry.split("=")
        roles.setdefault(role, []).append(int(pid))
    accounts, members = {}, []
    for entry in args.watch_cgroup:
        role, pid = entry.split("=")
        accounts.setdefault(role, set()).add(cgroup_account(pid))
        members.append(int(pid))
    spaces = distinct_namespaces(tree(pid)[-1] for pids in [*roles.values(), members] for pid in pids)

    def used():
        """CPU seconds of each role up to now."""
        return {role: cpu_seconds(pids) for role, pids in roles.items()} | {role: account_seconds(a) for role, a in accounts.items()}

    counters = kernel_counters(args.status)
    arrived = received(args.receiver)
    machine = machine_seconds()
    before = used()
    first, first_again = segments(spaces)
    begun = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)

    def stop(number, _frame):
        try:
            os.kill(child.pid, signal.SIGKILL)
            os.waitpid(child.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass  # it had just ended by itself
        sys.exit(128 + number)

    # poll() and wait() of subprocess would reap the generator and lose its rusage, so the kernel is asked directly.
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)

    steady = None
    if args.seconds > args.skip + TAIL_SECONDS:
        time.sleep(args.skip)
        low, low_at = segments(spaces)[0], time.monotonic()
        time.sleep(max(0.0, begun + args.seconds - TAIL_SECONDS - low_at))
        if os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
            steady = {"segments": segments(spaces)[0] - low, "seconds": time.monotonic() - low_at}
    output = child.stdout.read().decode()
    _pid, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - begun
    last, last_again = segments(spaces)
    client = usage.ru_utime + usage.ru_stime
    busy, softirq, steal = (now - then for now, then in zip(machine_seconds(), machine))
    foreign = max(0.0, busy - client - sum(now - before[role] for role, now in used().items()))
    memory = resident_mb(roles.get("daemon", []))
    arrived = {name: now - arrived[name] for name, now in wait_until_quiet(args.receiver).items()}
    cpu = {role: now - before[role] for role, now in used().items()}
    cpu["client"] = client

    counted = {name: now - counters.get(name, 0) for name, now in kernel_counters(args.status).items()}

    line = {
        **json.loads(args.point),
        "exit": os.waitstatus_to_exitcode(status),
        "wallSeconds": wall,
        "cpuSeconds": cpu,
        "softirqSeconds": softirq,
        "stealSeconds": steal,
        "foreignCpuSeconds": foreign,
        "segments": last - first,
        "retransmitted": last_again - first_again,
        "steady": steady,
        "counters": {name: count for name, count in counted.items() if count},
        "received": arrived,
        "daemonRssMb": memory,
        "output": output,
    }
    with open(args.to, "a") as out:
        out.write(json.dumps(line) + "\n")
    return 0 if line["exit"] == 0 else 1


sys.exit(main())
