#!/usr/bin/env node
/**
 * The figures of docs/adr/0016-mqttnic-keeps-its-state-in-sqlite.md: what mqttnic's store costs a turn of the broker and a start, beside other ways to keep the same.
 *
 *     node bench/lib/mqtt-store.ts             some 3 minutes
 *     node bench/lib/mqtt-store.ts --quick     20 seconds; a tenth of everything
 *
 * **Turns.** 1000 sessions, each with 100 messages queued beforehand. A turn puts one message of 100 bytes for 1, 10, 100 or 200 sessions, and takes away the
 * deliveries of the turn before, which were acknowledged; then it commits. Each kind runs in a process of its own, several rounds in turns; medians of the rounds.
 * **Steady.** The same at 100 000 deliveries a second, in turns of 100 that are due each millisecond: how late they are done, checkpoints between them included.
 * **Start.** 1 M retained messages (topics of some 30 bytes, payloads of 64), 100 k subscriptions of 10 k sessions, 100 k queued messages of 1000 of these, ten of which share
 * a message. A process fills the store, another one opens it and reads everything as the broker does.
 *
 * | Kind | What it is |
 * | --- | --- |
 * | store | `openStore(path, { sync: false })` |
 * | store, sync | `openStore(path, { sync: true })`: waits for the disk at each commit |
 * | by session | node:sqlite again, deliveries in a table by session and sequence, as one would at first |
 * | lmdb | npm `lmdb`, noSync, the same rows by number |
 * | log | bytes appended to a file, one write a turn, never cleaned up: the lower bound |
 *
 * Past 300 lines because the five ways stand beside each other, as short as they get.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import type { Message } from "../../packages/mqttnic/src/message.ts";
import { ByteWriter } from "../../packages/mqttnic/src/store/byte-writer.ts";
import { writeMessageBody } from "../../packages/mqttnic/src/store/message-body.ts";
import { openStore } from "../../packages/mqttnic/src/store/open-store.ts";
import { openLmdb } from "../../packages/mqttnic/test/store/lmdb-peer.ts";

const quick = process.argv.includes("--quick");
const scale = quick ? 0.1 : 1;
const rounds = quick ? 1 : 5;
const sessions = 1000;
const kinds = ["store", "store, sync", "by session", "lmdb", "log"] as const;
type Kind = (typeof kinds)[number];

const message = (topic: string, bytes: number, from = "publisher-17"): Message => ({
  topic,
  qos: 1,
  retain: false,
  payload: Buffer.alloc(bytes, 0x61),
  properties: Buffer.alloc(0),
  expiresAtMs: 0,
  from,
});
const sessionOf = (number: number) => ({
  clientId: `client-${number}`,
  username: undefined,
  version: 5 as const,
  expiryS: 0xffff_ffff,
  disconnectedAtMs: 0,
  will: undefined,
});
const delivered = { qos: 1, retain: false, identifiers: [], state: "sent" } as const;

/** One way to keep deliveries. */
interface Peer {
  /** One turn: `message` for each of `to`; the deliveries of the turn before go. */
  turn(sequence: number, shared: Message, to: readonly number[]): void;
  close(): void | Promise<void>;
}

function open(kind: Kind, path: string): Peer {
  switch (kind) {
    case "store":
    case "store, sync":
      return storePeer(path, kind === "store, sync");
    case "by session":
      return bySession(path);
    case "lmdb":
      return lmdb(path);
    default:
      return log(path);
  }
}

function storePeer(path: string, sync: boolean): Peer {
  const store = openStore(path, { sync });
  for (let number = 0; number < sessions; number++) store.putSession(sessionOf(number));
  let before: readonly number[] = [];
  return {
    turn(sequence, shared, to) {
      for (const session of to) store.putDelivery(`client-${session}`, { ...delivered, sequence, message: shared, packetId: 5 });
      for (const session of before) store.deleteDelivery(`client-${session}`, sequence - 1);
      store.commit();
      before = sequence < 0 ? [] : to;
    },
    close: () => store.close(),
  };
}

function bySession(path: string): Peer {
  const database = new DatabaseSync(path);
  database.exec(`
    PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 4096;
    CREATE TABLE message (number INTEGER PRIMARY KEY, topic TEXT, body BLOB);
    CREATE TABLE delivery (session INTEGER, sequence INTEGER, message INTEGER, flags INTEGER, packet_id INTEGER, PRIMARY KEY (session, sequence)) WITHOUT ROWID;
  `);
  const [begin, commit, addMessage, deleteMessage, addDelivery, deleteDelivery] = [
    "BEGIN",
    "COMMIT",
    "INSERT INTO message VALUES (?, ?, ?)",
    "DELETE FROM message WHERE number = ?",
    "INSERT INTO delivery VALUES (?, ?, ?, ?, ?)",
    "DELETE FROM delivery WHERE session = ? AND sequence = ?",
  ].map((sql) => database.prepare(sql));
  const writer = new ByteWriter();
  let number = 0;
  let before: readonly number[] = [];
  return {
    turn(sequence, shared, to) {
      begin!.run();
      writeMessageBody(writer, shared);
      addMessage!.run(++number, shared.topic, writer.take());
      for (const session of to) addDelivery!.run(session, sequence, number, 9, 5);
      for (const session of before) deleteDelivery!.run(session, sequence - 1);
      if (before.length > 0) deleteMessage!.run(number - 1);
      commit!.run();
      before = sequence < 0 ? [] : to;
    },
    close: () => database.close(),
  };
}

function deliveryBytes(writer: ByteWriter, session: number, sequence: number, number: number): Buffer {
  for (const field of [session, sequence + 1000, number, 9, 5]) writer.number(field);
  return writer.take();
}

function lmdb(path: string): Peer {
  const peer = openLmdb(`${path}.lmdb`);
  const writer = new ByteWriter();
  let number = 0;
  let row = 0;
  let before: number[] = [];
  return {
    turn(sequence, shared, to) {
      peer.turn(() => {
        writeMessageBody(writer, shared);
        peer.put("message", ++number, writer.take());
        for (const gone of before) peer.remove("delivery", gone);
        if (before.length > 0) peer.remove("message", number - 1);
        before = [];
        for (const session of to) {
          peer.put("delivery", ++row, deliveryBytes(writer, session, sequence, number));
          if (sequence >= 0) before.push(row);
        }
      });
    },
    close: () => peer.close(),
  };
}

function log(path: string): Peer {
  const file = openSync(path, "a");
  const writer = new ByteWriter();
  let number = 0;
  let row = 0;
  let before: number[] = [];
  return {
    turn(sequence, shared, to) {
      writer.byte(1);
      writer.number(++number);
      writer.string(shared.topic);
      writeMessageBody(writer, shared);
      for (const gone of before) {
        writer.byte(3);
        writer.number(gone);
      }
      before = [];
      for (const session of to) {
        writer.byte(2);
        for (const field of [++row, session, sequence + 1000, number, 9, 5]) writer.number(field);
        if (sequence >= 0) before.push(row);
      }
      const bytes = writer.take();
      writeSync(file, bytes, 0, bytes.length);
    },
    close: () => closeSync(file),
  };
}

/** In a process of its own: queues of 100 messages, then turns of `width`. */
async function turns(kind: Kind, width: number, path: string): Promise<Turns> {
  const peer = open(kind, path);
  const all = Array.from({ length: sessions }, (_none, index) => index);
  for (let sequence = -100; sequence < 0; sequence++) peer.turn(sequence, message("queue/before", 100), all);
  const count = Math.ceil((kind === "store, sync" ? 2000 : width === 1 ? 30_000 : 5000) * scale);
  const took = new Float64Array(count);
  const cpu = process.cpuUsage();
  for (let turn = 0; turn < count; turn++) {
    const base = (turn * 317) % sessions;
    const to = Array.from({ length: width }, (_none, index) => (base + index) % sessions);
    const shared = message("building/7/floor/3/door", 100);
    const begun = performance.now();
    peer.turn(turn, shared, to);
    took[turn] = performance.now() - begun;
    // As the broker's loop does: what waits for a callback gets its turn.
    await setImmediate();
  }
  const { user, system } = process.cpuUsage(cpu);
  let total = 0;
  for (const each of took) total += each;
  took.sort();
  const at = (share: number): number => took[Math.min(count - 1, Math.floor(count * share))]! * 1000;
  const result = {
    perSecond: (count * width * 1000) / total,
    cpuUs: (user + system) / (count * width),
    p50: at(0.5),
    p99: at(0.99),
    p999: at(0.999),
    max: at(1),
    rssMiB: process.memoryUsage().rss / 1024 ** 2,
    diskMiB: bytesIn(join(path, "..")) / 1024 ** 2,
  };
  await peer.close();
  return result;
}

/** Turns of 100 each millisecond; how long after it was due each is done. */
async function steady(kind: Kind, path: string): Promise<Steady> {
  const peer = open(kind, path);
  const all = Array.from({ length: sessions }, (_none, index) => index);
  for (let sequence = -100; sequence < 0; sequence++) peer.turn(sequence, message("queue/before", 100), all);
  const count = 10_000 * scale;
  const late = new Float64Array(count);
  let busy = 0;
  let mostMiB = 0;
  const start = performance.now() + 1;
  for (let turn = 0; turn < count; turn++) {
    while (performance.now() < start + turn) await setImmediate();
    const base = (turn * 317) % sessions;
    const begun = performance.now();
    const to = Array.from({ length: 100 }, (_none, index) => (base + index) % sessions);
    peer.turn(turn, message("building/7/floor/3/door", 100), to);
    const done = performance.now();
    busy += done - begun;
    late[turn] = (done - start - turn) * 1000;
    if (turn % 100 === 0) mostMiB = Math.max(mostMiB, bytesIn(join(path, "..")) / 1024 ** 2);
  }
  const wall = performance.now() - start;
  late.sort();
  const at = (share: number): number => late[Math.min(count - 1, Math.floor(count * share))]!;
  const result = { busyPercent: (100 * busy) / wall, p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1), mostMiB };
  await peer.close();
  return result;
}

interface Steady {
  /** Time in the store's calls. */
  readonly busyPercent: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  /** On disk at any time. */
  readonly mostMiB: number;
}

interface Turns {
  readonly perSecond: number;
  /** Of the whole process, for each delivery put and taken away. */
  readonly cpuUs: number;
  /** Microseconds of a turn. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  readonly rssMiB: number;
  readonly diskMiB: number;
}

function bytesIn(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true })) bytes += statSync(join(folder, String(entry))).size;
  return bytes;
}

const amounts = { retained: 1_000_000 * scale, subscribers: 10_000 * scale, filters: 10, queuers: 1000 * scale, queued: 100 };
const topic = (number: number): string => `site/${number % 97}/device/${number}/state`;
const filter = (client: number, number: number): string => `site/+/device/${client * 10 + number}/#`;
const options = { qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0, identifier: 0 } as const;

function fillStore(path: string): void {
  const store = openStore(path, { sync: false });
  for (let client = 0; client < amounts.subscribers; client++) {
    store.putSession(sessionOf(client));
    for (let number = 0; number < amounts.filters; number++) store.putSubscription(`client-${client}`, filter(client, number), options);
    if (client % 100 === 0) store.commit();
  }
  for (let sequence = 0; sequence < amounts.queued; sequence++) {
    for (let first = 0; first < amounts.queuers; first += 10) {
      const shared = message(topic(sequence), 100);
      for (let client = first; client < first + 10; client++)
        store.putDelivery(`client-${client}`, { ...delivered, state: "queued", packetId: 0, sequence, message: shared });
    }
    store.commit();
  }
  for (let number = 0; number < amounts.retained; number++) {
    store.putRetained({ ...message(topic(number), 64), retain: true });
    if (number % 200 === 0) store.commit();
  }
  store.close();
}

async function fillLmdb(path: string): Promise<void> {
  const peer = openLmdb(path);
  const writer = new ByteWriter();
  const body = (value: Message): Buffer => {
    writeMessageBody(writer, value);
    return writer.take();
  };
  let row = 0;
  for (let client = 0; client < amounts.subscribers; client += 100) {
    peer.turn(() => {
      for (let each = client; each < client + 100; each++)
        for (let number = 0; number < amounts.filters; number++)
          peer.put("subscription", ++row, Buffer.from(`${each} ${filter(each, number)}`));
    });
  }
  let number = 0;
  row = 0;
  for (let sequence = 0; sequence < amounts.queued; sequence++) {
    peer.turn(() => {
      for (let client = 0; client < amounts.queuers; client++) {
        if (client % 10 === 0) peer.put("message", ++number, body(message(topic(sequence), 100)));
        peer.put("delivery", ++row, deliveryBytes(writer, client, sequence, number));
      }
    });
  }
  for (let first = 0; first < amounts.retained; first += 200) {
    peer.turn(() => {
      for (let each = first; each < first + 200; each++) peer.putRetained(topic(each), body({ ...message(topic(each), 64), retain: true }));
    });
  }
  await peer.close();
}

/** What a start takes, by parts, and what it holds on to: everything, as the broker does. */
interface Start {
  readonly openMs: number;
  readonly sessionsMs: number;
  readonly retainedMs: number;
  /** Beyond a process that has read nothing. */
  readonly sessionsMiB: number;
  readonly retainedMiB: number;
}

const residentMiB = (): number => {
  globalThis.gc?.();
  return process.memoryUsage().rss / 1024 ** 2;
};

function startStore(path: string): Start {
  const idle = residentMiB();
  const begun = performance.now();
  const store = openStore(path, { sync: false });
  const opened = performance.now();
  const restored = [...store.sessions()];
  const read = performance.now();
  const between = residentMiB();
  const again = performance.now();
  const retained = [...store.retained()];
  const done = performance.now();
  const after = residentMiB();
  const subscriptions = restored.reduce((sum, each) => sum + each.subscriptions.length, 0);
  const queued = restored.reduce((sum, each) => sum + each.deliveries.length, 0);
  if (
    subscriptions !== amounts.subscribers * amounts.filters ||
    queued !== amounts.queuers * amounts.queued ||
    retained.length !== amounts.retained
  ) {
    throw new Error(`${subscriptions} subscriptions, ${queued} deliveries and ${retained.length} retained messages came back`);
  }
  store.close();
  return {
    openMs: opened - begun,
    sessionsMs: read - opened,
    retainedMs: done - again,
    sessionsMiB: between - idle,
    retainedMiB: after - between,
  };
}

async function startLmdb(path: string): Promise<Start> {
  const idle = residentMiB();
  const begun = performance.now();
  const peer = openLmdb(path);
  const opened = performance.now();
  const held: unknown[] = [];
  for (const table of ["message", "delivery", "subscription"] as const)
    for (const value of peer.values(table)) held.push(Buffer.from(value));
  const read = performance.now();
  const between = residentMiB();
  const again = performance.now();
  for (const { key, value } of peer.retained()) held.push({ key, value: Buffer.from(value) });
  const done = performance.now();
  const after = residentMiB();
  await peer.close();
  return {
    openMs: opened - begun,
    sessionsMs: read - opened,
    retainedMs: done - again,
    sessionsMiB: between - idle,
    retainedMiB: after - between,
  };
}

/** Runs one part in a process of its own. */
function part<T>(...words: string[]): T {
  const output = execFileSync(process.execPath, ["--expose-gc", import.meta.filename, ...words, ...(quick ? ["--quick"] : [])], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  return JSON.parse(output) as T;
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "mqtt-store-"));
  const inFolder = <T>(act: (path: string) => T): T => {
    const one = mkdtempSync(join(folder, "run-"));
    try {
      return act(join(one, "store"));
    } finally {
      rmSync(one, { recursive: true });
    }
  };
  const median = (values: number[]): number => values.sort((one, other) => one - other)[values.length >> 1]!;
  const whole = (value: number): string => Math.round(value).toLocaleString("en");
  try {
    for (const width of [1, 10, 100, 200]) {
      const results = new Map<Kind, Turns[]>(kinds.map((kind) => [kind, []]));
      for (let round = 0; round < rounds; round++) {
        for (const kind of kinds) results.get(kind)!.push(inFolder((path) => part<Turns>("turns", kind, String(width), path)));
      }
      console.log(`\nturns of ${width}\n`);
      console.log("| | deliveries/s | CPU µs a delivery | turn p50 µs | p99 | p99.9 | max | RSS MiB | disk MiB |");
      console.log("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
      for (const [kind, all] of results) {
        const of = (name: keyof Turns): number => median(all.map((one) => one[name]));
        const columns = [
          whole(of("perSecond")),
          of("cpuUs").toFixed(2),
          ...(["p50", "p99", "p999", "max", "rssMiB", "diskMiB"] as const).map((name) => whole(of(name))),
        ];
        console.log(`| ${kind} | ${columns.join(" | ")} |`);
      }
    }
    console.log("\nsteady, 100 000 deliveries a second\n");
    console.log("| | busy % | late p50 µs | p99 | p99.9 | max | disk MiB at most |");
    console.log("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (const kind of kinds) {
      const all = Array.from({ length: Math.min(rounds, 3) }, () => inFolder((path) => part<Steady>("steady", kind, path)));
      const of = (name: keyof Steady): number => median(all.map((one) => one[name]));
      const columns = (["busyPercent", "p50", "p99", "p999", "max", "mostMiB"] as const).map((name) => whole(of(name)));
      console.log(`| ${kind} | ${columns.join(" | ")} |`);
    }
    console.log(
      `\nstart with ${whole(amounts.retained)} retained, ${whole(amounts.subscribers * amounts.filters)} subscriptions, ${whole(amounts.queuers * amounts.queued)} queued\n`,
    );
    console.log("| | open ms | sessions ms | retained ms | sessions MiB | retained MiB | disk MiB | filled in s |");
    console.log("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (const kind of ["store", "lmdb"] as const) {
      inFolder((path) => {
        const begun = performance.now();
        part("fill", kind, path);
        const filledS = (performance.now() - begun) / 1000;
        const disk = bytesIn(join(path, ".."));
        const start = part<Start>("start", kind, path);
        console.log(`| ${kind} | ${[...Object.values(start), disk / 1024 ** 2, filledS].map((value) => whole(value)).join(" | ")} |`);
      });
    }
    console.log(`\nload average ${readFileSync("/proc/loadavg", "utf8").trim()}; ${tmpdir()} is where it was measured`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const [how, kind, ...rest] = process.argv.slice(2).filter((word) => word !== "--quick");
if (how === "turns") console.log(JSON.stringify(await turns(kind as Kind, Number(rest[0]), rest[1]!)));
else if (how === "steady") console.log(JSON.stringify(await steady(kind as Kind, rest[0]!)));
else if (how === "start") console.log(JSON.stringify(kind === "lmdb" ? await startLmdb(rest[0]!) : startStore(rest[0]!)));
else if (how === "fill") {
  if (kind === "lmdb") await fillLmdb(rest[0]!);
  else fillStore(rest[0]!);
  console.log("null");
} else await main();
