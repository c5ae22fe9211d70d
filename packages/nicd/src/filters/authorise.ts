/** Decides who may ask what of whom. @module */
import type { AuthorisationRule, PolicyActionOfRequests } from "@mitsu/catalog";
import { flag, type LiveExchange, type OwnAnswer, type Verdict, verdict } from "../live-exchange.ts";
import type { DenialLog } from "./denial-log.ts";
import type { Filter } from "./filter.ts";
import { CompiledRule, type Connecting, RuleSet } from "./rule-set.ts";

const denial: OwnAnswer = { status: 403, flag: flag.unauthorised, body: "RBAC: access denied" };

/** A service's default. */
export interface AuthorisedService {
  readonly name: string;
  readonly authorisation: PolicyActionOfRequests;
}

/** How often a rule matched in this worker. */
export interface RuleCount {
  readonly rule: string;
  readonly action: PolicyActionOfRequests;
  readonly dryRun: boolean;
  readonly hits: number;
}

/**
 * All rules of the mesh. A request must be allowed to ask the service that it names, and the one that its route leads to: a route gives no rights.
 * A path that servers read in two ways is denied when a deny rule matches either reading, or an allow rule matches only one of them.
 */
export class Authorise implements Filter {
  readonly name = "authorise";
  readonly #rules: readonly CompiledRule[];
  readonly #byService: ReadonlyMap<string, RuleSet>;
  readonly #log: DenialLog;
  readonly #onDryRun = (x: LiveExchange, { name, action }: AuthorisationRule): void => this.#log.dryRun(x, name, action);

  /** @param previous The one in use until now: counts of rules with the same name and action go on. */
  constructor(rules: readonly AuthorisationRule[], services: readonly AuthorisedService[], log: DenialLog, previous?: Authorise) {
    this.#log = log;
    this.#rules = rules.map((rule) => new CompiledRule(rule));
    this.#byService = new Map(
      services.map(({ name, authorisation }) => {
        const own = this.#rules.filter(({ rule: { to } }) => to.includes("*") || to.includes(name));
        return [name, new RuleSet(own, authorisation)];
      }),
    );
    if (previous === undefined) return;
    for (const compiled of this.#rules) compiled.hits = previous.#hitsOf(compiled.rule);
    for (const [name, set] of this.#byService) set.defaultDenials = previous.#byService.get(name)?.defaultDenials ?? 0;
  }

  /** Could any request to these services be denied or counted? When not, it need not be in the chain. */
  concerns(services: readonly string[]): boolean {
    return services.some((name) => this.#byService.get(name)?.isOpen === false);
  }

  onRequestHead(x: LiveExchange): Verdict {
    const { service, target } = x;
    let rule = this.#byService.get(service)?.denies(x, this.#onDryRun) ?? "";
    if (rule === "" && target !== service) rule = this.#byService.get(target)?.denies(x, this.#onDryRun) ?? "";
    if (rule === "") return verdict.continue;
    x.deniedBy = rule;
    this.#log.denied(x, rule);
    return x.respond(denial);
  }

  /** Name of what denies a connection that is no HTTP; empty when it may pass. @param services The one asked for, and the one it leads to. */
  deniesConnection(services: readonly string[], connecting: Connecting): string {
    for (const service of new Set(services)) {
      const rule = this.#byService.get(service)?.deniesConnection(connecting) ?? "";
      if (rule === "") continue;
      this.#log.deniedConnection(connecting, service, rule);
      return rule;
    }
    return "";
  }

  /** For metrics and `nicd routes`: every rule, in order. */
  counts(): readonly RuleCount[] {
    return this.#rules.map(({ rule: { name, action, dryRun }, hits }) => ({ rule: name, action, dryRun, hits }));
  }

  /** Requests that a service's default denied. */
  defaultDenials(service: string): number {
    return this.#byService.get(service)?.defaultDenials ?? 0;
  }

  #hitsOf({ name, action }: AuthorisationRule): number {
    return this.#rules.find(({ rule }) => rule.name === name && rule.action === action)?.hits ?? 0;
  }
}
