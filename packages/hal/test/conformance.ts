/**
 * The suite that every device passes, whatever is behind it. Long because all checks of one device are read together.
 *
 * ```ts
 * conformance("software-match-action", () => softwareMatchAction(4096), [matchActionCase]);
 * ```
 *
 * @module
 */
import assert from "node:assert/strict";
import test from "ava";
import fc from "fast-check";
import { type AnyWork, type Capability, entriesOf, type Work } from "../src/capability.ts";
import type { Device, Offer } from "../src/device.ts";

export { asyncMessageCase } from "./cases/async-message.ts";
export { type Engine, type Exchange, exchangeChecks, exchangeConformance, exchangeMessages } from "./cases/async-message-exchange.ts";
export { balanceCase } from "./cases/balance.ts";
export { checksumCase } from "./cases/checksum.ts";
export { hashCase } from "./cases/hash.ts";
export { matchActionCase, matchActionCaseOf } from "./cases/match-action.ts";
export { redirectCase, redirectCaseOf } from "./cases/redirect.ts";
export { relayCase, relayStreams } from "./cases/relay.ts";
export { topicMatchCase } from "./cases/topic-match.ts";
export { traceInjectCase } from "./cases/trace-inject.ts";
export { topicList } from "./doubles/topic-list.ts";

/** How a capability is tried on any device. */
export interface ConformanceCase<Spec extends object, Operations extends object, State> {
  readonly capability: Capability<Spec, Operations, State>;
  /** Specs, small enough that a device with a hundred entries takes most of them; those that it refuses must be refused by `validate` and `install` alike. */
  readonly specs: fc.Arbitrary<Spec>;
  /** Does what the capability promises, as the seed says, and asserts each answer. Begins with new work. */
  use(operations: Operations, spec: Spec, seed: number): void;
  /** Puts so many entries in; left out where there is no state. */
  fill?(operations: Operations, spec: Spec, entries: number): void;
  /** Asserts that what {@link fill} put in is there; may take it out. */
  filled?(operations: Operations, spec: Spec, entries: number): void;
}

/** A case of any capability. */
export type AnyConformanceCase = ConformanceCase<object, object, unknown>;

/** One thing that a device has to do. */
export interface ConformanceCheck {
  readonly title: string;
  /** Throws an AssertionError when the device does not. */
  check(open: () => Device, tried: AnyConformanceCase): void;
}

const runs = { numRuns: 25, seed: 8 };

/** The checks, apart from ava: to show that they find a device that is wrong. */
export const conformanceChecks: readonly ConformanceCheck[] = [
  {
    title: "offers() has the capability, with finite costs and no more reserved than there is",
    check(open, { capability }) {
      const offer = offerOf(open(), capability);
      assert.equal(offer.entries.used, 0);
      assert.ok(offer.entries.most > 0);
      assert.ok(Number.isFinite(offer.cost.ns) && offer.cost.ns > 0, `cost ${offer.cost.ns} ns`);
    },
  },
  {
    title: "validate() agrees with install(), and changes nothing",
    check(open, tried) {
      const device = open();
      each(tried, (work) => {
        const before = standing(device);
        const verdict = device.validate(work);
        assert.deepEqual(device.validate(work), verdict);
        assert.deepEqual(standing(device), before);
        if (verdict.ok) {
          assert.ok(Number.isFinite(verdict.cost.ns) && verdict.cost.ns > 0);
          device.uninstall(device.install(work));
        } else {
          assert.ok(verdict.reason.length > 0, "a refusal has a reason");
          refused(() => device.install(work));
        }
        assert.deepEqual(standing(device), before);
      });
    },
  },
  {
    title: "install() reserves, uninstall() leaves counters and entries as before",
    check(open, tried) {
      const device = open();
      each(tried, (work) => {
        if (!device.validate(work).ok) return;
        const before = standing(device);
        const installed = device.install(work);
        assert.equal(offerOf(device, tried.capability).entries.used, entriesOf(work));
        device.uninstall(installed);
        assert.deepEqual(standing(device), before);
      });
    },
  },
  {
    title: "operations do what the capability promises, and count",
    check(open, tried) {
      const device = open();
      let used = 0;
      each(tried, (work, seed) => {
        if (!device.validate(work).ok) return;
        const before = device.counters();
        const installed = device.install(work);
        tried.use(installed.operations, work.spec, seed);
        device.uninstall(installed);
        used++;
        const after = device.counters();
        for (const [name, value] of Object.entries(before)) assert.ok((after[name] ?? -1) >= value, `counter ${name} went back`);
      });
      assert.ok(used > 0, "the device refused every spec of the case");
    },
  },
  {
    title: "limits hold: what is over them is refused, by the reason of validate()",
    check(open, tried) {
      const device = open();
      const { most } = offerOf(device, tried.capability).entries;
      const [work] = fc
        .sample(tried.specs, { ...runs, numRuns: 200 })
        .map((spec) => ({ capability: tried.capability, spec }))
        .filter((one) => device.validate(one).ok);
      assert.ok(work, "the device refused every spec of the case");
      if (!("entries" in work.spec) || most === Number.POSITIVE_INFINITY) return;
      const over = { ...work, spec: { ...work.spec, entries: most + 1 } };
      assert.equal(device.validate(over).ok, false);
      refused(() => device.install(over));
      // All that there is, in pieces, and then one more.
      const installed = [];
      for (let left = most; left > 0; left -= entriesOf(work)) {
        const part = { ...work, spec: { ...work.spec, entries: Math.min(left, entriesOf(work)) } };
        if (!device.validate(part).ok) break;
        installed.push(device.install(part));
        if (installed.length === 1000) break;
      }
      const { used } = offerOf(device, tried.capability).entries;
      assert.ok(used <= most);
      if (used === most) {
        const more = { ...work, spec: { ...work.spec, entries: 1 } };
        const verdict = device.validate(more);
        assert.ok(!verdict.ok && verdict.code === "full", "a device whose entries are all reserved is full");
        refused(() => device.install(more));
      }
      for (const one of installed) device.uninstall(one);
      assert.equal(offerOf(device, tried.capability).entries.used, 0);
    },
  },
  {
    title: "unknown fields, missing fields and specs that are none are refused",
    check(open, tried) {
      const device = open();
      each(tried, (work) => {
        const refusedSpec = (spec: unknown): void => {
          const bad = { ...work, spec: spec as object };
          const verdict = device.validate(bad);
          assert.ok(!verdict.ok && verdict.code === "spec", `${JSON.stringify(Object.keys(spec ?? {}))} is no spec`);
          refused(() => device.install(bad));
        };
        refusedSpec({ ...work.spec, colour: "red" });
        for (const field of Object.keys(work.spec)) {
          const { [field]: _, ...rest } = work.spec as Record<string, unknown>;
          refusedSpec(rest);
          refusedSpec({ ...work.spec, [field]: Number.NaN });
        }
      });
    },
  },
  {
    title: "unknown capabilities and versions are refused as such",
    check(open, tried) {
      const device = open();
      each(tried, ({ capability, spec }) => {
        for (const [other, code] of [
          [{ ...capability, name: "no-such-thing" }, "capability"],
          [{ ...capability, version: capability.version + 1000 }, "version"],
        ] as const) {
          const work = { capability: other, spec };
          const verdict = device.validate(work);
          assert.ok(!verdict.ok && verdict.code === code, `an unknown ${code} is refused as one`);
          refused(() => device.install(work));
        }
      });
    },
  },
  {
    title: "uninstall() takes what is installed here, once",
    check(open, tried) {
      const [device, other] = [open(), open()];
      const [work] = fc
        .sample(tried.specs, { ...runs, numRuns: 200 })
        .map((spec) => ({ capability: tried.capability, spec }))
        .filter((one) => device.validate(one).ok);
      assert.ok(work, "the device refused every spec of the case");
      const installed = device.install(work);
      assert.throws(() => other.uninstall(installed), { code: "ERR_HAL_HANDLE" });
      device.uninstall(installed);
      assert.throws(() => device.uninstall(installed), { code: "ERR_HAL_HANDLE" });
    },
  },
  {
    title: "state moves: what is exported and installed elsewhere exports the same, and neither changes the other",
    check(open, tried) {
      const { fill } = tried;
      if (fill === undefined) return;
      const [device, other] = [open(), open()];
      each(tried, (work, seed) => {
        if (!device.validate(work).ok) return;
        const entries = seed % (entriesOf(work) + 1);
        const first = device.install(work);
        fill(first.operations, work.spec, entries);
        const state = first.export();
        const held = work.capability.count(state);
        // Messages on their way may be counted at neither end; rows are all there.
        assert.ok(Array.isArray(state) ? held === entries : held <= entriesOf(work), `a state of ${entries} has ${held}`);
        const copied = structuredClone(state);
        assert.ok(other.validate(work, copied).ok, "a device takes the state of its like");
        const second = other.install(work, copied);
        if (Array.isArray(state)) assert.deepEqual(sorted(second.export()), sorted(state));
        device.uninstall(first);
        if (Array.isArray(state)) assert.deepEqual(sorted(second.export()), sorted(state));
        tried.filled?.(second.operations, work.spec, entries);
        assert.deepEqual(sorted(state), sorted(copied), "a state is plain data that nothing changes");
        other.uninstall(second);
        // Room for less than there is.
        if (entries < 2 || !Array.isArray(state)) return;
        const small = { ...work, spec: { ...work.spec, entries: entries - 1 } };
        assert.equal(other.validate(small, state).ok, false);
        refused(() => other.install(small, state));
      });
    },
  },
  {
    title: "more entries than were reserved throw ERR_HAL_FULL, and what was there stays",
    check(open, tried) {
      const { fill } = tried;
      if (fill === undefined) return;
      const device = open();
      each(tried, (work) => {
        if (!Array.isArray(work.capability.empty) || !("entries" in work.spec) || !device.validate(work).ok) return;
        const installed = device.install(work);
        fill(installed.operations, work.spec, entriesOf(work));
        const before = sorted(installed.export());
        assert.throws(() => fill(installed.operations, work.spec, entriesOf(work) + 1), { code: "ERR_HAL_FULL" });
        assert.deepEqual(sorted(installed.export()), before);
        device.uninstall(installed);
      });
    },
  },
  {
    title: "pieces of work do not see each other's state",
    check(open, tried) {
      const device = open();
      each(tried, (work, seed) => {
        if (!device.validate(work).ok) return;
        const first = device.install(work);
        if (!device.validate(work).ok) return device.uninstall(first);
        const second = device.install(work);
        tried.fill?.(first.operations, work.spec, entriesOf(work));
        const before = sorted(first.export());
        tried.use(second.operations, work.spec, seed);
        device.uninstall(second);
        assert.deepEqual(sorted(first.export()), before);
        device.uninstall(first);
      });
    },
  },
  {
    title: "watch() ends when it is told to",
    check(open) {
      const device = open();
      const [one, other] = [device.watch(() => {}), device.watch(() => {})];
      one();
      one();
      other();
    },
  },
];

/** Registers the suite's tests for a device, once for each capability that it has a case for. */
export function conformance(title: string, open: () => Device, cases: readonly AnyConformanceCase[]): void {
  for (const tried of cases)
    for (const { title: what, check } of conformanceChecks)
      test(`${title} ${tried.capability.name}: ${what}`, (t) => {
        check(open, tried);
        t.pass();
      });
}

function each(tried: AnyConformanceCase, check: (work: AnyWork, seed: number) => void): void {
  const { capability } = tried;
  fc.assert(
    fc.property(tried.specs, fc.nat(0x7fffffff), (spec, seed) => check({ capability, spec } satisfies Work<object, object, unknown>, seed)),
    { ...runs, endOnFailure: true },
  );
}

function offerOf(device: Device, { name, version }: { readonly name: string; readonly version: number }): Offer {
  const offer = device.offers().find((one) => one.capability === name && one.version === version);
  assert.ok(offer, `device ${device.identity.name} offers no ${name} of version ${version}`);
  return offer;
}

function standing(device: Device): unknown {
  return { offers: device.offers(), counters: { ...device.counters() } };
}

function refused(install: () => unknown): void {
  assert.throws(install, (error: unknown) => {
    const { code, message } = error as { readonly code?: string; readonly message: string };
    assert.equal(code, "ERR_HAL_REFUSED");
    assert.ok(message.length > 0);
    return true;
  });
}

/** Rows have no order. */
function sorted(state: unknown): unknown {
  const text = (value: unknown): string => JSON.stringify(value, (_, inner) => (typeof inner === "bigint" ? `${inner}n` : inner));
  return Array.isArray(state) ? [...state].sort((one, other) => (text(one) < text(other) ? -1 : 1)) : state;
}
