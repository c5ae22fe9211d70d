"""How connections begin: who writes first, deferred accept, data in flight while the redirect takes over."""
import errno
import select
import socket

from coupling import await_coupled, settle, watcher
from harness import case, errno_of, same
from sockets import accept, close_all, content, drain, duplex, listener, pair, recv_exact, recv_to_end, send_all, stream, verify, wait


def nonblocking_client(server):
    """A client whose connect() to the listener is under way; returns it and the connect's errno."""
    client = socket.socket(server.family, socket.SOCK_STREAM)
    client.setblocking(False)
    return client, client.connect_ex(server.getsockname()[:2])


@case("connect then write at once, 300 times")
def write_at_once(seen):
    server = listener()
    for number in range(300):
        client = socket.create_connection(server.getsockname())
        client.setblocking(False)
        send_all(client, content(number, 100))
        accepted = accept(server)
        send_all(accepted, content(number, 50))
        verify(recv_exact(accepted, 100), number)
        verify(recv_exact(client, 50), number)
        close_all(client, accepted)
    seen["exchanged"] = 300


@case("server writes first, at accept")
def server_first(seen):
    server = listener()
    for number in range(100):
        client, _ = nonblocking_client(server)
        accepted = accept(server)
        send_all(accepted, content(number, 1000))
        wait(client, select.POLLIN)
        verify(recv_exact(client, 1000), number)
        close_all(client, accepted)
    seen["greetings"] = 100


@case("TCP_DEFER_ACCEPT keeps the order of first and later bytes", coupled=True)
def defer_accept(seen):
    server = listener(prepare=lambda sock: sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 5))
    for number in range(50):
        client, _ = nonblocking_client(server)
        wait(client, select.POLLOUT)
        send_all(client, b"A" * 64)
        accepted = accept(server)
        send_all(client, b"B" * 64)
        same(recv_exact(accepted, 128), b"A" * 64 + b"B" * 64, "order")
        if number < 49:
            close_all(client, accepted)
    await_coupled(client, accepted)
    send_all(client, b"C" * 64)
    seen["after"] = recv_exact(accepted, 64).decode()


@case("data in flight in both directions while the redirect takes over", coupled=True)
def mid_stream(seen):
    client, server = pair()
    coupled = watcher(client)
    # Small messages all the time; the streams go on for 2 MB after sockhijack says that the flow is redirected.
    first = duplex([(client, server, 200_000, 700, 0), (server, client, 200_000, 900, 0)], until=coupled)
    duplex([(client, server, 2_000_000, 700, first[0]), (server, client, 2_000_000, 900, first[1])])
    seen["complete"] = True


@case("unread messages of mixed sizes keep their order", coupled=True)
def mixed_unread(seen):
    client, server = pair()
    await_coupled(client, server)
    sent = 0
    for size in (1, 100, 4000, 64, 9000, 3, 150_000, 10, 1):
        send_all(client, content(sent, size))
        sent += size
    drain(server, 0, sent)
    seen["bytes"] = sent


@case("data sent before accept() is all there", coupled=True)
def before_accept(seen):
    server = listener()
    client, _ = nonblocking_client(server)
    wait(client, select.POLLOUT)
    send_all(client, content(0, 20_000))
    accepted = accept(server)
    drain(accepted, 0, 20_000)
    await_coupled(client, accepted)
    stream(client, accepted, 20_000, offset=20_000)
    seen["bytes"] = 40_000


@case("non-blocking connect reports EINPROGRESS, then writability, then no error")
def nonblocking_connect(seen):
    server = listener()
    client, status = nonblocking_client(server)
    seen["connect"] = errno.errorcode.get(status, "ok")
    seen["events"] = wait(client, select.POLLOUT | select.POLLIN)
    seen["error"] = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    seen["again"] = errno_of(client.connect, server.getsockname())
    same(seen["error"], 0, "SO_ERROR")


@case("non-blocking connect to a closed port is refused")
def refused(seen):
    server = listener()
    address = server.getsockname()
    server.close()
    client = socket.socket()
    client.setblocking(False)
    status = client.connect_ex(address)
    if status == errno.EINPROGRESS:
        seen["events"] = wait(client, select.POLLOUT)
        status = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    seen["error"] = errno.errorcode[status]
    same(seen["error"], "ECONNREFUSED", "connect")


@case("listener closes with unaccepted connections: their clients are reset")
def unaccepted(seen):
    server = listener()
    client, _ = nonblocking_client(server)
    wait(client, select.POLLOUT)
    send_all(client, b"never read")
    server.close()
    seen["end"] = recv_to_end(client)[1]
    same(seen["end"], "ECONNRESET", "end")


@case("connection to self reads what it wrote")
def to_self(seen):
    sock = socket.socket()
    # With Nagle's algorithm such a connection waits for its own delayed acknowledgements.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.bind(("127.0.0.1", 0))
    sock.connect(sock.getsockname())
    same(sock.getsockname(), sock.getpeername(), "addresses")
    sock.setblocking(False)
    settle(sock)
    for number in range(200):
        send_all(sock, content(number * 500, 500))
        verify(recv_exact(sock, 500), number * 500)
    stream(sock, sock, 300_000, chunk=3000)
    sock.shutdown(socket.SHUT_WR)
    data, end = recv_to_end(sock)
    seen["end"] = [len(data), end]
    same(seen["end"], [0, "eof"], "end")


@case("MSG_FASTOPEN connects and delivers its data once")
def fast_open(seen):
    server = listener(prepare=lambda sock: sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 16))
    for number in range(3):
        client = socket.socket()
        client.sendto(content(number, 700), socket.MSG_FASTOPEN, server.getsockname())
        client.setblocking(False)
        accepted = accept(server)
        send_all(client, content(number + 700, 300))
        verify(recv_exact(accepted, 1000), number)
        close_all(client, accepted)
    seen["times"] = 3


@case("short connections: one request, one answer, close, 400 times")
def short_lived(seen):
    server = listener()
    for number in range(400):
        client, _ = nonblocking_client(server)
        accepted = accept(server)
        send_all(client, content(number, 200))
        verify(recv_exact(accepted, 200), number)
        send_all(accepted, content(number, 2000))
        accepted.close()
        data, end = recv_to_end(client)
        same((len(data), end), (2000, "eof"), "answer")
        verify(data, number)
        client.close()
    seen["requests"] = 400
