import { type ClientHttp2Stream, connect as connectHttp2, constants } from "node:http2";
import { join } from "node:path";
import { type ConnectionOptions, connect as connectTls, createSecureContext, type TLSSocket } from "node:tls";
import test from "ava";
import type { Identity } from "../../src/certificates/identity.ts";
import { issueInto, trustIn } from "../../src/certificates/mod.ts";
import { LinkPool, LinkServer, type RefusalReason } from "../../src/links/mod.ts";
import {
  authorityIn,
  caller,
  echo,
  identityIn,
  identityOf,
  open,
  type TwoNodes,
  trustDomain,
  twoNodes,
  until,
  Watched,
} from "./two-nodes.ts";

const dayMs = 86_400_000;

/** Who calls node-b, and the reason that is counted there. */
const strangers: readonly [title: string, reason: RefusalReason, make: (nodes: TwoNodes) => Promise<Identity>][] = [
  ["signed by another authority", "untrusted", async ({ dir }) => identityOf(dir, await authorityIn(join(dir, "other")), "node-a")],
  ["that is over", "expired", ({ dir, authority }) => identityOf(dir, authority, "node-a", { now: () => Date.now() - 2 * dayMs })],
  [
    "that is not valid yet",
    "not-yet-valid",
    ({ dir, authority }) => identityOf(dir, authority, "node-a", { now: () => Date.now() + dayMs }),
  ],
  ["of a service", "not-a-node", ({ dir, authority }) => identityOf(dir, authority, "web", { kind: "service" })],
];

for (const [title, reason, make] of strangers) {
  test(`LinkServer refuses a certificate ${title}, and counts it as ${reason}`, async (t) => {
    const lines: string[] = [];
    const nodes = await twoNodes(t, { connect: () => t.fail("it was let in"), refused: (_, line) => lines.push(line) });
    nodes.identities.a = await make(nodes);
    // The caller trusts node-b all the same, so that only the server can be the one who refuses.
    const tls = { ...nodes.identities.a.tls, ca: nodes.authority.certificate };
    nodes.identities.a = { ...nodes.identities.a, tls, secureContext: createSecureContext(tls) };
    const error = await open(nodes.pool, nodes.port, "secret").closed();
    t.like(error, { code: "ERR_LINK_CONNECT" });
    t.is(nodes.server.refusals.counts[reason], 1, nodes.server.refusals.last);
    t.is(
      Object.values(nodes.server.refusals.counts).reduce((a, b) => a + b),
      1,
    );
    t.regex(lines[0]!, /^127\.0\.0\.1 port \d+: certificate/);
    t.is(nodes.server.status().length, 0);
  });

  test(`LinkPool refuses a server with a certificate ${title}, and says so`, async (t) => {
    const nodes = await twoNodes(t, { connect: () => t.fail("it was connected") });
    nodes.server.rotate(await make(nodes));
    const error = await open(nodes.pool, nodes.port, "secret").closed();
    t.like(error, { code: "ERR_LINK_IDENTITY" });
    const said = { untrusted: /no trusted authority/, expired: /expired/, "not-yet-valid": /not yet valid/, "not-a-node": /of a service/ };
    t.regex(error!.message, said[reason as keyof typeof said]);
    t.regex(pool(nodes).lastError!, said[reason as keyof typeof said]);
  });
}

const pool = (nodes: TwoNodes) => nodes.pool.status()[0]!;

test("a node of another trust domain is refused at both ends though its authority is trusted", async (t) => {
  const nodes = await twoNodes(t, { connect: () => t.fail("it was let in") });
  const foreign = await authorityIn(join(nodes.dir, "foreign"), "other.example");
  const both = async (name: string, authority = nodes.authority) => {
    const dir = join(nodes.dir, `both-${name}`);
    await issueInto(dir, authority, { kind: "node", name });
    await trustIn(dir, nodes.authority.certificate);
    await trustIn(dir, foreign.certificate);
    return identityIn(dir);
  };
  nodes.server.rotate(await both("node-b"));
  nodes.identities.a = await both("node-a", foreign);
  t.like(await open(nodes.pool, nodes.port, "x").closed(), { code: "ERR_LINK_CONNECT" });
  t.is(nodes.server.refusals.counts["foreign-trust-domain"], 1);

  const server = new LinkServer({
    security: { security: "mtls", trustDomain: "other.example", identity: () => nodes.identities.a },
    permits: () => true,
    connect: (request) => echo(request),
  });
  const port = await server.listen(0, "127.0.0.1");
  t.teardown(() => server.close());
  const caring = await both("node-c");
  const ours = new LinkPool({ security: "mtls", trustDomain, identity: () => caring });
  t.teardown(() => ours.close());
  const error = await open(ours, port, "x").closed();
  t.like(error, { code: "ERR_LINK_IDENTITY" });
  t.regex(error!.message, /another trust domain \(its certificate is for spiffe:\/\/other\.example\/node\/node-a\)/);
});

test("LinkPool refuses another node than the one that was asked for", async (t) => {
  const { pool: links, port } = await twoNodes(t);
  const watched = new Watched();
  watched.stream = links.open({ address: "127.0.0.1", port, node: "node-c" }, "10.0.0.7:8080", caller, watched);
  const error = await watched.closed();
  t.like(error, { code: "ERR_LINK_IDENTITY" });
  t.regex(error!.message, /its certificate is for node 'node-b'/);
});

/** A TLS connection to a server, to its end. */
async function ended(options: ConnectionOptions): Promise<TLSSocket> {
  const socket = connectTls({ host: "127.0.0.1", rejectUnauthorized: false, ...options });
  socket.on("error", () => {});
  socket.resume();
  await new Promise((resolve) => socket.once("close", resolve));
  return socket;
}

test("LinkServer refuses a client without a certificate, without HTTP/2, below TLS 1.3, or that speaks plain text", async (t) => {
  const { server, port, identities } = await twoNodes(t, { connect: () => t.fail("it was let in") });
  const { counts } = server.refusals;
  await ended({ port, ALPNProtocols: ["h2"] });
  t.is(counts["no-certificate"], 1);
  await ended({ port, ...identities.a.tls });
  t.is(counts["no-http2"], 1);
  await ended({ port, ...identities.a.tls, minVersion: "TLSv1.2", maxVersion: "TLSv1.2" });
  t.is(counts.handshake, 1);
  const plain = new LinkPool({ security: "plain-text" });
  t.teardown(() => plain.close());
  t.like(await open(plain, port, "x").closed(), { code: "ERR_LINK_CONNECT" });
  await until(() => counts.handshake === 2, "the refusal of plain text");
});

test("LinkServer gives out no session tickets: each connection shows its certificate anew", async (t) => {
  const { port, identities } = await twoNodes(t);
  const sessions: Buffer[] = [];
  const socket = connectTls({ host: "127.0.0.1", port, ...identities.a.tls, rejectUnauthorized: false, ALPNProtocols: ["h2"] });
  socket.on("session", (session) => sessions.push(session));
  const session = connectHttp2("https://link", { createConnection: () => socket });
  await new Promise((resolve) => session.once("remoteSettings", resolve));
  await new Promise((resolve) => session.ping(resolve));
  for (const ticket of sessions) {
    const again = connectTls({
      host: "127.0.0.1",
      port,
      ...identities.a.tls,
      rejectUnauthorized: false,
      session: ticket,
      ALPNProtocols: ["h2"],
    });
    await new Promise((resolve) => again.once("secureConnect", resolve));
    t.false(again.isSessionReused());
    again.destroy();
  }
  session.destroy();
  t.pass();
});

test("LinkServer closes a link that resets streams faster than the limit, and serves others", async (t) => {
  const { port, identities, server, pool: links } = await twoNodes(t, { limits: { resetsPerSecond: 10 } });
  const socket = connectTls({ host: "127.0.0.1", port, ...identities.a.tls, rejectUnauthorized: false, ALPNProtocols: ["h2"] });
  const session = connectHttp2("https://link", { createConnection: () => socket });
  const goaway = new Promise<number>((resolve) => session.once("goaway", resolve));
  session.on("error", () => {});
  await new Promise((resolve) => session.once("remoteSettings", resolve));
  let resets = 0;
  let opened: ClientHttp2Stream[] = [];
  const abuse = () => {
    // Of the turn before: one that is opened and reset in one turn is never sent.
    for (const stream of opened) stream.close(constants.NGHTTP2_CANCEL);
    resets += opened.length;
    opened = [];
    if (session.closed || session.destroyed || resets > 5000) return;
    for (let i = 0; i < 50; i++)
      opened.push(session.request({ ":method": "CONNECT", ":authority": "10.0.0.7:8080" }).on("error", () => {}));
    session.ping(abuse);
  };
  abuse();
  t.not(await goaway, constants.NGHTTP2_NO_ERROR);
  t.true(resets < 1000, `${resets} resets were taken at a burst of 100`);
  await until(() => server.refusals.counts.protocol === 1, "the count");
  await until(() => server.status().length === 0, "the end of the link");
  const watched = open(links, port, "still here");
  await watched.until(() => watched.bytes === 10);
});

test("LinkServer refuses a CONNECT with too many or too large headers, and the link goes on", async (t) => {
  const { port, identities } = await twoNodes(t);
  const socket = connectTls({ host: "127.0.0.1", port, ...identities.a.tls, rejectUnauthorized: false, ALPNProtocols: ["h2"] });
  const session = connectHttp2("https://link", { createConnection: () => socket });
  t.teardown(() => session.destroy());
  await new Promise((resolve) => session.once("remoteSettings", resolve));
  const ask = (headers: Record<string, string>) =>
    new Promise<number>((resolve) => {
      const stream = session.request({ ":method": "CONNECT", ":authority": "10.0.0.7:8080", ...headers });
      stream.on("error", () => {});
      stream.on("response", (head) => resolve(head[":status"] ?? 0));
      stream.on("close", () => resolve(-1));
    });
  t.is(await ask(Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`x-${i}`, "v"]))), -1);
  t.is(await ask({ baggage: "a".repeat(20_000) }), -1);
  t.is(await ask({}), 200);
});

test("LinkServer answers what is no CONNECT with 405", async (t) => {
  const { port, identities, server } = await twoNodes(t);
  const socket = connectTls({ host: "127.0.0.1", port, ...identities.a.tls, rejectUnauthorized: false, ALPNProtocols: ["h2"] });
  const session = connectHttp2("https://link", { createConnection: () => socket });
  t.teardown(() => session.destroy());
  const status = await new Promise((resolve) => session.request({ ":path": "/admin" }).on("response", (head) => resolve(head[":status"])));
  t.is(status, 405);
  t.is(server.refusals.counts.method, 1);
});
