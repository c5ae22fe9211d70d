"""Flags of the send and receive calls."""
import ctypes
import fcntl
import os
import select
import signal
import socket

from coupling import await_coupled, expect_tcp, settle
from harness import case, errno_of, same
from sockets import content, events_now, pair, recv_exact, send_all, verify, wait

SIOCATMARK = 0x8905


def coupled_pair():
    """A coupled (client, server) pair."""
    client, server = pair()
    await_coupled(client, server)
    return client, server


@case("MSG_PEEK leaves the bytes, again and again", coupled=True)
def peek(seen):
    client, server = coupled_pair()
    send_all(client, b"first.")
    wait(server, select.POLLIN)
    seen["peeked"] = [server.recv(3, socket.MSG_PEEK).decode(), server.recv(100, socket.MSG_PEEK).decode()]
    seen["read"] = recv_exact(server, 6).decode()
    seen["empty"] = errno_of(server.recv, 10, socket.MSG_PEEK)
    same(seen, {"peeked": ["fir", "first."], "read": "first.", "empty": "EAGAIN"}, "MSG_PEEK")


@case("MSG_PEEK over many messages sees them in order, as far as asked", coupled=True)
def peek_far(seen):
    client, server = coupled_pair()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for number in range(50):
        send_all(client, content(number * 77, 77))
    for size in (1, 76, 78, 1000, 50 * 77):
        data = server.recv(size, socket.MSG_PEEK)
        same(len(data), size, "peeked")
        verify(data, 0, f"peek of {size}")
    recv_exact(server, 100)
    verify(server.recv(200, socket.MSG_PEEK), 100, "peek behind a read")
    verify(recv_exact(server, 50 * 77 - 100), 100)
    seen["peeks"] = 6


@case("MSG_WAITALL on a blocking socket waits for all", coupled=False)
def waitall(seen):
    client, server = pair(blocking=True)
    expect_tcp(client, server)
    pid = os.fork()
    if pid == 0:
        for number in range(10):
            client.sendall(content(number * 1000, 1000))
            events_now(server, 0, 3)
        os._exit(0)
    data = server.recv(10_000, socket.MSG_WAITALL)
    verify(data, 0)
    seen["got"] = len(data)
    os.waitpid(pid, 0)
    same(seen["got"], 10_000, "MSG_WAITALL")


@case("MSG_WAITALL on a non-blocking socket returns what is there")
def waitall_nonblocking(seen):
    client, server = pair()
    settle(client, server)
    send_all(client, content(0, 700))
    wait(server, select.POLLIN)
    data = server.recv(10_000, socket.MSG_WAITALL)
    verify(data, 0)
    seen["got"] = len(data)
    seen["empty"] = errno_of(server.recv, 10_000, socket.MSG_WAITALL)
    same(seen, {"got": 700, "empty": "EAGAIN"}, "MSG_WAITALL")


@case("MSG_DONTWAIT on a blocking socket", coupled=False)
def dontwait(seen):
    client, server = pair(blocking=True)
    expect_tcp(client, server)
    seen["empty"] = errno_of(server.recv, 10, socket.MSG_DONTWAIT)
    client.sendall(b"there")
    wait(server, select.POLLIN)
    seen["data"] = server.recv(10, socket.MSG_DONTWAIT).decode()
    same(seen, {"empty": "EAGAIN", "data": "there"}, "MSG_DONTWAIT")


@case("MSG_TRUNC drops bytes and counts them")
def trunc(seen):
    client, server = pair()
    settle(client, server)
    send_all(client, content(0, 1000))
    wait(server, select.POLLIN)
    seen["dropped"] = len(server.recv(400, socket.MSG_TRUNC))
    verify(recv_exact(server, 600), 400, "behind the dropped")
    same(seen["dropped"], 400, "MSG_TRUNC")


@case("MSG_OOB: urgent byte, mark, POLLPRI and SIGURG")
def urgent(seen):
    client, server = pair()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGURG])
    fcntl.fcntl(server, fcntl.F_SETOWN, os.getpid())
    send_all(client, b"before")
    client.send(b"!", socket.MSG_OOB)
    wait(server, select.POLLPRI)
    send_all(client, b"after")
    seen["signal"] = signal.sigtimedwait([signal.SIGURG], 2) is not None
    seen["urgent"] = server.recv(1, socket.MSG_OOB).decode()
    seen["before"] = recv_exact(server, 6).decode()
    mark = fcntl.ioctl(server, SIOCATMARK, b"\0" * 4)
    seen["mark"] = int.from_bytes(mark, "little")
    seen["after"] = recv_exact(server, 5).decode()
    same(seen, {"signal": True, "urgent": "!", "before": "before", "mark": 1, "after": "after"}, "MSG_OOB")


@case("MSG_OOB on a coupled connection", coupled=True)
def urgent_later(seen):
    client, server = coupled_pair()
    send_all(client, b"before")
    client.send(b"!", socket.MSG_OOB)
    send_all(client, b"after")
    seen["urgent"] = events_now(server, select.POLLPRI, 100) == select.POLLPRI
    # A read stops at the mark.
    seen["read"] = [server.recv(100).decode()]
    if seen["read"] == ["before"]:
        seen["read"].append(server.recv(100).decode())
    same("".join(seen["read"]).replace("!", ""), "beforeafter", "bytes")


@case("SO_OOBINLINE: the urgent byte keeps its place")
def urgent_inline(seen):
    client, server = pair(prepare=lambda sock: sock.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1))
    settle(client, server)
    send_all(client, b"ab")
    client.send(b"!", socket.MSG_OOB)
    send_all(client, b"cd")
    seen["data"] = recv_exact(server, 5).decode()
    same(seen["data"], "ab!cd", "SO_OOBINLINE")


@case("MSG_MORE and TCP_CORK: held back, then whole", coupled=True)
def corked(seen):
    client, server = coupled_pair()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    for number in range(10):
        send_all(client, content(number * 100, 100))
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
    verify(recv_exact(server, 1000), 0)
    for number in range(9):
        send_all(client, content(number * 100, 100), flags=socket.MSG_MORE)
    send_all(client, content(900, 100))
    verify(recv_exact(server, 1000), 0)
    seen["bytes"] = 2000


@case("MSG_MORE is flushed by shutdown", coupled=True)
def more_then_shutdown(seen):
    client, server = coupled_pair()
    send_all(client, content(0, 333), flags=socket.MSG_MORE)
    client.shutdown(socket.SHUT_WR)
    verify(recv_exact(server, 333), 0)
    seen["end"] = repr(server.recv(1))
    same(seen["end"], "b''", "end")


@case("TCP_NODELAY: small messages without waiting", coupled=True)
def nodelay(seen):
    client, server = pair(prepare=lambda sock: sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1))
    await_coupled(client, server)
    for number in range(500):
        send_all(client, content(number, 10))
        send_all(client, content(number + 10, 10))
        verify(recv_exact(server, 20), number)
    seen["option"] = [sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for sock in (client, server)]
    same(seen["option"], [1, 1], "TCP_NODELAY")


@case("recvmsg gives no address and no control data", coupled=True)
def recvmsg_fields(seen):
    client, server = coupled_pair()
    client.sendmsg([b"one ", b"two"])
    wait(server, select.POLLIN)
    data, control, flags, address = server.recvmsg(100, 1000)
    seen["message"] = [data.decode(), control, flags, address]
    same(seen["message"], ["one two", [], 0, None], "recvmsg")


@case("zero-length send and receive change nothing", coupled=True)
def zero_length(seen):
    client, server = coupled_pair()
    seen["send"] = client.send(b"")
    seen["readable"] = events_now(server, select.POLLIN, 20)
    send_all(client, b"x")
    wait(server, select.POLLIN)
    seen["receive"] = len(server.recv(0))
    seen["then"] = recv_exact(server, 1).decode()
    same(seen, {"send": 0, "readable": 0, "receive": 0, "then": "x"}, "zero length")


@case("send from a bad address sends nothing", coupled=True)
def bad_source(seen):
    client, server = coupled_pair()
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.send(client.fileno(), ctypes.c_void_p(8), ctypes.c_size_t(100), 0)
    seen["send"] = os.strerror(ctypes.get_errno()) if result < 0 else result
    seen["readable"] = events_now(server, select.POLLIN, 20)
    send_all(client, b"ok")
    seen["then"] = recv_exact(server, 2).decode()
    same([seen["readable"], seen["then"]], [0, "ok"], "stream")


@case("receive to a bad address is EFAULT and loses nothing", coupled=True)
def bad_target(seen):
    client, server = coupled_pair()
    libc = ctypes.CDLL(None, use_errno=True)
    send_all(client, content(0, 500))
    wait(server, select.POLLIN)
    same(libc.recv(server.fileno(), ctypes.c_void_p(8), ctypes.c_size_t(100), 0), -1, "receive to a bad address")
    seen["receive"] = os.strerror(ctypes.get_errno())
    verify(recv_exact(server, 500), 0, "after the failed receive")


@case("the error queue of a healthy connection is empty", coupled=True)
def error_queue(seen):
    client, server = coupled_pair()
    seen["read"] = errno_of(client.recvmsg, 10, 100, socket.MSG_ERRQUEUE)
    send_all(client, b"ok")
    seen["data"] = recv_exact(server, 2).decode()
    same(seen, {"read": "EAGAIN", "data": "ok"}, "MSG_ERRQUEUE")
