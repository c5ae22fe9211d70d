/** The authorisation rules of one service. @module */
import type { AuthorisationRule, PolicyActionOfRequests } from "@mitsu/catalog";
import type { LiveExchange } from "../live-exchange.ts";
import { hostName } from "../routes/host-name.ts";
import { judgedPath } from "../routes/judged-path.ts";
import { RequestMatcher } from "../routes/request-matcher.ts";

/** A rule and what it did in this worker. */
export class CompiledRule {
  readonly rule: AuthorisationRule;
  /** Requests that it decided, or would have decided without `dryRun`. */
  hits = 0;
  readonly #from: ReadonlySet<string> | null;
  readonly #matcher: RequestMatcher;

  constructor(rule: AuthorisationRule) {
    this.rule = rule;
    this.#from = rule.from.includes("*") ? null : new Set(rule.from);
    this.#matcher = new RequestMatcher(rule.match, rule.action === "deny" ? "some" : "every");
  }

  /** A program of no service is in `*` only. */
  matches({ caller, request, port }: LiveExchange): boolean {
    const matcher = this.#matcher;
    if (this.#from !== null && (caller.service === "" || !this.#from.has(caller.service))) return false;
    if (matcher.matchesAll) return true;
    if (matcher.readsHost && !matcher.host(hostName(request.authority))) return false;
    if (matcher.readsPath && !matcher.path(judgedPath(request))) return false;
    return matcher.rest(request, port);
  }

  /**
   * Of a connection that is no HTTP, whose method, path and headers nobody knows: a deny rule that has such conditions matches, since its request may
   * be in there; an allow rule does not. As Istio's for TCP.
   */
  matchesConnection({ from, port }: Connecting): boolean {
    const { action, match } = this.rule;
    if (this.#from !== null && (from === "" || !this.#from.has(from))) return false;
    if (match.ports.length > 0 && !match.ports.includes(port)) return false;
    const looksInside = match.hosts.length + match.methods.length + match.headers.length + match.query.length > 0 || match.path !== null;
    return action === "deny" || !looksInside;
  }
}

/** A connection that carries no request that anybody could look at. */
export interface Connecting {
  /** Service of the client; empty outside the mesh. */
  readonly from: string;
  /** Port at the virtual address. */
  readonly port: number;
}

/** Hears of rules in dry run that match. */
export type OnDryRun = (x: LiveExchange, rule: AuthorisationRule) => void;

/** The rules about requests to one service: deny rules first, then allow rules, then the default. */
export class RuleSet {
  /** Every request may pass, and nobody counts. */
  readonly isOpen: boolean;
  /** Requests that the default denied. */
  defaultDenials = 0;
  readonly #deny: readonly CompiledRule[];
  readonly #allow: readonly CompiledRule[];
  readonly #fallback: PolicyActionOfRequests;

  /** @param rules Whose `to` has the service, in order. */
  constructor(rules: readonly CompiledRule[], fallback: PolicyActionOfRequests) {
    this.#deny = rules.filter(({ rule }) => rule.action === "deny");
    this.#allow = rules.filter(({ rule }) => rule.action === "allow");
    this.#fallback = fallback;
    this.isOpen = rules.length === 0 && fallback === "allow";
  }

  /** Name of what denies the request, a rule or `default`; empty when it may pass. A rule in dry run only counts and calls `onDryRun`. */
  denies(x: LiveExchange, onDryRun: OnDryRun): string {
    const denied = firstMatch(this.#deny, x, onDryRun);
    if (denied !== null) return denied.name;
    if (firstMatch(this.#allow, x, onDryRun) !== null || this.#fallback === "allow") return "";
    this.defaultDenials++;
    return "default";
  }

  /** The same for a connection that is no HTTP. */
  deniesConnection(connecting: Connecting): string {
    const denied = firstOf(this.#deny, connecting);
    if (denied !== null) return denied.name;
    if (firstOf(this.#allow, connecting) !== null || this.#fallback === "allow") return "";
    this.defaultDenials++;
    return "default";
  }
}

function firstOf(rules: readonly CompiledRule[], connecting: Connecting): AuthorisationRule | null {
  for (const compiled of rules) {
    if (!compiled.matchesConnection(connecting)) continue;
    compiled.hits++;
    if (!compiled.rule.dryRun) return compiled.rule;
  }
  return null;
}

function firstMatch(rules: readonly CompiledRule[], x: LiveExchange, onDryRun: OnDryRun): AuthorisationRule | null {
  for (const compiled of rules) {
    if (!compiled.matches(x)) continue;
    compiled.hits++;
    if (!compiled.rule.dryRun) return compiled.rule;
    onDryRun(x, compiled.rule);
  }
  return null;
}
