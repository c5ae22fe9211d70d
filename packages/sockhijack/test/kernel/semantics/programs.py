"""Whole programs of the usual kinds on both ends: blocking Python, asyncio, Node, TLS."""
import asyncio
import hashlib
import http.client
import http.server
import os
import select
import socket
import ssl
import subprocess
import threading
import urllib.request

from coupling import await_coupled
from harness import case, same
from sockets import accept, content, listener, pair, recv_exact, recv_to_end, send_all, stream, verify

NODE = os.environ.get("MITSU_NODE", "node")


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with a stretch of the test stream: GET /LENGTH."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        """One answer."""
        body = content(0, int(self.path[1:]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Quiet."""


@case("Python's blocking http.server with urllib")
def http_server(seen):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for size in (0, 1, 1000, 100_000, 3_000_000) * 4:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/{size}", timeout=5) as answer:
            verify(answer.read(), 0)
    seen["requests"] = 20


@case("Python's http.server: one kept connection, requests 20 ms apart")
def http_kept(seen):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
    for size in (10, 3000, 70_000) * 8:
        client.request("GET", f"/{size}")
        verify(client.getresponse().read(), 0)
        select.poll().poll(20)
    seen["requests"] = 24


@case("asyncio server and client", coupled=True)
def asyncio_streams(seen):
    async def serve(reader, writer):
        while True:
            data = await reader.read(5000)
            if not data:
                break
            writer.write(data)
            await writer.drain()
        writer.close()

    server = listener()
    client = socket.create_connection(server.getsockname())
    client.setblocking(False)
    accepted = accept(server)
    await_coupled(client, accepted)

    async def main():
        served = asyncio.create_task(serve(*await asyncio.open_connection(sock=accepted)))
        reader, writer = await asyncio.open_connection(sock=client)
        total = 1_000_000

        async def write():
            for at in range(0, total, 4000):
                writer.write(content(at, 4000))
                await writer.drain()
            writer.write_eof()

        writing = asyncio.create_task(write())
        got = await reader.read(-1)
        await writing
        await served
        verify(got, 0)
        seen["echoed"] = len(got)

    asyncio.run(asyncio.wait_for(main(), 8))
    same(seen["echoed"], 1_000_000, "echo")


NODE_ECHO = """
const server = require("node:net").createServer({allowHalfOpen: true}, (socket) => { socket.pipe(socket); socket.on("error", () => {}); });
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
"""

NODE_DUAL_HTTP = """
const server = require("node:http").createServer((request, response) => {
  const hash = require("node:crypto").createHash("sha256");
  request.on("data", (part) => hash.update(part));
  request.on("end", () => response.end(hash.digest("hex")));
});
server.listen(0, () => console.log(server.address().port));
"""

NODE_CLIENT = """
const socket = require("node:net").connect({port: Number(process.argv[1]), host: "127.0.0.1", allowHalfOpen: true});
socket.pipe(socket);
"""


def node(script, *arguments):
    """A Node process that runs the script."""
    return subprocess.Popen([NODE, "-e", script, *arguments], stdout=subprocess.PIPE, text=True)


@case("Node's net server, piped to itself", coupled=True, limit=15)
def node_echo(seen):
    program = node(NODE_ECHO)
    client = socket.create_connection(("127.0.0.1", int(program.stdout.readline())))
    client.setblocking(False)
    await_coupled(client)
    stream(client, client, 3_000_000, chunk=5000)
    client.shutdown(socket.SHUT_WR)
    seen["end"] = recv_to_end(client)[1]
    same(seen["end"], "eof", "end")


@case("Node's net client, piped to itself", coupled=True, limit=15)
def node_client(seen):
    server = listener()
    node(NODE_CLIENT, str(server.getsockname()[1]))
    accepted = accept(server)
    await_coupled(accepted)
    stream(accepted, accepted, 3_000_000, chunk=5000)
    accepted.shutdown(socket.SHUT_WR)
    seen["end"] = recv_to_end(accepted)[1]
    same(seen["end"], "eof", "end")


@case("Node's http server on :: with a kept connection and bodies up to 1 MB", limit=15)
def node_http(seen):
    program = node(NODE_DUAL_HTTP)
    client = http.client.HTTPConnection("127.0.0.1", int(program.stdout.readline()), timeout=5)
    for size in (0, 10, 2000, 50_000, 1_000_000) * 8:
        client.request("POST", "/", content(size, size))
        same(client.getresponse().read().decode(), hashlib.sha256(content(size, size)).hexdigest(), f"hash of {size} bytes")
    seen["requests"] = 40


def anonymous(side):
    """A TLS context without certificates, as both ends are this case's own."""
    context = ssl.SSLContext(side)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AECDH-AES256-SHA:ADH-AES256-GCM-SHA384:@SECLEVEL=0")
    return context


@case("TLS records are whole", coupled=True)
def tls(seen):
    client, server = pair()
    await_coupled(client, server)
    left = anonymous(ssl.PROTOCOL_TLS_CLIENT).wrap_socket(client, do_handshake_on_connect=False)
    right = anonymous(ssl.PROTOCOL_TLS_SERVER).wrap_socket(server, server_side=True, do_handshake_on_connect=False)
    pending = [left, right]
    while pending:
        for end in list(pending):
            try:
                end.do_handshake()
                pending.remove(end)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
    sent = got = 0
    while got < 2_000_000:
        if sent < 2_000_000:
            try:
                sent += left.send(content(sent, 16_000))
            except ssl.SSLWantWriteError:
                pass
        try:
            data = right.recv(65536)
        except ssl.SSLWantReadError:
            continue
        verify(data, got)
        got += len(data)
    seen["cipher"] = left.cipher()[0]
    seen["bytes"] = got >= 2_000_000


@case("pipelined requests of random sizes, answered in order", coupled=True)
def pipelined(seen):
    client, server = pair(prepare=lambda sock: sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1))
    await_coupled(client, server)
    sizes = [(number * 7919) % 3000 + 4 for number in range(400)]
    asked = 0
    for number, size in enumerate(sizes):
        send_all(client, size.to_bytes(4, "big"))
        asked += 1
        if asked == 16 or number == len(sizes) - 1:
            for turn in range(number + 1 - asked, number + 1):
                wanted = int.from_bytes(recv_exact(server, 4), "big")
                same(wanted, sizes[turn], "request")
                send_all(server, content(turn, wanted))
            for turn in range(number + 1 - asked, number + 1):
                verify(recv_exact(client, sizes[turn]), turn)
            asked = 0
    seen["requests"] = len(sizes)
