import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog, testEnv } from "@mitsu/cli";
import { type Flow, type NicdCluster, type NicdEndpoint, nicd, type Server, type ServiceStatus, serve, sockhijack } from "@mitsu/ipc";
import test, { type ExecutionContext } from "ava";
import { ReplicaRows, replicaFlags } from "../../src/bus/node-state.ts";
import { PollPace } from "../../src/signals/poll-pace.ts";
import { ReplicaMerge } from "../../src/signals/replica-merge.ts";
import { ReplicaSignals } from "../../src/signals/replica-signals.ts";

const endpoint = (changed: Partial<NicdEndpoint> = {}): NicdEndpoint => ({
  address: "10.0.0.1",
  port: 80,
  node: "a",
  here: true,
  weight: 1,
  inFlight: 0,
  connections: 0,
  pending: 0,
  requests: 0,
  errors: 0,
  latencyUs: 0,
  ejectedForMs: 0,
  ...changed,
});

const cluster = (...endpoints: NicdEndpoint[]): NicdCluster => ({
  service: "web",
  port: 80,
  selector: "mitsu",
  inFlight: 0,
  overflows: 0,
  panics: 0,
  retriesRefused: 0,
  endpoints,
});

const service = (...replicas: ServiceStatus["replicas"]): ServiceStatus => ({
  name: "web",
  host: "web.mesh",
  ipv4: "10.96.0.1",
  ipv6: "fd00::1",
  ports: ["80"],
  redirect: "auto",
  intercept: "balance",
  nic: "off",
  cgroups: [],
  replicas,
});

const replica = (active: number, up = true, address = "10.0.0.1") => ({
  address,
  port: 80,
  protocol: "tcp" as const,
  up,
  active,
  total: active,
  weight: 2,
  score: 0,
});

const flow = (latencyUs: number | null): Flow => ({
  client: { service: "shop", address: "10.0.0.9", port: 5000 },
  server: { service: "web", address: "10.0.0.1", port: 80 },
  asked: null,
  askedService: null,
  state: "redirected",
  reason: "coupled",
  explanation: "",
  bytesOut: 0,
  bytesIn: 0,
  redirectedShare: 1,
  messages: 0,
  passed: 0,
  segments: 0,
  latencyUs,
  unread: [0, 0],
});

const key = "10.0.0.1:80";

function merged(here: (one: string) => boolean = () => false) {
  const merge = new ReplicaMerge(here);
  const rows = new ReplicaRows();
  const row = () => {
    merge.write(rows);
    const at = rows.rowOf(key);
    return at < 0
      ? null
      : {
          inFlight: rows.inFlight[at],
          latencyMs: rows.latencyMs[at],
          serviceMs: rows.serviceMs[at],
          failures: rows.failures[at]!,
          weight: rows.weight[at],
          flags: rows.flags[at],
        };
  };
  return { merge, rows, row };
}

test("ReplicaMerge adds up what clusters say of one replica, and leaves out those of other nodes", (t) => {
  const { merge, rows, row } = merged();
  merge.nicd(
    [
      cluster(endpoint({ inFlight: 2, requests: 10, latencyUs: 3000 }), endpoint({ address: "10.0.0.2", here: false })),
      cluster(endpoint({ inFlight: 3, requests: 1, latencyUs: 9000, ejectedForMs: 5 })),
    ],
    0,
  );
  t.deepEqual(row(), { inFlight: 5, latencyMs: 3, serviceMs: 3, failures: 0, weight: 1, flags: replicaFlags.ejected });
  t.is(rows.count, 1);
});

test("ReplicaMerge counts each connection beside nicd's as a request in flight", (t) => {
  const { merge, row } = merged();
  merge.nicd([cluster(endpoint({ inFlight: 4, connections: 6 }))], 0);
  merge.sockhijack([service(replica(9))], [], 0);
  t.is(row()!.inFlight, 4 + 3);
  merge.sockhijack([service(replica(5))], [], 0);
  t.is(row()!.inFlight, 4);
});

test("ReplicaMerge takes failures from differences of errors, a restart of nicd included", (t) => {
  const { merge, row } = merged();
  const told = (requests: number, errors: number): number => {
    merge.nicd([cluster(endpoint({ requests, errors }))], 0);
    return row()!.failures;
  };
  t.is(told(1000, 900), 0);
  t.is(told(1010, 900), 0);
  const some = told(1020, 910);
  t.true(Math.abs(some - (1 - 0.95 ** 10)) < 1e-9);
  t.true(told(1120, 910) < some / 50);
  t.is(told(1120, 910), told(1120, 910));
  t.true(told(100, 100) > 0.99);
});

test("ReplicaMerge tells the latency near the present in flight, and the least as the time without waiting", (t) => {
  const { merge, row } = merged();
  let requests = 0;
  const told = (inFlight: number, ms: number) =>
    merge.nicd([cluster(endpoint({ inFlight, latencyUs: ms * 1000, requests: ++requests }))], requests);
  for (let round = 0; round < 5; round++) {
    told(1, 2);
    told(8, 16);
  }
  t.is(row()!.latencyMs, 16);
  told(1, 2);
  t.is(row()!.latencyMs, 2);
  t.is(row()!.serviceMs, 2);
});

test("ReplicaMerge forgets a least latency within ten seconds: a replica may have become slower", (t) => {
  const { merge, row } = merged();
  for (let ms = 0; ms <= 12_000; ms += 1000) merge.nicd([cluster(endpoint({ latencyUs: ms === 0 ? 1000 : 5000, requests: ms }))], ms);
  t.is(row()!.serviceMs, 5);
});

test("ReplicaMerge knows replicas from sockhijack alone, by flows' latencies, and that one is down", (t) => {
  const { merge, row } = merged((one) => one === key);
  merge.sockhijack([service(replica(3), replica(9, true, "10.0.0.2"))], [flow(1000), flow(3000), flow(null)], 0);
  t.deepEqual(row(), { inFlight: 3, latencyMs: 2, serviceMs: 2, failures: 0, weight: 2, flags: 0 });
  merge.sockhijack([service(replica(0, false))], [], 0);
  t.is(row()!.flags, replicaFlags.down);
});

test("ReplicaMerge keeps replicas of a source that went away without its counts, drops those that nobody knows, and leaves draining be", (t) => {
  const { merge, rows, row } = merged();
  merge.nicd([cluster(endpoint({ inFlight: 4, connections: 6 }))], 0);
  row();
  rows.flags[0] = replicaFlags.draining;
  merge.lost("nicd");
  t.is(row()!.inFlight, 0);
  t.is(row()!.flags, replicaFlags.draining);
  merge.nicd([], 1);
  t.is(row(), null);
  t.is(rows.count, 0);
});

test("PollPace keeps a poll's cost within its share, and within its bounds", (t) => {
  const pace = new PollPace({ share: 0.01, leastMs: 10, mostMs: 200 });
  t.is(pace.next(0.05), 10);
  let waited = 0;
  for (let poll = 0; poll < 50; poll++) waited = pace.next(1);
  t.true(waited > 95 && waited <= 100, String(waited));
  for (let poll = 0; poll < 50; poll++) waited = pace.next(20);
  t.is(waited, 200);
});

async function double(t: ExecutionContext, name: "nicd" | "sockhijack", path: string, seen: { clusters: NicdCluster[] }): Promise<Server> {
  const env = testEnv({});
  const common = { listen: { path }, daemon: name, version: "0", log: createLog(env, {}), group: "root" };
  const server =
    name === "nicd"
      ? await serve({ ...common, protocol: { clusters: nicd.clusters }, handlers: { clusters: () => ({ clusters: seen.clusters }) } })
      : await serve({
          ...common,
          protocol: { services: sockhijack.services, flows: sockhijack.flows },
          handlers: { services: () => ({ services: [service(replica(7))] }), flows: () => ({ flows: [flow(500)] }) },
        });
  t.teardown(() => server.close());
  return server;
}

test("ReplicaSignals merges both daemons' answers, says when one is away, and has it again when it is back", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "replicad-signals-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const paths = { nicd: join(folder, "nicd.sock"), sockhijack: join(folder, "sockhijack.sock") };
  const seen = { clusters: [cluster(endpoint({ inFlight: 4, connections: 6 }))] };
  await double(t, "sockhijack", paths.sockhijack, seen);
  const rows = new ReplicaRows();
  let look = (): void => {};
  const until = (holds: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      look = () => {
        if (holds()) resolve();
      };
      look();
    });
  using signals = new ReplicaSignals({
    ...paths,
    rows,
    here: (one) => one === key,
    now: () => performance.now(),
    pace: { share: 1, leastMs: 1 },
    retryMs: 5,
    onSample: () => look(),
  });
  await until(() => rows.inFlight[rows.rowOf(key)] === 7 && signals.degraded().length === 1);
  t.regex(signals.degraded()[0]!, /^nicd does not say how busy replicas are: /);
  const server = await double(t, "nicd", paths.nicd, seen);
  await until(() => rows.inFlight[rows.rowOf(key)] === 5);
  t.deepEqual(signals.degraded(), []);
  seen.clusters = [cluster(endpoint({ inFlight: 10, connections: 6 }))];
  await until(() => rows.inFlight[rows.rowOf(key)] === 11);
  await server.close();
  await until(() => rows.inFlight[rows.rowOf(key)] === 7);
  t.is(signals.degraded().length, 1);
});
