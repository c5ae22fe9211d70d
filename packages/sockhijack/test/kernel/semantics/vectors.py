"""Several buffers or several messages in one call."""
import ctypes
import os
import select
import socket

from coupling import await_coupled
from harness import case, same
from sockets import content, pair, verify, wait


def coupled_pair():
    """A coupled (client, server) pair."""
    client, server = pair()
    await_coupled(client, server)
    return client, server


@case("writev and readv with many pieces", coupled=True)
def vectors(seen):
    client, server = coupled_pair()
    sizes = [1, 0, 7, 4096, 1, 9000, 0, 3, 200]
    total = sum(sizes)
    for turn in range(50):
        at, pieces = 0, []
        for size in sizes:
            pieces.append(content(turn + at, size))
            at += size
        same(os.writev(client.fileno(), pieces), total, "writev")
        buffers = [bytearray(size) for size in (5, 1, 10_000, 100_000)]
        got = b""
        while len(got) < total:
            wait(server, select.POLLIN)
            count = os.readv(server.fileno(), buffers)
            got += b"".join(buffers)[:count]
        verify(got, turn)
    seen["turns"] = 50


class Iovec(ctypes.Structure):
    """struct iovec."""

    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class Msghdr(ctypes.Structure):
    """struct msghdr."""

    _fields_ = [
        ("name", ctypes.c_void_p),
        ("namelen", ctypes.c_uint32),
        ("iov", ctypes.POINTER(Iovec)),
        ("iovlen", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("controllen", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    ]


class Mmsghdr(ctypes.Structure):
    """struct mmsghdr."""

    _fields_ = [("header", Msghdr), ("count", ctypes.c_uint)]


def messages(buffers):
    """An array of mmsghdr, one buffer each; it keeps the vectors alive as its attribute."""
    headers = (Mmsghdr * len(buffers))()
    headers.vectors = (Iovec * len(buffers))()
    for index, buffer in enumerate(buffers):
        headers.vectors[index] = Iovec(ctypes.addressof(buffer), len(buffer))
        headers[index].header.iov = ctypes.pointer(headers.vectors[index])
        headers[index].header.iovlen = 1
    return headers


@case("sendmmsg and recvmmsg", coupled=True)
def multiple_messages(seen):
    client, server = coupled_pair()
    libc = ctypes.CDLL(None, use_errno=True)
    outgoing = [ctypes.create_string_buffer(content(number * 500, 500), 500) for number in range(16)]
    vector = messages(outgoing)
    sent = libc.sendmmsg(client.fileno(), vector, 16, 0)
    same(sent, 16, "sendmmsg")
    got = b""
    while len(got) < 8000:
        wait(server, select.POLLIN)
        incoming = [ctypes.create_string_buffer(700) for _ in range(16)]
        headers = messages(incoming)
        count = libc.recvmmsg(server.fileno(), headers, 16, socket.MSG_DONTWAIT, None)
        assert count > 0, f"recvmmsg: errno {ctypes.get_errno()}"
        got += b"".join(buffer.raw[: header.count] for header, buffer in zip(headers[:count], incoming))
    verify(got, 0)
    seen["bytes"] = len(got)
