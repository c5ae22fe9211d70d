/** How `relay` is tried: pairs of streams, against a list. That bytes pass is each device's own test. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type JoinedStreams, type Relay, type RelaySpec, relay } from "../../src/capabilities/relay.ts";
import type { ConformanceCase } from "../conformance.ts";
import { seededNumbers } from "./seeded-bytes.ts";

/** Streams that a device has to have been lent, numbered from 1: two for each pair. */
export const relayStreams = 40;

const pairs: readonly JoinedStreams[] = Array.from({ length: relayStreams / 2 }, (_, at) => [2 * at + 1, 2 * at + 2] as const);

/** Joins and parts. */
export const relayCase: ConformanceCase<RelaySpec, Relay, readonly JoinedStreams[]> = {
  capability: relay,
  specs: fc.record({ entries: fc.integer({ min: 1, max: 16 }) }),
  use,
  fill(operations, _spec, entries) {
    for (const [client, replica] of pairs.slice(0, entries)) operations.join(client, replica);
  },
  filled(operations, _spec, entries) {
    for (const [at, [client, replica]] of pairs.entries()) {
      assert.equal(operations.peer(client), at < entries ? replica : undefined);
      assert.equal(operations.peer(replica), at < entries ? client : undefined);
    }
  },
};

function use(operations: Relay, { entries }: RelaySpec, seed: number): void {
  const next = seededNumbers(seed);
  const joined = new Set<number>();
  for (let step = 0; step < 100; step++) {
    const at = next() % Math.min(pairs.length, entries + 2);
    const [client, replica] = pairs[at]!;
    if (next() % 3 === 0) assert.equal(operations.part(next() % 2 === 0 ? client : replica), joined.delete(at), `part of ${client}`);
    else if (joined.size >= entries && !joined.has(at)) assert.throws(() => operations.join(client, replica), { code: "ERR_HAL_FULL" });
    else {
      operations.join(client, replica);
      joined.add(at);
    }
    assert.equal(operations.peer(client), joined.has(at) ? replica : undefined, `peer of ${client}`);
    assert.equal(operations.peer(replica), joined.has(at) ? client : undefined, `peer of ${replica}`);
  }
  for (const at of joined) assert.equal(operations.part(pairs[at]![0]), true);
  const [one, other] = [pairs[0]!, pairs[1]!];
  operations.join(...one);
  assert.throws(() => operations.join(one[0], other[1]), RangeError);
  assert.throws(() => operations.join(other[0], one[1]), RangeError);
  assert.throws(() => operations.join(other[0], other[0]), RangeError);
  assert.equal(operations.peer(other[0]), undefined);
  assert.equal(operations.part(one[1]), true);
  assert.equal(operations.part(one[1]), false);
}
