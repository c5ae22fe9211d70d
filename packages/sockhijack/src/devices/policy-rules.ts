/** `match-action` by the kernel's map `policies`, which connect hooks ask: from service, to service, port → allow or deny, and by which rule. @module */
import { fullError, type MatchAction, type MatchActionRow, type MatchActionSpec, matchAction, type Provider } from "@mitsu/hal";
import type { PolicyKey, PolicyValue } from "../kernel/layout.ts";
import { countersOf, type KernelPath, OneTable } from "./kernel-path.ts";

/** Width of a key: 32 bits from service, 32 to service, 16 port. */
export const ruleKeyBits = 80;
/** Numbers of rules that an action has room for, beside the bit that says deny. */
const mostRule = 0x7fff;

/** A row's key. */
export function ruleKey({ from, to, port }: Pick<PolicyKey, "from" | "to" | "port">): bigint {
  return (BigInt(from) << 48n) | (BigInt(to) << 16n) | BigInt(port);
}

/** A row's action. A rule beyond 32 767 holds as any, and events name it `default`. */
export function ruleAction({ action, rule }: PolicyValue): number {
  return ((rule > mostRule ? 0 : rule) << 1) | action;
}

function policyKeyOf(key: bigint): PolicyKey {
  return { from: Number(key >> 48n), to: Number((key >> 16n) & 0xffff_ffffn), port: Number(key & 0xffffn), pad: 0 };
}

function policyOf(action: number): PolicyValue {
  return { action: action & 1, rule: action >> 1 };
}

/** The provider. `hits` are look-ups by {@link MatchAction.lookup}: the kernel counts what it denied by pair of services (`matrix`), not by row. */
export function policyRules(path: KernelPath): Provider<MatchActionSpec, MatchAction, readonly MatchActionRow[]> {
  const { policies } = path.kernel.maps;
  const table = new OneTable("rules");
  let lookups = 0;
  return {
    capability: matchAction,
    entries: policies.map.maxEntries,
    limits: { keyBits: ruleKeyBits, rules: mostRule },
    // Not more than the whole of connect's choice, which this is a part of: 126 ns (FACTS.md, "Kernel path, measured").
    cost: () => ({ ns: 126 }),
    refuses({ keyBits, match }, state) {
      if (keyBits !== ruleKeyBits || match !== "exact")
        return `its keys are service, service and port: exact, of ${ruleKeyBits} bits, not ${match}, of ${keyBits}`;
      const bad = state.find(({ key, prefixBits, action }) => rowFault(key, prefixBits, action) !== undefined);
      return bad === undefined ? table.refusal : rowFault(bad.key, bad.prefixBits, bad.action);
    },
    open({ entries }, state) {
      const rows = new Map<bigint, { action: number; hits: number }>();
      if (path.adopt && state.length === 0)
        for (const [key, value] of policies.entries()) rows.set(ruleKey(key), { action: ruleAction(value), hits: 0 });
      const write = (key: bigint, action: number): void => {
        try {
          policies.set(policyKeyOf(key), policyOf(action));
        } catch (cause) {
          throw Object.assign(fullError("the kernel's table of rules"), { cause });
        }
      };
      const close = (): void => {
        table.free();
        path.used.delete(matchAction.name);
        if (!path.left) for (const key of rows.keys()) policies.delete(policyKeyOf(key));
      };
      try {
        for (const { key, action, hits } of state) {
          write(key, action);
          rows.set(key, { action, hits });
        }
      } catch (error) {
        close();
        throw error;
      }
      table.take();
      path.used.set(matchAction.name, () => rows.size);
      return {
        operations: {
          add(key, prefixBits, action) {
            check(key, prefixBits, action);
            const row = rows.get(key);
            if (row === undefined && rows.size >= entries) throw fullError("match-action");
            if (row?.action !== action) write(key, action);
            rows.set(key, { action, hits: row?.hits ?? 0 });
          },
          remove(key, prefixBits) {
            check(key, prefixBits, 0);
            if (!rows.delete(key)) return false;
            policies.delete(policyKeyOf(key));
            return true;
          },
          lookup(key) {
            check(key, ruleKeyBits, 0);
            lookups++;
            const found = policies.get(policyKeyOf(key));
            const row = rows.get(key);
            if (row !== undefined && found !== undefined) row.hits++;
            return found && ruleAction(found);
          },
          hits(key, prefixBits) {
            check(key, prefixBits, 0);
            return rows.get(key)?.hits;
          },
        },
        export: () => [...rows].map(([key, row]) => ({ key, prefixBits: ruleKeyBits, ...row })),
        close,
      };
    },
    counters: () => ({ lookups, ...countersOf(path, ["denied"]) }),
  };
}

function check(key: bigint, prefixBits: number, action: number): void {
  const fault = rowFault(key, prefixBits, action);
  if (fault !== undefined) throw new RangeError(fault);
}

/** What keeps a row out. */
function rowFault(key: bigint, prefixBits: number, action: number): string | undefined {
  if (key < 0n || key >> BigInt(ruleKeyBits) !== 0n) return `key ${key} is not one of ${ruleKeyBits} bits`;
  if (prefixBits !== ruleKeyBits) return `an exact table takes keys of ${ruleKeyBits} bits, not prefixes of ${prefixBits}`;
  if (!Number.isInteger(action) || action < 0 || action > 0xffff) return `action ${action} is not one of 0 to 65535`;
  return undefined;
}
