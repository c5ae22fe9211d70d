"""A name server of a test: `dns-server.py ADDRESS [PORT]` answers A with 192.0.2.77 and AAAA with 2001:db8::77 to whatever is
asked over UDP and TCP, and prints each question as `udp|tcp NAME TYPE FROM`."""
import selectors
import socket
import struct
import sys

ADDRESS = sys.argv[1]
PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 53
FAMILY = socket.AF_INET6 if ":" in ADDRESS else socket.AF_INET


def question(message):
    """The name, type and end of the first question."""
    labels, at = [], 12
    while message[at]:
        labels.append(message[at + 1 : at + 1 + message[at]].decode())
        at += 1 + message[at]
    return ".".join(labels), struct.unpack_from("!H", message, at + 1)[0], at + 5


def answer(message, protocol, sender):
    """The answer to a query."""
    name, kind, end = question(message)
    print(protocol, name, kind, sender, flush=True)
    data = {1: socket.inet_aton("192.0.2.77"), 28: socket.inet_pton(socket.AF_INET6, "2001:db8::77")}.get(kind)
    if name.startswith("large.") and protocol == "udp":  # truncated: ask again by TCP
        return message[:2] + struct.pack("!HHHHH", 0x8380, 1, 0, 0, 0) + message[12:end]
    if data is None:
        return message[:2] + struct.pack("!HHHHH", 0x8180, 1, 0, 0, 0) + message[12:end]
    record = struct.pack("!HHHIH", 0xC00C, kind, 1, 30, len(data)) + data
    return message[:2] + struct.pack("!HHHHH", 0x8180, 1, 1, 0, 0) + message[12:end] + record


def exactly(stream, count):
    """That many bytes, or none at the end."""
    data = b""
    while len(data) < count:
        part = stream.recv(count - len(data))
        if not part:
            return b""
        data += part
    return data


def serve_tcp(stream, peer):
    """Answers every query of one connection."""
    with stream:
        while head := exactly(stream, 2):
            reply = answer(exactly(stream, struct.unpack("!H", head)[0]), "tcp", peer[0])
            stream.sendall(struct.pack("!H", len(reply)) + reply)


datagrams = socket.socket(FAMILY, socket.SOCK_DGRAM)
datagrams.bind((ADDRESS, PORT))
listener = socket.socket(FAMILY, socket.SOCK_STREAM)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind((ADDRESS, PORT))
listener.listen()
selector = selectors.DefaultSelector()
for one in (datagrams, listener):
    selector.register(one, selectors.EVENT_READ)
print("listening", flush=True)
while True:
    for key, _ in selector.select():
        if key.fileobj is datagrams:
            message, sender = datagrams.recvfrom(4096)
            datagrams.sendto(answer(message, "udp", sender[0]), sender)
        else:
            serve_tcp(*listener.accept())
