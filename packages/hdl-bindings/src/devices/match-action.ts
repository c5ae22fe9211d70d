/**
 * The capability `match-action` on the RTL model `match_table`: a driver that checks what it is told, and keeps what it told its device.
 *
 * Whole keys lie in the hashed table, shorter prefixes in the slots beside it. Pieces of work share both: the highest bits of a key on the device say whose it is.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import {
  cycleCost,
  fullError,
  goneError,
  limitError,
  type MatchAction,
  type MatchActionRow,
  type MatchActionSpec,
  matchAction,
  type Opened,
  type Provider,
  ProviderDevice,
} from "@mitsu/hal";
import { MatchTable } from "../../models/match_table.ts";
import { ExactPlaces } from "./exact-places.ts";
import { rowFault } from "./match-action-row.ts";
import { MatchTablePorts } from "./match-table-ports.ts";

const shape = { rows: 4096, ways: 4, keyBits: 128 } as const;
/** Bits of a key that say whose it is. */
const tableBits = 8; // 256 tables, and 120 bits left
const seedBits = shape.keyBits + shape.ways * Math.log2(shape.rows) - 1;
/** Seeds that are tried before a key counts as homeless. */
const mostSeeds = 8;

/** What the device takes: rows in all (7/8 of the hashed table, so that a place is found at once), prefixes shorter than a key among them, bits of a key, pieces of work. */
export const matchTableLimits = {
  entries: 14_336,
  prefixes: 64,
  keyBits: 120,
  tables: 256,
} as const;

/** Cycles of a look-up, whatever is in the table. */
export const matchTableCycles = 5;

/** The clock that costs are stated at, in MHz: an assumption, as at this size it was not placed and routed. */
export const matchTableClockMhz = 100;

/** How the device is made. */
export interface MatchTableOptions {
  /** Among the devices of a placement; `rtl-match-table` unless told. */
  readonly name?: string;
  /** {@link matchTableClockMhz} unless told. */
  readonly clockMhz?: number;
  /** Seeds of the device's hash, 175 bits each; random unless given, so that nobody can choose keys that collide. */
  readonly seed?: () => bigint;
}

/** A row as the driver keeps it. */
interface Held {
  /** As it is on the device: whose it is, then the key, then zeros. */
  readonly key: bigint;
  readonly own: bigint;
  readonly prefixBits: number;
  action: number;
  hits: number;
  /** What the device's counter, which wraps and begins anew with each place, was when {@link hits} was brought up to date. */
  counter: number;
  /** Of a prefix. */
  readonly slot: number | undefined;
}

/**
 * The table as a provider. It resets the model.
 *
 * @param failed Called when the model ended or hung: it is not asked again.
 */
export function matchActionProvider(
  model: MatchTable,
  {
    name = "rtl-match-table",
    clockMhz = matchTableClockMhz,
    seed = randomSeed,
    failed,
  }: MatchTableOptions & { readonly failed?: (error: unknown) => void } = {},
): Provider<MatchActionSpec, MatchAction, readonly MatchActionRow[]> {
  if (!(clockMhz > 0)) throw new RangeError(`a clock is more than 0 MHz, not ${clockMhz}`);
  const ports = new MatchTablePorts(model);
  const first = seed();
  ports.begin(first);
  let places = new ExactPlaces<Held>(shape, first);
  /** Of all pieces of work. */
  const exact = new Set<Held>();
  const slots = new Array<Held | undefined>(matchTableLimits.prefixes).fill(undefined);
  const tables = Array.from({ length: matchTableLimits.tables }, (_, at) => matchTableLimits.tables - 1 - at);
  let slotsReserved = 0;
  const counts = { lookups: 0, misses: 0, moves: 0, reseeds: 0 };
  let isGone = false;
  const drive = <Result>(what: () => Result): Result => {
    if (isGone) throw goneError(name);
    try {
      return what();
    } catch (error) {
      isGone = true;
      failed?.(error);
      throw goneError(name);
    }
  };

  /** Brings a row's hits up to date by its counter on the device. */
  const counted = (row: Held, counter: number): void => {
    row.hits += (counter - row.counter) >>> 0;
    row.counter = counter;
  };
  const refresh = (row: Held): void =>
    counted(row, row.slot === undefined ? taken(ports.exact("look", places.wayOf(row)!, row.key)) : ports.prefixHits(row.slot));
  const put = (row: Held, way: number): void => {
    taken(ports.exact("install", way, row.key, row.action));
    row.counter = 0;
  };
  /** Begins with another seed where no place is left by this one. */
  const reseed = (row: Held): void => {
    for (let tries = 0; tries < mostSeeds; tries++) {
      const other = seed();
      const fresh = new ExactPlaces<Held>(shape, other);
      if (![...exact, row].every((one) => fresh.plan(one) !== undefined)) continue;
      drive(() => {
        for (const one of exact) refresh(one);
        ports.reseed(other);
        places = fresh;
        for (const one of [...exact, row]) put(one, fresh.wayOf(one)!);
      });
      counts.reseeds++;
      return;
    }
    throw limitError(`a key has no place in the hashed table of ${name}, by ${mostSeeds} seeds`);
  };
  const addExact = (row: Held): void => {
    if (isGone) throw goneError(name);
    const moves = places.plan(row);
    if (moves === undefined) reseed(row);
    else
      drive(() => {
        for (const { key: moved, from, to } of moves) {
          if (from === undefined) put(moved, to);
          else {
            // Two for a moment, of which the lower way's is hit: both counters are read at the end.
            taken(ports.exact("install", to, moved.key, moved.action));
            counted(moved, taken(ports.exact("remove", from, moved.key)));
            moved.counter = 0;
            counts.moves++;
          }
        }
      });
    exact.add(row);
  };
  const addPrefix = (row: Held): void => {
    drive(() => ports.installPrefix(row.slot!, row.key, tableBits + row.prefixBits, row.action));
    slots[row.slot!] = row;
  };
  const remove = (row: Held): void => {
    // A removal of what is gone with its device is the host's matter alone.
    if (!isGone) drive(() => (row.slot === undefined ? ports.exact("remove", places.wayOf(row)!, row.key) : ports.removePrefix(row.slot)));
    if (row.slot !== undefined) slots[row.slot] = undefined;
    else {
      places.remove(row);
      exact.delete(row);
    }
  };
  const slotsOf = ({ match, entries }: MatchActionSpec): number => (match === "exact" ? 0 : Math.min(entries, matchTableLimits.prefixes));

  const open = (spec: MatchActionSpec, state: readonly MatchActionRow[]): Opened<MatchAction, readonly MatchActionRow[]> => {
    const { keyBits, entries } = spec;
    const table = tables.pop()!;
    const reserved = slotsOf(spec);
    slotsReserved += reserved;
    let slotsUsed = 0;
    const rows = new Map<string, Held>();
    const onDevice = (key: bigint): bigint =>
      (BigInt(table) << BigInt(matchTableLimits.keyBits)) | (key << BigInt(matchTableLimits.keyBits - keyBits));
    const idOf = (key: bigint, prefixBits: number): string => `${key}/${prefixBits}`;
    const check = (key: bigint, prefixBits: number, action: number): void => {
      const fault = rowFault(spec, key, prefixBits, action);
      if (fault !== undefined) throw new RangeError(fault);
    };
    const insert = (key: bigint, prefixBits: number, action: number, hits: number): void => {
      if (rows.size >= entries) throw fullError("match-action");
      const whole = prefixBits === keyBits;
      if (!whole && slotsUsed >= reserved)
        throw limitError(
          `${name} has ${matchTableLimits.prefixes} slots for prefixes shorter than a key, and all ${reserved} of this table are taken`,
        );
      const slot = whole ? undefined : slots.indexOf(undefined);
      const row: Held = { key: onDevice(key), own: key, prefixBits, action, hits, counter: 0, slot };
      if (whole) addExact(row);
      else {
        addPrefix(row);
        slotsUsed++;
      }
      rows.set(idOf(key, prefixBits), row);
    };
    const close = (): void => {
      for (const row of rows.values()) remove(row);
      rows.clear();
      slotsReserved -= reserved;
      tables.push(table);
    };
    try {
      for (const { key, prefixBits, action, hits } of state) insert(key, prefixBits, action, hits);
    } catch (error) {
      close();
      throw error;
    }
    return {
      operations: {
        add(key, prefixBits, action) {
          check(key, prefixBits, action);
          const row = rows.get(idOf(key, prefixBits));
          if (row === undefined) return insert(key, prefixBits, action, 0);
          drive(() => {
            if (row.slot === undefined) taken(ports.exact("install", places.wayOf(row)!, row.key, action));
            else {
              refresh(row);
              ports.installPrefix(row.slot, row.key, tableBits + row.prefixBits, action);
              row.counter = 0;
            }
          });
          row.action = action;
        },
        remove(key, prefixBits) {
          check(key, prefixBits, 0);
          const row = rows.get(idOf(key, prefixBits));
          if (row === undefined) return false;
          remove(row);
          if (row.slot !== undefined) slotsUsed--;
          return rows.delete(idOf(key, prefixBits));
        },
        lookup(key) {
          check(key, keyBits, 0);
          const found = drive(() => ports.lookup(onDevice(key)));
          counts.lookups++;
          if (found === undefined) {
            counts.misses++;
            return undefined;
          }
          // Counted here as well: a device that is gone cannot be asked.
          const row = found.slot === undefined ? rows.get(idOf(key, keyBits))! : slots[found.slot]!;
          counted(row, (row.counter + 1) >>> 0);
          return found.action;
        },
        hits(key, prefixBits) {
          check(key, prefixBits, 0);
          const row = rows.get(idOf(key, prefixBits));
          if (row !== undefined) drive(() => refresh(row));
          return row?.hits;
        },
      },
      export: () => {
        if (!isGone) for (const row of rows.values()) drive(() => refresh(row));
        return [...rows.values()].map(({ own, prefixBits, action, hits }) => ({ key: own, prefixBits, action, hits }));
      },
      close,
    };
  };

  return {
    capability: matchAction,
    entries: matchTableLimits.entries,
    limits: { keyBits: matchTableLimits.keyBits, prefixes: matchTableLimits.prefixes, tables: matchTableLimits.tables },
    cost: () => cycleCost(matchTableCycles, clockMhz),
    refuses(spec, state) {
      if (spec.keyBits > matchTableLimits.keyBits) return `takes keys of ${matchTableLimits.keyBits} bits at most, not ${spec.keyBits}`;
      if (tables.length === 0) return `holds ${matchTableLimits.tables} tables at most`;
      const left = matchTableLimits.prefixes - slotsReserved;
      if (slotsOf(spec) > left) return `has ${left} of ${matchTableLimits.prefixes} slots for prefixes left, not ${slotsOf(spec)}`;
      const short = state.filter(({ prefixBits }) => prefixBits < spec.keyBits).length;
      if (short > slotsOf(spec) && spec.match === "prefix")
        return `has ${slotsOf(spec)} slots for prefixes shorter than a key, not ${short}`;
      for (const { key, prefixBits, action } of state) {
        const fault = rowFault(spec, key, prefixBits, action);
        if (fault !== undefined) return fault;
      }
      return undefined;
    },
    open,
    counters: () => ({ ...counts }),
  };
}

/**
 * The table as a device; gone for good once its model fails.
 *
 * @example
 * ```ts
 * const device = matchTableDevice(await MatchTable.open());
 * const { operations } = device.install({ capability: matchAction, spec: { entries: 10_000, keyBits: 104, match: "exact" } });
 * operations.add(0x0a000001_0a000002_01bb_1f90_06n, 104, 7);
 * operations.lookup(0x0a000001_0a000002_01bb_1f90_06n); // 7
 * ```
 */
export function matchTableDevice(model: MatchTable, options: MatchTableOptions = {}): ProviderDevice {
  const { name = "rtl-match-table" } = options;
  const device = new ProviderDevice({ name, kind: "hardware", version: "1" }, [
    matchActionProvider(model, { ...options, failed: () => device.setGone(true) }),
  ]);
  return device;
}

/** A device with a model of its own. */
export interface OpenedMatchTable {
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
 * const { device, close } = await openMatchTableDevice();
 * ```
 */
export async function openMatchTableDevice(options: MatchTableOptions = {}): Promise<OpenedMatchTable> {
  const model = await MatchTable.open();
  const device = matchTableDevice(model, options);
  return {
    device,
    close: () => {
      device.setGone(true);
      model.close();
    },
  };
}

function randomSeed(): bigint {
  return BigInt.asUintN(seedBits, BigInt(`0x${randomBytes(Math.ceil(seedBits / 8)).toString("hex")}`));
}

/** What the device said to something that it must take: the host knows where everything is. */
function taken(count: number | undefined): number {
  if (count === undefined) throw new Error("match_table refused what the host had checked");
  return count;
}
