import test from "ava";
import type { Flow } from "../src/coupling/flow.ts";
import { LeftConnections } from "../src/tracing/left-connections.ts";

function fakeMap(ids: readonly bigint[]) {
  const left = new Set(ids);
  const bytes = (id: bigint): Uint8Array => new Uint8Array(new BigUint64Array([id]).buffer);
  return {
    left,
    *keys() {
      for (const id of left) yield bytes(id);
    },
    delete: (key: Uint8Array) => left.delete(new BigUint64Array(key.slice().buffer)[0]!),
  };
}

const flow = (id: bigint): Flow => ({ id, client: undefined, server: undefined });

test("sweep() deletes a connection that two sweeps in a row miss, and keeps those that live", (t) => {
  const map = fakeMap([1n, 2n]);
  const left = new LeftConnections(map);
  t.is(left.sweep([flow(1n)]), 0);
  t.is(left.sweep([flow(1n)]), 1);
  t.deepEqual([...map.left], [1n]);
});

test("sweep() keeps one that one look missed", (t) => {
  const map = fakeMap([1n]);
  const left = new LeftConnections(map);
  left.sweep([]);
  left.sweep([flow(1n)]);
  t.is(left.sweep([]), 0);
  t.deepEqual([...map.left], [1n]);
});
