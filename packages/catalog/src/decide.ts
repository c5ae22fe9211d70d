/** Says whether a service may connect to another. @module */
import type { Catalog, PolicyAction } from "./catalog.ts";

/** An action and the rule it comes from. */
export interface Decision {
  readonly action: PolicyAction;
  /** Name of the policy that matched, or `default`. */
  readonly rule: string;
}

/**
 * Decides a connection: the first policy that matches, else the mesh's default.
 *
 * @param from Service of the client; undefined for a program that belongs to none, which only `*` matches.
 * @param port Port at the virtual address.
 * @example
 * ```ts
 * decide(parseCatalog("version: 1\ndefaults: { policy: deny }\n"), "web", "db", 5432); // { action: "deny", rule: "default" }
 * ```
 */
export function decide(
  { policies, defaults }: Pick<Catalog, "policies" | "defaults">,
  from: string | undefined,
  to: string,
  port: number,
): Decision {
  const matched = policies.find(
    (policy) =>
      policy.from.some((name) => name === "*" || name === from) &&
      policy.to.some((name) => name === "*" || name === to) &&
      (policy.ports.length === 0 || policy.ports.includes(port)),
  );
  return matched ? { action: matched.action, rule: matched.name } : { action: defaults.policy, rule: "default" };
}
