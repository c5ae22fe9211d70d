/** The kernel's rows of policies and rules. @module */
import { type Catalog, decide } from "@mitsu/catalog";
import type * as layout from "../kernel/layout.ts";
import type { Ids } from "./ids.ts";
import type { Endpoint } from "./listening.ts";
import type { Rules } from "./rules.ts";

/** One entry of the kernel's table. */
export type PolicyRow = readonly [layout.PolicyKey, layout.PolicyValue];

const none: readonly PolicyRow[] = [];

/**
 * Spells policies out, since the kernel cannot search a list: one row for each pair of services and port that one decides. That is thousands of rows at
 * times, and a look at the sockets of the machine wants them each time: the same list is given again until something changes that it is made of.
 *
 * @example
 * ```ts
 * const rows = new PolicyRows();
 * rows.of(catalog, rules, endpoints, ids.services) === rows.of(catalog, rules, endpoints, ids.services); // true
 * ```
 */
export class PolicyRows {
  #rows: readonly PolicyRow[] = [];
  /** What {@link #rows} were made of. */
  #catalog: Catalog | null = null;
  #rules: Rules | null = null;
  #targets = "";

  /** @param endpoints Replicas, whose ports are decided as the virtual ones are that lead to them. @param services Numbers of services. */
  of(catalog: Catalog, rules: Rules, endpoints: readonly Endpoint[], services: Ids): readonly PolicyRow[] {
    if (catalog.policies.length + rules.policies.length === 0) return none;
    const targets = [...new Set(endpoints.map(({ service, port, target }) => `${service} ${port} ${target}`))].join("\n");
    if (catalog === this.#catalog && rules === this.#rules && targets === this.#targets) return this.#rows;
    this.#rows = rowsOf(catalog, rules, endpoints, services);
    // A service without a number, as all are in use, may have one the next time.
    this.#catalog = catalog.services.every(({ name }) => services.of(name) > 0) ? catalog : null;
    this.#rules = rules;
    this.#targets = targets;
    return this.#rows;
  }
}

function rowsOf(catalog: Catalog, rules: Rules, endpoints: readonly Endpoint[], services: Ids): readonly PolicyRow[] {
  const rows: PolicyRow[] = [];
  const clients = [undefined, ...catalog.services.map(({ name }) => name)];
  const numbers = new Map(catalog.policies.map(({ name }, index) => [name, index + 1]));
  const ruleNumbers = new Map(rules.policies.map(({ name }, index) => [name, catalog.policies.length + index + 1]));
  for (const server of catalog.services) {
    const ports = new Map(server.ports.map(({ port, target }) => [target, port]));
    for (const { service, port, target } of endpoints) if (service === server.name && !ports.has(target)) ports.set(target, port);
    for (const { port } of server.ports) ports.set(port, port); // a virtual port wins over a replica's port of the same number
    for (const client of clients) {
      for (const [shown, port] of ports) {
        const denied = rules.denies(client, server.name, port);
        const { action, rule } = denied ?? decide(catalog, client, server.name, port);
        if (denied === undefined && rule === "default") continue;
        rows.push([
          { from: client === undefined ? 0 : services.of(client), to: services.of(server.name), port: shown, pad: 0 },
          { action: action === "deny" ? 1 : 0, rule: (denied === undefined ? numbers : ruleNumbers).get(rule) ?? 0 },
        ]);
      }
    }
  }
  return rows;
}
