/** Which replica a connection goes to: power of two choices, weights, scores from outside, replicas that come and go, real addresses. @module */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { BpfMap, TypedMap, u32 } from "@mitsu/ebpf-ts";
import type { ExecutionContext } from "ava";
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import * as layout from "../../src/kernel/layout.ts";
import { freePort } from "./support/free-port.ts";
import { Namespace } from "./support/namespace.ts";
import type { Program } from "./support/program.ts";
import { Sandbox } from "./support/sandbox.ts";
import { python } from "./support/servers.ts";
import { until } from "./support/until.ts";
import { who } from "./support/who.ts";

/** Opens connections and keeps them; prints which replica answered each. One line of stdin, `COUNT HOST PORT`, asks for as many more; `drop` closes all. */
const holding = `import socket, sys
held = []
print("up", flush=True)
for line in sys.stdin:
    if line.strip() == "drop":
        for s in held: s.close()
        held.clear(); print("dropped", flush=True); continue
    count, host, port = line.split()
    names = []
    for _ in range(int(count)):
        try:
            s = socket.create_connection((host, int(port)), timeout=5); held.append(s)
            names.append(s.makefile().readline().split()[0])
        except OSError as error: names.append(type(error).__name__)
    print("answers", *names, flush=True)`;

/** A client that holds connections. */
class Holder {
  readonly #program: Program;
  #lines = 0;

  private constructor(program: Program) {
    this.#program = program;
  }

  static async start(sandbox: Sandbox, within?: Namespace): Promise<Holder> {
    const program = sandbox.run("client", [python, "-c", holding], { input: "open", within });
    await program.says(/up/);
    return new Holder(program);
  }

  /** Opens more connections. @returns how many each replica got. */
  async open(count: number, host = "web.mesh", port = 80): Promise<Record<string, number>> {
    const before = this.#lines++;
    this.#program.child.stdin!.write(`${count} ${host} ${port}\n`);
    const line = await until("answers", () => [...this.#program.stdout.matchAll(/^answers (.*)\n/gm)][before]?.[1], { timeoutMs: 30_000 });
    const counts: Record<string, number> = {};
    for (const name of line.split(" ")) counts[name] = (counts[name] ?? 0) + 1;
    return counts;
  }

  /** Closes all. */
  async drop(): Promise<void> {
    this.#program.child.stdin!.write("drop\n");
    await this.#program.says(/dropped/);
  }
}

/** `web` with replicas `one`, `two`, … on loopback, declared in mesh.yaml with these weights. */
async function declared(
  t: ExecutionContext,
  weights: readonly number[],
  { intercept = "keep" } = {},
): Promise<{ sandbox: Sandbox; ports: number[]; servers: Program[]; client: Holder }> {
  const sandbox = new Sandbox(t);
  const ports = await Promise.all(weights.map(freePort));
  const replicas = ports.map((port, index) => `{ address: 127.0.0.1, port: ${port}, weight: ${weights[index]} }`);
  await sandbox.daemon({
    mesh: `version: 1\nservices: { web: { ports: [80], intercept: ${intercept}, replicas: [${replicas.join(", ")}] } }\n`,
  });
  const servers = ports.map((port, index) => sandbox.run("web", who(names[index]!, port)));
  for (const server of servers) await server.says(/ready/);
  await sandbox.serving("web", weights.length);
  return { sandbox, ports, servers, client: await Holder.start(sandbox) };
}
const names = ["one", "two", "three"];

kernelTest("two equal replicas: open connections are spread evenly, by the kernel's own count", async (t) => {
  const { sandbox, client } = await declared(t, [1, 1]);
  const { one, two } = await client.open(40);
  t.is(one! + two!, 40);
  t.true(Math.abs(one! - two!) <= 1, `${one} and ${two}`);
  const web = (await sandbox.services()).find(({ name }) => name === "web")!;
  t.deepEqual(web.replicas.map(({ active }) => active).toSorted(), [one, two].toSorted());
  await client.drop();
  await until("the counts fall back to 0", async () =>
    (await sandbox.services()).find(({ name }) => name === "web")!.replicas.every(({ active }) => active === 0),
  );
});

kernelTest("three replicas: power of two choices keeps the fullest within a few of the emptiest", async (t) => {
  const { client } = await declared(t, [1, 1, 1]);
  const counts = Object.values(await client.open(60));
  t.is(counts.length, 3);
  t.true(Math.max(...counts) - Math.min(...counts) <= 6, counts.join());
});

kernelTest("weights of mesh.yaml: 3 to 1, and weight 0 gets none", async (t) => {
  const { client } = await declared(t, [3, 1, 0]);
  const { one, two, three } = await client.open(40);
  t.is(three, undefined);
  t.is(one! + two!, 40);
  t.true(Math.abs(one! - 30) <= 1, `${one} of 40`);
});

/** Number of a replica in the kernel's tables, as whoever writes scores finds it. */
function replicaId(sandbox: Sandbox, port: number): number {
  const { replicas } = JSON.parse(readFileSync(join(sandbox.places.state, "state.json"), "utf8")) as { replicas: Record<string, number> };
  return Object.entries(replicas).find(([name]) => name.split(" ").includes(String(port)))![1];
}

/** Writes one entry of the pinned map `scores`, as another program would; `until` is the kernel's clock, nanoseconds >> 20, and 0 for never. */
function score(sandbox: Sandbox, id: number, { weight = 100, score: value = 0, each = 1024, until: end = inSeconds(4) }): void {
  using map = BpfMap.open(join(sandbox.places.pins, "map_scores"));
  new TypedMap(map, u32, layout.score).set(id, { weight, score: value, each, until: end });
}

/** CLOCK_MONOTONIC in so many seconds, as `struct score` has it. */
function inSeconds(seconds: number): number {
  return Number(BigInt.asUintN(32, (process.hrtime.bigint() + BigInt(seconds * 1e9)) >> 20n));
}

kernelTest(
  "a score written into the pinned map from outside turns new connections away, at once, while it holds, and no longer",
  async (t) => {
    const { sandbox, ports, client } = await declared(t, [1, 1]);
    const [one, two] = ports.map((port) => replicaId(sandbox, port)) as [number, number];
    score(sandbox, one, { score: 1_000_000 });
    t.deepEqual(await client.open(20), { two: 20 });
    await sandbox.run("other", ["true"]).succeeded(); // makes the daemon write its tables
    await sandbox.status();
    score(sandbox, one, { score: 0xffff_ffff });
    score(sandbox, two, { score: 0xffff_fffe, each: 0xffff_ffff });
    t.deepEqual(await client.open(10), { two: 10 }, "0xffffffff: takes none while another can");
    score(sandbox, two, { score: 0xffff_ffff });
    t.is(
      Object.values(await client.open(4)).reduce((sum, count) => sum + count),
      4,
      "all of them: any will do",
    );
    for (const end of [0, inSeconds(-1), inSeconds(-2_000_000), inSeconds(3_000_000)]) {
      await client.drop();
      score(sandbox, one, { score: 1_000_000, until: end });
      score(sandbox, two, { until: end });
      t.deepEqual(await client.open(4), { one: 2, two: 2 }, `until ${end}`);
    }
  },
);

kernelTest("a weight written from outside holds over the file's, also past the daemon's next look", async (t) => {
  const { sandbox, ports, client } = await declared(t, [1, 1]);
  score(sandbox, replicaId(sandbox, ports[0]!), { weight: 400, until: 0 });
  await sandbox.run("other", ["true"]).succeeded();
  await sandbox.status();
  const { one } = await client.open(40);
  t.true(Math.abs(one! - 32) <= 1, `${one} of 40`);
});

kernelTest("a replica that stops listening gets no further connection, and is back when it listens again", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  const [a, b, c] = [await Namespace.make(sandbox), await Namespace.make(sandbox), await Namespace.make(sandbox)];
  c.connect(a, { own: "10.92.1.1/30", others: "10.92.1.2/30", device: "v1" });
  c.connect(b, { own: "10.92.2.1/30", others: "10.92.2.2/30", device: "v2" });
  const start = (name: string, within: Namespace): Program => sandbox.run("web:80:8080", who(name, 8080), { within });
  const one = start("one", a);
  const two = start("two", b);
  await one.says(/ready/);
  await two.says(/ready/);
  await sandbox.serving("web", 2);
  // The kernel says only after a moment that a new interface is up; until then a replica cannot be reached from elsewhere.
  await until("both have their addresses", async () =>
    (await sandbox.serving("web")).replicas.every(({ address }) => address.startsWith("10.92.")),
  );
  const client = await Holder.start(sandbox, c);
  t.deepEqual(await client.open(10), { one: 5, two: 5 });
  await one.stop("SIGKILL");
  await until("one is not listening", async () => (await sandbox.serving("web")).replicas.filter(({ up }) => up).length === 1);
  t.deepEqual(await client.open(10), { two: 10 });
  await start("one", a).says(/ready/);
  await sandbox.serving("web", 2);
  const { one: back } = await client.open(20);
  t.true(back! >= 10, `${back} of 20`);
});

kernelTest("a replica of mesh.yaml on this node whose program has ended gets no further connection", async (t) => {
  const { sandbox, servers, client } = await declared(t, [1, 1]);
  await servers[0]!.stop("SIGKILL");
  await until("one is not listening", async () =>
    (await sandbox.services()).find(({ name }) => name === "web")!.replicas.some(({ up }) => !up),
  );
  t.deepEqual(await client.open(10), { two: 10 });
});

kernelTest("intercept: keep, a connect to a replica's real address stays there, and the flow is the service's", async (t) => {
  const { sandbox, ports, client } = await declared(t, [1, 1]);
  t.deepEqual(await client.open(6, "127.0.0.1", ports[0]), { one: 6 });
  const flows = await sandbox.awaitFlows({ from: "client", to: "web" }, 6);
  t.true(flows.every(({ server }) => server.port === ports[0]));
  t.is((await sandbox.services()).find(({ name }) => name === "web")!.replicas.find(({ port }) => port === ports[0])!.active, 6);
});

kernelTest("intercept: balance, connects to one replica's real address are spread over all", async (t) => {
  const { ports, client } = await declared(t, [1, 1], { intercept: "balance" });
  t.deepEqual(await client.open(10, "127.0.0.1", ports[0]), { one: 5, two: 5 });
});

kernelTest("intercept: off, connects to real addresses are nobody's business, those by name are balanced", async (t) => {
  const { sandbox, ports, client } = await declared(t, [1, 1], { intercept: "off" });
  t.deepEqual(await client.open(4, "127.0.0.1", ports[0]), { one: 4 });
  t.true((await sandbox.services()).find(({ name }) => name === "web")!.replicas.every(({ total }) => total === 0));
  t.deepEqual(await client.open(4), { one: 2, two: 2 });
});
