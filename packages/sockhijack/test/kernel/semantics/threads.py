"""Several threads on one connection: readers, writers, a close behind the poller's back."""
import select
import socket
import struct
import threading

from coupling import await_coupled
from harness import case, same
from sockets import content, drain, events_now, pair, recv_exact, recv_to_end, send_all, verify, wait


def coupled_pair():
    """A coupled (client, server) pair."""
    client, server = pair()
    await_coupled(client, server)
    return client, server


def run_all(bodies, timeout=10):
    """Runs the functions as threads and raises the first error of any."""
    errors = []

    def guarded(body):
        try:
            body()
        except BaseException as error:  # any failure of a thread fails the case
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(body,), daemon=True) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout)
        assert not thread.is_alive(), f"a thread does not end; errors so far: {errors}"
    if errors:
        raise errors[0]


@case("four readers share a stream: every byte reaches exactly one", coupled=True)
def readers(seen):
    client, server = coupled_pair()
    total = 10_000
    lock, numbers = threading.Lock(), []

    def reader():
        while True:
            wait(server, select.POLLIN)
            try:
                # Records of 4 bytes; each message is one record, so that a read of 4 takes a whole one.
                data = server.recv(4)
            except BlockingIOError:
                continue
            if not data:
                return
            same(len(data), 4, "record")
            with lock:
                numbers.append(struct.unpack("!I", data)[0])

    def writer():
        for number in range(total):
            send_all(client, struct.pack("!I", number))
        client.shutdown(socket.SHUT_WR)

    run_all([reader, reader, reader, reader, writer])
    same(sorted(numbers), list(range(total)), "records")
    seen["records"] = total


@case("four writers: small messages are not torn", coupled=True)
def writers(seen):
    client, server = coupled_pair()
    each, size = 2000, 64

    def writer(number):
        def body():
            for turn in range(each):
                message = struct.pack("!II", number, turn) + bytes([number]) * (size - 8)
                while True:
                    try:
                        same(client.send(message), size, "whole message")
                        break
                    except BlockingIOError:
                        wait(client, select.POLLOUT)

        return body

    turns = [0] * 4

    def reader():
        for _ in range(4 * each):
            message = recv_exact(server, size)
            number, turn = struct.unpack("!II", message[:8])
            same((turn, message[8:]), (turns[number], bytes([number]) * (size - 8)), "message")
            turns[number] += 1

    run_all([reader] + [writer(number) for number in range(4)])
    seen["turns"] = turns


@case("one thread writes while another reads, on both ends", coupled=True)
def full_duplex(seen):
    client, server = coupled_pair()
    total = 4_000_000

    def write(sock, salt):
        def body():
            at = 0
            while at < total:
                size = min(total - at, at % 6000 + 1)
                send_all(sock, content(at + salt, size))
                at += size

        return body

    def read(sock, salt):
        return lambda: drain(sock, salt, total)

    run_all([write(client, 3), read(server, 3), write(server, 11), read(client, 11)])
    seen["bytes"] = 2 * total


@case("close in another thread while the first polls", coupled=True)
def close_elsewhere(seen):
    client, server = coupled_pair()
    every = select.epoll()
    every.register(server, select.EPOLLIN)
    ready = []
    poller = threading.Thread(target=lambda: ready.extend(every.poll(0.3)), daemon=True)
    poller.start()
    server.close()
    poller.join(5)
    seen["events"] = len(ready)
    seen["peer"] = recv_to_end(client)[1]
    same(seen, {"events": 0, "peer": "eof"}, "close")


@case("shutdown in another thread wakes the poller", coupled=True)
def shutdown_elsewhere(seen):
    client, server = coupled_pair()
    threading.Timer(0.02, lambda: server.shutdown(socket.SHUT_RDWR)).start()
    seen["events"] = wait(server, select.POLLIN)
    seen["own"] = recv_to_end(server)[1]
    seen["peer"] = recv_to_end(client)[1]
    same([seen["own"], seen["peer"]], ["eof", "eof"], "ends")


@case("close while another thread writes: a whole prefix, then the end", coupled=True)
def close_while_writing(seen):
    client, server = coupled_pair()
    sent = [0]

    def writer():
        try:
            while True:
                sent[0] += client.send(content(sent[0], 700))
        except BlockingIOError:
            pass
        except OSError:
            pass

    def shutter():
        events_now(server, select.POLLIN, 1000)
        client.shutdown(socket.SHUT_WR)

    run_all([writer, shutter])
    data, end = recv_to_end(server)
    verify(data, 0)
    seen["end"] = end
    same((len(data), end), (sent[0], "eof"), "prefix")
