import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { ConnectionOptions } from "node:tls";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { MitsuError } from "@mitsu/cli/error";
import test, { type ExecutionContext } from "ava";
import { MqttBus } from "../../src/bus/mqtt-bus.ts";
import { NodeTable } from "../../src/bus/node-table.ts";
import { Publisher } from "../../src/bus/publisher.ts";
import { BrokerProcess, brokerKinds } from "./brokers.ts";
import { stateOf } from "./state-fixture.ts";

const now = (): number => performance.timeOrigin + performance.now();
let boots = 0;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** What is in use, in megabytes, without what only waits for the collector. */
async function heldMb(): Promise<number> {
  // What the first pass finalizes, the second frees.
  for (let pass = 0; pass < 2; pass++) {
    collect();
    await setImmediate();
  }
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 1e6;
}

/** A node as the daemon has it; things that happened are awaited by `until`. */
function nodeAt(t: ExecutionContext, url: string, name: string, replicas = 3, skewMs = 0, tls: ConnectionOptions = {}) {
  const clock = (): number => now() + skewMs;
  const state = stateOf(name, replicas);
  state.bootRandom = ++boots;
  const table = new NodeTable(state);
  const waits = new Set<() => void>();
  const happened = (): void => {
    for (const look of waits) look();
  };
  const downs: string[] = [];
  const bus = new MqttBus({
    url,
    node: name,
    table,
    now: clock,
    tls,
    retryMs: 20,
    onUp: () => {
      publisher.resync();
      happened();
    },
    onDown: (reason) => {
      downs.push(reason);
      happened();
    },
    onState: happened,
  });
  const publisher = new Publisher(state, bus, { prepare: (own, nowMs) => table.writeEchoes(own.echoes, nowMs) });
  const timer = setInterval(() => {
    publisher.tick(clock());
    happened();
  }, 1);
  let closed = false;
  const close = async (): Promise<void> => {
    clearInterval(timer);
    if (!closed) await bus.close();
    closed = true;
  };
  t.teardown(close);
  const until = (holds: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!holds()) return;
        waits.delete(look);
        resolve();
      };
      waits.add(look);
      look();
    });
  return { state, table, bus, publisher, downs, until, close, now: clock };
}

for (const kind of brokerKinds) {
  test.serial(`MqttBus carries states both ways over ${kind}, with their age by clocks that differ`, async (t) => {
    const broker = await BrokerProcess.start(t, kind);
    const a = nodeAt(t, broker.url, "a");
    const b = nodeAt(t, broker.url, "b", 5, 2500);
    await Promise.all([
      a.until(() => (a.table.nodes.get("b")?.clock.errorMs(a.now()) ?? 1e9) < 20),
      b.until(() => (b.table.nodes.get("a")?.clock.errorMs(b.now()) ?? 1e9) < 20),
    ]);
    const of = a.table.nodes.get("b")!;
    const error = of.clock.offsetMs(a.now()) - 2500;
    t.log(`offset off by ${error.toFixed(3)} ms, bound ${of.clock.errorMs(a.now()).toFixed(3)} ms, age ${of.ageMs(a.now()).toFixed(2)} ms`);
    t.true(Math.abs(error) <= of.clock.errorMs(a.now()) + 0.1);
    t.is(of.state.replicas.count, 5);
    b.state.replicas.inFlight[2] = 77;
    await a.until(() => of.state.replicas.inFlight[2] === 77);
    t.deepEqual(a.bus.degraded(), []);
    await b.close();
    await a.until(() => a.table.goodbyes === 1);
    t.is(a.table.nodes.size, 0);
    t.deepEqual([...a.table.refused], []);
  });

  test.serial(`MqttBus over ${kind}: kill -9 of the broker degrades with a reason and ages grow; its return resynchronises`, async (t) => {
    const broker = await BrokerProcess.start(t, kind);
    const a = nodeAt(t, broker.url, "a");
    const b = nodeAt(t, broker.url, "b");
    await a.until(() => a.table.nodes.has("b"));
    await b.until(() => b.table.nodes.has("a"));
    // Nothing changes: messages become rare, and what was said still counts.
    const of = a.table.nodes.get("b")!;
    await a.until(() => of.state.intervalMs === 100 && of.ageMs(a.now()) > 60 && a.now() - of.reportedAtMs(a.now()) < 50);
    await broker.kill();
    await a.until(() => a.downs.length === 1);
    const reportedAtMs = a.table.nodes.get("b")!.reportedAtMs(a.now());
    t.regex(a.bus.degraded()[0]!, /^no broker at mqtt:\/\/127\.0\.0\.1:\d+: .+; what other nodes said grows old$/);
    const old = a.table.nodes.get("b")!;
    const before = old.ageMs(a.now());
    const unsent = a.publisher.unsent;
    a.state.replicas.inFlight[0] = 55;
    await a.until(() => a.publisher.unsent > unsent + 10);
    t.true(old.ageMs(a.now()) > before + 5);
    t.is(a.publisher.dropped, 0);
    t.is(old.reportedAtMs(a.now()), reportedAtMs);
    await broker.run();
    await b.until(() => b.table.nodes.get("a")?.state.replicas.inFlight[0] === 55);
    await a.until(() => a.bus.degraded().length === 0 && a.table.nodes.get("b")!.ageMs(a.now()) < 200);
    t.true(a.bus.connects >= 2 && a.bus.losses >= 1);
    t.is(a.downs.length, 1);
  });

  test.serial(`MqttBus over ${kind}: a newcomer has a snapshot of a quiet node at once`, async (t) => {
    const broker = await BrokerProcess.start(t, kind);
    const a = nodeAt(t, broker.url, "a");
    await a.until(() => a.publisher.snapshots >= 1);
    const c = nodeAt(t, broker.url, "c", 0);
    await c.until(() => c.table.nodes.has("a"));
    t.is(c.table.nodes.get("a")!.state.replicas.count, 3);
    t.true(c.table.nodes.get("a")!.ageMs(c.now()) < 5000);
  });

  test.serial(
    `MqttBus over ${kind}: a hostile publisher's garbage, replays, huge and many messages are refused, counted and not kept`,
    async (t) => {
      const broker = await BrokerProcess.start(t, kind);
      const a = nodeAt(t, broker.url, "a");
      const b = nodeAt(t, broker.url, "b");
      await a.until(() => a.table.nodes.has("b"));
      const flood = async (times: number): Promise<number> => {
        const script = join(import.meta.dirname, "hostile-publisher.ts");
        const evil = spawn(process.execPath, [script, String(broker.port)], { stdio: ["ignore", "ignore", "inherit"] });
        t.teardown(() => evil.kill("SIGKILL"));
        await once(evil, "exit");
        await a.until(() => ["replayed", "magic"].every((reason) => (a.table.refused.get(reason as "magic") ?? 0) >= times * 250));
        // Behind all of the flood on the same connection.
        b.state.replicas.inFlight[1] = 90 + times;
        await a.until(() => a.table.nodes.get("b")?.state.replicas.inFlight[1] === 90 + times);
        return heldMb();
      };
      // What the first flood made for good, such as compiled code, the second does not make again; with a leak it would take 36 MB.
      const before = await flood(1);
      const grownMb = (await flood(2)) - before;
      t.deepEqual(a.bus.degraded(), []);
      t.is(a.table.nodes.size, 1);
      t.log(
        `refused ${JSON.stringify([...a.table.refused])}, ${a.bus.losses} connections lost, memory grew by ${grownMb.toFixed(1)} MB with 36 MB more`,
      );
      t.true(grownMb < 10);
    },
  );

  test.serial(`MqttBus over ${kind}: while the broker does not read, states are dropped and counted, none is queued`, async (t) => {
    const broker = await BrokerProcess.start(t, kind);
    const a = nodeAt(t, broker.url, "a", 1000);
    const b = nodeAt(t, broker.url, "b", 0);
    await b.until(() => b.table.nodes.has("a"));
    broker.pause();
    let step = 0;
    await a.until(() => {
      a.state.replicas.inFlight[0] = ++step % 2 ? 1000 : 0;
      return a.publisher.dropped > 50;
    });
    a.state.replicas.inFlight[0] = 4321;
    broker.resume();
    await b.until(() => b.table.nodes.get("a")?.state.replicas.inFlight[0] === 4321);
    t.log(`${a.publisher.sent} sent, ${a.publisher.dropped} dropped`);
    t.is(b.table.refused.size, 0);
  });
}

test.serial("MqttBus speaks over a Unix socket", async (t) => {
  const broker = await BrokerProcess.start(t, "mosquitto", "listener 0 {folder}/m.sock");
  const a = nodeAt(t, `unix://${join(broker.folder, "m.sock")}`, "a");
  const b = nodeAt(t, broker.url, "b");
  await a.until(() => a.table.nodes.has("b"));
  await b.until(() => b.table.nodes.has("a"));
  t.pass();
});

test.serial("MqttBus speaks TLS, and is degraded with the reason where the broker's certificate is of nobody it knows", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "replicad-tls-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const made = spawnSync("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=broker"],
    ...["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", join(folder, "key.pem"), "-out", join(folder, "cert.pem")],
  ]);
  t.is(made.status, 0, String(made.stderr));
  const broker = await BrokerProcess.start(t, "mosquitto", `certfile ${folder}/cert.pem\nkeyfile ${folder}/key.pem`);
  const url = broker.url.replace("mqtt:", "mqtts:");
  const ca = readFileSync(join(folder, "cert.pem"));
  const a = nodeAt(t, url, "a", 3, 0, { ca });
  nodeAt(t, url, "b", 3, 0, { ca });
  await a.until(() => a.table.nodes.has("b"));
  const stranger = nodeAt(t, url, "c");
  await stranger.until(() => /self-signed/.test(stranger.bus.degraded()[0] ?? ""));
  t.false(a.table.nodes.has("c"));
});

test("MqttBus refuses a URL that names no broker", (t) => {
  const table = new NodeTable({ bootSeconds: 1, bootRandom: 1 });
  for (const url of ["", "127.0.0.1", "http://host", "mqtt://", "unix:"]) {
    const error = t.throws(() => new MqttBus({ url, node: "a", table, now }), { instanceOf: MitsuError }, url);
    t.is(error?.code, "ERR_BROKER_URL");
  }
});

/** A broker of a few bytes: takes anyone of MQTT 3.1.1, refuses 5, and sends what it is told. */
async function tinyBroker(
  t: ExecutionContext,
  afterwards: (socket: Socket) => void,
): Promise<{ readonly url: string; readonly levels: number[] }> {
  const levels: number[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      if (chunk[0] === 0x10) {
        levels.push(chunk[8]!);
        socket.write(chunk[8] === 5 ? Buffer.from([0x20, 2, 0, 1]) : Buffer.from([0x20, 2, 0, 0]));
      } else if (chunk[0] === 0x82) {
        socket.write(Buffer.from([0x90, 3, chunk[2]!, chunk[3]!, 0]));
        afterwards(socket);
      }
    });
    t.teardown(() => socket.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  return { url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`, levels };
}

test.serial("MqttBus falls back to MQTT 3.1.1, and ends a connection on which a packet is longer than any state", async (t) => {
  let times = 0;
  const broker = await tinyBroker(t, (socket) => {
    // A PUBLISH of 200 MB begins.
    if (++times === 1) socket.write(Buffer.concat([Buffer.from([0x30, 0x80, 0x84, 0xaf, 0x5f]), Buffer.alloc(1000)]));
  });
  const a = nodeAt(t, broker.url, "a");
  await a.until(() => a.bus.oversized === 1 && a.bus.connects === 2);
  t.is(broker.levels[0], 5);
  t.is(broker.levels.at(-1), 4);
});
