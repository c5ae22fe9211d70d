/** Asks a device of `match-action` what the rules say: what a NIC's driver does with the artifact. @module */
import { type Device, matchAction } from "@mitsu/hal";
import { ipBytes } from "../ip-prefix.ts";
import type { RuleRequest } from "../request.ts";
import { type KeyPart, partBits, type RuleTable } from "./rule-table.ts";

/** What the tables say. */
export interface TableVerdict {
  /** Name of the rule; undefined where none matches. */
  readonly rule: string | undefined;
  readonly deny: boolean;
}

/**
 * Installs the tables on a device.
 *
 * @throws {MitsuError} `ERR_HAL_REFUSED` when it does not take them.
 * @example
 * ```ts
 * const judge = tableJudge(await openMatchTableDevice().device, ruleTable(rules));
 * judge({ service: "cart", address: "10.0.0.1", port: 80 }).deny; // true
 * ```
 */
export function tableJudge(
  device: Device,
  { services, rules, tables, otherwise }: RuleTable,
): (request: Pick<RuleRequest, "service" | "address" | "port">) => TableVerdict {
  const numbers = new Map(services);
  const installed = tables.map(({ parts, spec, rows }) => {
    const { operations } = device.install({ capability: matchAction, spec });
    for (const { key, prefixBits, action } of rows) operations.add(key, prefixBits, action);
    return { parts, operations };
  });
  return ({ service, address, port }) => {
    const ip = ipBytes(address);
    const partOf = (part: KeyPart): bigint | undefined => {
      if (part === "service") return BigInt(numbers.get(service) ?? 0);
      if (part === "port") return BigInt(port);
      return ip?.length === 4 ? ip.reduce((bits, byte) => (bits << 8n) | BigInt(byte), 0n) : undefined;
    };
    let best: number | undefined;
    for (const { parts, operations } of installed) {
      let key: bigint | undefined = 0n;
      for (const part of parts) {
        const value = partOf(part);
        key = value === undefined || key === undefined ? undefined : (key << BigInt(partBits[part])) | value;
      }
      const action = key === undefined ? undefined : operations.lookup(key);
      if (action !== undefined && (best === undefined || action < best)) best = action;
    }
    // A match of everything comes in its place among the others.
    const own = (otherwise.rule << 1) | (otherwise.deny ? 1 : 0);
    const found = otherwise.rule > 0 && (best === undefined || own < best) ? own : best;
    return { rule: found === undefined ? undefined : rules[(found >> 1) - 1], deny: found !== undefined && (found & 1) === 1 };
  };
}
