import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { issueInto } from "../../src/certificates/mod.ts";
import { type IncomingRequest, LinkPool, LinkServer } from "../../src/links/mod.ts";
import { envoyBinary, envoyCluster, envoyHttp2, envoyTls, freePort, startEnvoy } from "./envoy.ts";
import { authorityIn, caller, echo, folder, identityIn, open, trustDomain, until, Watched } from "./two-nodes.ts";

const binary = envoyBinary();

function skipped(t: ExecutionContext): boolean {
  if (binary !== undefined) return false;
  t.log("skipped: Envoy is not here; bench/same-node.sh fetches it, or set MITSU_ENVOY to the binary");
  t.pass();
  return true;
}

/** Two nodes' certificate folders. */
async function certificates(t: ExecutionContext): Promise<{ dir: string; a: string; b: string }> {
  const dir = await folder(t);
  const authority = await authorityIn(join(dir, "ca"));
  const [a, b] = [join(dir, "a"), join(dir, "b")];
  await issueInto(a, authority, { kind: "node", name: "node-a" });
  await issueInto(b, authority, { kind: "node", name: "node-b" });
  return { dir, a, b };
}

/** A listener of Envoy that sends each TCP connection through a CONNECT of HTTP/2 to `linkPort`. */
function tunnel(port: number, to: string): object {
  return {
    name: `tunnel-${port}`,
    address: { socket_address: { address: "127.0.0.1", port_value: port } },
    filter_chains: [
      {
        filters: [
          {
            name: "envoy.filters.network.tcp_proxy",
            typed_config: {
              "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
              stat_prefix: "tunnel",
              cluster: "link",
              tunneling_config: {
                hostname: to,
                headers_to_add: [
                  { header: { key: "baggage", value: "k8s.namespace.name=shop,service.name=web" } },
                  { header: { key: "forwarded", value: "for=%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%" } },
                ],
              },
            },
          },
        ],
      },
    ],
  };
}

/** All that comes by a TCP connection, to its end. */
async function talk(port: number, bytes: Buffer): Promise<Buffer> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => {});
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  socket.end(bytes);
  await new Promise((resolve) => socket.once("close", resolve));
  return Buffer.concat(chunks);
}

test("Envoy as the client: tcp_proxy's tunnels over mutual TLS reach a LinkServer, which knows node and caller", async (t) => {
  if (skipped(t)) return;
  const { dir, a, b } = await certificates(t);
  const seen: IncomingRequest[] = [];
  const server = new LinkServer({
    security: { security: "mtls", trustDomain, identity: () => identityIn(b) },
    permits: (to) => to === "10.0.0.7:8080",
    connect: (request) => echo(request, seen),
  });
  const linkPort = await server.listen(0, "127.0.0.1");
  t.teardown(() => server.close());
  const [good, bad] = [await freePort(), await freePort()];
  await startEnvoy(t, binary!, dir, {
    static_resources: {
      listeners: [tunnel(good, "10.0.0.7:8080"), tunnel(bad, "10.0.0.9:22")],
      clusters: [
        envoyCluster("link", linkPort, { ...envoyHttp2, transport_socket: envoyTls("Upstream", a, "spiffe://mesh.local/node/node-b") }),
      ],
    },
  });
  const bytes = Buffer.alloc(3_000_000, "through Envoy ");
  t.true(bytes.equals(await talk(good, bytes)));
  t.like(seen[0], { node: "node-a", target: { address: "10.0.0.7", port: 8080 } });
  t.deepEqual(seen[0]!.caller, { service: "web", address: "127.0.0.1", port: 0, by: "link" });
  const many = await Promise.all(Array.from({ length: 50 }, (_, i) => talk(good, Buffer.from(`connection ${i}`))));
  t.deepEqual(
    many.map(String),
    many.map((_, i) => `connection ${i}`),
  );
  t.is(server.status().length, 1);
  // Refused with 403: Envoy closes the program's connection.
  t.is((await talk(bad, Buffer.from("x"))).length, 0);
  t.is(server.refusals.counts["not-permitted"], 1);
});

test("Envoy as the client with a service's certificate is refused and counted", async (t) => {
  if (skipped(t)) return;
  const { dir, b } = await certificates(t);
  const { loadAuthority } = await import("../../src/certificates/mod.ts");
  await issueInto(join(dir, "web"), await loadAuthority(join(dir, "ca")), { kind: "service", name: "web" });
  const server = new LinkServer({
    security: { security: "mtls", trustDomain, identity: () => identityIn(b) },
    permits: () => true,
    connect: () => t.fail("it was let in"),
  });
  const linkPort = await server.listen(0, "127.0.0.1");
  t.teardown(() => server.close());
  const port = await freePort();
  await startEnvoy(t, binary!, dir, {
    static_resources: {
      listeners: [tunnel(port, "10.0.0.7:8080")],
      clusters: [
        envoyCluster("link", linkPort, {
          ...envoyHttp2,
          transport_socket: envoyTls("Upstream", join(dir, "web"), "spiffe://mesh.local/node/node-b"),
        }),
      ],
    },
  });
  t.is((await talk(port, Buffer.from("x"))).length, 0);
  t.true(server.refusals.counts["not-a-node"] >= 1);
});

/** A listener of Envoy that ends CONNECT and goes on by TCP to the cluster `program`. */
function terminator(port: number, dir: string, peer: string, upgrade: object): object {
  return {
    name: "terminator",
    address: { socket_address: { address: "127.0.0.1", port_value: port } },
    filter_chains: [
      {
        transport_socket: envoyTls("Downstream", dir, peer),
        filters: [
          {
            name: "envoy.filters.network.http_connection_manager",
            typed_config: {
              "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
              stat_prefix: "link",
              codec_type: "HTTP2",
              http2_protocol_options: { allow_connect: true, max_concurrent_streams: 20 },
              upgrade_configs: [{ upgrade_type: "CONNECT" }],
              http_filters: [
                {
                  name: "envoy.filters.http.router",
                  typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
                },
              ],
              route_config: {
                virtual_hosts: [
                  {
                    name: "program",
                    domains: ["10.0.0.7:8080"],
                    routes: [{ match: { connect_matcher: {} }, route: { cluster: "program", timeout: "0s", ...upgrade } }],
                  },
                ],
              },
            },
          },
        ],
      },
    ],
  };
}

test("Envoy as the server: a LinkPool's streams reach a program through Envoy's CONNECT, beyond its limit of streams too", async (t) => {
  if (skipped(t)) return;
  const { dir, a, b } = await certificates(t);
  const sockets = new Set<Socket>();
  const program = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => program.listen(0, "127.0.0.1", resolve));
  t.teardown(() => program.close());
  const port = await freePort();
  await startEnvoy(t, binary!, dir, {
    static_resources: {
      listeners: [
        terminator(port, b, "spiffe://mesh.local/node/node-a", { upgrade_configs: [{ upgrade_type: "CONNECT", connect_config: {} }] }),
      ],
      clusters: [envoyCluster("program", (program.address() as { port: number }).port)],
    },
  });
  const identity = identityIn(a);
  const pool = new LinkPool({ security: "mtls", trustDomain, identity: () => identity });
  t.teardown(() => pool.close());
  const all = Array.from({ length: 100 }, (_, i) => open(pool, port, `stream ${i}`));
  for (const [i, watched] of all.entries()) {
    await watched.until(() => watched.text() === `stream ${i}`);
    watched.stream.end();
    await watched.end();
    t.is(await watched.closed(), null);
  }
  t.like(pool.status()[0], { state: "up", streams: 0, queued: 0, draining: 0 });

  // Much at once, with the writer obeying the reader.
  const bulk = open(pool, port);
  bulk.keep = false;
  const block = Buffer.alloc(64 * 1024, "b");
  let written = 0;
  const pump = () => {
    while (written < 20_000_000) {
      written += block.length;
      if (!bulk.stream.write(block, 0, block.length)) return;
    }
    bulk.stream.end();
  };
  bulk.onDrain = pump;
  pump();
  await bulk.end();
  t.is(bulk.bytes, written);

  // A reset of ours resets the program's connection; one of the program's comes here as an error, not as an end.
  const reset = open(pool, port, "x");
  await reset.until(() => reset.bytes === 1);
  await until(() => sockets.size === 1, "the program's socket");
  reset.stream.destroy(true);
  await until(() => sockets.size === 0, "the end of the program's socket");
  const torn = open(pool, port, "x");
  await torn.until(() => torn.bytes === 1);
  for (const socket of sockets) socket.resetAndDestroy();
  t.like(await torn.closed(), { code: "ERR_LINK_RESET" });
  t.false(torn.ended);

  // Envoy knows no such target.
  const nowhere = open(pool, port, "x", "10.0.0.8:22");
  t.like(await nowhere.closed(), { code: "ERR_LINK_REFUSED" });
});

test("Envoy as the server that wants another node refuses us, and we refuse an Envoy that is another node", async (t) => {
  if (skipped(t)) return;
  const { dir, a, b } = await certificates(t);
  const port = await freePort();
  await startEnvoy(t, binary!, dir, {
    static_resources: {
      listeners: [
        terminator(port, b, "spiffe://mesh.local/node/node-x", { upgrade_configs: [{ upgrade_type: "CONNECT", connect_config: {} }] }),
      ],
      clusters: [envoyCluster("program", 1)],
    },
  });
  const identity = identityIn(a);
  const pool = new LinkPool({ security: "mtls", trustDomain, identity: () => identity });
  t.teardown(() => pool.close());
  t.like(await open(pool, port, "x").closed(), { code: "ERR_LINK_CONNECT" });
  const other = new Watched();
  other.stream = pool.open({ address: "127.0.0.1", port, node: "node-q" }, "10.0.0.7:8080", caller, other);
  t.like(await other.closed(), { code: "ERR_LINK_IDENTITY" });
});
