/** What nicd takes from another node, and what it refuses: by certificate, trust domain and target. */
import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { freePort } from "../../../sockhijack/test/kernel/support/free-port.ts";
import { until } from "../../../sockhijack/test/kernel/support/until.ts";
import { issueInto, loadAuthority, trustIn } from "../../src/certificates/mod.ts";
import { InProcessNicd } from "./support/in-process-nicd.ts";
import { Origin } from "./support/origin.ts";
import { certificatesIn, PeerNode } from "./support/peer-node.ts";

function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), "nicd-k-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Node `here` with `web`; certificates of `here` and `there` are in `folder`. */
async function here(t: ExecutionContext, folder: string, links = "") {
  await certificatesIn(folder, "default.mesh", "here", "there");
  const [origin, other] = [await Origin.start(t, "web"), await Origin.start(t, "other")];
  const port = await freePort();
  const mesh = `version: 1
nodes: { here: { address: 127.0.0.1 }, there: { address: 127.0.0.2 } }
services:
  web: { ports: [80], replicas: [{ node: here, port: ${origin.port} }, { node: there, port: ${other.port} }] }
links: { port: ${port}${links} }
`;
  const daemon = await InProcessNicd.start(t, {
    mesh,
    args: ["--node", "here", "--certificates", join(folder, "here"), "--link-listen", "127.0.0.1"],
  });
  return { daemon, origin, other, mesh, to: { address: "127.0.0.1", port, node: "here" } };
}

const get = "GET / HTTP/1.1";

test("a node of the trust domain reaches a replica of this node by link alone, without --listen or sockhijack", async (t) => {
  const folder = folderOf(t);
  const { daemon, origin, to } = await here(t, folder);
  const peer = await PeerNode.open(t, join(folder, "there"), "default.mesh", to);
  t.is(await peer.ask("shop", origin.at, get), "200 web");
  t.like((await daemon.status()).links[0], { node: "there", direction: "in", security: "mtls" });
  t.regex((await daemon.cli("links")).out, /there +← /);
  t.regex(await daemon.metrics(), /^mitsu_nicd_links\{direction="in",state="up"\} 1$/m);
});

test("what is no replica of this node is refused, and counted: another node's, and anything else", async (t) => {
  const folder = folderOf(t);
  const { daemon, origin, other, to } = await here(t, folder);
  const peer = await PeerNode.open(t, join(folder, "there"), "default.mesh", to);
  for (const target of [`127.0.0.2:${other.port}`, "127.0.0.1:22", `127.0.0.1:${to.port}`])
    t.notRegex(await peer.ask("shop", target, get), /^200/);
  t.is((await daemon.status()).refusals["link-not-permitted"], 3);
  t.regex(await daemon.metrics(), /^mitsu_nicd_refused_total\{reason="link-not-permitted"\} 3$/m);
  t.regex(daemon.log, /link refused/);
  t.is(await peer.ask("shop", origin.at, get), "200 web", "the link itself goes on");
});

test("a node of another trust domain is refused and counted, also where its authority is trusted", async (t) => {
  const folder = folderOf(t);
  const { daemon, origin, to } = await here(t, folder);
  const foreign = join(folder, "foreign");
  await certificatesIn(foreign, "other.mesh", "there");
  await trustIn(join(folder, "here"), await readFile(join(foreign, "ca", "ca.crt"), "utf8"), Date.now);
  await trustIn(join(foreign, "there"), await readFile(join(folder, "ca", "ca.crt"), "utf8"), Date.now);
  await daemon.call((client) => client.call("reload", {}));
  const peer = await PeerNode.open(t, join(foreign, "there"), "default.mesh", to);
  t.notRegex(await peer.ask("shop", origin.at, get), /^200/);
  await until("counted", async () => (await daemon.status()).refusals["link-foreign-trust-domain"] === 1);
  t.is(origin.asked.length, 0);
});

test("a service's certificate makes no node, and one of nobody's authority nothing", async (t) => {
  const folder = folderOf(t);
  const { daemon, origin, to } = await here(t, folder);
  await issueInto(join(folder, "shop"), await loadAuthority(join(folder, "ca")), { kind: "service", name: "shop" });
  const service = await PeerNode.open(t, join(folder, "shop"), "default.mesh", to);
  t.notRegex(await service.ask("shop", origin.at, get), /^200/);
  const foreign = join(folder, "foreign");
  await certificatesIn(foreign, "default.mesh", "there");
  const unknown = await PeerNode.open(t, join(foreign, "there"), "default.mesh", to);
  t.notRegex(await unknown.ask("shop", origin.at, get), /^200/);
  await until("counted", async () => {
    const { refusals } = await daemon.status();
    return refusals["link-not-a-node"] === 1 && (refusals["link-untrusted"] ?? 0) + (refusals["link-handshake"] ?? 0) >= 1;
  });
  const plain = await PeerNode.open(t, null, "default.mesh", to);
  t.notRegex(await plain.ask("shop", origin.at, get), /^200/);
  t.is(origin.asked.length, 0);
});

test("over a link in plain text nothing that the peer says of its callers counts", async (t) => {
  const folder = folderOf(t);
  const { daemon, origin, to, mesh } = await here(t, folder, ", security: plain-text");
  const peer = await PeerNode.open(t, null, "default.mesh", to);
  t.is(await peer.ask("shop", origin.at, get), "200 web");
  await daemon.reload(
    mesh.replace("web: {", "web: { authorisation: deny,") +
      "authorisation: [{ action: allow, to: web, from: shop }]\n".replace("shop", "web"),
  );
  t.regex(await peer.ask("web", origin.at, get), /^403/);
});

test("SIGTERM lets a request that came over a link end", async (t) => {
  const folder = folderOf(t);
  await certificatesIn(folder, "default.mesh", "here", "there");
  const held: (() => void)[] = [];
  const slow = await Origin.start(t, "slow", (_, response) => void held.push(() => response.end("slow")));
  const port = await freePort();
  const daemon = await InProcessNicd.start(t, {
    mesh: `version: 1\nnodes: { here: { address: 127.0.0.1 } }\nservices: { web: { ports: [80], replicas: [{ node: here, port: ${slow.port} }] } }\nlinks: { port: ${port} }\n`,
    args: ["--node", "here", "--certificates", join(folder, "here"), "--link-listen", "127.0.0.1"],
  });
  const peer = await PeerNode.open(t, join(folder, "there"), "default.mesh", { address: "127.0.0.1", port, node: "here" });
  const answer = peer.ask("shop", slow.at, get);
  await until("it is there", () => held.length === 1);
  const stopped = daemon.stop();
  await until("it is stopping", () => daemon.log.includes("stopping"));
  held[0]!();
  t.is(await answer, "200 slow");
  t.is(await stopped, 0);
});
