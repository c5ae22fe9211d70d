/** Kernel maps that are written through the placement: what changes in them goes to the device that has the work. @module */
import { fullError, type MatchAction, type TraceInject } from "@mitsu/hal";
import { ruleAction, ruleKey, ruleKeyBits } from "../devices/policy-rules.ts";
import type { KernelMaps } from "../kernel/kernel.ts";
import { type PolicyKey, type PolicyValue, type Service, traceMode } from "../kernel/layout.ts";
import type { WritableMap } from "./mirrored-map.ts";

/** All bits: every trace. */
const whole = 0xffff_ffff;

/** The map `policies`, as rows of `match-action`. */
export function placedPolicies({ policies }: Pick<KernelMaps, "policies">, rules: MatchAction): WritableMap<PolicyKey, PolicyValue> {
  const keys = new Set([...policies.entries()].map(([key]) => ruleKey(key)));
  return {
    set(key, value) {
      const row = ruleKey(key);
      // Asked here: a placement that looks for more room begins the work anew, and no connect may meet a table without rules.
      if (!keys.has(row) && keys.size >= policies.map.maxEntries) throw fullError("the kernel's table of rules");
      rules.add(row, ruleKeyBits, ruleAction(value));
      keys.add(row);
    },
    delete(key) {
      const row = ruleKey(key);
      keys.delete(row);
      return rules.remove(row, ruleKeyBits);
    },
    entries: () => policies.entries(),
  };
}

/** The map `services`: how each is traced goes by `trace-inject`, all else straight there. */
export function placedServices({ services }: Pick<KernelMaps, "services">, tracing: TraceInject): WritableMap<number, Service> {
  return {
    set(id, value) {
      const { trace, sampling } = services.get(id)!;
      services.set(id, { ...value, trace, sampling });
      if (value.trace === traceMode.off) tracing.stop(id);
      else tracing.start(id, { propagation: value.trace === traceMode.header ? "header" : "side-band", sampling: value.sampling / whole });
    },
    delete: (id) => services.delete(id),
    entries: () => services.entries(),
  };
}
