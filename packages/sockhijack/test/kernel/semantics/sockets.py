"""Pairs of connected sockets and exact, time-bounded reads and writes on them."""
import array
import fcntl
import os
import random
import select
import socket
import termios
import time

# A prime length, so that a lost, doubled or moved block of any usual size shifts the content.
_PERIOD = random.Random(2026).randbytes(1048573)
_CONTENT = _PERIOD * 3


def content(offset, length):
    """The bytes [offset, offset + length) of the endless test stream; any two places of it differ."""
    at = offset % len(_PERIOD)
    if at + length <= len(_CONTENT):
        return _CONTENT[at : at + length]
    return b"".join(content(offset + part, min(1 << 20, length - part)) for part in range(0, length, 1 << 20))


def verify(data, offset, what="stream"):
    """Raises with the first wrong position unless `data` is the test stream at `offset`."""
    wanted = content(offset, len(data))
    if data != wanted:
        at = next(index for index in range(len(data)) if data[index] != wanted[index])
        found = _CONTENT.find(bytes(data[at : at + 16]))
        raise AssertionError(f"{what}: wrong byte at {offset + at}; what is there belongs to {found} of the period")


def same_bytes(got, wanted):
    """Raises unless the two are equal; for short messages."""
    assert got == wanted, f"got {got[:64]!r}, wanted {wanted[:64]!r}"


def listener(host="127.0.0.1", port=0, backlog=1024, family=None, prepare=None):
    """A non-blocking listening socket; `prepare(sock)` runs before bind."""
    sock = socket.socket(family or (socket.AF_INET6 if ":" in host else socket.AF_INET), socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if prepare:
        prepare(sock)
    sock.bind((host, port))
    sock.listen(backlog)
    sock.setblocking(False)
    return sock


def accept(server, timeout=5):
    """Accepts one connection as a non-blocking socket."""
    wait(server, select.POLLIN, timeout)
    sock, _ = server.accept()
    sock.setblocking(False)
    return sock


def pair(host="127.0.0.1", blocking=False, prepare=None):
    """A connected (client, server) pair; `prepare(sock)` runs on the listener before bind and on the client before connect."""
    server = listener(host, prepare=prepare)
    client = socket.socket(server.family, socket.SOCK_STREAM)
    if prepare:
        prepare(client)
    client.connect(server.getsockname()[:2])
    accepted = accept(server)
    server.close()
    client.setblocking(blocking)
    accepted.setblocking(blocking)
    return client, accepted


def wait(sock, events, timeout=5):
    """Waits for one of the poll events and returns those that came; raises when none comes in time."""
    poller = select.poll()
    poller.register(sock, events)
    ready = poller.poll(timeout * 1000)
    if not ready:
        raise TimeoutError(f"no event {events:#x} on fd {sock.fileno()} in {timeout} s")
    return ready[0][1]


def events_now(sock, events, within_ms=0):
    """The poll events that are there within the time, 0 when there are none."""
    poller = select.poll()
    poller.register(sock, events)
    ready = poller.poll(within_ms)
    return ready[0][1] if ready else 0


def send_all(sock, data, timeout=10, flags=0):
    """Writes all of `data` to a non-blocking socket."""
    view = memoryview(data)
    while len(view):
        try:
            view = view[sock.send(view, flags) :]
        except BlockingIOError:
            wait(sock, select.POLLOUT, timeout)


def recv_exact(sock, length, timeout=10):
    """Reads exactly `length` bytes; raises EOFError with what came when the stream ends before."""
    parts, have = [], 0
    while have < length:
        try:
            part = sock.recv(min(length - have, 1 << 20))
        except BlockingIOError:
            wait(sock, select.POLLIN, timeout)
            continue
        if not part:
            raise EOFError(f"end of stream after {have} of {length} bytes")
        parts.append(part)
        have += len(part)
    return b"".join(parts)


def recv_to_end(sock, timeout=10):
    """Reads to the end of the stream; returns (bytes, how it ended: "eof" or the errno's name)."""
    import errno

    parts = []
    while True:
        try:
            part = sock.recv(1 << 20)
        except BlockingIOError:
            wait(sock, select.POLLIN, timeout)
            continue
        except OSError as error:
            return b"".join(parts), errno.errorcode[error.errno]
        if not part:
            return b"".join(parts), "eof"
        parts.append(part)


def fill(sock, limit=64 << 20, chunk=16384, idle_ms=200):
    """Writes the test stream until the socket takes no more for `idle_ms`, at most `limit` bytes; returns how many it took."""
    sent = 0
    while sent < limit:
        try:
            sent += sock.send(content(sent, chunk))
        except BlockingIOError:
            if not events_now(sock, select.POLLOUT, idle_ms):
                return sent
    return sent


def drain(sock, offset, length, timeout=10, chunk=1 << 18):
    """Reads `length` bytes of the test stream from `offset` on and verifies each."""
    end = offset + length
    while offset < end:
        data = recv_exact(sock, min(chunk, end - offset), timeout)
        verify(data, offset)
        offset += len(data)


def stream(sender, receiver, length, chunk=65536, offset=0, timeout=20):
    """Sends the test stream one way between two non-blocking sockets of this process, verifying all of it."""
    duplex([(sender, receiver, length, chunk, offset)], timeout)


def duplex(ways, timeout=20, until=None):
    """Runs several one-way streams (sender, receiver, bytes, chunk, offset) at the same time in one poll loop.

    With `until`, the lengths are the least to be sent: streams go on until `until()` is true. Returns the bytes of each way.
    """
    state = [{"tx": tx, "rx": rx, "want": length, "chunk": chunk, "start": start, "sent": 0, "got": 0} for tx, rx, length, chunk, start in ways]
    deadline = time.monotonic() + timeout
    done = until is None
    while True:
        if not done and until():
            done = True
        for way in state:
            if way["sent"] >= way["want"] and not done:
                way["want"] = way["sent"] + way["chunk"]
        pending = [way for way in state if way["sent"] < way["want"] or way["got"] < way["sent"]]
        if not pending and done:
            return [way["got"] for way in state]
        assert time.monotonic() < deadline, f"streams stuck: {[(way['sent'], way['got'], way['want']) for way in state]}"
        readers = [way["rx"] for way in pending]
        writers = [way["tx"] for way in pending if way["sent"] < way["want"]]
        readable, writable, _ = select.select(readers, writers, [], 1)
        for way in pending:
            if way["tx"] in writable:
                size = min(way["chunk"], way["want"] - way["sent"])
                try:
                    way["sent"] += way["tx"].send(content(way["start"] + way["sent"], size))
                except BlockingIOError:
                    pass
            if way["rx"] in readable:
                try:
                    data = way["rx"].recv(1 << 20)
                except BlockingIOError:
                    continue
                assert data, f"end of stream at {way['got']} of {way['want']}"
                verify(data, way["start"] + way["got"])
                way["got"] += len(data)


def close_all(*things):
    """Closes sockets and file descriptors."""
    for thing in things:
        if isinstance(thing, int):
            os.close(thing)
        else:
            thing.close()


def queued(sock, request=termios.FIONREAD):
    """What the ioctl says: readable bytes, or unsent ones with SIOCOUTQ."""
    number = array.array("i", [0])
    fcntl.ioctl(sock, request, number)
    return number[0]
