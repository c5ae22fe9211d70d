/** Rules beside those of mesh.yaml: what `meshfilters build` made for the kernel. They only take away; what they let pass, mesh.yaml's own policies decide. @module */
import { type Catalog, type Decision, loadCatalog, type Policy } from "@mitsu/catalog";

/** Finds the first rule of a connection without looking at each: there may be ten thousand. */
export class Rules {
  static readonly none: Rules = new Rules([]);
  readonly policies: readonly Policy[];
  /** By `from to port`, each a name or `*`, `*` also for all ports: the first rule. */
  readonly #first = new Map<string, number>();

  constructor(policies: readonly Policy[]) {
    this.policies = policies;
    for (const [index, { from, to, ports }] of policies.entries())
      for (const client of from)
        for (const server of to)
          for (const port of ports.length === 0 ? ["*"] : ports) {
            const key = `${client} ${server} ${port}`;
            if (!this.#first.has(key)) this.#first.set(key, index);
          }
  }

  /** The rule that denies a connection; undefined where the first that matches lets it pass, or none does. */
  denies(from: string | undefined, to: string, port: number): Decision | undefined {
    let first = this.policies.length;
    for (const client of from === undefined ? ["*"] : [from, "*"])
      for (const server of [to, "*"])
        for (const at of [port, "*"]) first = Math.min(first, this.#first.get(`${client} ${server} ${at}`) ?? first);
    const rule = this.policies[first];
    return rule?.action === "deny" ? { action: "deny", rule: rule.name } : undefined;
  }

  /** Services that rules name and the mesh does not have. */
  unknown(catalog: Catalog): readonly string[] {
    const known = new Set(["*", ...catalog.services.map(({ name }) => name)]);
    return [...new Set(this.policies.flatMap(({ from, to }) => [...from, ...to]))].filter((name) => !known.has(name));
  }
}

/**
 * Reads a mesh file of which the policies count; its services are there to be named, and may come later.
 *
 * @throws {MitsuError} `ERR_CATALOG_INVALID` with every fault, and as `loadCatalog` for a file that cannot be read.
 * @example
 * ```ts
 * (await loadRules("rules.policies.yaml")).denies("cart", "db", 5432); // { action: "deny", rule: "no-cart" }
 * ```
 */
export async function loadRules(path: string): Promise<Rules> {
  return new Rules((await loadCatalog(path)).policies);
}
