#!/usr/bin/python3
"""Holds idle keep-alive connections through a relay and weighs the relay; one JSON object on stdout.

    nic-idle.py --port 8300 --pid 4711 --connections 10000

Each connection has one request answered and then says nothing. After --settle seconds the relay's resident set is read, and every
connection must still be there; then one in a hundred must answer a second request.
"""

import argparse
import json
import socket
import sys
import time

import http_client
from resident import resident_mb


def still_open(sock):
    """True unless the relay has closed it or sent what nobody asked for."""
    try:
        sock.setblocking(False)
        sock.recv(1)
        return False
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        sock.settimeout(20.0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--pid", type=int, required=True, help="the relay; its descendants count too")
    parser.add_argument("--connections", type=int, default=10000)
    parser.add_argument("--settle", type=float, default=2.0, help="seconds without a request before the relay is weighed")
    args = parser.parse_args()

    base = resident_mb(args.pid)
    begun = time.monotonic()
    held, refused = [], 0
    for _ in range(args.connections):
        try:
            sock = http_client.connect(args.address, args.port)
            status, _body = http_client.get_all(sock, "/64")
            if status == 200:
                held.append(sock)
            else:
                refused += 1
        except OSError as error:
            if refused == 0:
                print(f"nic-idle: connection {len(held) + 1}: {error}", file=sys.stderr)
            refused += 1
            if refused == 100:
                break  # it has a limit; more of the same tells nothing
    opened = time.monotonic() - begun
    time.sleep(args.settle)
    weighed = resident_mb(args.pid)
    alive = [sock for sock in held if still_open(sock)]
    answering = 0
    for sock in alive[::100]:
        try:
            answering += http_client.get_all(sock, "/64")[0] == 200
        except OSError:
            pass
    print(
        json.dumps(
            {
                "connections": len(alive),
                "wanted": args.connections,
                "dead": args.connections - len(alive) + len(alive[::100]) - answering,
                "baseMb": base,
                "heldMb": weighed,
                "openSeconds": opened,
            }
        )
    )


main()
