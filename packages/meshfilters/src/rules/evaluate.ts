/** What rules say of a request: the reference that every back end must agree with. @module */
import { inPrefix, ipBytes } from "./ip-prefix.ts";
import { type Match, type Rule, type RuleSet, routeHeader, sampleHeader } from "./ir.ts";
import { firstSteps, headerOf, hostOf, lastLabels, lastLabelsCount, pathOf, type RuleRequest, stepsOf } from "./request.ts";

/** What became of a request. */
export interface RuleVerdict {
  /** Name of the rule that matched first. */
  readonly rule: string;
  /** It is answered so; null: it goes on. */
  readonly status: number | null;
  /** As it goes on; as it came where it does not. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** Whether a rule is about a request, looked at afresh: by nothing that a back end has. */
export function matches({ hosts, paths, methods, headers, from, sources, ports }: Match, request: RuleRequest): boolean {
  const host = hostOf(headerOf(request, ":authority") ?? "");
  const path = pathOf(headerOf(request, ":path") ?? "");
  const address = ipBytes(request.address);
  const isHost = (wanted: string): boolean =>
    wanted.startsWith("*.") ? lastLabels(host, lastLabelsCount(wanted)) === wanted.slice(2) : wanted === host;
  return (
    (hosts.length === 0 || hosts.some(isHost)) &&
    (paths.length === 0 ||
      paths.some(({ kind, value }) => (kind === "exact" ? path === value : firstSteps(path, stepsOf(value)) === value))) &&
    (methods.length === 0 || methods.includes(headerOf(request, ":method") ?? "")) &&
    headers.every(({ name, value }) => {
      const given = headerOf(request, name);
      return given !== undefined && (value === null || value === given);
    }) &&
    (from.length === 0 || from.some((who) => who === (who.startsWith("spiffe://") ? request.spiffe : request.service))) &&
    (sources.length === 0 || (address !== undefined && sources.some((prefix) => inPrefix(address, prefix)))) &&
    (ports.length === 0 || ports.includes(request.port))
  );
}

/**
 * Evaluates a rule set, one rule after the other, with what limits, samples and counters remember.
 *
 * @example
 * ```ts
 * const evaluator = new RuleEvaluator(parseRules(text, "rules.yaml"));
 * evaluator.judge(request, 0n).status; // 403
 * ```
 */
export class RuleEvaluator {
  /** Requests that a rule with `count` decided, by its name. */
  readonly counts: Map<string, number> = new Map();
  readonly #set: RuleSet;
  readonly #ready = new Map<Rule, bigint>();
  readonly #parts = new Map<Rule, number>();

  constructor(set: RuleSet) {
    this.#set = set;
  }

  /** @param nowNs Of a clock that does not go back. */
  judge(request: RuleRequest, nowNs: bigint): RuleVerdict {
    const { rules } = this.#set;
    // A client does not route or sample itself.
    const own = new Set<string>();
    if (rules.some(({ acts }) => acts.route !== "")) own.add(routeHeader);
    if (rules.some(({ acts }) => acts.sample > 0)) own.add(sampleHeader);
    let headers = request.headers.filter(([name]) => !own.has(name));
    const rule = rules.find(({ match }) => matches(match, { ...request, headers }))!;
    const { name, acts } = rule;
    if (acts.count) this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    if (acts.limit && !this.#isWithin(rule, nowNs)) return { rule: name, status: 429, headers };
    const sampled = this.#isSampled(rule);
    if (acts.deny !== null) return { rule: name, status: acts.deny || 403, headers };
    const set = (field: string, value: string | null): void => {
      headers = headers.filter(([one]) => one !== field);
      if (value !== null) headers.push([field, value]);
    };
    for (const [field, value] of acts.headers) set(field, value);
    if (sampled) set(sampleHeader, name);
    if (acts.route !== "") set(routeHeader, acts.route);
    return { rule: name, status: null, headers };
  }

  /** Whether the request is within the rule's limit; it is counted then. */
  #isWithin(rule: Rule, nowNs: bigint): boolean {
    const { intervalNs, burst } = rule.acts.limit!;
    const known = this.#ready.get(rule) ?? 0n;
    const ready = known > nowNs ? known : nowNs;
    if (ready - nowNs > intervalNs * BigInt(burst - 1)) return false;
    this.#ready.set(rule, ready + intervalNs);
    return true;
  }

  /** Evenly: of a share of 1/3 each third one. */
  #isSampled(rule: Rule): boolean {
    const parts = (this.#parts.get(rule) ?? 0) + rule.acts.sample;
    this.#parts.set(rule, parts % 2 ** 32);
    return parts >= 2 ** 32;
  }
}
