/** Two nodes, each a network namespace, joined by a veth: program → nicd → link → nicd → program. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { Namespace } from "../../../sockhijack/test/kernel/support/namespace.ts";
import { Sandbox } from "../../../sockhijack/test/kernel/support/sandbox.ts";
import { bodyOf, nginx } from "../../../sockhijack/test/kernel/support/servers.ts";
import { until } from "../../../sockhijack/test/kernel/support/until.ts";
import { flawless, Load } from "../../../sockhijack/test/kernel/support/wrk.ts";
import { NicdProgram, nicdCli } from "./support/nicd-program.ts";

const webPort = 8080;
const redisPort = 6379;

/** What both nodes' mesh files have. */
const mesh = (rest = ""): string => `version: 1
nodes:
  node-a: { address: 10.98.7.1 }
  node-b: { address: 10.98.7.2 }
services:
  shop: {}
  admin: {}
  web: { ports: ["80:${webPort}"], nic: on, without-nic: refuse, tracing: header, replicas: [{ node: node-b }] }
  cache: { ports: [${redisPort}], nic: on, without-nic: refuse, replicas: [{ node: node-b }] }
${rest}`;

interface Nodes {
  readonly sandbox: Sandbox;
  readonly a: NicdProgram;
  readonly b: NicdProgram;
  readonly inA: Namespace;
  readonly inB: Namespace;
  readonly ca: string;
}

interface Options {
  readonly meshA?: string;
  readonly meshB?: string;
  readonly certificates?: boolean;
}

/** Node a with sockhijack, nicd and clients, node b with nicd and servers. */
async function nodes(t: ExecutionContext, { meshA = mesh(), meshB = mesh(), certificates = true }: Options = {}): Promise<Nodes> {
  const sandbox = new Sandbox(t);
  const [inA, inB] = [await Namespace.make(sandbox), await Namespace.make(sandbox)];
  inA.connect(inB, { own: "10.98.7.1/30", others: "10.98.7.2/30", device: "eth0" });
  const folder = (name: string): string => join(sandbox.directory, name);
  if (certificates) {
    await nicdCli("ca", "init", "--authority", folder("ca"));
    for (const name of ["node-a", "node-b"])
      await nicdCli("cert", "issue", "--authority", folder("ca"), "--certificates", folder(name), "--node", name);
  }
  const server = `location = /trace { default_type text/plain; return 200 "$http_traceparent"; }`;
  sandbox.spawn(inB.command(nginx(sandbox, { name: "web", port: webPort, listen: ["10.98.7.2:%"], server })));
  sandbox.spawn(
    inB.command([
      "redis-server",
      "--port",
      String(redisPort),
      "--bind",
      "10.98.7.2",
      "--protected-mode",
      "no",
      "--save",
      "",
      "--dir",
      sandbox.directory,
    ]),
  );
  const [fileA, fileB] = [sandbox.file("a.yaml", meshA), sandbox.file("b.yaml", meshB)];
  await sandbox.daemon({ mesh: meshA });
  const own = (name: string): string[] => ["--node", name, ...(certificates ? ["--certificates", folder(name)] : [])];
  const b = await NicdProgram.start(sandbox, "b", {
    mesh: fileB,
    within: inB,
    // A node without a certificate can take no links: then it has a listener, to be there at all.
    args: [
      ...own("node-b"),
      ...(certificates || meshB.includes("plain-text") ? ["--link-listen", "10.98.7.2"] : ["--listen", "127.0.0.1:0=web"]),
    ],
  });
  const a = await NicdProgram.start(sandbox, "a", { mesh: fileA, within: inA, service: "nicd", args: own("node-a") });
  await until("nicd of node a is registered", async () => (await sandbox.status()).nic?.service === "nicd");
  return { sandbox, a, b, inA, inB, ca: folder("ca") };
}

const curl = ({ sandbox, inA }: Nodes, service: string, ...args: readonly string[]): Promise<string> =>
  sandbox.run(service, ["curl", "-sS", "--max-time", "10", ...args], { within: inA }).succeeded();

const redis = ({ sandbox, inA }: Nodes, ...args: readonly string[]): Promise<string> =>
  sandbox.run("shop", ["redis-cli", "-h", "cache.mesh", ...args], { within: inA }).succeeded();

/** Captures what goes over the veth while `work` runs. */
async function captured({ sandbox, inB }: Nodes, work: () => Promise<void>): Promise<{ readonly bytes: Buffer; readonly path: string }> {
  const path = join(sandbox.directory, "veth.pcap");
  const tcpdump = sandbox.spawn(inB.command(["tcpdump", "-i", "eth0", "-U", "-Z", "root", "-w", path]));
  await tcpdump.says(/listening on/);
  await work();
  await until("the capture has grown", () => readFileSync(path).length > 2000);
  await tcpdump.stop("SIGINT");
  return { bytes: readFileSync(path), path };
}

const secrets = ["GET /", "HTTP/1.1", bodyOf("web").slice(0, 20), "traceparent", "redis-secret", "service.name"];

kernelTest("HTTP and redis go from program to program over one mutual TLS link; the veth carries TLS and nothing else", async (t) => {
  const all = await nodes(t);
  const { bytes, path } = await captured(all, async () => {
    t.is(await curl(all, "shop", "http://web.mesh/"), bodyOf("web"));
    t.is(await redis(all, "SET", "key", "redis-secret"), "OK\n");
    t.is(await redis(all, "GET", "key"), "redis-secret\n");
  });
  for (const secret of secrets) t.false(bytes.includes(secret), secret);
  const others = await all.sandbox.spawn(["tcpdump", "-nr", path, "ip and not (tcp port 15008)"]).succeeded();
  t.is(others, "", "no connection but the link");
  const [out] = (await all.a.status()).links;
  t.like(out, { node: "node-b", address: "10.98.7.2", port: 15_008, direction: "out", state: "up", security: "mtls" });
  const [link] = (await all.b.status()).links;
  t.like(link, { node: "node-a", direction: "in", state: "up", security: "mtls" });
  t.true(link!.bytesIn > 0 && link!.bytesOut > 0);
  t.deepEqual((await all.a.status()).degraded, []);
  t.deepEqual((await all.b.status()).degraded, []);
  t.regex(
    await all.a.metrics(),
    /^istio_requests_total\{reporter="source",source_workload="shop",.*destination_service="web",.*connection_security_policy="mutual_tls"\} 1$/m,
  );
  t.regex(
    await all.b.metrics(),
    /^istio_requests_total\{reporter="destination",source_workload="shop",.*connection_security_policy="mutual_tls"\} 1$/m,
  );
  t.regex(
    await all.b.metrics(),
    /^istio_tcp_connections_opened_total\{reporter="destination",source_workload="shop",.*destination_service="cache",.*connection_security_policy="mutual_tls"\} 2$/m,
  );
});

kernelTest("one trace from end to end: node b's span hangs on node a's, and the program is told node b's", async (t) => {
  const all = await nodes(t);
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const header = `traceparent: 00-${traceId}-b7ad6b7169203331-01`;
  const seen = await curl(all, "shop", "-H", header, "http://web.mesh/trace");
  const only = async (node: NicdProgram) => {
    const { traces } = await node.call((client) => client.call("traces", { limit: 10 }));
    const mine = traces.filter((trace) => trace.traceId === traceId);
    t.is(mine.length, 1);
    t.is(mine[0]!.exchanges.length, 1);
    return mine[0]!.exchanges[0]!;
  };
  const [atA, atB] = [await only(all.a), await only(all.b)];
  t.true(atA.client.here && !atA.server.here, "the client's span is told where the client is");
  t.true(!atB.client.here && atB.server.here);
  t.is(atB.parentSpanId, atA.clientSpanId);
  t.is(seen, `00-${traceId}-${atB.serverSpanId}-01`);
  t.is(atB.client.service, "shop");
});

kernelTest("the far node decides by the caller's identity, which comes from node a's nicd and not from the program", async (t) => {
  const strict = mesh("authorisation: [{ name: shoppers, action: allow, to: [web], from: shop }]\n").replace(
    "web: {",
    "web: { authorisation: deny,",
  );
  const all = await nodes(t, { meshB: strict });
  t.is(await curl(all, "shop", "http://web.mesh/"), bodyOf("web"));
  const code = ["-o", "/dev/null", "-w", "%{http_code}"];
  t.is(await curl(all, "admin", ...code, "-H", "baggage: service.name=shop", "http://web.mesh/"), "403");
  await all.b.program.says(/request denied.*rule.{1,4}default.*from.{1,4}admin/);
  t.is(await curl(all, "shop", ...code, "http://web.mesh/"), "200", "a connection of one caller never carries another's requests");
});

kernelTest("routes are done where a request comes from, once: edits and faults have no second turn at the far node", async (t) => {
  const routed = mesh().replace(
    "web: {",
    `web: { routes: [{ match: { path: /in }, rewrite: { prefix: /trace }, headers: { response: { add: { x-edited: "yes" } } } }, { match: { path: /trace }, respond: { status: 410 } }],`,
  );
  const all = await nodes(t, { meshA: routed, meshB: routed });
  const answer = await curl(all, "shop", "-i", "http://web.mesh/in");
  t.regex(answer, /^HTTP\/1\.1 200/, "what node a has rewritten to /trace is no request for /trace to node b");
  t.is(answer.match(/x-edited/g)?.length, 1);
});

kernelTest("certificates that are rotated on both nodes under load: no request fails, and new links have new certificates", async (t) => {
  const all = await nodes(t);
  const load = new Load(all.sandbox, { service: "shop", url: "http://web.mesh/", body: bodyOf("web"), connections: 8, within: all.inA });
  const requests = async (): Promise<number> => (await all.a.status()).requests;
  await until("requests pass", async () => (await requests()) > 200);
  const link = async () => (await all.a.status()).links[0]!;
  for (let round = 1; round <= 3; round++) {
    const isNew = (notAfterMs: number | null | undefined): boolean =>
      Math.abs((notAfterMs ?? 0) - Date.now() - (10 + round) * 86_400_000) < 3_600_000;
    for (const [name, node] of [
      ["node-b", all.b],
      ["node-a", all.a],
    ] as const) {
      await nicdCli(
        "cert",
        "rotate",
        "--authority",
        all.ca,
        "--certificates",
        join(all.sandbox.directory, name),
        "--days",
        String(10 + round),
      );
      await until("it is in use", async () => isNew((await node.status()).certificate?.notAfterMs));
    }
    await until(
      "the new link shows the new certificate",
      async () => (await link()).state === "up" && isNew((await link()).certificateNotAfterMs),
    );
    const before = await requests();
    await until("requests go on", async () => (await requests()) > before + 200);
  }
  await until("no old link is left, though the load goes on", async () => (await link()).draining === 0);
  const report = await load.report();
  t.like(report, flawless, report.text);
});

kernelTest(
  "a node without a certificate says that it is degraded, and reaches nothing elsewhere; nothing goes in plain text",
  async (t) => {
    const all = await nodes(t, { certificates: false });
    t.is(await curl(all, "shop", "-o", "/dev/null", "-w", "%{http_code}", "http://web.mesh/"), "503");
    const { degraded, links } = await all.a.status();
    t.regex(degraded[0]!, /links to other nodes need a certificate/);
    t.deepEqual(links, []);
  },
);

kernelTest("`links: { security: plain-text }` is needed on both nodes, and then everybody on the way can read", async (t) => {
  const plain = mesh("links: { security: plain-text }\n");
  const all = await nodes(t, { meshA: plain, meshB: plain, certificates: false });
  const { bytes } = await captured(all, async () => {
    t.is(await curl(all, "shop", "http://web.mesh/"), bodyOf("web"));
  });
  t.true(bytes.includes("HTTP/1.1"));
  t.like((await all.a.status()).links[0], { security: "plain-text", state: "up" });
  t.regex(
    await all.b.metrics(),
    /^istio_requests_total\{reporter="destination",source_workload="unknown",.*connection_security_policy="none"\} 1$/m,
  );
});
