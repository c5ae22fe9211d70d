"""Asks for one path over one kept, non-blocking connection until a line comes on stdin,
at least 100 times, and compares every answer with a file.

    http-client.py ADDRESS PORT PATH FILE

Prints its local port and then, at the end, {"requests": N, "wrong": N, "unready": N}: unready are
reads that found nothing on a socket that select() had called readable (README, limits; very few are expected).
"""
import json
import select
import socket
import sys

address, port, path, file = sys.argv[1:]
with open(file, "rb") as opened:
    wanted = opened.read()
sock = socket.create_connection((address, int(port)))
sock.setblocking(False)
print(sock.getsockname()[1], flush=True)
request = f"GET {path} HTTP/1.1\r\nHost: container\r\n\r\n".encode()
requests = wrong = unready = 0
buffered = b""


def more():
    """Reads what comes next; raises when nothing comes for 5 s or the connection ends."""
    global unready
    assert select.select([sock], [], [], 5)[0], f"no answer to request {requests}"
    try:
        part = sock.recv(1 << 16)
    except BlockingIOError:
        unready += 1
        return b""
    assert part, f"the connection ended at request {requests}"
    return part


while requests < 100 or not select.select([sys.stdin], [], [], 0)[0]:
    sock.send(request)
    while b"\r\n\r\n" not in buffered:
        buffered += more()
    head, _, buffered = buffered.partition(b"\r\n\r\n")
    while len(buffered) < len(wanted):
        buffered += more()
    body, buffered = buffered[: len(wanted)], buffered[len(wanted) :]
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    wrong += not head.startswith(b"HTTP/1.1 200 ") or length != len(wanted) or body != wanted or buffered != b""
    requests += 1
print(json.dumps({"requests": requests, "wrong": wrong, "unready": unready}), flush=True)
