/** How `redirect` is tried: pairs of sockets, against a list. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type CoupledEnds, type Redirect, type RedirectSpec, redirect } from "../../src/capabilities/redirect.ts";
import type { ConformanceCase } from "../conformance.ts";
import { seededNumbers } from "./seeded-bytes.ts";

/** Looks at a connection that nothing speaks against, after which it has to be coupled. */
const patience = 100;

/**
 * Connections that a device has, idle ones: a kernel needs real ones.
 *
 * @param connections More than the case's `entries` by one at least.
 */
export function redirectCaseOf(
  connections: () => readonly CoupledEnds[],
  entries = 16,
): ConformanceCase<RedirectSpec, Redirect, readonly CoupledEnds[]> {
  return {
    capability: redirect,
    specs: fc.record({ entries: fc.integer({ min: 1, max: entries }) }),
    use: (operations, spec, seed) => use(operations, spec, seed, connections()),
    fill(operations, _spec, count) {
      for (const [client, server] of connections().slice(0, count)) operations.couple(client, server);
    },
    filled(operations, _spec, count) {
      for (const [at, [client, server]] of connections().entries()) {
        assert.equal(operations.peer(client), at < count ? server : undefined);
        assert.equal(operations.peer(server), at < count ? client : undefined);
        if (at < count) assert.ok(carriesSoon(operations, server), `connection ${client} is coupled`);
      }
    },
  };
}

/** Made-up ones. */
export const redirectCase: ConformanceCase<RedirectSpec, Redirect, readonly CoupledEnds[]> = redirectCaseOf(() =>
  Array.from({ length: 20 }, (_, at) => [BigInt(2 * at + 1), BigInt(2 * at + 2)] as const),
);

function carriesSoon(operations: Redirect, end: bigint): boolean {
  for (let look = 0; look < patience; look++) if (operations.carries(end)) return true;
  return false;
}

function use(operations: Redirect, { entries }: RedirectSpec, seed: number, connections: readonly CoupledEnds[]): void {
  const next = seededNumbers(seed);
  const coupled = new Set<number>();
  for (let step = 0; step < 24; step++) {
    const at = next() % Math.min(connections.length, entries + 2);
    const [client, server] = connections[at]!;
    const end = next() % 2 === 0 ? client : server;
    if (next() % 3 === 0) assert.equal(operations.uncouple(end), coupled.delete(at), `uncouple of ${end}`);
    else if (coupled.size >= entries && !coupled.has(at)) assert.throws(() => operations.couple(client, server), { code: "ERR_HAL_FULL" });
    else {
      operations.couple(client, server);
      coupled.add(at);
      assert.ok(carriesSoon(operations, end), `connection ${client} is coupled`);
    }
    assert.equal(operations.peer(client), coupled.has(at) ? server : undefined, `peer of ${client}`);
    assert.equal(operations.peer(server), coupled.has(at) ? client : undefined, `peer of ${server}`);
    if (!coupled.has(at)) assert.equal(operations.carries(end), false);
  }
  const [one, other] = [connections[0]!, connections[1]!];
  for (const at of coupled) assert.equal(operations.uncouple(connections[at]![1]), true);
  operations.couple(...one);
  assert.throws(() => operations.couple(one[0], other[1]), RangeError);
  assert.throws(() => operations.couple(other[0], one[1]), RangeError);
  assert.throws(() => operations.couple(other[0], other[0]), RangeError);
  assert.equal(operations.peer(other[0]), undefined);
  assert.equal(operations.uncouple(one[0]), true);
  assert.equal(operations.uncouple(one[0]), false);
}
