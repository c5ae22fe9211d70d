"""Socket options keep their values and their effect on a coupled connection."""
import ctypes
import select
import socket
import struct

from coupling import await_coupled, settle
from harness import case, errno_of, same
from sockets import accept, events_now, listener, pair, recv_exact, send_all, stream, wait

TCP_USER_TIMEOUT = 18
TCP_QUICKACK = 12
IPPROTO_MPTCP = 262


@case("options set before coupling read the same after, and can be changed", coupled=True)
def values(seen):
    def prepare(sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 77)
        sock.setsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, 4321)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, 3)

    client, server = pair(prepare=prepare)
    await_coupled(client, server)
    names = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE), (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE), (socket.IPPROTO_TCP, TCP_USER_TIMEOUT)]
    seen["before"] = [[sock.getsockopt(*name) for name in names] for sock in (client, server)]
    same(seen["before"], [[1, 77, 4321]] * 2, "options")
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 55)
    client.setsockopt(socket.IPPROTO_TCP, TCP_QUICKACK, 1)
    seen["changed"] = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
    same(seen["changed"], 55, "TCP_KEEPIDLE")
    stream(client, server, 50_000, chunk=1000)


@case("the congestion control can be read and set", coupled=True)
def congestion(seen):
    client, server = pair()
    await_coupled(client, server)
    name = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
    seen["set"] = errno_of(client.setsockopt, socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"reno")
    seen["name"] = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0").decode()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, name.rstrip(b"\0"))
    stream(client, server, 50_000, chunk=1000)
    same(seen, {"set": "ok", "name": "reno"}, "TCP_CONGESTION")


@case("SO_SNDBUF grown on a running connection", coupled=True)
def grow(seen):
    client, server = pair()
    await_coupled(client, server)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 100_000)
    seen["size"] = client.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
    stream(client, server, 1_000_000, chunk=30_000)
    same(seen["size"], 200_000, "SO_SNDBUF")


@case("SO_ERROR is 0 while healthy and ECONNRESET once after a reset", coupled=True)
def so_error(seen):
    client, server = pair()
    await_coupled(client, server)
    seen["healthy"] = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server.close()
    wait(client, select.POLLHUP)
    seen["reset"] = [client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) for _ in range(2)]
    same(seen, {"healthy": 0, "reset": [104, 0]}, "SO_ERROR")


@case("connect(AF_UNSPEC) dissolves the connection", coupled=True)
def dissolve(seen):
    client, server = pair()
    await_coupled(client, server)
    libc = ctypes.CDLL(None, use_errno=True)
    seen["connect"] = libc.connect(client.fileno(), struct.pack("H14x", 0), 16)
    wait(server, select.POLLIN | select.POLLHUP)
    seen["peer"] = errno_of(server.recv, 10)
    again = listener()
    client.setblocking(True)
    client.connect(again.getsockname())
    client.setblocking(False)
    accepted = accept(again)
    stream(client, accepted, 20_000, chunk=1000)
    seen["reused"] = True
    same(seen, {"connect": 0, "peer": "ECONNRESET", "reused": True}, "AF_UNSPEC")


@case("a second connect and a listen on a coupled socket are refused", coupled=True)
def misuse(seen):
    client, server = pair()
    await_coupled(client, server)
    seen["connect"] = errno_of(client.connect, server.getsockname())
    seen["listen"] = errno_of(client.listen)
    seen["accept"] = errno_of(client.accept)
    stream(client, server, 10_000, chunk=1000)
    same(seen, {"connect": "EISCONN", "listen": "EINVAL", "accept": "EINVAL"}, "misuse")


@case("MPTCP sockets carry their stream")
def mptcp(seen):
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
    server.bind(("127.0.0.1", 0))
    server.listen()
    client = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
    client.connect(server.getsockname())
    client.setblocking(False)
    accepted = accept(server)
    settle(client, accepted)
    stream(client, accepted, 500_000, chunk=3000)
    stream(accepted, client, 500_000, chunk=3000)
    seen["bytes"] = 1_000_000


@case("SO_BUSY_POLL and SO_INCOMING_CPU do not disturb", coupled=True)
def busy_poll(seen):
    client, server = pair()
    await_coupled(client, server)
    seen["set"] = errno_of(server.setsockopt, socket.SOL_SOCKET, 46, 50)
    send_all(client, b"spin")
    seen["data"] = recv_exact(server, 4).decode()
    seen["idle"] = events_now(server, select.POLLIN, 5)
    same([seen["data"], seen["idle"]], ["spin", 0], "SO_BUSY_POLL")
