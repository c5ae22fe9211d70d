"""The least of an HTTP/1.1 client over a plain socket: what the checks of nic-path.sh need to see bytes as they come."""

import socket


def connect(address, port, timeout=20.0):
    """A connected socket; every operation ends after `timeout` seconds."""
    sock = socket.create_connection((address, port), timeout=timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def get(sock, path):
    """Sends a GET and reads the head of its answer: (status, Content-Length, body bytes that came with the head)."""
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: nic-path\r\n\r\n".encode())
    return read_head(sock)


def read_head(sock):
    """Reads up to the end of a head: (status, Content-Length or 0, what came after it)."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = sock.recv(65536)
        if not chunk:
            raise ConnectionError(f"closed before the head's end, after {data[:80]!r}")
        data += chunk
    head, rest = data.split(b"\r\n\r\n", 1)
    lines = head.decode("latin-1").split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
    return int(lines[0].split()[1]), int(fields.get("content-length", 0)), rest


def get_all(sock, path):
    """A whole answer: (status, body)."""
    status, length, body = get(sock, path)
    parts, left = [body], length - len(body)
    while left > 0:
        chunk = sock.recv(min(left, 1 << 20))
        if not chunk:
            raise ConnectionError(f"{path}: {left} of {length} bytes are missing")
        parts.append(chunk)
        left -= len(chunk)
    return status, b"".join(parts)
