/** How `trace-inject` is tried: services and how they are traced, against a list. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type TracedService,
  type TraceInject,
  type TraceInjectSpec,
  type TraceSettings,
  traceInject,
} from "../../src/capabilities/trace-inject.ts";
import type { ConformanceCase } from "../conformance.ts";
import { seededNumbers } from "./seeded-bytes.ts";

const ways = ["header", "side-band"] as const;

/** Starts and stops. */
export const traceInjectCase: ConformanceCase<TraceInjectSpec, TraceInject, readonly TracedService[]> = {
  capability: traceInject,
  specs: fc.record({ entries: fc.integer({ min: 1, max: 32 }) }),
  use,
  fill(operations, _spec, entries) {
    for (let at = 0; at < entries; at++) operations.start(at + 1, settingsAt(at));
  },
  filled(operations, _spec, entries) {
    for (let at = 0; at <= entries; at++) assert.deepEqual(operations.traces(at + 1), at < entries ? settingsAt(at) : undefined);
  },
};

function settingsAt(at: number): TraceSettings {
  return { propagation: ways[at % 2]!, sampling: at / 32 };
}

function use(operations: TraceInject, { entries }: TraceInjectSpec, seed: number): void {
  const next = seededNumbers(seed);
  const traced = new Map<number, TraceSettings>();
  for (let step = 0; step < 100; step++) {
    const service = 1 + (next() % (entries + 2));
    const settings = { propagation: ways[next() % 2]!, sampling: (next() % 1001) / 1000 };
    if (next() % 3 === 0) assert.equal(operations.stop(service), traced.delete(service), `stop of ${service}`);
    else if (traced.size >= entries && !traced.has(service))
      assert.throws(() => operations.start(service, settings), { code: "ERR_HAL_FULL" });
    else {
      operations.start(service, settings);
      traced.set(service, settings);
    }
    assert.deepEqual(operations.traces(service), traced.get(service), `service ${service}`);
  }
  const good = { propagation: "header", sampling: 1 } as const;
  for (const service of [0, -1, 1.5]) assert.throws(() => operations.start(service, good), RangeError);
  for (const sampling of [-0.1, 1.1, Number.NaN]) assert.throws(() => operations.start(1, { ...good, sampling }), RangeError);
  assert.throws(() => operations.start(1, { ...good, propagation: "smoke" as "header" }), RangeError);
  assert.deepEqual(operations.traces(1), traced.get(1));
  for (const service of traced.keys()) assert.equal(operations.stop(service), true);
}
