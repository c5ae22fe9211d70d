"""The other end of a case in a process of its own: `peer.py ROLE [ARGUMENT…]` prints its port and pid, serves one connection, ends.

Every role first echoes 8-byte messages until GO...... comes, so that the case can await its coupling; then it does its work.
"""
import os
import select
import sys

import coupling
import sockets


def echo_until_go(sock):
    """Answers each 8-byte message with itself, through GO."""
    while True:
        message = sockets.recv_exact(sock, 8, 60)
        sockets.send_all(sock, message)
        if message == coupling.GO:
            return


def flood(sock):
    """Writes the test stream for ever."""
    at = 0
    while True:
        try:
            at += sock.send(sockets.content(at, 8192))
        except BlockingIOError:
            sockets.wait(sock, select.POLLOUT, 60)


def sink(sock):
    """Reads and drops everything."""
    sockets.recv_to_end(sock, 60)


def idle(sock):
    """Reads nothing; waits for its end."""
    select.poll().poll()


def echo(sock):
    """Sends back whatever comes, until the end of the stream."""
    while True:
        try:
            data = sock.recv(1 << 16)
        except BlockingIOError:
            sockets.wait(sock, select.POLLIN, 60)
            continue
        if not data:
            return
        sockets.send_all(sock, data)


def last_words(sock):
    """Writes 300 000 bytes of the test stream and exits without closing anything itself."""
    sockets.send_all(sock, sockets.content(0, 300_000))
    os._exit(0)


ROLES = {"flood": flood, "sink": sink, "idle": idle, "echo": echo, "last-words": last_words}

if __name__ == "__main__":
    role = ROLES[sys.argv[1]]
    host = sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1"
    server = sockets.listener(host)
    print(server.getsockname()[1], os.getpid(), flush=True)
    accepted = sockets.accept(server, 60)
    server.close()
    echo_until_go(accepted)
    role(accepted)
