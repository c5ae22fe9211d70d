"""MSG_ZEROCOPY and TCP's receive mapping: what programs that avoid copies rely on."""
import select
import socket
import struct
import time

from coupling import await_coupled, await_left, expect_tcp, settle
from harness import case, errno_of, same
from sockets import content, drain, events_now, pair, recv_exact, send_all, verify, wait

SO_ZEROCOPY = 60
SO_TIMESTAMPNS = 35
MSG_ZEROCOPY = 0x4000000
ORIGIN_ZEROCOPY = 5
TCP_INQ = 36
TCP_ULP = 31


def completions(sock, wanted):
    """Reads notifications until the ids 0 … wanted-1 are complete; returns how many ids came."""
    seen = set()
    while len(seen) < wanted:
        wait(sock, select.POLLERR)
        _, control, _, _ = sock.recvmsg(1, 200, socket.MSG_ERRQUEUE)
        for _, _, data in control:
            _, origin, _, _, _, low, high = struct.unpack("IBBBBII", data[:16])
            same(origin, ORIGIN_ZEROCOPY, "origin")
            seen.update(range(low, high + 1))
    return len(seen)


def zero_copy(client, server, seen):
    """20 sends of 50 KB with their completions."""
    for number in range(20):
        same(client.send(content(number * 50_000, 50_000), MSG_ZEROCOPY), 50_000, "send")
        drain(server, number * 50_000, 50_000)
    seen["completed"] = completions(client, 20)
    same(seen["completed"], 20, "completions")


@case("MSG_ZEROCOPY, asked for at once, completes on the error queue", coupled=False)
def from_start(seen):
    client, server = pair()
    client.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
    expect_tcp(client, server)
    zero_copy(client, server, seen)


@case("MSG_ZEROCOPY, asked for on a coupled connection, completes on the error queue", coupled=True)
def later(seen):
    client, server = pair()
    await_coupled(client, server)
    seen["refused"] = errno_of(client.setsockopt, socket.SOL_SOCKET, SO_ZEROCOPY, 1)
    if seen["refused"] != "ok":
        seen["completed"] = 0
        return
    await_left(client)
    zero_copy(client, server, seen)


@case("MSG_ZEROCOPY: the buffer may be reused after its completion", coupled=False)
def reuse(seen):
    client, server = pair()
    client.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
    expect_tcp(client, server)
    buffer = bytearray(30_000)
    for turn in range(10):
        buffer[:] = content(turn, 30_000)
        same(client.send(buffer, MSG_ZEROCOPY), 30_000, "send")
        verify(recv_exact(server, 30_000), turn)
        wait(client, select.POLLERR)
        client.recvmsg(1, 200, socket.MSG_ERRQUEUE)
    seen["turns"] = 10


@case("SO_TIMESTAMPNS: the time of arrival comes as control data")
def timestamps(seen):
    client, server = pair()
    server.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    settle(client, server)
    # The kernel begins to stamp packets a moment after the first socket asked for it.
    control, turn, deadline = [], 0, time.monotonic() + 3
    while not control and time.monotonic() < deadline:
        send_all(client, content(turn, 1000))
        wait(server, select.POLLIN)
        data, control, _, _ = server.recvmsg(1000, 100)
        verify(data, turn)
        turn += 1
        events_now(server, select.POLLIN, 1)
    seen["kinds"] = [[level, kind, len(value)] for level, kind, value in control]
    same(seen["kinds"], [[socket.SOL_SOCKET, SO_TIMESTAMPNS, 16]], "control data")


@case("TCP_INQ reports what is left in the queue")
def inq(seen):
    client, server = pair()
    server.setsockopt(socket.IPPROTO_TCP, TCP_INQ, 1)
    settle(client, server)
    send_all(client, content(0, 1000))
    wait(server, select.POLLIN)
    _, control, _, _ = server.recvmsg(400, 100)
    seen["left"] = [struct.unpack("i", data)[0] for _, kind, data in control if kind == TCP_INQ]
    same(seen["left"], [600], "TCP_INQ")


@case("TCP_ULP is absent: no record layer appears on the connection")
def ulp(seen):
    client, server = pair()
    settle(client, server)
    seen["get"] = errno_of(client.getsockopt, socket.IPPROTO_TCP, TCP_ULP, 16)
    # Without kernel TLS it is unknown, on a coupled connection refused; programs take both as "do it yourself".
    seen["refused"] = errno_of(client.setsockopt, socket.IPPROTO_TCP, TCP_ULP, b"tls") in ("ENOENT", "ENOTSUP")
    seen["name"] = client.getsockopt(socket.IPPROTO_TCP, TCP_ULP, 16).decode()
    send_all(client, content(0, 1000))
    verify(recv_exact(server, 1000), 0)
