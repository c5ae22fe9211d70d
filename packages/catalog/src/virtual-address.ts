/** Gives every service a virtual address from its name, the same on every node without any coordination. @module */
import { createHash } from "node:crypto";
import { formatIp, type IpPrefix, width } from "./ip.ts";

/**
 * Assigns one address of `prefix` to each name: the name's SHA-256 modulo the usable addresses, then the next free one, in order of name.
 * So a name keeps its address when others come and go, unless it collides with one that sorts before it.
 * The first address of a prefix, and the last of an IPv4 one, are never given out (network, anycast, broadcast).
 *
 * @param names In any order, without duplicates.
 * @param taken Address bits that must not be given out.
 * @returns Address text by name, or undefined when the prefix has too few addresses.
 *
 * @example
 * ```ts
 * assignAddresses(["cart", "web"], parsePrefix("198.18.0.0/16")!, new Set()); // Map { "cart" => "198.18.…", … }
 * ```
 */
export function assignAddresses(names: readonly string[], prefix: IpPrefix, taken: ReadonlySet<bigint>): Map<string, string> | undefined {
  const { family, bits: start } = prefix;
  const usable = usableAddresses(prefix);
  const used = new Set([...taken].filter((bits) => bits > start && bits <= start + usable));
  if (BigInt(names.length + used.size) > usable) return undefined;
  const assigned = new Map<string, string>();
  for (const name of [...names].sort()) {
    const digest = createHash("sha256").update(name).digest("hex").slice(0, 32);
    let offset = BigInt(`0x${digest}`) % usable;
    while (used.has(start + 1n + offset)) offset = (offset + 1n) % usable;
    used.add(start + 1n + offset);
    assigned.set(name, formatIp({ family, bits: start + 1n + offset }));
  }
  return assigned;
}

/** How many addresses of a prefix {@link assignAddresses} may give out. */
export function usableAddresses({ family, length }: IpPrefix): bigint {
  return (1n << BigInt(width(family) - length)) - (family === 4 ? 2n : 1n);
}
