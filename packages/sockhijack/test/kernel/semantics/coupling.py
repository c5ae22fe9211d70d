"""The point in a case at which its connection has to be coupled, or has to be refused coupling.

Connections begin as plain TCP and are coupled some milliseconds later, so a case marks where it needs that to have happened.
Without MITSU_FLOWS in the environment all of this does nothing, so that the assertions around it are the same in both modes.
"""
import json
import os
import select
import shlex
import socket
import subprocess
import time

import sockets

FLOWS = os.environ.get("MITSU_FLOWS")
PING = b"PING...."
GO = b"GO......"
_DEADLINE_S = 20  # a hang, not slowness: the machine may be busy
# Longer than a connection that is fit needs until it is coupled.
_SETTLED_S = 0.15
_marks = []


def begin(_case):
    """Forgets what an earlier case marked."""
    _marks.clear()


def end(case):
    """Fails a case that is registered as coupled (or as not) but never checked that it was."""
    if FLOWS and case.coupled is True:
        assert "redirected" in _marks, "the case never awaited its coupling"
    if FLOWS and case.coupled is False:
        assert "tcp" in _marks, "the case never checked that its connection stays on TCP"


def verdict():
    """What the flows of this case came to, for the outcome line."""
    return ",".join(_marks)


def _ports(sock):
    return {sock.getsockname()[1], sock.getpeername()[1]}


def _matching(text, ports):
    """The flows between the two ports, whichever end is the client, and in whatever namespaces."""
    return [flow for flow in json.loads(text)["flows"] if {flow["client"]["port"], flow["server"]["port"]} == ports]


def _ask():
    """Asks for the flows: `unix:PATH` is a socket that answers with them (see flows-relay.ts), all else a command that prints them."""
    if FLOWS.startswith("unix:"):
        asked = socket.socket(socket.AF_UNIX)
        asked.connect(FLOWS[5:])
        return asked.makefile("rb")
    return subprocess.Popen(shlex.split(FLOWS), stdout=subprocess.PIPE).stdout


def flows_of(ports):
    """Asks sockhijack once for the flows between the two ports."""
    with _ask() as asked:
        return _matching(asked.read(), ports)


def ping(sock, peer):
    """One message there and one back; `peer` is the other end if it is in this process, else the other end echoes."""
    _send(sock, PING)
    if peer is not None:
        sockets.same_bytes(_take(peer, len(PING)), PING)
        _send(peer, PING)
    sockets.same_bytes(_take(sock, len(PING)), PING)


def _send(sock, data):
    if sock.gettimeout() == 0:
        sockets.send_all(sock, data)
    else:
        sock.sendall(data)


def _take(sock, length):
    if sock.gettimeout() == 0:
        return sockets.recv_exact(sock, length)
    got = b""
    while len(got) < length:
        got += sock.recv(length - len(got))
    return got


def await_coupled(sock, peer=None, count=1):
    """Exchanges messages until sockhijack says that the flow is redirected (of equal ports: `count` flows); fails after 5 s."""
    if not FLOWS:
        return
    states = _converse(sock, peer, lambda flows: sum(flow["state"] == "redirected" for flow in flows) >= count, _DEADLINE_S)
    assert states is None, f"not redirected after {_DEADLINE_S} s: {states}"
    _marks.append("redirected")


def expect_tcp(sock, peer=None):
    """Exchanges messages for longer than coupling takes, then requires that the flow is on TCP and that a reason is given."""
    if not FLOWS:
        return
    _converse(sock, peer, lambda _: False, _SETTLED_S)
    flows = flows_of(_ports(sock))
    assert flows and all(flow["state"] == "tcp" and flow["reason"] for flow in flows), f"should stay on TCP with a reason: {flows}"
    _marks.append("tcp")


def expect_uncoupled(sock):
    """Sends and reads nothing for longer than coupling takes, then requires that the flow is on TCP."""
    if not FLOWS:
        return
    deadline = time.monotonic() + _SETTLED_S
    while time.monotonic() < deadline:
        flows = flows_of(_ports(sock))
        assert flows and all(flow["state"] == "tcp" and flow["reason"] for flow in flows), f"should stay on TCP with a reason: {flows}"


def await_left(sock):
    """After the program asked for what cannot be carried: waits until the flow is back on TCP; sends nothing."""
    if not FLOWS:
        return
    ports, deadline = _ports(sock), time.monotonic() + _DEADLINE_S
    while any(flow["state"] == "redirected" or flow["reason"] == "leaving" for flow in flows_of(ports)):
        assert time.monotonic() < deadline, f"still redirected after {_DEADLINE_S} s"
    _marks.append("left")


def settle(sock, peer=None):
    """Gives the connection time to be coupled, and leaves it open whether it is: the case must hold either way."""
    if not FLOWS:
        return
    left = _converse(sock, peer, lambda flows: any(flow["state"] == "redirected" for flow in flows), _SETTLED_S)
    _marks.append("either:redirected" if left is None else "either:tcp")


def _converse(sock, peer, done, seconds):
    """Pings while asking for the flows again and again; returns None once `done(flows)`, else the last flows seen."""
    ports = _ports(sock)
    deadline = time.monotonic() + seconds
    while True:
        with _ask() as asked:
            # A dozen messages between two looks, more when the answer takes its time.
            for _ in range(12):
                ping(sock, peer)
            while not sockets.events_now(asked, select.POLLIN, 2):
                ping(sock, peer)
            flows = _matching(asked.read(), ports)
        if done(flows):
            return None
        if time.monotonic() > deadline:
            return flows


def watcher(sock, seconds=_DEADLINE_S):
    """For streams that are busy while they get coupled: a function that is true once the flow is redirected (plain: at once)."""
    if not FLOWS:
        return lambda: True
    ports, deadline = _ports(sock), time.monotonic() + seconds
    asked = [_ask()]

    def coupled():
        if not sockets.events_now(asked[0], select.POLLIN):
            return False
        with asked[0] as answer:
            flows = _matching(answer.read(), ports)
        if any(flow["state"] == "redirected" for flow in flows):
            _marks.append("redirected")
            return True
        assert time.monotonic() < deadline, f"not redirected after {seconds} s: {flows}"
        asked[0] = _ask()
        return False

    return coupled


def release(sock):
    """Ends the echo phase of a peer process (see peer.py)."""
    _send(sock, GO)
    sockets.same_bytes(_take(sock, len(GO)), GO)
