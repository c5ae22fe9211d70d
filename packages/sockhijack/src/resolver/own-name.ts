/** Tells the names that the mesh answers itself from all others. @module */
import { formatIp } from "@mitsu/catalog";

/** A name that is ours: the domain itself, a name below it, or the reverse name of an address. */
export type OwnName =
  | { readonly kind: "apex" }
  /** `name` is lower-case and without the domain: `web` for `Web.mesh`. */
  | { readonly kind: "name"; readonly name: string }
  /** Canonical text of the address that the name reverses. */
  | { readonly kind: "reverse"; readonly address: string };

/**
 * Classifies a name by its labels.
 *
 * @param domain Labels of the mesh's domain, lower-case: `["mesh"]`.
 * @returns undefined for names that belong to the upstream, such as `web.mesh.example.com`.
 */
export function ownName(labels: readonly string[], domain: readonly string[]): OwnName | undefined {
  const lower = labels.map((label) => label.toLowerCase());
  const front = lower.length - domain.length;
  if (front >= 0 && domain.every((label, index) => lower[front + index] === label)) {
    return front === 0 ? { kind: "apex" } : { kind: "name", name: lower.slice(0, front).join(".") };
  }
  const address = reversedAddress(lower);
  return address === undefined ? undefined : { kind: "reverse", address };
}

/** The address that a full `in-addr.arpa` (RFC 1035 §3.5) or `ip6.arpa` (RFC 3596 §2.5) name stands for. */
function reversedAddress(labels: readonly string[]): string | undefined {
  const zone = labels.slice(-2).join(".");
  const parts = labels.slice(0, -2).reverse();
  if (zone === "in-addr.arpa" && parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256))
    return parts.join(".");
  if (zone === "ip6.arpa" && parts.length === 32 && parts.every((part) => /^[0-9a-f]$/.test(part)))
    return formatIp({ family: 6, bits: BigInt(`0x${parts.join("")}`) });
  return undefined;
}
