"""Readiness: poll, select, epoll in all its modes, FIONREAD, SIOCOUTQ, SO_RCVLOWAT, SIGIO."""
import fcntl
import os
import select
import signal
import socket
import termios

from coupling import await_coupled, await_left, expect_tcp, settle
from harness import case, same
from sockets import content, drain, events_now, fill, pair, queued, recv_exact, send_all, wait

SIOCOUTQ = termios.TIOCOUTQ


def coupled_pair():
    """A coupled (client, server) pair."""
    client, server = pair()
    await_coupled(client, server)
    return client, server


@case("EPOLLET: one event for each arrival, none without", coupled=True)
def edge_triggered(seen):
    client, server = coupled_pair()
    edge = select.epoll()
    edge.register(server, select.EPOLLIN | select.EPOLLET)
    edge.poll(0)
    seen["idle"] = edge.poll(0.02)
    counts = []
    for number in range(20):
        send_all(client, content(number, 100))
        counts.append([len(edge.poll(2)), len(edge.poll(0))])
    same(counts, [[1, 0]] * 20, "an edge per message, though nothing is read")
    same(len(recv_exact(server, 2000)), 2000, "bytes")
    seen["after"] = edge.poll(0.02)
    same(seen, {"idle": [], "after": []}, "no edge without data")


@case("EPOLLET: writable again after a full pipe was drained", coupled=True)
def edge_writable(seen):
    client, server = coupled_pair()
    sent = fill(client)
    edge = select.epoll()
    edge.register(client, select.EPOLLOUT | select.EPOLLET)
    seen["full"] = edge.poll(0)
    drain(server, 0, sent)
    seen["drained"] = len(edge.poll(5))
    same(seen, {"full": [], "drained": 1}, "edges")


@case("EPOLLONESHOT: silent until armed again", coupled=True)
def one_shot(seen):
    client, server = coupled_pair()
    once = select.epoll()
    once.register(server, select.EPOLLIN | select.EPOLLONESHOT)
    send_all(client, b"one")
    seen["first"] = len(once.poll(2))
    send_all(client, b"two")
    seen["disarmed"] = len(once.poll(0.02))
    once.modify(server, select.EPOLLIN | select.EPOLLONESHOT)
    seen["armed"] = len(once.poll(2))
    seen["data"] = recv_exact(server, 6).decode()
    same(seen, {"first": 1, "disarmed": 0, "armed": 1, "data": "onetwo"}, "events")


@case("level-triggered: an event until the last byte is read, then none", coupled=True)
def level_triggered(seen):
    client, server = coupled_pair()
    send_all(client, content(0, 100))
    wait(server, select.POLLIN)
    for number in range(100):
        same(events_now(server, select.POLLIN), select.POLLIN, f"event before byte {number}")
        recv_exact(server, 1)
    seen["after"] = events_now(server, select.POLLIN, 20)
    same(seen["after"], 0, "event after the last byte")


@case("poll: POLLRDHUP at half-close, POLLHUP when both ways are shut", coupled=True)
def hang_up(seen):
    client, server = coupled_pair()
    interest = select.POLLIN | select.POLLOUT | select.POLLRDHUP
    seen["open"] = events_now(server, interest)
    client.shutdown(socket.SHUT_WR)
    seen["half"] = wait(server, select.POLLIN | select.POLLRDHUP)
    server.shutdown(socket.SHUT_WR)
    wait(server, 0)
    seen["both"] = events_now(server, interest)
    same(seen["half"], select.POLLIN | select.POLLRDHUP, "half-close")
    assert seen["both"] & select.POLLHUP, "no POLLHUP"


@case("poll: not writable when full, writable after the reader drained", coupled=True)
def writable(seen):
    client, server = coupled_pair()
    sent = fill(client)
    seen["full"] = events_now(client, select.POLLOUT, 20)
    drain(server, 0, sent)
    seen["drained"] = wait(client, select.POLLOUT)
    same(seen["full"], 0, "writable while full")


@case("select() sees data, room and the end", coupled=True)
def selected(seen):
    client, server = coupled_pair()
    seen["idle"] = [len(part) for part in select.select([server], [server], [server], 0)]
    send_all(client, b"data")
    seen["data"] = [len(part) for part in select.select([server], [], [server], 2)]
    recv_exact(server, 4)
    client.close()
    seen["end"] = [len(part) for part in select.select([server], [], [server], 2)]
    same(seen, {"idle": [0, 1, 0], "data": [1, 0, 0], "end": [1, 0, 0]}, "select")


@case("one epoll over 200 coupled and plain sockets wakes for the right ones", limit=20)
def many_sockets(seen):
    pairs = [pair() for _ in range(200)]
    settle(*pairs[0])
    every = select.epoll()
    owner = {}
    for number, (_, server) in enumerate(pairs):
        every.register(server, select.EPOLLIN)
        owner[server.fileno()] = number
    for turn in range(200):
        chosen = {(turn * 7 + step * 31) % 200 for step in range(5)}
        for number in chosen:
            send_all(pairs[number][0], content(turn, 64))
        left = set(chosen)
        while left:
            ready = every.poll(2)
            assert ready, f"no event for {left}"
            for fd, _ in ready:
                assert owner[fd] in left, f"event for {owner[fd]}, which has nothing"
                recv_exact(pairs[owner[fd]][1], 64)
                left.remove(owner[fd])
    seen["turns"] = 200


@case("FIONREAD counts every byte, before and after partial reads, at both ends", coupled=True)
def fionread(seen):
    for who, (sender, reader) in (("server", coupled_pair()), ("client", coupled_pair()[::-1])):
        told = seen[who] = {"idle": queued(reader)}
        sent = 0
        for size in (1, 100, 3000, 20_000):
            send_all(sender, content(sent, size))
            sent += size
            wait(reader, select.POLLIN)
        told["sent"] = queued(reader)
        recv_exact(reader, 150)
        told["after 150"] = queued(reader)
        recv_exact(reader, sent - 150)
        told["drained"] = queued(reader)
        same(told, {"idle": 0, "sent": sent, "after 150": sent - 150, "drained": 0}, f"FIONREAD of the {who}")


@case("reading by FIONREAD only, as nginx and Java do, gets the whole stream", coupled=True)
def fionread_reader(seen):
    client, server = coupled_pair()
    got, sent, total = 0, 0, 400_000
    while got < total:
        if sent < total:
            size = (sent * 7919) % 5000 + 1
            send_all(client, content(sent, size))
            sent += size
            total = max(total, sent)
        wait(server, select.POLLIN)
        there = queued(server)
        assert there > 0, f"readable, but FIONREAD is {there} at {got}"
        same(recv_exact(server, there), content(got, there), "bytes")
        got += there
    seen["stream"] = "whole"


@case("SIOCOUTQ returns to 0 once the peer has everything", coupled=True)
def siocoutq(seen):
    client, server = coupled_pair()
    send_all(client, content(0, 30_000))
    drain(server, 0, 30_000)
    for _ in range(1000):
        if queued(client, SIOCOUTQ) == 0:
            break
        events_now(server, select.POLLIN, 1)
    seen["left"] = queued(client, SIOCOUTQ)
    same(seen["left"], 0, "SIOCOUTQ")


@case("SO_RCVLOWAT set from the start: readable at the mark only", coupled=False)
def low_water(seen):
    def mark(sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 8)

    client, server = pair(prepare=mark)
    expect_tcp(client, server)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1000)
    check_low_water(client, server, seen)


@case("SO_RCVLOWAT set on a coupled connection: readable at the mark only", coupled=True)
def low_water_later(seen):
    client, server = coupled_pair()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1000)
    await_left(client)
    check_low_water(client, server, seen)


def check_low_water(client, server, seen):
    """500 bytes do not wake the reader, 1000 do."""
    send_all(client, content(0, 500))
    seen["below"] = events_now(server, select.POLLIN, 50)
    send_all(client, content(500, 500))
    seen["at"] = wait(server, select.POLLIN)
    seen["option"] = server.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT)
    drain(server, 0, 1000)
    same(seen, {"below": 0, "at": select.POLLIN, "option": 1000}, "SO_RCVLOWAT")


@case("O_ASYNC: SIGIO at arrival", coupled=True)
def sigio(seen):
    client, server = coupled_pair()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGIO])
    fcntl.fcntl(server, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(server, fcntl.F_SETFL, fcntl.fcntl(server, fcntl.F_GETFL) | os.O_ASYNC)
    signal.sigtimedwait([signal.SIGIO], 0.01)
    send_all(client, b"wake")
    seen["signal"] = signal.sigtimedwait([signal.SIGIO], 2) is not None
    seen["data"] = recv_exact(server, 4).decode()
    same(seen, {"signal": True, "data": "wake"}, "SIGIO")


@case("idle for half a second with keep-alive on, then messages again", coupled=True)
def idle_then_send(seen):
    client, server = pair(prepare=lambda sock: sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1))
    await_coupled(client, server)
    for turn in range(2):
        seen[f"idle {turn}"] = events_now(server, select.POLLIN | select.POLLRDHUP, 500)
        send_all(client, content(turn, 4000))
        same(recv_exact(server, 4000), content(turn, 4000), "message")
        send_all(server, content(turn, 4000))
        same(recv_exact(client, 4000), content(turn, 4000), "answer")
    same(seen, {"idle 0": 0, "idle 1": 0}, "events while idle")
