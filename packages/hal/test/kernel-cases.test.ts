/** The cases of what kernels and relays do, on devices that are lists, and that they find what is wrong with such a device. @module */
import test from "ava";
import { type Balance, type BalancedService, balance, balanceFault, type WeightedReplica } from "../src/capabilities/balance.ts";
import { redirect } from "../src/capabilities/redirect.ts";
import { relay } from "../src/capabilities/relay.ts";
import { type TracedService, type TraceInject, type TraceSettings, traceFault, traceInject } from "../src/capabilities/trace-inject.ts";
import { fullError } from "../src/capability.ts";
import type { Device } from "../src/device.ts";
import { type AnyProvider, type Opened, type Provider, ProviderDevice } from "../src/provider-device.ts";
import {
  type AnyConformanceCase,
  balanceCase,
  conformance,
  conformanceChecks,
  redirectCase,
  relayCase,
  traceInjectCase,
} from "./conformance.ts";

/** Pairs of anything. */
function openPairs<End extends bigint | number>({ entries }: { readonly entries: number }, state: readonly (readonly [End, End])[]) {
  const peers = new Map<End, End>();
  const pairs = new Map<End, readonly [End, End]>();
  const join = (one: End, other: End): void => {
    if (peers.get(one) === other) return;
    if (one === other || peers.has(one) || peers.has(other)) throw new RangeError(`${one} or ${other} has another peer`);
    if (pairs.size >= entries) throw fullError("pairs");
    peers.set(one, other).set(other, one);
    pairs.set(one, [one, other]);
  };
  const part = (end: End): boolean => {
    const other = peers.get(end);
    if (other === undefined) return false;
    for (const one of [end, other]) peers.delete(one) && pairs.delete(one);
    return true;
  };
  for (const [one, other] of state) join(one, other);
  return { join, part, peer: (end: End) => peers.get(end), export: () => [...pairs.values()] };
}

const sockets = {
  capability: redirect,
  entries: 100,
  cost: () => ({ ns: 1 }),
  open: (spec, state) => {
    const { join, part, peer, export: all } = openPairs(spec, state);
    return { operations: { couple: join, uncouple: part, peer, carries: (end) => peer(end) !== undefined }, export: all };
  },
} satisfies Provider<{ readonly entries: number }, import("../src/mod.ts").Redirect, readonly (readonly [bigint, bigint])[]>;

const streams = {
  capability: relay,
  entries: 100,
  cost: () => ({ ns: 1 }),
  open: (spec, state) => {
    const { join, part, peer, export: all } = openPairs(spec, state);
    return { operations: { join, part, peer }, export: all };
  },
} satisfies Provider<{ readonly entries: number }, import("../src/mod.ts").Relay, readonly (readonly [number, number])[]>;

const replicas = {
  capability: balance,
  entries: 100,
  cost: () => ({ ns: 1 }),
  open({ entries }, state) {
    const services = new Map<number, readonly number[]>();
    const weights = new Map<number, number>();
    const of = (service: number): readonly WeightedReplica[] | undefined =>
      services.get(service)?.map((id) => ({ id, weight: weights.get(id)! }));
    const set: Balance["set"] = (service, wanted) => {
      const fault = balanceFault({ service, replicas: wanted });
      if (fault !== undefined) throw new RangeError(fault);
      const others = [...services].reduce((sum, [one, ids]) => sum + (one === service ? 0 : ids.length), 0);
      if (others + wanted.length > entries) throw fullError("balance");
      for (const { id, weight } of wanted) weights.set(id, weight);
      if (wanted.length === 0) services.delete(service);
      else
        services.set(
          service,
          wanted.map(({ id }) => id),
        );
    };
    for (const { service, replicas: wanted } of state) set(service, wanted);
    return {
      operations: { set, replicas: of },
      export: () => [...services.keys()].map((service) => ({ service, replicas: of(service)! })),
    };
  },
} satisfies Provider<{ readonly entries: number }, Balance, readonly BalancedService[]>;

const traced = {
  capability: traceInject,
  entries: 100,
  cost: () => ({ ns: 1 }),
  open({ entries }, state) {
    const services = new Map<number, TraceSettings>();
    const start: TraceInject["start"] = (service, { propagation, sampling }) => {
      const fault = traceFault({ service, propagation, sampling });
      if (fault !== undefined) throw new RangeError(fault);
      if (services.size >= entries && !services.has(service)) throw fullError("trace-inject");
      services.set(service, { propagation, sampling });
    };
    for (const { service, ...settings } of state) start(service, settings);
    return {
      operations: { start, stop: (service) => services.delete(service), traces: (service) => services.get(service) },
      export: () => [...services].map(([service, settings]) => ({ service, ...settings })),
    };
  },
} satisfies Provider<{ readonly entries: number }, TraceInject, readonly TracedService[]>;

type Change = (operations: Record<string, (...args: never[]) => unknown>) => Record<string, (...args: never[]) => unknown>;

/** A device of one provider; `change` puts something wrong into its operations. */
function deviceOf(provider: unknown, change: Change = (operations) => operations): Device {
  const right = provider as AnyProvider;
  const open = (spec: object, state: unknown): Opened<object, unknown> => {
    const opened = right.open(spec, state);
    return { ...opened, operations: { ...opened.operations, ...change(opened.operations as never) } };
  };
  return new ProviderDevice({ name: "list", kind: "software", version: "0" }, [{ ...right, open }]);
}

conformance("list", () => deviceOf(sockets), [redirectCase]);
conformance("list", () => deviceOf(streams), [relayCase]);
conformance("list", () => deviceOf(replicas), [balanceCase]);
conformance("list", () => deviceOf(traced), [traceInjectCase]);

const promised = "operations do what";

/** What is wrong, the case and the check that have to find it. */
const faults: readonly (readonly [fault: string, tried: AnyConformanceCase, check: string, open: () => Device])[] = (
  [
    ["couples nothing", redirectCase, promised, sockets, () => ({ couple: () => {} })],
    ["never carries", redirectCase, promised, sockets, () => ({ carries: () => false })],
    ["carries all", redirectCase, promised, sockets, () => ({ carries: () => true })],
    ["keeps pairs that are uncoupled", redirectCase, promised, sockets, () => ({ uncouple: () => true })],
    [
      "knows one end only",
      redirectCase,
      promised,
      sockets,
      ({ peer }) => ({ peer: (end: bigint) => (end % 2n === 1n ? peer!(end as never) : undefined) }),
    ],
    ["joins nothing", relayCase, promised, streams, () => ({ join: () => {} })],
    ["parts all", relayCase, promised, streams, () => ({ part: () => true })],
    [
      "forgets weights",
      balanceCase,
      promised,
      replicas,
      ({ set }) => ({
        set: (service: number, all: readonly WeightedReplica[]) =>
          set!(service as never, all.map(({ id, weight }) => ({ id, weight: weight > 4_000_000_000 ? 1 : weight })) as never),
      }),
    ],
    [
      "loses the last replica",
      balanceCase,
      "state moves",
      replicas,
      ({ set }) => ({
        set: (service: number, all: readonly WeightedReplica[]) =>
          set!(service as never, all.slice(0, service > 3 ? -1 : undefined) as never),
      }),
    ],
    [
      "adds instead of replacing",
      balanceCase,
      promised,
      replicas,
      ({ set, replicas: of }) => ({
        set: (service: number, all: readonly WeightedReplica[]) =>
          set!(service as never, (all.length === 0 ? ((of!(service as never) as []) ?? all) : all) as never),
      }),
    ],
    [
      "samples all",
      traceInjectCase,
      promised,
      traced,
      ({ start }) => ({
        start: (service: number, settings: TraceSettings) => start!(service as never, { ...settings, sampling: 1 } as never),
      }),
    ],
    [
      "traces beside the bytes only",
      traceInjectCase,
      promised,
      traced,
      ({ start }) => ({
        start: (service: number, settings: TraceSettings) =>
          start!(service as never, (settings.propagation === "header" ? { ...settings, propagation: "side-band" } : settings) as never),
      }),
    ],
    ["does not stop", traceInjectCase, promised, traced, () => ({ stop: () => true })],
  ] satisfies readonly (readonly [string, unknown, string, unknown, Change])[]
).map(([fault, tried, check, provider, change]) => [fault, tried as AnyConformanceCase, check, () => deviceOf(provider, change)] as const);

for (const [fault, tried, found, open] of faults)
  test(`${tried.capability.name}: the suite finds a device that ${fault}`, (t) => {
    const failed = conformanceChecks.filter(({ check }) => {
      try {
        check(open, tried);
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

for (const [provider, tried] of [
  [sockets, redirectCase],
  [streams, relayCase],
  [replicas, balanceCase],
  [traced, traceInjectCase],
] as const)
  test(`${tried.capability.name}: the suite finds a device that has more entries than were reserved, and one that loses some in a move`, (t) => {
    const right = provider as unknown as AnyProvider;
    const endless = { ...right, open: (spec: object, state: unknown) => right.open({ ...spec, entries: 1000 }, state) };
    const lossy = {
      ...right,
      open: (spec: object, state: unknown) => {
        const opened = right.open(spec, state);
        return { ...opened, export: () => (opened.export() as readonly unknown[]).slice(1) };
      },
    };
    const finds = (wrong: unknown, title: string): void => {
      const { check } = conformanceChecks.find((one) => one.title.includes(title))!;
      t.throws(() => check(() => deviceOf(wrong), tried as unknown as AnyConformanceCase), { any: true }, title);
    };
    finds(endless, "ERR_HAL_FULL");
    finds(lossy, "state moves");
  });
