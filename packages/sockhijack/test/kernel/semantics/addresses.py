"""Addresses and families: what the program sees of its connection, and that every family can be coupled."""
import select
import socket
import struct

from coupling import await_coupled
from harness import case, errno_of, same
from sockets import accept, close_all, listener, pair, recv_exact, send_all, stream, wait

SO_ORIGINAL_DST = 80


def exercise(client, server, seen):
    """Couples the pair, streams both ways, and requires that the names of both ends agree before and after."""
    names = [client.getsockname(), client.getpeername(), server.getsockname(), server.getpeername()]
    await_coupled(client, server)
    stream(client, server, 100_000, chunk=2000)
    stream(server, client, 100_000, chunk=2000)
    same([client.getsockname(), client.getpeername(), server.getsockname(), server.getpeername()], names, "names after coupling")
    same(names[0][1], names[3][1], "client's port")
    same(names[1][1], names[2][1], "server's port")
    seen["hosts"] = [name[0] for name in names]
    seen["family"] = [client.family.name, server.family.name]


@case("IPv4", coupled=True)
def ipv4(seen):
    exercise(*pair(), seen)


@case("IPv6", coupled=True)
def ipv6(seen):
    exercise(*pair("::1"), seen)


@case("IPv4 client to a dual-stack [::] listener", coupled=True)
def dual_stack(seen):
    server = listener("::", prepare=lambda sock: sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0))
    client = socket.create_connection(("127.0.0.1", server.getsockname()[1]))
    client.setblocking(False)
    exercise(client, accept(server), seen)


@case("v4-mapped client to an IPv4 listener", coupled=True)
def v4_mapped(seen):
    server = listener("127.0.0.1")
    client = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    client.connect(("::ffff:127.0.0.1", server.getsockname()[1]))
    client.setblocking(False)
    exercise(client, accept(server), seen)


@case("v4-mapped client to a dual-stack listener", coupled=True)
def mapped_both(seen):
    server = listener("::", prepare=lambda sock: sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0))
    client = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    client.connect(("::ffff:127.0.0.1", server.getsockname()[1]))
    client.setblocking(False)
    exercise(client, accept(server), seen)


@case("source address bound before connect", coupled=True)
def bound_source(seen):
    server = listener("127.0.0.3")
    client = socket.create_connection(server.getsockname(), source_address=("127.0.0.2", 0))
    client.setblocking(False)
    exercise(client, accept(server), seen)


@case("same ports, other loopback addresses: two connections do not mix", coupled=True)
def same_ports(seen):
    first = listener("127.0.0.3")
    port = first.getsockname()[1]
    second = listener("127.0.0.4", port)
    one = socket.create_connection(("127.0.0.3", port), source_address=("127.0.0.2", 0))
    two = socket.socket()
    two.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    two.bind(("127.0.0.5", one.getsockname()[1]))
    two.connect(("127.0.0.4", port))
    ends = [(one, accept(first)), (two, accept(second))]
    for client, _ in ends:
        client.setblocking(False)
    for client, server in ends:
        await_coupled(client, server)
    for turn in range(300):
        for number, (client, server) in enumerate(ends):
            send_all(client, struct.pack("!II", number, turn))
            send_all(server, struct.pack("!II", number + 10, turn))
        for number, (client, server) in enumerate(ends):
            same(struct.unpack("!II", recv_exact(server, 8)), (number, turn), "to the server")
            same(struct.unpack("!II", recv_exact(client, 8)), (number + 10, turn), "to the client")
    seen["turns"] = 300


@case("SO_REUSEPORT shares connections between listeners")
def reuse_port(seen):
    share = lambda sock: sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listeners = [listener(prepare=share)]
    listeners.append(listener(port=listeners[0].getsockname()[1], prepare=share))
    clients = []
    for number in range(128):
        client = socket.create_connection(listeners[0].getsockname())
        client.sendall(bytes([number]))
        clients.append(client)
    counts, bytes_seen = [0, 0], []
    for index, server in enumerate(listeners):
        while errno_of(lambda: bytes_seen.append(recv_exact(accept_now(server), 1)[0])) == "ok":
            counts[index] += 1
    same(sorted(bytes_seen), list(range(128)), "every connection was accepted once")
    assert min(counts) > 10, f"unfair shares: {counts}"
    seen["accepted"] = sum(counts)


def accept_now(server):
    """Accepts what is there; EAGAIN when nothing is."""
    sock, _ = server.accept()
    sock.setblocking(False)
    return sock


@case("socket identity options are a plain TCP socket's", coupled=True)
def identity(seen):
    client, server = pair()
    await_coupled(client, server)
    for name in ("SO_TYPE", "SO_PROTOCOL", "SO_DOMAIN", "SO_ACCEPTCONN", "SO_ERROR"):
        seen[name] = [sock.getsockopt(socket.SOL_SOCKET, getattr(socket, name)) for sock in (client, server)]
    seen["state"] = [sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] for sock in (client, server)]
    same(seen["state"], [1, 1], "ESTABLISHED")


@case("SO_ORIGINAL_DST of an address that is no service answers as without sockhijack")
def original_dst(seen):
    client, server = pair()
    seen["client"] = errno_of(client.getsockopt, socket.IPPROTO_IP, SO_ORIGINAL_DST, 16)
    seen["server"] = errno_of(server.getsockopt, socket.IPPROTO_IP, SO_ORIGINAL_DST, 16)
    close_all(client, server)


@case("getpeername after the peer reset the connection", coupled=True)
def peername_after_reset(seen):
    client, server = pair()
    await_coupled(client, server)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server.close()
    wait(client, select.POLLHUP)
    seen["peer"] = errno_of(client.getpeername)
    same(seen["peer"], "ENOTCONN", "getpeername")
