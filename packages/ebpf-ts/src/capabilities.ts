/** The capabilities this process holds (capabilities(7)). @module */
import { readFileSync } from "node:fs";

const bits = { CAP_NET_ADMIN: 12n, CAP_SYS_ADMIN: 21n, CAP_PERFMON: 38n, CAP_BPF: 39n } as const;

/** Name of a capability that BPF needs. */
export type Capability = keyof typeof bits;

/** Whether this process holds `capability` effectively; CAP_SYS_ADMIN stands for CAP_BPF and CAP_PERFMON. */
export function hasCapability(capability: Capability, status: string = readFileSync("/proc/self/status", "utf8")): boolean {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
  const has = (bit: bigint): boolean => ((effective >> bit) & 1n) === 1n;
  return has(bits[capability]) || (capability !== "CAP_NET_ADMIN" && has(bits.CAP_SYS_ADMIN));
}
