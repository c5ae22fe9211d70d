"""Processes: fork, exec, descriptors passed on, killed writers and readers, peers in another service."""
import os
import select
import shlex
import signal
import socket
import subprocess
import sys

from coupling import await_coupled, release
from harness import at_most, case, same
from sockets import accept, content, drain, fill, listener, pair, recv_exact, recv_to_end, send_all, stream, verify, wait


class Peer:
    """A peer.py process and a non-blocking connection to it, whose coupling is awaited and whose role has begun."""

    def __init__(self, role, couple=True):
        prefix = shlex.split(os.environ.get("MITSU_PEER", ""))
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peer.py")
        self.process = subprocess.Popen([*prefix, sys.executable, "-B", script, role], stdout=subprocess.PIPE, text=True)
        port, pid = self.process.stdout.readline().split()
        self.pid = int(pid)
        self.socket = socket.create_connection(("127.0.0.1", int(port)))
        self.socket.setblocking(False)
        if couple:
            await_coupled(self.socket)
        release(self.socket)

    def kill(self):
        """SIGKILL to the process itself, not to what may wrap it."""
        os.kill(self.pid, signal.SIGKILL)


@case("fork: parent and child write to one coupled connection in turn", coupled=True)
def fork(seen):
    client, server = pair()
    await_coupled(client, server)
    for turn in range(20):
        pid = os.fork()
        if pid == 0:
            send_all(client, content(turn, 1000))
            os._exit(0)
        os.waitpid(pid, 0)
        send_all(client, content(turn + 1000, 1000))
        verify(recv_exact(server, 2000), turn)
    seen["turns"] = 20


@case("fork: the connection stays open until the child closes it too", coupled=True)
def fork_close(seen):
    client, server = pair()
    await_coupled(client, server)
    gate_out, gate_in = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.read(gate_out, 1)
        send_all(client, b"from the child")
        os._exit(0)
    client.close()
    os.write(gate_in, b"x")
    data, end = recv_to_end(server)
    os.waitpid(pid, 0)
    seen["read"] = [data.decode(), end]
    same(seen["read"], ["from the child", "eof"], "read")


@case("a listener shared by forked workers", limit=15)
def prefork(seen):
    server = listener()
    workers = []
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            while True:
                try:
                    accepted = accept(server, 3)
                except (BlockingIOError, TimeoutError):
                    continue
                number = recv_exact(accepted, 100)
                send_all(accepted, number)
                accepted.close()
        workers.append(pid)
    for number in range(200):
        client = socket.create_connection(server.getsockname())
        client.setblocking(False)
        send_all(client, content(number, 100))
        data, end = recv_to_end(client)
        verify(data, number)
        same((len(data), end), (100, "eof"), "answer")
        client.close()
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    seen["answers"] = 200


@case("SCM_RIGHTS: a coupled socket works on in the process it was passed to", coupled=True)
def fd_passing(seen):
    client, server = pair()
    await_coupled(client, server)
    ours, theirs = socket.socketpair()
    send_all(client, content(0, 5000))
    pid = os.fork()
    if pid == 0:
        ours.close()
        _, fds, _, _ = socket.recv_fds(theirs, 10, 1)
        passed = socket.socket(fileno=fds[0])
        drain(passed, 0, 10_000)
        send_all(passed, content(7, 3000))
        os._exit(0)
    socket.send_fds(ours, [b"take it"], [server.fileno()])
    server.close()
    send_all(client, content(5000, 5000))
    data, end = recv_to_end(client)
    verify(data, 7)
    same(os.waitpid(pid, 0)[1], 0, "the receiving process")
    seen["back"] = [len(data), end]
    same(seen["back"], [3000, "eof"], "back")


@case("exec: a program started with the coupled socket as stdin and stdout", coupled=True)
def exec_inherits(seen):
    client, server = pair()
    await_coupled(client, server)
    send_all(client, b"already there, ")
    # cat blocks in read(); it inherits O_NONBLOCK, so its parent has to clear it, as inetd does.
    server.setblocking(True)
    child = subprocess.Popen(["/bin/cat"], stdin=server.fileno(), stdout=server.fileno())
    server.close()
    send_all(client, b"and later")
    client.shutdown(socket.SHUT_WR)
    data, end = recv_to_end(client)
    seen["echo"] = [data.decode(), end, child.wait()]
    same(seen["echo"], ["already there, and later", "eof", 0], "cat")


@case("SIGKILL of a writer in mid-stream: a whole prefix, then the end", coupled=True, limit=15)
def killed_writer(seen):
    peer = Peer("flood")
    drain(peer.socket, 0, 300_000)
    peer.kill()
    data, end = recv_to_end(peer.socket)
    verify(data, 300_000)
    seen["end"] = end
    same(seen["end"], "eof", "end")


@case("SIGKILL of a reader in mid-stream: the writer learns of it", coupled=True, limit=15)
def killed_reader(seen):
    peer = Peer("sink")
    sent = 0
    while sent < 2_000_000:
        send_all(peer.socket, content(sent, 5000))
        sent += 5000
    peer.kill()
    outcome = "never"
    for _ in range(200):
        try:
            peer.socket.send(content(0, 5000))
        except BlockingIOError:
            wait(peer.socket, select.POLLOUT | select.POLLIN)
        except (BrokenPipeError, ConnectionResetError):
            outcome = "error"
            break
        select.poll().poll(1)
    seen["write"] = outcome
    same(outcome, "error", "write")


@case("SIGKILL of a process with unread data", coupled=True, limit=15)
def killed_unread(seen):
    peer = Peer("idle")
    send_all(peer.socket, content(0, 3000))
    peer.kill()
    wait(peer.socket, select.POLLIN)
    seen["end"] = recv_to_end(peer.socket)[1]


@case("exit without close: all that was written arrives", coupled=True, limit=15)
def exit_without_close(seen):
    peer = Peer("last-words")
    data, end = recv_to_end(peer.socket)
    verify(data, 0)
    seen["got"] = [len(data), end]
    same(seen["got"], [300_000, "eof"], "last words")


@case("two processes, two services: 2 MB echoed", coupled=True, limit=15)
def two_processes(seen):
    peer = Peer("echo")
    stream(peer.socket, peer.socket, 2_000_000, chunk=4000)
    peer.socket.shutdown(socket.SHUT_WR)
    seen["end"] = recv_to_end(peer.socket)[1]
    same(seen["end"], "eof", "end")


@case("a peer stopped by SIGSTOP holds the writer, SIGCONT lets it go on", coupled=True, limit=15)
def stopped_peer(seen):
    peer = Peer("echo")
    os.kill(peer.pid, signal.SIGSTOP)
    sent = fill(peer.socket, limit=64 << 20, chunk=2000)
    at_most("unread bytes", sent)
    os.kill(peer.pid, signal.SIGCONT)
    drain(peer.socket, 0, sent)
    stream(peer.socket, peer.socket, 100_000, chunk=2000, offset=sent)
    seen["echoed"] = True
