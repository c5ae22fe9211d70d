/** The store against plain maps, closed and opened at random points. @module */
import test from "ava";
import fc from "fast-check";
import { openStore } from "../../src/store/open-store.ts";
import type { DeliveryState, Store } from "../../src/store/store.ts";
import { canonical, ModelStore } from "./model-store.ts";
import { delivery, message, session, storePath } from "./sample.ts";

const nowMs = 1_000_000;

interface Real {
  store: Store;
  readonly path: string;
}

/** Something done to both; `name` is what a counterexample shows. */
class Step implements fc.Command<ModelStore, Real> {
  readonly #name: string;
  readonly #act: (store: Store) => void;

  constructor(name: string, act: (store: Store) => void) {
    this.#name = name;
    this.#act = act;
  }

  check(): boolean {
    return true;
  }

  run(model: ModelStore, real: Real): void {
    this.#act(model);
    this.#act(real.store);
  }

  toString(): string {
    return this.#name;
  }
}

/** Closes, opens and compares. */
class Reopen implements fc.Command<ModelStore, Real> {
  check(): boolean {
    return true;
  }

  run(model: ModelStore, real: Real): void {
    real.store.close();
    real.store = openStore(real.path, { sync: false, now: () => nowMs });
    model.reopen(nowMs);
    const found = canonical(real.store);
    const expected = canonical(model);
    if (found !== expected) throw new Error(`the store has\n${found}\nand should have\n${expected}`);
  }

  toString(): string {
    return "reopen";
  }
}

const client = fc.constantFrom("a", "b", "c");
const sequence = fc.integer({ min: 1, max: 6 });
const filter = fc.constantFrom("x", "x/+", "#");
const state = fc.constantFrom<DeliveryState>("queued", "sent", "pubrel");
const packetId = fc.integer({ min: 1, max: 3 });
const expiresAtMs = fc.constantFrom(0, 0, 0, nowMs, nowMs + 1);
/** The same objects over and over: identity matters. */
const messages = [0, 0, nowMs, nowMs + 1].map((expiry, index) => message({ topic: `shared/${index}`, expiresAtMs: expiry }));
const anyMessage = fc.oneof(
  fc.constantFrom(...messages),
  fc
    .record({
      payload: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
      from: fc.string({ maxLength: 3 }),
      expiresAtMs,
    })
    .map((fields) => message(fields)),
);

const steps: fc.Arbitrary<fc.Command<ModelStore, Real>>[] = [
  fc
    .tuple(client, fc.option(fc.string({ unit: "grapheme", maxLength: 3 }), { nil: undefined }), fc.constantFrom(0, 990_000, 995_000))
    .map(
      ([clientId, username, disconnectedAtMs]) =>
        new Step(`putSession(${clientId}, ${disconnectedAtMs})`, (store) =>
          store.putSession(session(clientId, { username, disconnectedAtMs, expiryS: 8 })),
        ),
    ),
  client.map((clientId) => new Step(`deleteSession(${clientId})`, (store) => store.deleteSession(clientId))),
  fc
    .tuple(client, filter, fc.integer({ min: 0, max: 9 }))
    .map(
      ([clientId, name, identifier]) =>
        new Step(`putSubscription(${clientId}, ${name})`, (store) =>
          store.putSubscription(clientId, name, { qos: 1, noLocal: true, retainAsPublished: true, retainHandling: 1, identifier }),
        ),
    ),
  fc
    .tuple(client, filter)
    .map(([clientId, name]) => new Step(`deleteSubscription(${clientId}, ${name})`, (store) => store.deleteSubscription(clientId, name))),
  fc
    .tuple(client, sequence, anyMessage, state, fc.array(fc.integer({ min: 1, max: 268_435_455 }), { maxLength: 2 }))
    .map(
      ([clientId, number, shared, how, identifiers]) =>
        new Step(`putDelivery(${clientId}, ${number}, ${shared.topic}, ${how})`, (store) =>
          store.putDelivery(clientId, delivery(number, { message: shared, state: how, identifiers })),
        ),
    ),
  fc
    .tuple(client, sequence, state, packetId)
    .map(
      ([clientId, number, how, id]) =>
        new Step(`updateDelivery(${clientId}, ${number}, ${how})`, (store) => store.updateDelivery(clientId, number, how, id)),
    ),
  fc
    .tuple(client, sequence)
    .map(([clientId, number]) => new Step(`deleteDelivery(${clientId}, ${number})`, (store) => store.deleteDelivery(clientId, number))),
  fc
    .tuple(client, packetId)
    .map(([clientId, id]) => new Step(`addReceived(${clientId}, ${id})`, (store) => store.addReceived(clientId, id))),
  fc
    .tuple(client, packetId)
    .map(([clientId, id]) => new Step(`deleteReceived(${clientId}, ${id})`, (store) => store.deleteReceived(clientId, id))),
  fc
    .tuple(fc.constantFrom("r/1", "r/2"), expiresAtMs)
    .map(
      ([topic, expiry]) =>
        new Step(`putRetained(${topic}, ${expiry})`, (store) => store.putRetained(message({ topic, expiresAtMs: expiry }))),
    ),
  fc.constantFrom("r/1", "r/2").map((topic) => new Step(`deleteRetained(${topic})`, (store) => store.deleteRetained(topic))),
  fc.constant(new Step("commit", (store) => store.commit())),
  fc.constant(new Step("compact", (store) => store.compact())),
];

test("Store holds what plain maps hold, whenever it is closed and opened", (t) => {
  t.timeout(600_000);
  fc.assert(
    fc.property(fc.commands([...steps, fc.constant(new Reopen())], { maxCommands: 120, size: "max" }), (commands) => {
      const path = storePath(t);
      const real = { path, store: openStore(path, { sync: false, now: () => nowMs }) };
      try {
        fc.modelRun(() => ({ model: new ModelStore(), real }), [...commands, new Reopen(), new Reopen()]);
      } finally {
        real.store.close();
      }
    }),
    { seed: 1, numRuns: process.env.MITSU_TEST_ALL === "1" ? 2000 : 40 },
  );
  t.pass();
});
