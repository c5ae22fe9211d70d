"""How connections end: half-close, reset, unread data, linger, and that the last bytes always arrive before the end."""
import select
import signal
import socket
import struct

from coupling import await_coupled
from harness import case, errno_of, same
from sockets import accept, close_all, content, drain, events_now, listener, pair, recv_exact, recv_to_end, send_all, stream, verify, wait

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def coupled_pair():
    """A coupled (client, server) pair."""
    client, server = pair()
    await_coupled(client, server)
    return client, server


def reset(sock):
    """Closes with a reset (SO_LINGER 0)."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    sock.close()


@case("half-close: the other direction stays open", coupled=True)
def half_close(seen):
    client, server = coupled_pair()
    send_all(client, content(0, 5000))
    client.shutdown(socket.SHUT_WR)
    data, end = recv_to_end(server)
    verify(data, 0)
    seen["request"] = [len(data), end]
    stream(server, client, 1_000_000, chunk=5000)
    server.close()
    seen["answer"] = recv_to_end(client)[1]
    same(seen["request"], [5000, "eof"], "request")
    same(seen["answer"], "eof", "answer's end")


@case("half-close right behind many messages: all arrive before the end", coupled=True)
def half_close_behind(seen):
    client, server = coupled_pair()
    for number in range(400):
        send_all(client, content(number * 300, 300))
    client.shutdown(socket.SHUT_WR)
    data, end = recv_to_end(server)
    verify(data, 0)
    seen["got"] = [len(data), end]
    same(seen["got"], [120_000, "eof"], "stream")


@case("half-closed both ways while both still hold unread data", coupled=True)
def half_close_both(seen):
    client, server = coupled_pair()
    send_all(client, content(0, 9000))
    send_all(server, content(1, 8000))
    client.shutdown(socket.SHUT_WR)
    server.shutdown(socket.SHUT_WR)
    up, up_end = recv_to_end(server)
    down, down_end = recv_to_end(client)
    verify(up, 0)
    verify(down, 1)
    seen["ends"] = [len(up), up_end, len(down), down_end]
    same(seen["ends"], [9000, "eof", 8000, "eof"], "ends")


@case("message then close at once: read whole, then end of stream", coupled=True)
def last_message(seen):
    for number in range(8):
        client, server = coupled_pair()
        send_all(server, content(number, 30_000))
        server.close()
        data, end = recv_to_end(client)
        verify(data, number)
        same((len(data), end), (30_000, "eof"), "answer")
        client.close()
    seen["times"] = 8


@case("SO_LINGER 0 resets: the reader gets ECONNRESET", coupled=True)
def linger_reset(seen):
    client, server = coupled_pair()
    reset(client)
    seen["events"] = wait(server, select.POLLIN | select.POLLOUT)
    seen["read"] = errno_of(server.recv, 10)
    seen["read again"] = repr(server.recv(10))
    seen["write"] = errno_of(server.send, b"x", socket.MSG_NOSIGNAL)
    same(seen["read"], "ECONNRESET", "read")
    same(seen["write"], "EPIPE", "write")


@case("reset behind unread data", coupled=True)
def reset_behind_data(seen):
    client, server = coupled_pair()
    send_all(client, content(0, 4000))
    wait(server, select.POLLIN)
    reset(client)
    wait(server, select.POLLHUP)
    data, end = recv_to_end(server)
    verify(data, 0)
    seen["got"] = [len(data), end]


@case("close with unread data resets the peer", coupled=True)
def unread_close(seen):
    client, server = coupled_pair()
    send_all(client, content(0, 4000))
    wait(server, select.POLLIN)
    server.close()
    wait(client, select.POLLIN)
    seen["end"] = recv_to_end(client)[1]
    seen["write"] = errno_of(client.send, b"x", socket.MSG_NOSIGNAL)


@case("writing to a closed peer: reset first, then EPIPE and SIGPIPE", coupled=True)
def sigpipe(seen):
    client, server = coupled_pair()
    caught = []
    signal.signal(signal.SIGPIPE, lambda number, _frame: caught.append(number))
    server.close()
    wait(client, select.POLLIN)
    seen["end"] = repr(client.recv(10))
    seen["first"] = errno_of(client.send, b"x")
    wait(client, select.POLLHUP)
    seen["second"] = errno_of(client.send, b"x")
    seen["signals"] = len(caught)
    seen["third"] = errno_of(client.send, b"x", socket.MSG_NOSIGNAL)
    seen["signals after MSG_NOSIGNAL"] = len(caught)


@case("write after own shutdown(WR) is EPIPE", coupled=True)
def write_after_shutdown(seen):
    client, server = coupled_pair()
    client.shutdown(socket.SHUT_WR)
    seen["write"] = errno_of(client.send, b"x", socket.MSG_NOSIGNAL)
    seen["peer"] = recv_to_end(server)[1]
    same(seen, {"write": "EPIPE", "peer": "eof"}, "ends")


@case("shutdown(RD) ends reading, the peer may still write", coupled=True)
def shutdown_read(seen):
    client, server = coupled_pair()
    client.shutdown(socket.SHUT_RD)
    seen["events"] = events_now(client, select.POLLIN | select.POLLRDHUP, 100)
    seen["read"] = errno_of(client.recv, 10)
    seen["peer writes"] = errno_of(server.send, b"dropped or not")
    send_all(client, content(0, 1000))
    drain(server, 0, 1000)
    seen["writes"] = 1000


@case("shutdown(RDWR) then the peer's end", coupled=True)
def shutdown_both(seen):
    client, server = coupled_pair()
    send_all(client, content(0, 1000))
    client.shutdown(socket.SHUT_RDWR)
    data, end = recv_to_end(server)
    seen["peer"] = [len(data), end]
    seen["own"] = recv_to_end(client)[1]
    same(seen["peer"], [1000, "eof"], "peer")


@case("both ends close at the same time", coupled=True)
def simultaneous(seen):
    client, server = coupled_pair()
    client.shutdown(socket.SHUT_WR)
    server.shutdown(socket.SHUT_WR)
    seen["ends"] = [recv_to_end(client)[1], recv_to_end(server)[1]]
    seen["events"] = [wait(sock, select.POLLIN | select.POLLHUP) for sock in (client, server)]
    seen["errors"] = [errno_of(close_all, sock) for sock in (client, server)]
    same(seen["ends"], ["eof", "eof"], "ends")


@case("SO_LINGER 5: close returns, and the data is delivered", coupled=True, limit=15)
def linger_waits(seen):
    client, server = coupled_pair()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 5))
    send_all(client, content(0, 50_000))
    client.close()
    data, end = recv_to_end(server)
    verify(data, 0)
    seen["got"] = [len(data), end]
    same(seen["got"], [50_000, "eof"], "stream")


@case("dup: the connection ends with the last descriptor", coupled=True)
def dup(seen):
    client, server = coupled_pair()
    twin = client.dup()
    client.close()
    seen["open"] = events_now(server, select.POLLIN, 50)
    send_all(twin, content(0, 3000))
    drain(server, 0, 3000)
    send_all(server, b"back")
    seen["back"] = recv_exact(twin, 4).decode()
    twin.close()
    seen["end"] = recv_to_end(server)[1]
    same(seen, {"open": 0, "back": "back", "end": "eof"}, "dup")


@case("close on a full pipe: the peer still reads all that was taken", coupled=True)
def close_full(seen):
    client, server = coupled_pair()
    sent = 0
    while sent < 50 << 20:
        try:
            sent += client.send(content(sent, 16384))
        except BlockingIOError:
            break
    client.close()
    drain(server, 0, sent)
    seen["end"] = recv_to_end(server)[1]
    same(seen["end"], "eof", "end")


@case("reconnect with the same ports right after a close", coupled=True)
def same_tuple(seen):
    server = listener()
    source = ("127.0.0.7", 0)
    for number in range(4):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client.bind(source)
        client.connect(server.getsockname())
        client.setblocking(False)
        source = client.getsockname()
        accepted = accept(server)
        await_coupled(client, accepted)
        stream(client, accepted, 20_000, chunk=1000, offset=number)
        stream(accepted, client, 20_000, chunk=1000, offset=number)
        reset(client)
        wait(accepted, select.POLLHUP)
        accepted.close()
    seen["times"] = 4
