/**
 * The cost of replicad's signals and messages. Two ways: each step in a tight loop, by this thread's CPU time and what is left on the heap; and all of it live, from a timer of 1 ms,
 * by this thread's CPU time against that of a timer that does nothing, so that what Node takes to wake up is told apart. @module
 */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createLog, systemEnv } from "../../packages/cli/src/mod.ts";
import { connect, type NicdEndpoint, nicd, serve } from "../../packages/ipc/src/mod.ts";
import { clockMs, LoadWriter, ReportReader, ReportWriter } from "../../packages/replica-table/src/mod.ts";
import { MqttBus } from "../../packages/replicad/src/bus/mqtt-bus.ts";
import { NodeState } from "../../packages/replicad/src/bus/node-state.ts";
import { NodeTable } from "../../packages/replicad/src/bus/node-table.ts";
import { Publisher, type Sink } from "../../packages/replicad/src/bus/publisher.ts";
import { StateDecoder, StateEncoder } from "../../packages/replicad/src/bus/state-message.ts";
import { NodeSignals } from "../../packages/replicad/src/signals/node-signals.ts";
import { ReplicaSignals } from "../../packages/replicad/src/signals/replica-signals.ts";

const now = (): number => performance.timeOrigin + performance.now();
const cpuUs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return user + system;
};

function stateOf(name: string, replicas: number): NodeState {
  const state = new NodeState(name);
  state.bootSeconds = Math.floor(Date.now() / 1000);
  state.bootRandom = 1;
  for (let index = 0; index < replicas; index++) state.replicas.add(`10.0.0.1:${1000 + index}`);
  return state;
}

/** nicd's answer of so many replicas, from a process of its own. */
async function double(path: string, replicas: number): Promise<void> {
  const endpoints: NicdEndpoint[] = Array.from({ length: replicas }, (_, index) => ({
    address: "10.0.0.1",
    port: 1000 + index,
    node: "a",
    here: true,
    weight: 1,
    inFlight: index,
    connections: index,
    pending: 0,
    requests: index,
    errors: 0,
    latencyUs: 1000 + index,
    ejectedForMs: 0,
    standing: "healthy",
    reportAgeMs: 1,
  }));
  const cluster = { service: "web", port: 80, selector: "mitsu", inFlight: 0, overflows: 0, panics: 0, retriesRefused: 0, endpoints };
  await serve({
    listen: { path },
    daemon: "nicd",
    version: "0",
    group: "root",
    log: createLog(systemEnv, { level: "error" }),
    protocol: { clusters: nicd.clusters },
    handlers: { clusters: () => ({ clusters: [cluster] }) },
  });
  process.on("message", () => process.send!(cpuUs()));
  process.send!("ready");
}

interface Figure {
  readonly what: string;
  readonly cpuUs: number;
  /** Left on the heap; null where it was not looked at. */
  readonly heapBytes: number | null;
  /** Of a core at 1 kHz. */
  readonly share: number;
}

/** CPU and heap of one call in a tight loop; the least of five rounds, as others use the machine too. */
function tight(what: string, calls: number, call: (step: number) => void): Figure {
  for (let step = 0; step < calls; step++) call(step);
  let cpu = Number.POSITIVE_INFINITY;
  let heap = Number.POSITIVE_INFINITY;
  for (let round = 1; round <= 5; round++) {
    globalThis.gc?.();
    const heapBefore = process.memoryUsage().heapUsed;
    const before = cpuUs();
    for (let step = 0; step < calls; step++) call(round * calls + step);
    cpu = Math.min(cpu, (cpuUs() - before) / calls);
    heap = Math.min(heap, (process.memoryUsage().heapUsed - heapBefore) / calls);
  }
  return { what, cpuUs: cpu, heapBytes: Math.max(0, Math.round(heap)), share: cpu / 1000 };
}

/** CPU of a timer of 1 ms that does this; ticks that came are counted, as a timer that is late skips some. */
async function live(what: string, seconds: number, tick: () => void): Promise<Figure> {
  let ticks = 0;
  const run = async (ms: number): Promise<void> => {
    const timer = setInterval(() => {
      ticks++;
      tick();
    }, 1);
    await new Promise((resolve) => setTimeout(resolve, ms));
    clearInterval(timer);
  };
  await run(300);
  ticks = 0;
  const before = cpuUs();
  const startMs = performance.now();
  await run(seconds * 1000);
  const cpu = cpuUs() - before;
  const share = cpu / ((performance.now() - startMs) * 1000);
  return { what: `${what} (${Math.round(ticks / seconds)}/s)`, cpuUs: cpu / ticks, heapBytes: null, share };
}

/** Runs with a broker on loopback; not at all where it is not installed. */
async function withBroker(kind: "mosquitto" | "mqttnic", run: (url: string) => Promise<void>): Promise<void> {
  const program = { mosquitto: "/usr/sbin/mosquitto", mqttnic: join(import.meta.dirname, "../../bin/mqttnic") }[kind];
  if (!existsSync(program)) return;
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const folder = mkdtempSync(join(tmpdir(), "replica-signals-"));
  const conf = join(folder, "m.conf");
  writeFileSync(conf, `listener ${port} 127.0.0.1\nallow_anonymous true\n${kind === "mosquitto" ? "set_tcp_nodelay true\n" : ""}`);
  const args = kind === "mosquitto" ? ["-c", conf] : ["daemon", "--config-file", conf, "--socket", join(folder, "control.sock")];
  const child: ChildProcess = spawn(program, args, { stdio: "ignore" });
  const end = (): void => void child.kill("SIGKILL");
  process.once("exit", end);
  try {
    await run(`mqtt://127.0.0.1:${port}`);
  } finally {
    end();
    process.off("exit", end);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What a message would cost instead: nicd asked over its control socket, and its answer taken. */
async function messages(replicas: number): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "replica-signals-"));
  const path = join(folder, "nicd.sock");
  const daemon = fork(import.meta.filename, ["double", path, String(replicas)]);
  const told = async (): Promise<unknown> => await new Promise((resolve) => daemon.once("message", resolve));
  try {
    await told();
    using client = await connect(path, nicd);
    const calls = 300;
    for (let round = 0; round < calls; round++) await client.call("clusters", {});
    daemon.send("cpu");
    const theirs = (await told()) as number;
    const before = cpuUs();
    for (let round = 0; round < calls; round++) await client.call("clusters", {});
    const ours = (cpuUs() - before) / calls;
    daemon.send("cpu");
    const other = (((await told()) as number) - theirs) / calls;
    return [
      { what: "instead, by messages: ask nicd, as replicad", cpuUs: ours, heapBytes: null, share: ours / 1000 },
      { what: "instead, by messages: answer, as nicd", cpuUs: other, heapBytes: null, share: other / 1000 },
    ];
  } finally {
    daemon.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A nicd of two processes, as on a node of two cores, that calls these replicas, and replicad's signals of them. */
class Node implements Disposable {
  readonly signals: ReplicaSignals;
  readonly keys: readonly string[];
  clock: number = clockMs();
  readonly #folder: string = mkdtempSync(join(tmpdir(), "replica-signals-"));
  readonly #writers: readonly LoadWriter[];
  readonly #rows: readonly (readonly number[])[];

  constructor(replicas: number) {
    const socket = join(this.#folder, "nicd.sock");
    this.keys = Array.from({ length: replicas }, (_, index) => `10.0.0.1:${1000 + index}`);
    this.#writers = [0, 1].map((index) => LoadWriter.create(`${socket}.${index}.load`));
    this.#rows = this.#writers.map((writer) => this.keys.map((key) => writer.row(key)));
    const active = new Map(this.keys.map((key, index) => [key, index % 4]));
    const kernel = { active: (key: string) => active.get(key) ?? null, up: () => true };
    this.signals = new ReplicaSignals({
      nicd: socket,
      rows: new NodeState("a").replicas,
      here: () => true,
      kernel,
      clock: () => this.clock,
    });
  }

  request(worker: number, index: number): void {
    const writer = this.#writers[worker]!;
    const row = this.#rows[worker]![index]!;
    writer.begin(row, this.clock - 0.5);
    writer.end(row, this.clock, 0.5, "ok");
  }

  /** A moment at which so many requests have ended since the one before. */
  sample(clock: number, step: number, requests: number): void {
    this.clock = clock;
    for (const writer of this.#writers) writer.beat(clock);
    for (let one = 0; one < requests; one++) this.request(one & 1, (step * requests + one) % this.keys.length);
    this.signals.sample();
  }

  [Symbol.dispose](): void {
    this.signals[Symbol.dispose]();
    for (const writer of this.#writers) writer.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** What the tables cost those who write and read them: nicd by request, replicad a thousand times a second. */
function tables(node: Node): { readonly figures: Figure[]; readonly sample: Figure } {
  const replicas = node.keys.length;
  const path = join(tmpdir(), `replica-signals-${process.pid}.reports`);
  using reports = ReportWriter.create(path);
  using reader = ReportReader.open(path);
  const told = node.keys.map((key) => reports.row(key));
  const report = { atMs: 1, inFlight: 3, serviceMs: 2, latencyMs: 9, failures: 0, workers: 0, weight: Number.NaN, flags: 0 };
  const into = { ...report };
  const sample = (requests: number) => (step: number) => node.sample(node.clock + 1, step, requests);
  const count = tight("nicd counts a request: begin, end", 5_000_000, (step) => node.request(0, step % replicas));
  const still = tight(`replicad reads ${replicas} loads of two processes and the kernel's: none moved`, 20_000, sample(0));
  const some = tight("the same, ten requests a millisecond (counting them included)", 20_000, sample(10));
  const figures = [
    count,
    still,
    some,
    tight("the same, two requests a millisecond to each replica", 10_000, sample(2 * replicas)),
    tight(`replicad writes ${replicas} reports`, 50_000, (step) => {
      for (const row of told) reports.write(row, report);
      reports.commit(step, 1);
    }),
    tight("nicd reads one report", 5_000_000, (step) => void reader.read(told[step % replicas]!, into)),
  ];
  return { figures, sample: some };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      replicas: { type: "string", default: "100" },
      seconds: { type: "string", default: "3" },
      json: { type: "boolean", default: false },
      strict: { type: "boolean", default: false },
    },
  });
  const replicas = Number(values.replicas);
  const seconds = Number(values.seconds);
  const figures: Figure[] = [];
  const say = (figure: Figure): Figure => {
    figures.push(figure);
    const { what, cpuUs: cpu, heapBytes, share } = figure;
    const heap = heapBytes === null ? "" : `${heapBytes} B`;
    if (values.json) console.log(JSON.stringify(figure));
    else
      console.log(
        `${what.padEnd(74)} ${cpu.toFixed(cpu < 0.1 ? 3 : 2).padStart(9)} µs ${(share * 100).toFixed(2).padStart(7)} % ${heap.padStart(8)}`,
      );
    return figure;
  };
  if (!values.json) console.log(`${replicas} replicas${" ".repeat(62)} CPU a time  of a core  on heap`);

  const state = stateOf("node-1", replicas);
  const { replicas: rows } = state;
  const nothing: Sink = { room: () => "open", send: () => {} };
  using signals = new NodeSignals({ cgroup: existsSync("/sys/fs/cgroup/cpu/cpu.stat") ? "/sys/fs/cgroup/cpu" : "/sys/fs/cgroup" });
  const quiet = new Publisher(state, nothing, { slowMs: 1e9 });
  const busy = new Publisher(state, nothing);
  // One clock for all rounds, one millisecond a call.
  const reading = say(tight("read the node's signals, each at its pace", 4000, (step) => signals.sample(state, step)));
  quiet.tick(1);
  const looking = say(tight("look for a change, find none", 20_000, (step) => void quiet.tick(2 + step * 1e-3)));
  say(
    tight("look for a change, find one, encode", 20_000, (step) => {
      rows.inFlight[replicas - 1] = step % 2;
      busy.tick(step);
    }),
  );
  const encoder = new StateEncoder();
  const decoder = new StateDecoder();
  state.sequence = 1;
  say(tight("encode", 20_000, () => void encoder.encode(state)));
  const bytes = Buffer.from(encoder.encode(state));
  const other = new NodeState("");
  say(tight(`decode ${bytes.length} bytes`, 20_000, () => void decoder.decode(bytes, other)));
  using node = new Node(replicas);
  const read = tables(node);
  for (const one of read.figures) say(one);
  for (const one of await messages(replicas)) say(one);

  // The clock is another one now.
  const still = new Publisher(state, nothing, { slowMs: 1e9 });
  const idle = say(await live("live: a timer that does nothing", seconds, () => {}));
  say(await live("live: signals", seconds, () => signals.sample(state, now())));
  let step = 0;
  const sampling = say(
    await live("live: signals, ten requests to replicas, look for changes", seconds, () => {
      const ms = now();
      signals.sample(state, ms);
      node.sample(node.clock + 1, step++, 10);
      still.tick(ms);
    }),
  );
  if (!values.json) console.log(`  ${still.sent} messages, as changes of the node made them`);
  for (const kind of ["mosquitto", "mqttnic"] as const) {
    await withBroker(kind, async (url) => {
      const up = Promise.withResolvers<void>();
      const heard = Promise.withResolvers<void>();
      const ages: number[] = [];
      const bus = new MqttBus({ url, node: "node-1", table: new NodeTable(state), now, onUp: () => up.resolve() });
      await up.promise;
      const publisher = new Publisher(state, bus);
      const tick = (): void => {
        const ms = now();
        signals.sample(state, ms);
        rows.inFlight[0] = ++step % 2;
        publisher.tick(ms);
      };
      say(await live(`live: signals, a message to ${kind} every millisecond`, seconds, tick));
      const { sent, dropped } = publisher;
      // A subscriber in this process has the same clock: what it sees is the age at arrival itself.
      const table = new NodeTable({ bootSeconds: 1, bootRandom: 2 });
      const other = new MqttBus({
        url,
        node: "node-2",
        table,
        now,
        onState: () => {
          heard.resolve();
          // None after its good-bye.
          const entry = table.nodes.get("node-1");
          if (entry && !entry.retained) ages.push(now() - entry.state.sentAtMs);
        },
      });
      await heard.promise;
      await live("", seconds, tick);
      ages.sort((one, two) => one - two);
      const at = (share: number): number => ages[Math.floor(ages.length * share)] ?? Number.NaN;
      const age = { what: `age at arrival by ${kind}`, messages: ages.length, p50Ms: at(0.5), p99Ms: at(0.99) };
      if (values.json) console.log(JSON.stringify(age));
      else
        console.log(
          `  ${sent} sent, ${dropped} dropped; age at arrival: median ${age.p50Ms.toFixed(2)} ms, p99 ${age.p99Ms.toFixed(2)} ms of ${age.messages}`,
        );
      await bus.close();
      await other.close();
    });
  }
  const own = reading.share + looking.share + read.sample.share;
  const more = Math.max(0, sampling.share - idle.share);
  const met = own <= 0.01;
  if (values.json) console.log(JSON.stringify({ what: "sampling", share: own, liveShare: more, target: 0.01, met }));
  else
    console.log(
      `sampling takes ${(own * 100).toFixed(2)} % of a core at 1 kHz by the loop, ${(more * 100).toFixed(2)} % live beside the timer itself; at most 1 % wanted: ${met ? "met" : "MISSED"}`,
    );
  if (values.strict && !met) process.exitCode = 1;
}

const [first, path, replicas] = process.argv.slice(2);
if (first === "double") await double(path!, Number(replicas));
else await main();
