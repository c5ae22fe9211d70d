import test from "ava";
import { fullError } from "../src/capability.ts";
import type { Device, Verdict } from "../src/device.ts";
import { type AnyProvider, type Opened, ProviderDevice } from "../src/provider-device.ts";
import { softwareAsyncMessage } from "../src/software/async-message.ts";
import { softwareChecksum } from "../src/software/checksum.ts";
import { softwareHash } from "../src/software/hash.ts";
import { matchActionProvider, softwareMatchAction } from "../src/software/match-action.ts";
import {
  type AnyConformanceCase,
  asyncMessageCase,
  checksumCase,
  conformance,
  conformanceChecks,
  exchangeConformance,
  hashCase,
  matchActionCase,
  topicMatchCase,
} from "./conformance.ts";
import { filterCase, filterDevice } from "./doubles/filter.ts";
import { topicList } from "./doubles/topic-list.ts";

conformance("software-checksum", softwareChecksum, [checksumCase]);
conformance("software-hash", softwareHash, [hashCase]);
conformance("software-match-action", softwareMatchAction, [matchActionCase]);
conformance("software-match-action of 100 rows", () => softwareMatchAction(100), [matchActionCase]);
conformance("topic-list", topicList, [topicMatchCase]);
conformance("software-async-message", softwareAsyncMessage, [asyncMessageCase]);
conformance("software-async-message of 100 entries", () => softwareAsyncMessage(100), [asyncMessageCase]);
exchangeConformance("software-async-message", softwareAsyncMessage);
conformance("made-up filter", filterDevice, [filterCase]);

/** A table's device with something wrong, and the check that has to find it. */
const faults: readonly (readonly [fault: string, check: string, open: () => Device])[] = [
  [
    "reserves nothing",
    "install() reserves",
    () => wrongDevice({ offers: (right) => right.offers().map((offer) => ({ ...offer, entries: { ...offer.entries, used: 0 } })) }),
  ],
  ["frees nothing", "leaves counters", () => wrongDevice({ uninstall: () => {} })],
  ["says yes to all", "validate() agrees", () => wrongDevice({ validate: (): Verdict => ({ ok: true, cost: { ns: 1 } }) }, 16)],
  [
    "costs nothing",
    "finite costs",
    () => wrongDevice({ offers: (right) => right.offers().map((offer) => ({ ...offer, cost: { ns: 0 } })) }),
  ],
  [
    "installs what it refuses",
    "unknown fields",
    () => wrongDevice({ install: (right, work) => right.install({ ...work, spec: { entries: 1, keyBits: 8, match: "exact" } }) }),
  ],
  [
    "takes every version",
    "unknown capabilities and versions",
    () => wrongDevice({ validate: (right, work) => right.validate({ ...work, capability: { ...work.capability, version: 1 } }) }),
  ],
  [
    "uninstalls twice",
    "once",
    () =>
      wrongDevice({
        uninstall: (right, installed) => {
          try {
            right.uninstall(installed);
          } catch {}
        },
      }),
  ],
  [
    "loses a row in a move",
    "state moves",
    () => wrongTable((opened) => ({ ...opened, export: () => (opened.export() as readonly unknown[]).slice(1) })),
  ],
  [
    "shares its state",
    "state moves",
    () =>
      wrongTable((opened) => {
        const live: unknown[] = [];
        return {
          ...opened,
          export: () => {
            live.push(...(opened.export() as readonly unknown[]));
            return live;
          },
        };
      }),
  ],
  [
    "takes the shortest prefix",
    "operations do",
    () => wrongTable((opened) => ({ ...opened, operations: { ...opened.operations, lookup: () => 1 } })),
  ],
  ["is never full", "ERR_HAL_FULL", () => new ProviderDevice(wrong, [endless()])],
  [
    "throws another error when full",
    "ERR_HAL_FULL",
    () =>
      wrongTable((opened) => ({
        ...opened,
        operations: {
          ...opened.operations,
          add: (...args: unknown[]) => {
            try {
              return (opened.operations as { add(...all: unknown[]): unknown }).add(...args);
            } catch {
              throw new Error("no");
            }
          },
        },
      })),
  ],
];

for (const [fault, found, open] of faults)
  test(`the suite finds a device that ${fault}`, (t) => {
    const failed = conformanceChecks.filter(({ check }) => {
      try {
        check(open, matchActionCase as AnyConformanceCase);
        return false;
      } catch {
        return true;
      }
    });
    t.true(
      failed.some(({ title }) => title.includes(found)),
      failed.map(({ title }) => title).join("; "),
    );
  });

test("fullError() is what a placement looks for", (t) => {
  t.is(fullError("table").code, "ERR_HAL_FULL");
});

const wrong = { name: "wrong", kind: "software", version: "0" } as const;

type Overrides = {
  readonly [Method in "offers" | "validate" | "install" | "uninstall"]?: (
    right: ProviderDevice,
    ...args: Parameters<Device[Method]>
  ) => unknown;
};

function wrongDevice(overrides: Overrides, entries = 100): Device {
  const right = softwareMatchAction(entries, "wrong");
  const all: Record<string, unknown> = { identity: right.identity };
  for (const method of ["offers", "validate", "install", "uninstall", "counters", "watch"] as const) {
    const override = overrides[method as keyof Overrides] as ((right: Device, ...args: unknown[]) => unknown) | undefined;
    all[method] = (...args: unknown[]) =>
      override ? override(right, ...args) : (right[method] as (...all: unknown[]) => unknown).apply(right, args);
  }
  return all as unknown as Device;
}

function wrongTable(change: (opened: Opened<object, unknown>) => Opened<object, unknown>): Device {
  const provider = matchActionProvider(100) as AnyProvider;
  return new ProviderDevice(wrong, [{ ...provider, open: (spec, state) => change(provider.open(spec, state)) }]);
}

/** Rows beyond those that were reserved. */
function endless(): AnyProvider {
  const provider = matchActionProvider(100) as AnyProvider;
  return { ...provider, open: (spec, state) => provider.open({ ...spec, entries: 1000 }, state) };
}
