"""Blocking sockets: they sleep, wake, time out and are interrupted as on plain TCP; sockhijack never couples them."""
import select
import signal
import socket
import struct
import threading
import time

from coupling import await_coupled, expect_tcp, settle
from harness import case, errno_of, same
from sockets import content, events_now, pair, recv_to_end, verify, wait


def await_asleep(thread):
    """Waits until the kernel shows the thread asleep in a socket call (recvfrom 45, sendto 44, recvmsg 47, read 0, write 1)."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        with open(f"/proc/self/task/{thread.native_id}/syscall") as file:
            if file.read().split()[0] in ("45", "44", "47", "0", "1"):
                return
        select.poll().poll(1)
    raise TimeoutError("the thread never went to sleep in its call")


def in_thread(call):
    """Starts a thread that stores what the call returned, or its errno's name; returns (thread, list of one result)."""
    result = []

    def body():
        try:
            result.append(call())
        except OSError as error:
            import errno

            result.append(errno.errorcode.get(error.errno, repr(error)))

    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    return thread, result


def joined(thread, result):
    """The thread's result; raises when it does not end in 5 s."""
    thread.join(5)
    assert not thread.is_alive(), "the thread is still asleep in its call"
    return result[0]


def blocking_pair():
    """A pair of blocking sockets that has proved to stay on TCP."""
    client, server = pair(blocking=True)
    expect_tcp(client, server)
    return client, server


@case("a blocking reader wakes for data", coupled=False)
def wakes_for_data(seen):
    client, server = blocking_pair()
    for number in range(20):
        thread, result = in_thread(lambda: server.recv(100))
        await_asleep(thread)
        client.sendall(content(number, 100))
        verify(joined(thread, result), number)
    seen["times"] = 20


@case("a blocking reader wakes for the peer's half-close", coupled=False)
def wakes_for_end(seen):
    client, server = blocking_pair()
    thread, result = in_thread(lambda: server.recv(100))
    await_asleep(thread)
    client.shutdown(socket.SHUT_WR)
    seen["read"] = repr(joined(thread, result))
    same(seen["read"], "b''", "read")


@case("a blocking reader wakes for a reset", coupled=False)
def wakes_for_reset(seen):
    client, server = blocking_pair()
    thread, result = in_thread(lambda: server.recv(100))
    await_asleep(thread)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    seen["read"] = joined(thread, result)
    same(seen["read"], "ECONNRESET", "read")


@case("a blocking reader wakes for its own shutdown in another thread", coupled=False)
def wakes_for_own_shutdown(seen):
    _client, server = blocking_pair()
    thread, result = in_thread(lambda: server.recv(100))
    await_asleep(thread)
    server.shutdown(socket.SHUT_RDWR)
    seen["read"] = repr(joined(thread, result))
    same(seen["read"], "b''", "read")


@case("a signal interrupts a blocking reader, which then reads on", coupled=False)
def interrupted(seen):
    class Stop(Exception):
        """Raised by the handler, so that Python does not restart the call."""

    def stop(_number, _frame):
        raise Stop

    client, server = blocking_pair()
    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        server.recv(10)
        seen["recv"] = "returned"
    except Stop:
        seen["recv"] = "interrupted"
    client.sendall(b"after")
    seen["after"] = server.recv(10).decode()
    same(seen, {"recv": "interrupted", "after": "after"}, "signal")


@case("a restarting signal does not end a blocking read", coupled=False)
def restarted(seen):
    client, server = blocking_pair()
    caught = []
    signal.signal(signal.SIGUSR1, lambda *_: caught.append(1))
    signal.siginterrupt(signal.SIGUSR1, False)
    thread, result = in_thread(lambda: server.recv(10))
    await_asleep(thread)
    signal.pthread_kill(thread.ident, signal.SIGUSR1)
    await_asleep(thread)
    client.sendall(b"late")
    seen["read"] = joined(thread, result).decode()
    seen["signals"] = len(caught)
    same(seen, {"read": "late", "signals": 1}, "SA_RESTART")


@case("SO_RCVTIMEO ends a blocking read in time", coupled=False)
def receive_timeout(seen):
    client, server = blocking_pair()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 100_000))
    began = time.monotonic()
    seen["empty"] = errno_of(server.recv, 10)
    waited = time.monotonic() - began
    assert 0.09 < waited < 1, f"waited {waited:.3f} s instead of 0.1 s"
    client.sendall(b"now")
    seen["then"] = server.recv(10).decode()
    same(seen, {"empty": "EAGAIN", "then": "now"}, "SO_RCVTIMEO")


@case("SO_SNDTIMEO ends a blocking write in time", coupled=False)
def send_timeout(seen):
    client, server = blocking_pair()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 100_000))
    sent = 0
    while True:
        try:
            sent += client.send(content(sent, 65536))
        except BlockingIOError:
            break
        assert sent < 64 << 20, "the writer is never stopped"
    client.shutdown(socket.SHUT_WR)
    data, end = recv_to_end(server)
    verify(data, 0)
    seen["end"] = end
    same(len(data), sent, "bytes")


@case("a blocking writer wakes when the reader drains", coupled=False)
def writer_wakes(seen):
    client, server = blocking_pair()
    thread, result = in_thread(lambda: client.sendall(content(0, 20_000_000)) or "sent")
    await_asleep(thread)
    got = 0
    while got < 20_000_000:
        data = server.recv(1 << 20)
        verify(data, got)
        got += len(data)
    seen["writer"] = joined(thread, result)
    same(seen["writer"], "sent", "writer")


@case("O_NONBLOCK switched off after the connection was coupled", coupled=True)
def turned_blocking(seen):
    client, server = pair()
    await_coupled(client, server)
    server.setblocking(True)
    client.setblocking(True)
    for number in range(30):
        thread, result = in_thread(lambda: server.recv(100))
        await_asleep(thread)
        client.sendall(content(number, 100))
        verify(joined(thread, result), number)
    thread, result = in_thread(lambda: server.recv(100))
    await_asleep(thread)
    client.shutdown(socket.SHUT_WR)
    seen["end"] = repr(joined(thread, result))
    same(seen["end"], "b''", "end")


@case("a signal during a read on a socket that was coupled and turned blocking", coupled=True)
def turned_blocking_signal(seen):
    client, server = pair()
    await_coupled(client, server)
    server.setblocking(True)
    signal.signal(signal.SIGALRM, lambda *_: client.send(b"late"))
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        seen["read"] = server.recv(10).decode()
    except BlockingIOError:
        seen["read"] = "EAGAIN"
        wait(server, select.POLLIN)
        same(server.recv(10), b"late", "read after EAGAIN")


@case("a pair of one blocking and one non-blocking end", coupled=False)
def half_blocking(seen):
    client, server = pair()
    server.setblocking(True)
    expect_tcp(client, server)
    for number in range(100):
        client.send(content(number, 300))
        verify(server.recv(300, socket.MSG_WAITALL), number)
        server.sendall(content(number, 100))
        while not events_now(client, select.POLLIN, 1000):
            pass
        verify(client.recv(100), number)
    seen["turns"] = 100


@case("Python timeouts (poll, then a non-blocking call) read and write as asked")
def python_timeout(seen):
    client, server = pair()
    settle(client, server)
    server.settimeout(0.1)
    try:
        server.recv(10)
        seen["empty"] = "returned"
    except TimeoutError:
        seen["empty"] = "timed out"
    client.send(b"there")
    seen["data"] = server.recv(10).decode()
    same(seen, {"empty": "timed out", "data": "there"}, "settimeout")
