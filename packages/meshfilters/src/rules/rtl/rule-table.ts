/** Rules as rows of match-action tables: one table for each set of parts that rules look at; of all tables' answers the first rule counts. @module */
import type { MatchActionSpec } from "@mitsu/hal";
import type { StagedRule } from "../back-end.ts";
import { inPrefix } from "../ip-prefix.ts";
import type { Condition } from "../rule-rows.ts";
import { ruleRows } from "../rule-rows.ts";

/** Parts of a key from its highest bits on, with their widths. An address comes last, as of it a prefix may count. */
export const partBits = { service: 16, port: 16, source4: 32 } as const;
/** A part of a key. */
export type KeyPart = keyof typeof partBits;
const order: readonly KeyPart[] = ["service", "port", "source4"];

/** One row. */
export interface TableRow {
  readonly key: bigint;
  readonly prefixBits: number;
  /** The rule's place among {@link RuleTable.rules} from 1, times 2, and 1 to refuse. */
  readonly action: number;
}

/** One table. */
export interface KeyedTable {
  /** What its keys are put together from. */
  readonly parts: readonly KeyPart[];
  readonly spec: MatchActionSpec;
  readonly rows: readonly TableRow[];
}

/** All of it, plain data. */
export interface RuleTable {
  /** Numbers of services in keys; 0 for any other caller. */
  readonly services: readonly (readonly [name: string, number: number])[];
  readonly rules: readonly string[];
  readonly tables: readonly KeyedTable[];
  /** Where no row matches. */
  readonly otherwise: { readonly rule: number; readonly deny: boolean };
}

/** Puts rules, of which {@link rtlBackEnd} says that they fit, into tables. */
export function ruleTable(rules: readonly StagedRule[]): RuleTable {
  const services = new Map<string, number>();
  const drafts = new Map<string, { parts: readonly KeyPart[]; exact: boolean; rows: Map<string, Draft> }>();
  let otherwise = { rule: 0, deny: false };
  for (const [index, { rule, pass }] of rules.entries()) {
    const deny = !pass && rule.acts.deny !== null;
    for (const row of ruleRows(rule.match)) {
      if (row.length === 0) {
        if (otherwise.rule === 0) otherwise = { rule: index + 1, deny };
        continue;
      }
      const parts = order.filter((part) => row.some(({ kind }) => kind === part));
      const source = row.find(({ kind }) => kind === "source4");
      const length = source === undefined ? 32 : (source.argument as number);
      const address = source && Buffer.from(source.text, "latin1");
      const exact = length === 32;
      const draftKey = `${parts.join()} ${exact}`;
      const draft = drafts.get(draftKey) ?? { parts, exact, rows: new Map() };
      drafts.set(draftKey, draft);
      const head = parts
        .filter((part) => part !== "source4")
        .reduce((key, part) => (key << BigInt(partBits[part])) | numberOf(row, part, services), 0n);
      const rowKey = `${head} ${address?.join(".")}/${length}`;
      if (!draft.rows.has(rowKey))
        draft.rows.set(rowKey, { head, source: address, length, action: ((index + 1) << 1) | (deny ? 1 : 0), rule: index + 1 });
    }
  }
  const tables = [...drafts.values()].map(({ parts, exact, rows }): KeyedTable => {
    const keyBits = parts.reduce((bits, part) => bits + partBits[part], 0);
    const all = [...rows.values()];
    return {
      parts,
      spec: { entries: all.length, keyBits, match: exact ? "exact" : "prefix" },
      rows: all.map((row) => tableRow(row, exact ? row : firstAround(row, all), keyBits)),
    };
  });
  return { services: [...services], rules: rules.map(({ rule }) => rule.name), tables, otherwise };
}

interface Draft {
  /** All parts but the address. */
  readonly head: bigint;
  readonly source: Uint8Array | undefined;
  readonly length: number;
  readonly action: number;
  readonly rule: number;
}

/** The device takes the longest prefix, rules the first: so a prefix answers what the first rule around it says. */
function firstAround(row: Draft, all: readonly Draft[]): Draft {
  let first = row;
  for (const other of all) {
    if (other.head !== row.head || other.length > row.length || other.rule >= first.rule) continue;
    if (inPrefix(row.source!, { bytes: other.source!, length: other.length })) first = other;
  }
  return first;
}

function tableRow({ head, source, length }: Draft, { action }: Draft, keyBits: number): TableRow {
  if (source === undefined) return { key: head, prefixBits: keyBits, action };
  const address = source.reduce((bits, byte) => (bits << 8n) | BigInt(byte), 0n);
  return { key: (head << 32n) | address, prefixBits: keyBits - 32 + length, action };
}

function numberOf(row: readonly Condition[], part: KeyPart, services: Map<string, number>): bigint {
  const { text } = row.find(({ kind }) => kind === part)!;
  if (part === "port") return BigInt(text.charCodeAt(0) | (text.charCodeAt(1) << 8));
  const number = services.get(text) ?? services.size + 1;
  services.set(text, number);
  return BigInt(number);
}
