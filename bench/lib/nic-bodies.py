#!/usr/bin/python3
"""Carries one large body up and one down through a relay and takes the relay's peak memory; one JSON object on stdout.

    nic-bodies.py --port 8300 --pid 4711 --file /tmp/x/www/large --uploads /tmp/x/www/up

Down: GET of the file's name; up: PUT to /up/NAME, which nginx stores below --uploads. Both must have the file's SHA-256. Before,
the relay carries smaller bodies, so that what it keeps for any body is in its base.
"""

import argparse
import hashlib
import json
import os
import time

import http_client
from resident import peak_mb, reset_peak, resident_mb


def digest(path):
    """SHA-256 of a file, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download(args, name):
    """SHA-256 of what comes."""
    sock = http_client.connect(args.address, args.port)
    status, length, body = http_client.get(sock, f"/{name}")
    if status != 200:
        raise ConnectionError(f"GET /{name}: {status}")
    total, left = hashlib.sha256(body), length - len(body)
    while left > 0:
        chunk = sock.recv(1 << 18)
        if not chunk:
            raise ConnectionError(f"GET /{name}: {left} of {length} bytes are missing")
        total.update(chunk)
        left -= len(chunk)
    return total.hexdigest()


def upload(args, path, name):
    """SHA-256 of what nginx has stored."""
    sock = http_client.connect(args.address, args.port)
    sock.sendall(f"PUT /up/{name} HTTP/1.1\r\nHost: nic-path\r\nContent-Length: {os.path.getsize(path)}\r\n\r\n".encode())
    with open(path, "rb") as file:
        sock.sendfile(file)
    status, _length, _body = http_client.read_head(sock)
    if status not in (201, 204):
        raise ConnectionError(f"PUT /up/{name}: {status}")
    stored = os.path.join(args.uploads, name)
    found = digest(stored)
    os.unlink(stored)
    return found


def attempt(work):
    """(what it gives, None), or (None, what went wrong)."""
    try:
        return work(), None
    except OSError as error:
        return None, str(error)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--pid", type=int, required=True, help="the relay; its descendants count too")
    parser.add_argument("--file", required=True, help="the body; served by nginx under its name")
    parser.add_argument("--uploads", required=True, help="folder in which nginx stores what is PUT below /up/")
    args = parser.parse_args()

    name = os.path.basename(args.file)
    right = digest(args.file)
    sock = http_client.connect(args.address, args.port)
    for _ in range(20):
        http_client.get_all(sock, "/65536")
    http_client.get_all(sock, "/1048576")
    base = resident_mb(args.pid)
    line = {"bytes": os.path.getsize(args.file), "baseMb": base}
    for way, work in (("down", lambda: download(args, name)), ("up", lambda: upload(args, args.file, name))):
        reset_peak(args.pid)
        begun = time.monotonic()
        found, problem = attempt(work)
        line[f"{way}Seconds"] = time.monotonic() - begun
        line[f"{way}Right"] = found == right
        line[f"{way}PeakMb"] = peak_mb(args.pid)
        if problem:
            line[f"{way}Problem"] = problem
    print(json.dumps(line))


main()
