/** The load generator against the floor, each compiled here: that it counts what it is there to count. @module */
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import test from "ava";

const lib = join(import.meta.dirname, "../lib");
const folder = mkdtempSync(join(tmpdir(), "mitsu-mqtt-load-"));
const load = join(folder, "load");
let compiler: string | undefined;
let floor: ChildProcess | undefined;
let port = "";

test.before(async () => {
  try {
    execFileSync("gcc", ["--version"], { stdio: "ignore" });
  } catch {
    compiler = "there is no gcc";
    return;
  }
  const sources = readdirSync(lib).filter((name) => /^mqtt-load.*\.c$/.test(name));
  execFileSync("gcc", ["-O1", "-Wall", "-Wextra", "-Werror", "-o", load, ...sources.map((name) => join(lib, name))]);
  execFileSync("gcc", ["-O1", "-Wall", "-Wextra", "-Werror", "-o", join(folder, "floor"), join(lib, "mqtt-floor.c")]);
  floor = spawn(join(folder, "floor"), ["0"], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(floor.stdout!, "data");
  port = String(line).trim();
});

test.after.always(() => {
  floor?.kill();
  rmSync(folder, { recursive: true });
});

// biome-ignore lint/suspicious/noExplicitAny: what a mode prints depends on the mode
const play = async (...args: readonly string[]): Promise<any> => {
  const { stdout } = await promisify(execFile)(load, [args[0]!, "--port", port, "--warm-up", "0.05", "--seconds", "0.2", ...args.slice(1)]);
  return JSON.parse(stdout);
};

const skips = (t: { log: (text: string) => void; pass: () => void }): boolean => {
  if (compiler === undefined) return false;
  t.log(`skipped: ${compiler}`);
  t.pass();
  return true;
};

for (const [name, args] of [
  ["QoS 0", ["--qos", "0"]],
  ["QoS 1 with 16 outstanding", ["--qos", "1", "--window", "16"]],
  ["MQTT 5.0 with user properties", ["--version", "5", "--properties", "2", "--qos", "1"]],
] as const)
  test.serial(`mqtt-load fanout delivers ${name} to every subscriber`, async (t) => {
    if (skips(t)) return;
    const result = await play("fanout", "--subscribers", "5", ...args, "--broker-pid", String(floor!.pid));
    t.like(result, { mode: "fanout", lost: 0, bad: 0 });
    t.true(result.operations >= 5 && result.latency.count > 0 && result.brokerCpuSeconds > 0 && result.generatorBusy > 0);
    const counted = result.latency.sorted.reduce((sum: number, [, count]: [number, number]) => sum + count, 0);
    t.is(counted, result.latency.count);
  });

test.serial("mqtt-load fanin gives one subscriber what all publish", async (t) => {
  if (skips(t)) return;
  t.like(await play("fanin", "--publishers", "7", "--window", "3"), { publishers: 7, subscribers: 1, lost: 0, bad: 0 });
});

test.serial("mqtt-load feedback times every node of every round", async (t) => {
  if (skips(t)) return;
  const result = await play("feedback", "--nodes", "4", "--rate", "50");
  t.like(result, { rounds: 12, unstarted: 0, unfinished: 0, bad: 0 });
  t.deepEqual([result.collectToDistribute.count, result.fromDue.count, result.round.count], [40, 40, 10]);
  t.true(result.round.p50Us >= result.collectToDistribute.p50Us);
});

test.serial("mqtt-load soak finds that nothing is lost, and messages that are not the subscriber's", async (t) => {
  if (skips(t)) return;
  const good = await play("soak", "--qos", "1", "--rate", "2000", "--window", "100");
  t.like(good, { lost: 0, gaps: 0, repeated: 0, unacknowledged: 0, bad: 0 });
  // The floor gives everybody what anybody has subscribed to.
  const mixed = await play("soak", "--publishers", "2", "--subscribers", "2", "--rate", "2000");
  t.true(mixed.bad > 0);
});

/** A broker that gives a publish to whoever has subscribed last, and does with each what `deliver` says: how many times it goes out. */
async function faultyBroker(deliver: (sequence: number) => number): Promise<{ readonly port: number; readonly close: () => void }> {
  let subscriber: Socket | undefined;
  let sequence = 0;
  const take = (socket: Socket, packet: Buffer): void => {
    const type = packet[0]! >> 4;
    if (type === 1) socket.write(Buffer.from([0x20, 2, 0, 0]));
    if (type === 8) {
      subscriber = socket;
      socket.write(Buffer.from([0x90, 3, packet[2]!, packet[3]!, 0]));
    }
    if (type === 3) for (let left = deliver(sequence++); left > 0; left--) subscriber?.write(packet);
  };
  const server = createServer({ noDelay: true }, (socket) => {
    let pending = Buffer.alloc(0);
    socket.on("error", () => {}); // the generator ends without a word
    socket.on("data", (chunk) => {
      pending = Buffer.concat([pending, chunk]);
      // All of its packets here are shorter than 128 bytes.
      while (pending.length >= 2 && pending.length >= pending[1]! + 2) {
        take(socket, pending.subarray(0, pending[1]! + 2));
        pending = pending.subarray(pending[1]! + 2);
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as { port: number }).port, close: () => server.close() };
}

test.serial("mqtt-load soak counts gaps and repeats by sequence numbers", async (t) => {
  if (skips(t)) return;
  for (const [deliver, gaps, repeated] of [
    [(n: number) => (n === 20 || n === 21 ? 0 : 1), 2, 0],
    [(n: number) => (n === 30 ? 3 : 1), 0, 2],
  ] as const) {
    const broker = await faultyBroker(deliver);
    t.teardown(broker.close);
    const result = await play("soak", "--qos", "0", "--rate", "500", "--patience", "0.2", "--port", String(broker.port));
    t.like(result, { gaps, repeated, lost: gaps });
  }
});

test.serial("mqtt-load says that nobody accepts, and what it can be told", async (t) => {
  if (skips(t)) return;
  const fails = async (...args: readonly string[]) =>
    await t.throwsAsync<Error & { code: number; stderr: string }>(promisify(execFile)(load, [...args]));
  const refused = await fails("fanout", "--port", "1");
  t.like(refused, { code: 1 });
  t.regex(refused.stderr, /nobody accepts at 127\.0\.0\.1:1/);
  t.like(await fails("fanout", "--colour", "red"), { code: 64 });
  t.like(await fails("dance"), { code: 64 });
});
