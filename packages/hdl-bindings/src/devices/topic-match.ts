/** The capability `topic-match` on the RTL model `topic_matcher`: a driver that checks what it is told, and keeps what it told its device. @module */
import {
  cycleCost,
  fullError,
  goneError,
  limitError,
  type Opened,
  type Provider,
  ProviderDevice,
  type TopicEntry,
  type TopicMatch,
  type TopicMatchSpec,
  topicMatch,
} from "@mitsu/hal";
import { TopicMatcher } from "../../models/topic_matcher.ts";
import { TopicMatcherHost, type TopicMatcherPorts } from "../twins/topic-matcher-host.ts";
import { parseTopicFilter } from "./topic-match-filter.ts";

/** What rtl/topic_matcher.sv was generated with: slots, levels of a filter without `#`, bits of a level's id. */
export const topicMatcherLimits = { filters: 4096, levels: 14, idBits: 16 } as const;

/** The clock that costs are stated at, in MHz: an assumption, since 4096 filters were not synthesised. */
export const topicMatcherClockMhz = 100;

/** The model: its ports, and its reset. */
export type TopicMatcherModel = TopicMatcherPorts & { reset(cycles?: number): void };

/** How the device is made. */
export interface TopicMatchOptions {
  /** Among the devices of a placement; `rtl-topic-matcher` unless told. */
  readonly name?: string;
  /** {@link topicMatcherClockMhz} unless told. */
  readonly clockMhz?: number;
}

/** Cycles from the first level of a topic to its last entry, alone in the matcher; topics one after the other take `max(levels, matches)` each. */
export function topicMatcherCycles(levels: number, matches: number): number {
  return levels + Math.max(matches, 1) + 3;
}

/** A filter in a slot. */
interface Held {
  readonly slot: number;
  readonly shared: boolean;
  /** Subscribers; a group's in the order in which they came. */
  readonly ids: number[];
  /** Whose turn it is in a group. */
  turn: number;
}

/** One piece of work: filters as they were given, `$share/…` too. */
interface Table {
  readonly held: Map<string, Held>;
  pairs: number;
}

/**
 * The matcher as a provider. It resets the model. Pieces of work share its slots, one for each filter of each of them; a match of another's filter is left out by the host.
 *
 * @param failed Called when the model ended, hung or refused what it should take: it is not asked again.
 */
export function topicMatchProvider(
  model: TopicMatcherModel,
  {
    name = "rtl-topic-matcher",
    clockMhz = topicMatcherClockMhz,
    failed,
  }: TopicMatchOptions & { readonly failed?: (error: unknown) => void } = {},
): Provider<TopicMatchSpec, TopicMatch, readonly TopicEntry[]> {
  if (!(clockMhz > 0)) throw new RangeError(`a clock is more than 0 MHz, not ${clockMhz}`);
  model.reset(2);
  const host = new TopicMatcherHost(model, topicMatcherLimits.idBits);
  const counts = { lookups: 0, installs: 0, removals: 0, lookupCycles: 0 };
  const { filters, levels } = topicMatcherLimits;
  const free = Array.from({ length: filters }, (_, at) => filters - 1 - at);
  /** By slot: the work that a match is for. */
  const owners = new Array<{ readonly table: Table; readonly held: Held } | undefined>(filters);
  let isGone = false;
  const drive = <Result>(what: () => Result): Result => {
    if (isGone) throw goneError(name);
    try {
      const result = what();
      host.run();
      return result;
    } catch (error) {
      isGone = true;
      failed?.(error);
      throw goneError(name);
    }
  };
  const install = (table: Table, filter: string, plain: string, shared: boolean): Held => {
    const slot = free.at(-1);
    if (slot === undefined) throw fullError("topic-match");
    const change = drive(() => host.install(slot, plain, { id: slot, shared }));
    if (change.bad) drive(() => refusedByModel(filter));
    free.pop();
    const held: Held = { slot, shared, ids: [], turn: 0 };
    table.held.set(filter, held);
    owners[slot] = { table, held };
    counts.installs++;
    return held;
  };
  const remove = (table: Table, filter: string, { slot }: Held): void => {
    // A removal of what is gone with its device is the host's matter alone.
    if (!isGone) drive(() => host.remove(slot));
    table.held.delete(filter);
    owners[slot] = undefined;
    free.push(slot);
    counts.removals++;
  };
  const open = ({ entries }: TopicMatchSpec, state: readonly TopicEntry[]): Opened<TopicMatch, readonly TopicEntry[]> => {
    const table: Table = { held: new Map(), pairs: 0 };
    const operations: TopicMatch = {
      add(filter, id) {
        const { plain, shared, levels: deep } = parseTopicFilter(filter);
        checkId(id);
        const known = table.held.get(filter);
        if (known?.ids.includes(id)) return;
        if (deep > levels) throw limitError(tooDeep(filter, deep));
        if (table.pairs >= entries) throw fullError("topic-match");
        (known ?? install(table, filter, plain, shared)).ids.push(id);
        table.pairs++;
      },
      remove(filter, id) {
        parseTopicFilter(filter);
        checkId(id);
        const held = table.held.get(filter);
        const at = held?.ids.indexOf(id) ?? -1;
        if (held === undefined || at < 0) return false;
        if (held.ids.length === 1) remove(table, filter, held);
        held.ids.splice(at, 1);
        table.pairs--;
        return true;
      },
      match(topic) {
        if (topic === "" || /[+#\0]/.test(topic)) throw new RangeError(`${JSON.stringify(topic)} is not a topic`);
        const lookup = drive(() => host.match(topic));
        counts.lookups++;
        counts.lookupCycles += lookup.done! - lookup.first! + 1;
        const ids = new Set<number>();
        for (const { id: slot } of lookup.entries) {
          const owner = owners[slot];
          if (owner?.table !== table) continue;
          const { held } = owner;
          if (held.shared) ids.add(held.ids[held.turn++ % held.ids.length]!);
          else for (const id of held.ids) ids.add(id);
        }
        return [...ids].sort((one, other) => one - other);
      },
    };
    for (const { filter, id } of state) operations.add(filter, id);
    return {
      operations,
      export: () => [...table.held].flatMap(([filter, { ids }]) => ids.map((id) => ({ filter, id }))),
      close: () => {
        for (const [filter, held] of [...table.held]) remove(table, filter, held);
      },
    };
  };
  return {
    capability: topicMatch,
    entries: filters,
    limits: { filters, levels },
    // A topic of five levels with one match.
    cost: () => cycleCost(topicMatcherCycles(5, 1), clockMhz),
    refuses: (_spec, state) => stateFault(state, levels),
    open,
    counters: () => ({ ...counts }),
  };
}

/**
 * The matcher as a device; gone for good once its model fails.
 *
 * @example
 * ```ts
 * const device = topicMatcherDevice(await TopicMatcher.open());
 * const { operations } = device.install({ capability: topicMatch, spec: { entries: 10 } });
 * operations.add("sport/+", 7);
 * operations.match("sport/tennis"); // [7]
 * ```
 */
export function topicMatcherDevice(model: TopicMatcherModel, options: TopicMatchOptions = {}): ProviderDevice {
  const { name = "rtl-topic-matcher" } = options;
  const device = new ProviderDevice({ name, kind: "hardware", version: "1" }, [
    topicMatchProvider(model, { ...options, failed: () => device.setGone(true) }),
  ]);
  return device;
}

/** A device with a model of its own. */
export interface OpenedTopicMatcher {
  readonly device: ProviderDevice;
  /** Ends the model; the device is gone then. */
  close(): void;
}

/**
 * Opens the model and makes a device of it.
 *
 * @throws {MitsuError} `ERR_HDL_MODEL` where the model is not built; what `node:sea` throws where a standalone binary was made without it.
 * @example
 * ```ts
 * const { device, close } = await openTopicMatcherDevice();
 * ```
 */
export async function openTopicMatcherDevice(options: TopicMatchOptions = {}): Promise<OpenedTopicMatcher> {
  const model = await TopicMatcher.open();
  const device = topicMatcherDevice(model, options);
  return {
    device,
    close: () => {
      device.setGone(true);
      model.close();
    },
  };
}

function refusedByModel(filter: string): never {
  throw new Error(`topic_matcher refused ${filter}, which the host had checked`);
}

function checkId(id: number): void {
  if (!Number.isInteger(id) || id < 0 || id >= 2 ** 32) throw new RangeError(`id ${id} is not one of 0 to 4294967295`);
}

function tooDeep(filter: string, levels: number): string {
  const shown = filter.length > 60 ? `${filter.slice(0, 60)}…` : filter;
  return `filter ${shown} has ${levels} levels, and the matcher takes ${topicMatcherLimits.levels} without #`;
}

/** Why a state cannot be installed. */
function stateFault(state: readonly TopicEntry[], levels: number): string | undefined {
  for (const { filter, id } of state) {
    try {
      checkId(id);
      const parsed = parseTopicFilter(filter);
      if (parsed.levels > levels) return tooDeep(filter, parsed.levels);
    } catch (error) {
      return (error as RangeError).message;
    }
  }
  return undefined;
}
