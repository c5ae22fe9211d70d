"""Bulk: sizes from 64 KB to 100 MB, slow readers, tiny buffers, a thousand connections, sendfile and splice."""
import os
import select
import socket
import tempfile

from coupling import await_coupled, expect_uncoupled, settle, watcher
from harness import at_most, case, same
from sockets import accept, close_all, content, drain, duplex, events_now, fill, listener, pair, queued, recv_exact, send_all, stream, verify, wait


def transfer(size, chunk):
    """A pair that is coupled first and then carries `size` bytes each way, one way after the other."""
    client, server = pair()
    await_coupled(client, server)
    stream(client, server, size, chunk=chunk)
    stream(server, client, size, chunk=chunk)
    return size


@case("64 KB in messages of 1 KB", coupled=True)
def small_transfer(seen):
    seen["bytes"] = transfer(64 << 10, 1000)


@case("1 MB in messages of 4 KB", coupled=True)
def megabyte(seen):
    seen["bytes"] = transfer(1 << 20, 4096)


@case("10 MB in messages of 16 KB", coupled=True)
def ten_megabytes(seen):
    seen["bytes"] = transfer(10 << 20, 16_384)


@case("100 MB in messages of 256 KB", limit=30)
def hundred_megabytes(seen):
    client, server = pair()
    settle(client, server)
    stream(client, server, 100 << 20, chunk=256 << 10, timeout=30)
    seen["bytes"] = 100 << 20


@case("one write of 20 MB, then small messages behind it", coupled=True)
def large_then_small(seen):
    client, server = pair()
    await_coupled(client, server)
    for turn in range(3):
        duplex([(client, server, 6_000_000, 6_000_000, turn)])
        for number in range(50):
            send_all(client, content(number * 33, 33))
        verify(recv_exact(server, 50 * 33), 0)
    seen["turns"] = 3


@case("both ends hold unread bytes from before they were coupled until after", coupled=True)
def unread_when_coupled(seen):
    client, server = pair(prepare=lambda sock: sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1))
    coupled = watcher(client)
    up = down = 0
    for number in range(5):
        send_all(client, content(up, 100 + number))
        send_all(server, content(down, 3000 + number))
        up, down = up + 100 + number, down + 3000 + number
    wait(client, select.POLLIN)
    while not coupled():
        select.select([], [], [], 0.002)
    seen["waiting"] = [queued(server), queued(client)]
    drain(server, 0, up)
    drain(client, 0, down)
    stream(client, server, 50_000, chunk=500, offset=up)
    stream(server, client, 50_000, chunk=500, offset=down)


@case("a message of which a part was read waits, and is coupled once all is read", coupled=True)
def partly_read(seen):
    client, server = pair()
    send_all(client, content(0, 200))
    send_all(server, content(0, 9000))
    verify(recv_exact(server, 130), 0)
    verify(recv_exact(client, 5000), 0)
    seen["waiting"] = [queued(server), queued(client)]
    expect_uncoupled(client)
    verify(recv_exact(server, 70), 130)
    verify(recv_exact(client, 4000), 5000)
    await_coupled(client, server)
    stream(client, server, 50_000, chunk=500)


@case("small messages right behind a large one that is still unread", coupled=True)
def small_behind_large(seen):
    client, server = pair()
    await_coupled(client, server)
    sent = 0
    for size in (40, 300_000, 40, 40, 100_000, 1, 1, 5000):
        send_all(client, content(sent, size))
        sent += size
    drain(server, 0, sent, chunk=777)
    seen["bytes"] = sent


@case("20 000 messages of one byte each way", coupled=True, limit=20)
def one_byte(seen):
    client, server = pair(prepare=lambda sock: sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1))
    await_coupled(client, server)
    duplex([(client, server, 20_000, 1, 0), (server, client, 20_000, 1, 5)])
    seen["messages"] = 40_000


@case("reads of 7 bytes from messages of 3 KB", coupled=True)
def small_reads(seen):
    client, server = pair()
    await_coupled(client, server)
    send_all(client, content(0, 60_000))
    drain(server, 0, 60_000, chunk=7)
    seen["bytes"] = 60_000


@case("both ends write until full before either reads", coupled=True)
def both_full(seen):
    client, server = pair()
    await_coupled(client, server)
    up, down = fill(client), fill(server)
    drain(server, 0, up)
    drain(client, 0, down)
    stream(client, server, 10_000, offset=up)
    stream(server, client, 10_000, offset=down)
    seen["drained"] = True


@case("a peer that does not read bounds a writer of small messages", coupled=True)
def slow_reader(seen):
    slow(seen, 1000)


@case("a peer that does not read bounds a writer of 16 KB messages", coupled=True)
def slow_reader_large(seen):
    slow(seen, 16_384)


def slow(seen, chunk):
    """Fills the connection, then drains it."""
    client, server = pair()
    await_coupled(client, server)
    sent = fill(client, limit=64 << 20, chunk=chunk)
    at_most("unread bytes", sent)
    drain(server, 0, sent)
    stream(client, server, 100_000, chunk=1000, offset=sent)
    seen["stream"] = "goes on"


@case("a reader that pauses: nothing is lost over 100 pauses", coupled=True)
def pausing_reader(seen):
    client, server = pair()
    await_coupled(client, server)
    sent = got = 0
    for turn in range(100):
        for _ in range(turn % 37):
            try:
                sent += client.send(content(sent, 3001))
            except BlockingIOError:
                break
        half = (sent - got) // 2
        drain(server, got, half)
        got += half
    drain(server, got, sent - got)
    seen["bytes"] = sent > 3_000_000


@case("small SO_SNDBUF and SO_RCVBUF", coupled=True)
def small_buffers(seen):
    def shrink(sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)

    client, server = pair(prepare=shrink)
    await_coupled(client, server)
    seen["options"] = [sock.getsockopt(socket.SOL_SOCKET, which) for sock in (client, server) for which in (socket.SO_SNDBUF, socket.SO_RCVBUF)]
    stream(client, server, 500_000, chunk=3000)
    sent = fill(client, limit=32 << 20, chunk=500)
    at_most("unread bytes", sent)
    drain(server, 0, sent)


@case("1 000 connections at once, each with its own stream", limit=30)
def thousand(seen):
    server = listener(backlog=1024)
    ends = []
    for _ in range(1000):
        client = socket.create_connection(server.getsockname())
        client.setblocking(False)
        ends.append((client, accept(server)))
    settle(*ends[0])
    for turn in range(5):
        for number, (client, peer) in enumerate(ends):
            send_all(client, content(number * 1009 + turn, 200 + number % 50))
            send_all(peer, content(number * 2003 + turn, 100 + number % 70))
        for number, (client, peer) in enumerate(ends):
            verify(recv_exact(peer, 200 + number % 50), number * 1009 + turn, f"connection {number}, up")
            verify(recv_exact(client, 100 + number % 70), number * 2003 + turn, f"connection {number}, down")
    for client, peer in ends:
        close_all(client, peer)
    seen["connections"] = 1000


@case("sendfile", coupled=True)
def sendfile(seen):
    with tempfile.TemporaryFile() as file:
        file.write(content(0, 3_000_000))
        file.flush()
        client, server = pair()
        await_coupled(client, server)
        at = got = 0
        while got < 3_000_000:
            if at < 3_000_000:
                try:
                    at += os.sendfile(client.fileno(), file.fileno(), at, 70_000)
                except BlockingIOError:
                    pass
            if events_now(server, select.POLLIN, 0 if at < 3_000_000 else 2000):
                data = server.recv(1 << 18)
                verify(data, got)
                got += len(data)
    seen["bytes"] = got


@case("a header by send with MSG_MORE, the body by sendfile, 200 times", coupled=True)
def header_and_file(seen):
    with tempfile.TemporaryFile() as file:
        file.write(content(0, 9000))
        file.flush()
        client, server = pair()
        await_coupled(client, server)
        for turn in range(200):
            send_all(client, content(turn, 120), flags=socket.MSG_MORE)
            same(os.sendfile(client.fileno(), file.fileno(), 0, 9000), 9000, "sendfile")
            verify(recv_exact(server, 120), turn, "header")
            drain(server, 0, 9000)
    seen["turns"] = 200


def splice_some(source, target, length):
    """One splice() of at most `length` bytes, 0 when it would block."""
    try:
        return os.splice(source, target, length, flags=2)  # SPLICE_F_NONBLOCK
    except BlockingIOError:
        return 0


@case("splice from a pipe into the connection", coupled=True)
def splice_in(seen):
    client, server = pair()
    await_coupled(client, server)
    out, into = os.pipe()
    for turn in range(100):
        os.write(into, content(turn * 4000, 4000))
        left = 4000
        while left:
            left -= splice_some(out, client.fileno(), left)
        drain(server, turn * 4000, 4000)
    seen["turns"] = 100


@case("splice out of the connection into a pipe, from its first byte")
def splice_out(seen):
    client, server = pair()
    out, into = os.pipe()
    # Over before it could be coupled: what splices for long is recognised by its program.
    for number in range(5):
        send_all(client, content(number * 2000, 2000))
        got = 0
        while got < 2000:
            wait(server, select.POLLIN)
            got += os.splice(server.fileno(), into, 2000 - got, flags=2)
        verify(os.read(out, 2000), number * 2000)
    client.close()
    wait(server, select.POLLIN)
    seen["end"] = os.splice(server.fileno(), into, 10, flags=2)
    same(seen["end"], 0, "end of stream by splice")


@case("splice out of a coupled connection", coupled=True)
def splice_out_later(seen):
    client, server = pair()
    await_coupled(client, server)
    out, into = os.pipe()
    send_all(client, content(0, 2000))
    wait(server, select.POLLIN)
    seen["spliced"] = splice_some(server.fileno(), into, 2000)
    data = os.read(out, 2000) if seen["spliced"] else recv_exact(server, 2000)
    verify(data, 0)


@case("a relay between two coupled connections", coupled=True)
def relay(seen):
    client, front = pair()
    back, server = pair()
    await_coupled(client, front)
    await_coupled(back, server)
    sent = got = 0
    while got < 2_000_000:
        if sent < 2_000_000:
            try:
                sent += client.send(content(sent, 5000))
            except BlockingIOError:
                pass
        if events_now(front, select.POLLIN):
            send_all(back, front.recv(65536))
        if events_now(server, select.POLLIN):
            data = server.recv(65536)
            verify(data, got)
            got += len(data)
    seen["relayed"] = got >= 2_000_000


@case("a stream that turns from small messages to bulk and back", coupled=True, limit=20)
def bulk_and_back(seen):
    client, server = pair()
    coupled = watcher(client)
    at = duplex([(client, server, 50_000, 500, 0), (server, client, 50_000, 500, 0)], until=coupled)
    for _ in range(3):
        for chunk, size in ((500, 100_000), (1 << 20, 20 << 20), (64, 20_000)):
            got = duplex([(client, server, size, chunk, at[0]), (server, client, 50_000, 500, at[1])])
            at = [at[0] + got[0], at[1] + got[1]]
    seen["phases"] = 9
