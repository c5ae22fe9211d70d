"""The registry of cases, their outcome as one JSON line, and the isolation of each in a process of its own.

A case is a function of one argument, the dictionary of what it observed; the caller compares that dictionary between a plain run
and a run under sockhijack. A case fails by raising (`assert`, `same`, a time-out), and one that hangs is killed at its limit.
"""
import json
import os
import random
import select
import signal
import time
import traceback

CASES = {}
_measured = {}


class Case:
    """One registered case: `coupled` is True (must be redirected), False (must stay TCP) or None (either is right)."""

    def __init__(self, name, run, coupled, limit):
        self.name, self.run, self.coupled, self.limit = name, run, coupled, limit


def case(name, coupled=None, limit=10):
    """Registers the decorated function as a case; `limit` is in seconds, after which it counts as hung."""

    def register(run):
        assert name not in CASES, f"two cases are named {name}"
        CASES[name] = Case(name, run, coupled, limit)
        return run

    return register


def same(got, wanted, what):
    """Raises with both values unless they are equal."""
    assert got == wanted, f"{what}: got {got!r}, wanted {wanted!r}"


def at_most(name, value):
    """Records a figure that under sockhijack may be at most a tenth larger than in a plain run."""
    _measured[name] = value


def errno_of(call, *args):
    """The name of the errno that the call fails with, or "ok"."""
    import errno

    try:
        call(*args)
        return "ok"
    except OSError as error:
        return errno.errorcode.get(error.errno, type(error).__name__)


def _child(one, pipe):
    """Runs the case in the child and leaves by _exit, so that no buffer or hook of the parent runs twice."""
    import coupling

    seen = {}
    began = time.monotonic()
    ok, detail = True, ""
    try:
        random.seed(one.name)
        coupling.begin(one)
        one.run(seen)
        coupling.end(one)
    except BaseException as error:  # SystemExit and KeyboardInterrupt inside a case are failures as well
        ok = False
        where = traceback.extract_tb(error.__traceback__)[-1]
        detail = f"{type(error).__name__}: {error} ({os.path.basename(where.filename)}:{where.lineno}: {where.line})"
    line = {"case": one.name, "ok": ok, "detail": detail, "observed": seen, "measured": _measured, "ms": round((time.monotonic() - began) * 1000), "flow": coupling.verdict()}
    os.write(pipe, (json.dumps(line) + "\n").encode())
    os._exit(0)


def start(one):
    """Forks the case as the leader of its own process group; returns (pid, read end of its outcome, deadline)."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        _child(one, writer)
    os.close(writer)
    return pid, reader, time.monotonic() + one.limit


def finish(one, pid, reader, deadline):
    """Awaits the outcome, kills the whole process group, and returns the outcome as a JSON line without its end."""
    text = b""
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([reader], [], [], left)[0]:
            detail = f"hung: killed after {one.limit} s"
            break
        part = os.read(reader, 65536)
        text += part
        if not part or text.endswith(b"\n"):
            detail = "" if text else "the case's process died without an outcome"
            break
    os.close(reader)
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    os.waitpid(pid, 0)
    if text.endswith(b"\n"):
        return text.decode().rstrip()
    return json.dumps({"case": one.name, "ok": False, "detail": detail, "observed": {}, "measured": {}, "ms": one.limit * 1000, "flow": ""})
