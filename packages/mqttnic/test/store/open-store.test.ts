/** What a store gives back after it was closed and opened, and what it leaves out. @module */
import { statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import test from "ava";
import { openStore } from "../../src/store/open-store.ts";
import type { Store, StoredSession } from "../../src/store/store.ts";
import { delivery, everything, message, session, storePath } from "./sample.ts";

const options = { qos: 2, noLocal: true, retainAsPublished: false, retainHandling: 2, identifier: 268_435_455 } as const;
const will = {
  topic: "gone/ä",
  payload: Buffer.from([0, 255]),
  qos: 2,
  retain: true,
  properties: Buffer.from([1, 1]),
  delayS: 30,
  expiryS: undefined,
} as const;

/** What is in the tables, counted from outside. */
function counts(path: string): Record<string, number> {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    return Object.fromEntries(
      ["session", "subscription", "message", "delivery", "received", "retained"].map((table) => [
        table,
        Number(database.prepare(`SELECT count(*) AS rows FROM ${table}`).get()?.rows),
      ]),
    );
  } finally {
    database.close();
  }
}

/** Opens, reads everything as the broker does, does something, commits and closes. */
function once(path: string, act: (store: Store, found: ReturnType<typeof everything>) => void, nowMs?: number): void {
  const store = openStore(path, nowMs === undefined ? { sync: false } : { sync: false, now: () => nowMs });
  try {
    act(store, everything(store));
  } finally {
    store.close();
  }
}

test("openStore() gives back every field of sessions, subscriptions, deliveries, received ids and retained messages", (t) => {
  const path = storePath(t);
  const full: StoredSession = {
    clientId: "ä/1",
    username: "anna",
    version: 4,
    expiryS: 7200,
    disconnectedAtMs: 1_790_000_000_123,
    will: { will, atMs: 1_790_000_030_000 },
  };
  const expiring = message({
    expiresAtMs: 1_900_000_000_000,
    properties: Buffer.from([3, 0, 1, 97]),
    retain: true,
    qos: 2,
    payload: Buffer.alloc(100_000, 7),
  });
  const sent = delivery(2 ** 40, {
    message: expiring,
    qos: 2,
    retain: true,
    identifiers: [1, 268_435_455],
    state: "sent",
    packetId: 65_535,
  });
  const plain = message({ from: "", payload: Buffer.alloc(0) });
  once(path, (store) => {
    store.putSession(full);
    store.putSubscription("ä/1", "a/+/#", options);
    store.putDelivery("ä/1", sent);
    store.addReceived("ä/1", 17);
    store.putSession(session("empty", { version: 3 }));
    store.putRetained(plain);
    store.putRetained({ ...expiring, topic: "other" });
  });
  once(
    path,
    (_store, { sessions, retained }) => {
      t.deepEqual(sessions.get("ä/1"), {
        session: full,
        subscriptions: [{ filter: "a/+/#", options }],
        deliveries: [sent],
        received: [17],
      });
      t.deepEqual(sessions.get("empty"), { session: session("empty", { version: 3 }), subscriptions: [], deliveries: [], received: [] });
      t.deepEqual([...retained.values()], [plain, { ...expiring, topic: "other" }]);
    },
    1_790_000_001_000,
  );
});

test("Store.commit() writes nothing for a delivery that was put and deleted in one turn, nor for an empty turn", (t) => {
  const path = storePath(t);
  const store = openStore(path, { sync: false });
  t.teardown(() => store.close());
  store.putSession(session("a"));
  store.commit();
  const before = statSync(`${path}-wal`);
  store.putDelivery("a", delivery(1));
  store.updateDelivery("a", 1, "sent", 5);
  store.deleteDelivery("a", 1);
  store.addReceived("a", 9);
  store.deleteReceived("a", 9);
  store.commit();
  store.commit();
  const after = statSync(`${path}-wal`);
  t.is(after.size, before.size);
  t.is(after.mtimeMs, before.mtimeMs);
});

test("Store.putDelivery() stores a message once for many sessions, and its row goes with the last delivery", (t) => {
  const path = storePath(t);
  const shared = message();
  once(path, (store) => {
    for (let client = 0; client < 100; client++) {
      store.putSession(session(`c${client}`));
      store.putDelivery(`c${client}`, delivery(1, { message: shared }));
      // Identity counts beyond the turn, for as long as somebody waits.
      store.commit();
    }
  });
  t.like(counts(path), { message: 1, delivery: 100 });
  once(path, (store, { sessions }) => {
    const restored = [...sessions.values()].map(({ deliveries }) => deliveries[0]?.message);
    t.is(new Set(restored).size, 1);
    t.deepEqual(restored[0], shared);
    store.putDelivery("c0", delivery(2, { message: restored[0]! }));
    for (let client = 0; client < 99; client++) store.deleteDelivery(`c${client}`, 1);
  });
  t.like(counts(path), { message: 1, delivery: 2 });
  once(path, (store) => {
    store.deleteDelivery("c0", 2);
    store.deleteSession("c99");
  });
  t.like(counts(path), { message: 0, delivery: 0 });
});

test("Store.updateDelivery() keeps no message for a delivery that only waits for its PUBCOMP", (t) => {
  const path = storePath(t);
  once(path, (store) => {
    store.putSession(session("a"));
    store.putDelivery("a", delivery(1, { qos: 2, state: "sent", packetId: 3 }));
    store.commit();
    store.updateDelivery("a", 1, "pubrel", 3);
  });
  t.like(counts(path), { message: 0, delivery: 1 });
  once(path, (_store, { sessions }) => t.like(sessions.get("a")?.deliveries[0], { state: "pubrel", packetId: 3, qos: 2, sequence: 1 }));
});

test("Store.deleteSession() leaves nothing of it, and one of the same name starts empty", (t) => {
  const path = storePath(t);
  once(path, (store) => {
    store.putSession(session("a"));
    store.putSubscription("a", "x", options);
    store.putDelivery("a", delivery(1));
    store.addReceived("a", 1);
    store.commit();
    store.deleteSession("a");
    store.putSession(session("a", { username: "new" }));
    store.commit();
    store.putSubscription("a", "y", options);
    store.deleteSubscription("a", "y");
    store.deleteSession("nobody");
    store.putSession(session("b"));
    store.commit();
    store.putSession(session("b"));
    store.putSubscription("b", "z", options);
    store.putDelivery("b", delivery(1));
    store.deleteSession("b");
    store.commit();
    store.putSession(session("a", { username: "new" }));
  });
  t.deepEqual(counts(path), { session: 1, subscription: 0, message: 0, delivery: 0, received: 0, retained: 0 });
  once(path, (_store, { sessions }) => t.is(sessions.get("a")?.session.username, "new"));
});

test("Store.sessions() leaves out and deletes sessions that have expired, and queued messages that have; those that were sent stay", (t) => {
  const path = storePath(t);
  once(path, (store) => {
    store.putSession(session("old", { expiryS: 10, disconnectedAtMs: 1000 }));
    store.putSubscription("old", "x", options);
    store.putSession(session("young", { expiryS: 11, disconnectedAtMs: 1000 }));
    store.putSession(session("was connected", { expiryS: 0 }));
    store.putSession(session("connected", { expiryS: 1 }));
    // Its end is what the will waits for.
    store.putSession(session("will", { expiryS: 10, disconnectedAtMs: 1000, will: { will, atMs: 2000 } }));
    const shared = message({ expiresAtMs: 11_000 });
    store.putDelivery("old", delivery(1, { message: shared }));
    store.putDelivery("young", delivery(1, { message: shared }));
    store.putDelivery("young", delivery(2, { message: shared, state: "sent", packetId: 1 }));
    store.putDelivery("young", delivery(3, { message: message({ expiresAtMs: 11_001 }) }));
    store.putRetained(message({ topic: "gone", expiresAtMs: 11_000 }));
    store.putRetained(message({ topic: "there", expiresAtMs: 11_001 }));
  });
  once(
    path,
    (_store, { sessions, retained }) => {
      t.deepEqual([...sessions.keys()], ["young", "connected", "will"]);
      t.deepEqual(
        sessions.get("young")?.deliveries.map(({ sequence }) => sequence),
        [2, 3],
      );
      t.deepEqual([...retained.keys()], ["there"]);
    },
    11_000,
  );
  t.deepEqual(counts(path), { session: 3, subscription: 0, message: 2, delivery: 2, received: 0, retained: 1 });
});

test("Store.sessions() orders deliveries by sequence, whatever order they were put in", (t) => {
  const path = storePath(t);
  once(path, (store) => {
    store.putSession(session("a"));
    for (const sequence of [3, 1, 2]) store.putDelivery("a", delivery(sequence));
    store.putDelivery("a", delivery(2, { state: "sent", packetId: 2 }));
  });
  once(path, (_store, { sessions }) =>
    t.deepEqual(
      sessions.get("a")?.deliveries.map(({ sequence, packetId }) => [sequence, packetId]),
      [
        [1, 0],
        [2, 2],
        [3, 0],
      ],
    ),
  );
});

test("Store.compact() gives the space of deleted messages back, a few milliseconds at a time", async (t) => {
  const path = storePath(t);
  const store = openStore(path, { sync: false });
  t.teardown(() => store.close());
  for (const client of ["goes", "stays"]) store.putSession(session(client));
  // A page each, in turns: what stays has to move.
  for (let sequence = 0; sequence < 3000; sequence++) {
    const large = message({ payload: Buffer.alloc(3000, sequence) });
    store.putDelivery(sequence % 2 === 0 ? "goes" : "stays", delivery(sequence, { message: large }));
  }
  store.commit();
  store.deleteSession("goes");
  store.commit();
  store.compact();
  await setImmediate();
  const took: number[] = [];
  // Of some 12 MB; the last MiB is kept, and the last pages wait in the log.
  const most = 10_000_000;
  for (let left = Infinity; left > most && took.length < 100_000; left = statSync(path).size) {
    const before = process.cpuUsage();
    store.compact();
    const { user, system } = process.cpuUsage(before);
    took.push((user + system) / 1000);
    // A checkpoint waits for a thread of Node's pool.
    await setImmediate();
  }
  t.true(statSync(path).size <= most, `${statSync(path).size}`);
  took.sort((one, other) => one - other);
  // CPU time, because a machine with other work takes a test's time away; the median, because Node's other threads count too.
  t.true(took[took.length >> 1]! < 10, `${took[took.length >> 1]} ms`);
  t.log(`${took.length} calls, the longest ${took.at(-1)} ms`);
  store.close();
  once(path, (_store, { sessions }) => t.is(sessions.get("stays")?.deliveries.length, 1500));
});

test("openStore() makes files that only their owner may read", (t) => {
  const path = storePath(t);
  const store = openStore(path, { sync: true });
  t.teardown(() => store.close());
  store.putRetained(message());
  store.commit();
  for (const file of [path, `${path}-wal`]) t.is(statSync(file).mode & 0o777, 0o600);
});
