"""A server that says who it is: `who.py NAME tcp|udp ADDRESS PORT…` serves several ports or addresses at once.

TCP: writes `NAME PEER-ADDRESS` on accept, then echoes. UDP: answers each datagram with `NAME DATAGRAM`. Prints `ready` once it listens."""
import asyncio
import socket
import sys

NAME, PROTOCOL, ADDRESS, *PORTS = sys.argv[1:]


async def greet(reader, writer):
    """One connection."""
    try:
        writer.write(f"{NAME} {writer.get_extra_info('peername')[0]}\n".encode())
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


class Answer(asyncio.DatagramProtocol):
    """One UDP socket."""

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, sender):
        self.transport.sendto(NAME.encode() + b" " + data, sender)


async def main():
    """Listens until killed."""
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in ADDRESS else socket.AF_INET
    for port in map(int, PORTS):
        one = socket.socket(family, socket.SOCK_STREAM if PROTOCOL == "tcp" else socket.SOCK_DGRAM)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((ADDRESS, port))
        if PROTOCOL == "tcp":
            await asyncio.start_server(greet, sock=one)
        else:
            await loop.create_datagram_endpoint(Answer, sock=one)
    print("ready", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
