/**
 * A made-up filter device, as another package would make one: by nothing but what `@mitsu/hal` exports.
 * It stands for the WASM runtime to come.
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { bytes, type Capability, defineCapability, fullError, integer, type Provider, ProviderDevice } from "../../src/mod.ts";
import type { ConformanceCase } from "../conformance.ts";

/** A chain's filter: its module, and how many streams it may have. */
export interface FilterSpec {
  readonly entries: number;
  readonly module: Uint8Array;
}

/** What a filter does to a stream's bytes. */
export interface Filter {
  /** @throws {MitsuError} `ERR_HAL_FULL`. */
  pass(stream: number, input: Uint8Array): Uint8Array | "stop";
  end(stream: number): void;
}

/** Bytes that each stream had. */
type FilterState = readonly (readonly [number, number])[];

/** The capability, which @mitsu/hal does not know. */
export const filter: Capability<FilterSpec, Filter, FilterState> = defineCapability<FilterSpec, Filter, FilterState>({
  name: "filter",
  version: 1,
  about: "runs a WebAssembly filter over what passes",
  fields: { entries: integer(1, 65_536), module: bytes(8, 2 ** 26) },
  operations: ["pass", "end"],
  empty: [],
  count: (state) => state.length,
});

/** The 8 bytes that every module begins with. */
const magic = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

function filterProvider(entries: number): Provider<FilterSpec, Filter, FilterState> {
  let passed = 0;
  return {
    capability: filter,
    entries,
    cost: (spec) => ({ ns: 1000 + (spec?.module.length ?? 0) }),
    refuses: ({ module }) => (magic.every((byte, at) => module[at] === byte) ? undefined : "the module is not WebAssembly"),
    open({ entries: most }, state) {
      const streams = new Map(state);
      return {
        operations: {
          pass(stream, input) {
            if (!streams.has(stream) && streams.size >= most) throw fullError("filter");
            passed += input.length;
            const before = streams.get(stream) ?? 0;
            streams.set(stream, before + input.length);
            return before + input.length > 100 ? "stop" : input;
          },
          end: (stream) => void streams.delete(stream),
        },
        export: () => [...streams],
      };
    },
    counters: () => ({ passedBytes: passed }),
  };
}

/** A device that runs filters. */
export function filterDevice(entries = 100, name = "wasm"): ProviderDevice {
  return new ProviderDevice({ name, kind: "software", version: "0" }, [filterProvider(entries)]);
}

/** How it is tried. */
export const filterCase: ConformanceCase<FilterSpec, Filter, FilterState> = {
  capability: filter,
  specs: fc.record({
    entries: fc.integer({ min: 1, max: 32 }),
    module: fc.constantFrom(magic, Uint8Array.of(...magic, 0, 0), new Uint8Array(8)),
  }),
  use(operations) {
    assert.deepEqual(operations.pass(1, new Uint8Array(60)), new Uint8Array(60));
    assert.equal(operations.pass(1, new Uint8Array(60)), "stop");
    operations.end(1);
    assert.deepEqual(operations.pass(1, new Uint8Array(60)), new Uint8Array(60));
  },
  fill(operations, _spec, entries) {
    for (let stream = 0; stream < entries; stream++) operations.pass(stream, new Uint8Array());
  },
  filled(operations, { entries: most }, entries) {
    for (let stream = 0; stream < most; stream++) operations.pass(stream, new Uint8Array());
    assert.throws(() => operations.pass(most, new Uint8Array()), { code: "ERR_HAL_FULL" });
    for (let stream = entries; stream < most; stream++) operations.end(stream);
    for (let stream = most; stream < 2 * most - entries; stream++) operations.pass(stream, new Uint8Array());
  },
};
