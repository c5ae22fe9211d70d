/** The tables that rules-engine.as reads: rules as numbers, hash tables and texts. The engine's header says what they are for. Words are little-endian. @module */
import { type Rule, routeHeader, sampleHeader } from "../ir.ts";
import { type Slot, type TupleSpace, tupleSpace } from "../tuple-space.ts";
import { ByteRegion } from "./byte-region.ts";

/** Where the tables begin. */
export const tablesAt = 1024;
const headerWords = 29;
const flag = { routes: 1, samples: 2, address: 4, service: 8, spiffe: 16, port: 32 } as const;
const act = { deny: 1, count: 2, limit: 4, mark: 8, reroute: 16 } as const;
const slotKinds = [
  "host",
  "host-labels",
  "path",
  "path-steps",
  "method",
  "service",
  "spiffe",
  "source4",
  "source6",
  "port",
  "header",
  "header-value",
] as const;
const ruleBytes = 80;
/** Bytes that the engine works in. */
const scratchBytes = 64;
/** Texts of the engine's own, in its order; properties as paths. */
const fixedTexts = [
  routeHeader,
  sampleHeader,
  "source\0address",
  "source\0service",
  "connection\0uri_san_peer_certificate",
  "destination\0port",
  "clear_route_cache",
];

/** What became of rules. */
export interface RuleTables {
  /** To lie at {@link tablesAt}. */
  readonly bytes: Uint8Array;
  /** The first address behind them. */
  readonly end: number;
  readonly space: TupleSpace;
}

/**
 * Lays the tables out.
 *
 * @param rules The last one matches everything.
 */
export function ruleTables(rules: readonly Rule[]): RuleTables {
  // The last one needs no look-up: it is what remains.
  const space = tupleSpace(rules.slice(0, -1));
  const region = new ByteRegion(tablesAt);
  const header = region.reserve(4 * headerWords);
  const put = (text: string): readonly [number, number] => {
    const bytes = Buffer.from(text, "latin1");
    return [region.put(bytes), bytes.length];
  };
  const names = headerNames(space.slots);
  const [texts, textMask] = layTexts(region, space.slots, names);
  const slots = region.reserve(8 * space.slots.length);
  for (const [index, { kind, argument }] of space.slots.entries())
    region.words(slots + 8 * index, slotKinds.indexOf(kind), typeof argument === "number" ? argument : 0);
  const headers = region.reserve(8 * names.length);
  for (const [index, name] of names.entries()) {
    const at = (kind: Slot["kind"]): number => space.slots.findIndex((slot) => slot.kind === kind && slot.argument === name) + 1;
    region.words(headers + 8 * index, at("header"), at("header-value"));
  }
  const numbers = region.reserve(4 * space.slots.length);
  const seen = region.reserve(names.length + 4);
  const scratch = region.reserve(scratchBytes);
  const shapes = layShapes(region, space);
  const records = layRules(region, rules, put);
  const has = (kind: Slot["kind"]): boolean => space.slots.some((slot) => slot.kind === kind);
  const flags =
    (rules.some(({ acts }) => acts.route !== "") ? flag.routes : 0) |
    (rules.some(({ acts }) => acts.sample > 0) ? flag.samples : 0) |
    (has("source4") || has("source6") ? flag.address : 0) |
    (has("service") ? flag.service : 0) |
    (has("spiffe") ? flag.spiffe : 0) |
    (has("port") ? flag.port : 0);
  const fixed = fixedTexts.flatMap(put);
  const end = region.reserve(0);
  region.words(
    header,
    ...[end, texts, textMask, slots, space.slots.length, numbers, headers, names.length, seen],
    ...[shapes, space.shapes.length, records, rules.length, flags, scratch, ...fixed],
  );
  return { bytes: region.bytes, end, space };
}

/** Names of headers that rules look at. */
function headerNames(slots: readonly Slot[]): readonly string[] {
  return [...new Set(slots.flatMap(({ argument }) => (typeof argument === "string" ? argument : [])))];
}

/** Spreads a hash's high bits over its low ones. */
function mixed(hash: number): number {
  return (hash ^ (hash >>> 15)) >>> 0;
}

/** FNV-1a (Fowler, Noll, Vo), begun by the part that the text is of. */
function textHash(tag: number, bytes: Uint8Array): number {
  let hash = 2166136261 ^ Math.imul(tag, 0x9e3779b1);
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 16777619);
  return mixed(hash >>> 0);
}

/** A power of two, so that at most half of the places are taken. */
function placesFor(entries: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, entries) * 2));
}

/** The table of all texts: hash, tag, address, size, number. Tag 0 has the names of headers, then three that are fields of their own. */
function layTexts(region: ByteRegion, slots: readonly Slot[], names: readonly string[]): readonly [at: number, mask: number] {
  const entries = [
    ...[...names, ":authority", ":path", ":method"].map((name, index) => ({
      tag: 0,
      text: name,
      number: index + 1,
    })),
    ...slots.flatMap(({ kind, texts }, index) =>
      // Whether there is such a header is no text.
      kind === "header" ? [] : [...texts].map(([text, number]) => ({ tag: index + 1, text, number })),
    ),
  ];
  const places = placesFor(entries.length);
  const table = region.reserve(20 * places);
  for (const { tag, text, number } of entries) {
    const bytes = Buffer.from(text, "latin1");
    const hash = textHash(tag, bytes);
    let place = hash & (places - 1);
    while (region.word(table + 20 * place + 16) !== 0) place = (place + 1) & (places - 1);
    region.words(table + 20 * place, hash, tag, region.put(bytes), bytes.length, number);
  }
  return [table, places - 1];
}

/** Shapes: parts, their slots, the rows' table and mask, the first rule. A row: the rule from 1, then the numbers. */
function layShapes(region: ByteRegion, { shapes }: TupleSpace): number {
  const at = region.reserve(20 * shapes.length);
  for (const [index, { slots, rows, first }] of shapes.entries()) {
    const places = placesFor(rows.length);
    const stride = 4 * (slots.length + 1);
    const [list, table] = [region.reserve(4 * slots.length), region.reserve(stride * places)];
    region.words(list, ...slots);
    for (const { numbers, rule } of rows) {
      let hash = 0;
      for (const number of numbers) hash = mixed(Math.imul(hash ^ number, 0x9e3779b1) >>> 0);
      let place = hash & (places - 1);
      while (region.word(table + stride * place) !== 0) place = (place + 1) & (places - 1);
      region.words(table + stride * place, rule + 1, ...numbers);
    }
    region.words(at + 20 * index, slots.length, list, table, places - 1, first);
  }
  return at;
}

/** Rules: acts, status, metric, name of the metric, edits, route; then what they remember: interval, most, next; share, parts. */
function layRules(region: ByteRegion, rules: readonly Rule[], put: (text: string) => readonly [number, number]): number {
  const at = region.reserve(ruleBytes * rules.length);
  for (const [index, { name, acts }] of rules.entries()) {
    const { deny, headers, route, limit, count, sample } = acts;
    const rule = at + ruleBytes * index;
    const edits = region.reserve(16 * headers.length);
    for (const [place, [field, value]] of headers.entries())
      region.words(edits + 16 * place, ...put(field), ...(value === null ? [0, 0] : put(value)));
    const bits =
      (deny === null ? 0 : act.deny) |
      (count ? act.count : 0) |
      (limit ? act.limit : 0) |
      (sample > 0 ? act.mark : 0) |
      (route === "" ? 0 : act.reroute);
    region.words(rule, bits, deny || 403, 0, ...put(`rules.${name}`), edits, headers.length, ...put(route));
    if (limit) {
      region.long(rule + 40, limit.intervalNs);
      region.long(rule + 48, limit.intervalNs * BigInt(limit.burst - 1));
    }
    region.long(rule + 64, BigInt(sample));
  }
  return at;
}
