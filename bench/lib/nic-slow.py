#!/usr/bin/python3
"""Reads one large body through a relay at a fixed rate and watches that nothing piles up; one JSON object on stdout.

    nic-slow.py --port 8300 --upstream-port 8100 --pid 4711 --path /slow --rate-mb 24 --seconds 8

The relay's resident set is sampled: `growthMb` is the median of the last third less that of the second (the first third fills
buffers). `aheadMb` is what the server has sent and the reader has not yet taken when the time is over, by the kernel's own
counters of the server's sockets: kernel buffers, and what the relay holds. All MB are 10^6 bytes.
"""

import argparse
import json
import re
import statistics
import subprocess
import time

import http_client
from resident import peak_mb, reset_peak, resident_mb

SAMPLE_SECONDS = 0.05
CHUNK_BYTES = 1 << 16


def sent_by_server(port):
    """Bytes sent on each connection of the server at `port`, by the far end."""
    listed = subprocess.run(["ss", "-tinHO", "state", "established", f"sport = :{port}"], capture_output=True, text=True, check=True)
    found = {}
    for line in listed.stdout.splitlines():
        bytes_sent = re.search(r"\bbytes_sent:(\d+)", line)
        found[line.split()[3]] = int(bytes_sent[1]) if bytes_sent else 0
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream-port", type=int, required=True)
    parser.add_argument("--pid", type=int, required=True, help="the relay; its descendants count too")
    parser.add_argument("--path", required=True, help="a body that lasts longer than --seconds at the rate, buffers included")
    parser.add_argument("--rate-mb", type=float, default=24.0, help="MB a second")
    parser.add_argument("--seconds", type=float, default=8.0)
    args = parser.parse_args()

    before = sent_by_server(args.upstream_port)
    base = resident_mb(args.pid)
    reset_peak(args.pid)
    sock = http_client.connect(args.address, args.port)
    status, length, body = http_client.get(sock, args.path)
    if status != 200:
        raise SystemExit(f"nic-slow: GET {args.path}: {status}")
    taken = len(body)
    begun = time.monotonic()
    samples, next_sample = [], begun
    while (now := time.monotonic()) < begun + args.seconds:
        if now >= next_sample:
            samples.append(resident_mb(args.pid))
            next_sample += SAMPLE_SECONDS
        due = (now - begun) * args.rate_mb * 1e6 - taken
        if due < CHUNK_BYTES:
            time.sleep(max(0.0, (CHUNK_BYTES - due) / (args.rate_mb * 1e6)))
            continue
        chunk = sock.recv(CHUNK_BYTES)
        if not chunk:
            raise SystemExit(f"nic-slow: the body ended after {taken} of {length} bytes")
        taken += len(chunk)
    elapsed = time.monotonic() - begun
    after = sent_by_server(args.upstream_port)
    peak = peak_mb(args.pid)
    if taken >= length:
        raise SystemExit(f"nic-slow: {args.path} is too short")
    sent = sum(now - before.get(far, 0) for far, now in after.items())
    third = len(samples) // 3
    print(
        json.dumps(
            {
                "rateMb": taken / 1e6 / elapsed,
                "baseMb": base,
                "peakMb": peak,
                "growthMb": statistics.median(samples[-third:]) - statistics.median(samples[third : 2 * third]),
                "aheadMb": (sent - taken) / 1e6,
                "seconds": elapsed,
            }
        )
    )


main()
