/** `placer profile` as it is called. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, type TestEnv, type TestEnvOptions, testEnv } from "@mitsu/cli";
import test, { type ExecutionContext } from "ava";
import { placer } from "../../src/cli.ts";
import { parseProblem } from "../../src/problem/parse-problem.ts";
import { exchange, pcap } from "../profile/frames.ts";

const corpus = new URL("../corpus/profile/", import.meta.url).pathname;
const otlp = join(corpus, "odd-otlp.jsonl");

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), "mitsu-profile-"));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function profile(args: readonly string[], options: TestEnvOptions = {}): Promise<{ readonly status: number; readonly env: TestEnv }> {
  const env = testEnv({ nowNs: () => process.hrtime.bigint(), ...options });
  return { status: await run(placer, ["profile", ...args], env), env };
}

test("profile writes the problem to stdout, and its summary to stderr", async (t) => {
  const { status, env } = await profile(["--otlp", otlp, "--per-second", "100"]);
  t.is(status, 0);
  const problem = parseProblem(env.out(), "stdout");
  t.deepEqual(
    problem.services.map(({ name }) => name),
    ["back", "front", "postgresql"],
  );
  t.like(problem.traffic[0], { from: "front", to: "back", messagesPerSecond: 200, bytesPerSecond: 1200, sources: ["otlp:odd-otlp.jsonl"] });
  t.is(problem.nodes.length, 1);
  t.regex(
    env.err(),
    /SOURCE +SECONDS +RECORDS +SKIPPED +EDGES +SERVICES\notlp:odd-otlp\.jsonl +0\.0 +5 +0 +2 +3\n3 services, 2 edges, 400 messages\/s\n/,
  );
});

test("profile --json prints its summary when the problem goes to a file, else the problem as JSON", async (t) => {
  const output = join(folder(t), "problem.json");
  const { env } = await profile(["--otlp", otlp, "--per-second", "100", "--json", "-o", output]);
  const summary = JSON.parse(env.out());
  t.like(summary, { output, interrupted: false, services: 3, nodes: 1 });
  t.like(summary.sources[0], { source: "otlp:odd-otlp.jsonl", records: 5, skipped: 0, edges: 2 });
  t.like(summary.edges[0], { from: "front", to: "back", messagesPerSecond: 200 });
  t.notThrows(() => parseProblem(readFileSync(output, "utf8"), "problem.json"));
  const direct = await profile(["--otlp", otlp, "--json"]);
  t.is(JSON.parse(direct.env.out()).version, 1);
});

test("profile merges packets, cgroups and traces into a problem that is there", async (t) => {
  const path = folder(t);
  writeFileSync(join(path, "flows.pcap"), pcap(exchange(40_000, 100, 300)));
  mkdirSync(join(path, "web"));
  writeFileSync(join(path, "web/cpu.stat"), "usage_usec 5\n");
  writeFileSync(join(path, "web/memory.current"), "4096\n");
  writeFileSync(
    join(path, "start.yaml"),
    "nodes: [{ name: n1 }]\nservices:\n  - { name: front, labels: { address: 10.0.0.1 } }\n  - { name: back, replicas: ['10.0.0.2:80'] }\n",
  );
  const { status, env } = await profile([
    ...["--problem", join(path, "start.yaml"), "--otlp", otlp, "--pcap", join(path, "flows.pcap")],
    ...["--cgroup", `front=${join(path, "web")}`, "--seconds", "0.15"],
  ]);
  t.is(status, 0, env.err());
  const problem = parseProblem(env.out(), "stdout");
  t.deepEqual(
    problem.nodes.map(({ name }) => name),
    ["n1"],
  );
  const [edge] = problem.traffic;
  t.deepEqual(edge!.sources, ["pcap:flows.pcap", "otlp:odd-otlp.jsonl"]);
  t.is(edge!.messagesPerSecond, 500); // two in the 4 ms of the capture
  t.is(edge!.bytesPerSecond, 100_000);
  t.deepEqual(problem.services[0]!.demand.memory, { mean: 4096, p50: 4096, p95: 4096, p99: 4096 });
  t.is(problem.services[0]!.demand.cpu!.mean, 0);
  t.regex(env.err(), /front → back: pcap:flows\.pcap has 500 messages\/s, otlp:odd-otlp\.jsonl 2; the first is taken/);
});

test("profile takes addresses from the catalog of --config", async (t) => {
  const path = folder(t);
  writeFileSync(join(path, "flows.pcap"), pcap(exchange(40_000, 100, 300)));
  writeFileSync(
    join(path, "mesh.yaml"),
    "version: 1\nservices:\n  web: { ports: [80], replicas: [{ address: 10.0.0.2 }] }\n  app: { ports: [9], replicas: [{ address: 10.0.0.1 }] }\n",
  );
  const { env } = await profile(["--pcap", join(path, "flows.pcap"), "--config", join(path, "mesh.yaml")]);
  t.like(parseProblem(env.out(), "stdout").traffic[0], { from: "app", to: "web", messagesPerSecond: 500 });
});

test("profile takes nodes of --nodes, with their resources", async (t) => {
  const path = join(folder(t), "nodes.yaml");
  writeFileSync(path, "resources: { gpu: { unit: count } }\nnodes: [{ name: n1, capacity: { cpu: 8, gpu: 2 } }, { name: n2 }]\n");
  const { status, env } = await profile(["--otlp", otlp, "--nodes", path]);
  t.is(status, 0, env.err());
  t.deepEqual(
    parseProblem(env.out(), "stdout").nodes.map(({ name, capacity }) => [name, capacity]),
    [
      ["n1", { cpu: 8, gpu: 2 }],
      ["n2", {}],
    ],
  );
});

test("profile ends early at SIGINT, and writes what it has measured", async (t) => {
  const path = folder(t);
  mkdirSync(join(path, "web"));
  writeFileSync(join(path, "web/cpu.stat"), "usage_usec 5\n");
  const output = join(path, "problem.yaml");
  const env = testEnv({ isTTY: true, nowNs: () => process.hrtime.bigint() });
  // The second line of progress is shown once something has been measured.
  let shown = 0;
  const watched = {
    ...env,
    stderr: {
      ...env.stderr,
      isTTY: true,
      write: (text: string) => {
        env.stderr.write(text);
        if (/cgroups: /.test(text) && ++shown === 2) env.raise("SIGINT");
      },
    },
  };
  const beganMs = performance.now();
  const status = await run(placer, ["profile", "--cgroup", `web=${join(path, "web")}`, "--seconds", "600", "-o", output], watched);
  t.is(status, 0);
  t.true(performance.now() - beganMs < 60_000);
  t.is(parseProblem(readFileSync(output, "utf8"), "p.yaml").services[0]!.name, "web");
  t.regex(env.err(), /interrupted: what is written was measured for \d+\.\d s/);
});

for (const [args, says] of [
  [[], /no source is given/],
  [["--sockhijack", "--seconds", "0"], /--seconds 0: a number over 0/],
  [["--jaeger", "a", "--per-second", "-1"], /--per-second -1: a number over 0/],
  [["--jaeger", "a", "--problem", "b", "--nodes", "c"], /--problem and --nodes are both given/],
  [["--jaeger=-", "--otlp=-"], /stdin is given more than once/],
  [["--cgroup", "web"], /--cgroup web: service=path is needed/],
] as const) {
  test(`profile ${args.join(" ")} is refused with exit status 2`, async (t) => {
    const { status, env } = await profile(args);
    t.is(status, 2);
    t.regex(env.err(), says);
    t.is(env.out(), "");
  });
}

for (const [args, status, says] of [
  [["--jaeger", "/none.json"], 65, /\/none\.json: no such file/],
  [["--sockhijack", "--sockhijack-socket", "/none.sock"], 69, /sockhijack daemon/],
  [["--cgroup", "web=/none"], 65, /cannot measure \/none: no such cgroup/],
  [["--pcap", otlp, "--config", "/none.yaml"], 78, /cannot read \/none\.yaml: no such file/],
] as const) {
  test(`profile ${args.join(" ")} ends with ${status}, and leaves no file`, async (t) => {
    const output = join(folder(t), "problem.yaml");
    const found = await profile([...args, "-o", output]);
    t.is(found.status, status);
    t.regex(found.env.err(), says);
    t.false(existsSync(output));
  });
}

test("profile says that no address is known", async (t) => {
  const path = folder(t);
  writeFileSync(join(path, "mesh.yaml"), "version: 1\n");
  const { status, env } = await profile(["--pcap", otlp, "--config", join(path, "mesh.yaml")]);
  t.is(status, 65);
  t.regex(env.err(), /cannot tell whose packets are whose: .*mesh\.yaml has no services/);
});

test("profile says that nothing was measured", async (t) => {
  const path = folder(t);
  writeFileSync(join(path, "flows.pcap"), pcap(exchange(40_000, 100, 300)));
  writeFileSync(join(path, "mesh.yaml"), "version: 1\nservices:\n  web: { ports: [80], replicas: [{ address: 192.0.2.1 }] }\n");
  const { status, env } = await profile(["--pcap", join(path, "flows.pcap"), "--config", join(path, "mesh.yaml")]);
  t.is(status, 65);
  t.regex(env.err(), /nothing was measured of any service: pcap:flows\.pcap: 2 addresses belong to no service: 10\.0\.0\.[12]/);
});
