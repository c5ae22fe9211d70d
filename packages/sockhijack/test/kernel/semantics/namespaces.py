"""Network namespaces: pairs across them, and equal addresses and ports in several of them, whose bytes must never cross."""
import contextlib
import ctypes
import os
import signal
import socket
import subprocess

from coupling import await_coupled
from harness import case, errno_of, same
from sockets import accept, content, listener, recv_exact, recv_to_end, send_all, stream, verify

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def checked(result, what):
    """Raises OSError of errno unless the C call's result is 0."""
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


class Namespace:
    """A network namespace that a child process keeps; it ends with the case's process group."""

    def __init__(self):
        ready, tell = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            checked(LIBC.unshare(CLONE_NEWNET), "unshare")
            os.write(tell, b"x")
            signal.pause()
            os._exit(0)
        os.close(tell)
        assert os.read(ready, 1) == b"x", "the namespace's process died"
        os.close(ready)
        self.fd = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY)
        with self.entered():
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)

    @contextlib.contextmanager
    def entered(self):
        """Sockets made in this context belong to the namespace."""
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        checked(LIBC.setns(self.fd, CLONE_NEWNET), "setns")
        try:
            yield
        finally:
            checked(LIBC.setns(home, CLONE_NEWNET), "setns")
            os.close(home)


def joined_by_veth(left="10.77.0.1", right="10.77.0.2", bits=24):
    """Two new namespaces with one veth between them."""
    one, two = Namespace(), Namespace()
    with one.entered():
        subprocess.run(["ip", "link", "add", "v0", "type", "veth", "peer", "name", "v0", "netns", str(two.pid)], check=True)
    for space, address in ((one, left), (two, right)):
        with space.entered():
            nodad = ["nodad"] if ":" in address else []
            subprocess.run(["ip", "address", "add", f"{address}/{bits}", "dev", "v0", *nodad], check=True)
            subprocess.run(["ip", "link", "set", "v0", "up"], check=True)
    return one, two


def connected(client_space, server_space, host, port=0, source_port=0):
    """A non-blocking (client, server) pair between two namespaces."""
    with server_space.entered():
        server = listener(host, port)
    with client_space.entered():
        client = socket.socket(server.family, socket.SOCK_STREAM)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if source_port:
            client.bind(("", source_port))
        client.settimeout(5)
        client.connect((host, server.getsockname()[1]))
        client.setblocking(False)
    accepted = accept(server)
    server.close()
    return client, accepted


def never_cross(ends, turns=300):
    """Writes a different stream on each of the (client, server) pairs, in turns, and verifies each byte and the ends."""
    for turn in range(turns):
        for number, (client, server) in enumerate(ends):
            send_all(client, content(turn * 100 + number * 300_007, 100))
            send_all(server, content(turn * 100 + number * 300_007 + 150_001, 100))
        for number, (client, server) in enumerate(ends):
            verify(recv_exact(server, 100), turn * 100 + number * 300_007, f"pair {number} up")
            verify(recv_exact(client, 100), turn * 100 + number * 300_007 + 150_001, f"pair {number} down")
    # The first pair ends, the others do not notice.
    ends[0][0].close()
    same(recv_to_end(ends[0][1]), (b"", "eof"), "end of the first pair")
    for client, server in ends[1:]:
        stream(client, server, 20_000, chunk=1000)


@case("namespaces: the same loopback addresses and ports in two", coupled=True, limit=20)
def equal_loopback(seen):
    spaces = [Namespace(), Namespace()]
    ends = [connected(space, space, "127.0.0.1", 8080, 40_000) for space in spaces]
    same(ends[0][0].getsockname(), ends[1][0].getsockname(), "equal tuples")
    for number, (client, server) in enumerate(ends):
        await_coupled(client, server, count=number + 1)
    never_cross(ends)
    seen["pairs"] = 2


@case("namespaces: two veth pairs with the same addresses and ports", coupled=True, limit=20)
def equal_veth(seen):
    links = [joined_by_veth(), joined_by_veth()]
    ends = [connected(one, two, "10.77.0.2", 8080, 40_000) for one, two in links]
    same(ends[0][0].getpeername(), ends[1][0].getpeername(), "equal tuples")
    for number, (client, server) in enumerate(ends):
        await_coupled(client, server, count=number + 1)
    never_cross(ends)
    seen["pairs"] = 2


@case("namespaces: opposite ends with the same addresses, only one pair at a time", coupled=True, limit=20)
def half_equal(seen):
    # The second pair lives in one namespace whose own addresses equal both ends of the first.
    one, two = joined_by_veth()
    alone = Namespace()
    with alone.entered():
        for address in ("10.77.0.1", "10.77.0.2"):
            subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
    with alone.entered():
        server = listener("10.77.0.2", 8080)
        client = socket.create_connection(("10.77.0.2", 8080), source_address=("10.77.0.1", 40_000))
        client.setblocking(False)
    ends = [connected(one, two, "10.77.0.2", 8080, 40_000), (client, accept(server))]
    for number, (left, right) in enumerate(ends):
        await_coupled(left, right, count=number + 1)
    never_cross(ends)
    seen["pairs"] = 2


@case("namespaces: a pair across two, IPv4", coupled=True, limit=20)
def across(seen):
    one, two = joined_by_veth()
    exercise(*connected(one, two, "10.77.0.2"), seen)


@case("namespaces: a pair across two, IPv6", coupled=True, limit=20)
def across_v6(seen):
    one, two = joined_by_veth("fd77::1", "fd77::2", 64)
    exercise(*connected(one, two, "fd77::2"), seen)


def exercise(client, server, seen):
    """Couples, streams both ways, half-closes."""
    names = [client.getsockname()[0], client.getpeername()[0], server.getsockname()[0], server.getpeername()[0]]
    await_coupled(client, server)
    stream(client, server, 500_000, chunk=3000)
    stream(server, client, 500_000, chunk=3000)
    client.shutdown(socket.SHUT_WR)
    seen["names"] = names
    seen["end"] = recv_to_end(server)[1]
    same(seen["end"], "eof", "end")


@case("namespaces: loopback of one never reaches a listener of another")
def separate(seen):
    one, two = Namespace(), Namespace()
    with one.entered():
        server = listener("127.0.0.1", 8080)
    with two.entered():
        client = socket.socket()
    seen["connect"] = errno_of(client.connect, server.getsockname())
    same(seen["connect"], "ECONNREFUSED", "connect")


@case("namespaces: a link that goes down under a coupled pair does not mix or corrupt it", limit=20)
def link_down(seen):
    one, two = joined_by_veth()
    client, server = connected(one, two, "10.77.0.2")
    await_coupled(client, server)
    stream(client, server, 50_000, chunk=1000)
    with one.entered():
        subprocess.run(["ip", "link", "set", "v0", "down"], check=True)
        subprocess.run(["ip", "link", "set", "v0", "up"], check=True)
    stream(client, server, 50_000, chunk=1000, offset=50_000)
    seen["bytes"] = 100_000
