"""Resident memory of a program and its descendants, in MB (10^6 bytes); shared file pages count in each process that maps them."""

import os


def tree(pid):
    """The pid and all its descendants that are alive."""
    found = [pid]
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as children:
                for child in children.read().split():
                    found += tree(int(child))
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found


def _sum_mb(pid, field):
    total = 0
    for each in tree(pid):
        try:
            with open(f"/proc/{each}/status") as status:
                total += sum(int(line.split()[1]) for line in status if line.startswith(field))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total * 1024 / 1e6


def resident_mb(pid):
    """Now."""
    return _sum_mb(pid, "VmRSS:")


def reset_peak(pid):
    """From here on peak_mb() counts; proc(5), clear_refs."""
    for each in tree(pid):
        with open(f"/proc/{each}/clear_refs", "w") as clear:
            clear.write("5")


def peak_mb(pid):
    """The most since reset_peak(); the sum of each process' own peak."""
    return _sum_mb(pid, "VmHWM:")
