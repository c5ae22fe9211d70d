/** From the text of a rules file to a rule set, or to all that is wrong with it. @module */
import { type CatalogProblem, type Finding, formatProblem, locate, readYaml, schemaFindings } from "@mitsu/catalog/document";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { parsePrefix } from "./ip-prefix.ts";
import { type Acts, allow, defaultName, type Match, matchAll, type PathMatch, type Rule, type RuleSet } from "./ir.ts";
import { plainYaml } from "./plain-yaml.ts";
import { durationMs } from "./rule-fields.ts";
import { type PathEntry, type RuleEntry, type RulesFile, rulesFile } from "./rule-schema.ts";

/** Longer lists of faults are cut. */
const mostShown = 20;
/** Larger ones are no such files. */
const mostCharacters = 16 * 1024 * 1024;
/** What a back end numbers them by. */
const mostRules = 100_000;

/**
 * Reads a rules file, YAML or JSON.
 *
 * @param file Its name, with which messages begin.
 * @throws {MitsuError} `ERR_RULES_INVALID`, exit status 2, a line for each fault: `rules.yaml:4:7: rules[0].do.deny: 99 is not …`; never anything else.
 * @example
 * ```ts
 * const { rules } = parseRules("version: 1\nrules: [{ match: { path: /admin }, do: deny }]\n", "rules.yaml");
 * rules.map(({ name }) => name); // ["rule-1", "default"]
 * ```
 */
export function parseRules(text: string, file: string): RuleSet {
  const whole = (message: string): CatalogProblem => ({ file, line: 1, column: 1, field: "", message });
  if (text.length > mostCharacters) throw rulesError([whole(`has ${text.length} characters; ${mostCharacters} are the most`)]);
  const plain = rulesFile.safeParse(plainYaml(text));
  if (plain.success && ruleFindings(plain.data).length === 0) return ruleSetOf(plain.data);
  // Not plain, or wrong: now with places.
  const { source, value, problems } = readYaml(text, file);
  if (problems.length > 0) throw rulesError(problems);
  if (value === null || value === undefined) throw rulesError([whole("is empty; give version: 1 and rules")]);
  const parsed = rulesFile.safeParse(value);
  const findings = parsed.success ? ruleFindings(parsed.data) : schemaFindings(rulesFile, value);
  if (!parsed.success || findings.length > 0) throw rulesError(findings.map((finding) => locate(source, finding)));
  return ruleSetOf(parsed.data);
}

function rulesError(faults: readonly CatalogProblem[]): MitsuError {
  const lines = faults.toSorted((a, b) => a.line - b.line || a.column - b.column).map(formatProblem);
  if (lines.length > mostShown) lines.splice(mostShown, lines.length, `and ${lines.length - mostShown} more`);
  return new MitsuError(lines.join("\n"), {
    code: "ERR_RULES_INVALID",
    hint: "correct what is named above; packages/meshfilters/README.md has an example",
    exit: exitStatus.usage,
  });
}

/** What is wrong with rules that are well-formed. */
function ruleFindings({ rules }: RulesFile): Finding[] {
  const findings: Finding[] = [];
  if (rules.length > mostRules)
    findings.push({ path: ["rules"], at: "value", message: `has ${rules.length} rules; ${mostRules} are the most` });
  const places = new Map<string, number>();
  const names = new Set(rules.map(({ name }) => name));
  for (const [index, { name, match, do: acts }] of rules.entries()) {
    const path = ["rules", index];
    if (name === undefined) {
      if (names.has(nameAt(index)))
        findings.push({ path, at: "value", message: `has no name, and ${nameAt(index)}, which it would get, is another's; name it` });
    } else {
      const first = places.get(name);
      if (first !== undefined)
        findings.push({ path: [...path, "name"], at: "value", message: `${JSON.stringify(name)} is already the name of rules[${first}]` });
      else places.set(name, index);
      if (name === defaultName)
        findings.push({ path: [...path, "name"], at: "value", message: `${defaultName} is what happens to all else; choose another name` });
    }
    const seen = new Set<string>();
    for (const header of Object.keys(match?.header ?? {})) {
      const lower = header.toLowerCase();
      if (seen.has(lower))
        findings.push({ path: [...path, "match", "header", header], at: "key", message: `${lower} is given twice; case does not matter` });
      seen.add(lower);
    }
    if (typeof acts !== "string") findings.push(...actFindings(acts).map((one) => ({ ...one, path: [...path, "do", ...one.path] })));
  }
  return findings;
}

function actFindings(acts: Exclude<RuleEntry["do"], string>): Finding[] {
  const given = Object.keys(acts).filter((act) => acts[act as keyof typeof acts] !== undefined);
  if (given.length === 0) return [{ path: [], at: "value", message: "is empty; say allow, deny or what else to do" }];
  const findings: Finding[] = [];
  if (acts.deny !== undefined)
    for (const act of ["allow", "set", "remove", "route", "sample"] as const)
      if (acts[act] !== undefined)
        findings.push({ path: [act], at: "key", message: `cannot be done to a request that is refused; leave ${act} or deny out` });
  const removed = new Set([acts.remove ?? []].flat().map((name) => name.toLowerCase()));
  const set = new Set<string>();
  for (const name of Object.keys(acts.set ?? {})) {
    const lower = name.toLowerCase();
    if (removed.has(lower)) findings.push({ path: ["set", name], at: "key", message: `is removed too; set replaces what was there` });
    if (set.has(lower)) findings.push({ path: ["set", name], at: "key", message: `${lower} is given twice; case does not matter` });
    set.add(lower);
  }
  return findings;
}

function nameAt(index: number): string {
  return `rule-${index + 1}`;
}

function ruleSetOf({ services, default: otherwise = "allow", rules }: RulesFile): RuleSet {
  const last = otherwise === "allow" ? allow : { ...allow, deny: otherwise === "deny" ? 0 : statusOf(otherwise.deny) };
  return {
    services: [...new Set([services ?? []].flat())],
    rules: [
      ...rules.map(
        (entry, index): Rule => ({ name: entry.name ?? nameAt(index), match: matchOf(entry.match ?? {}), acts: actsOf(entry.do) }),
      ),
      { name: defaultName, match: matchAll, acts: last },
    ],
  };
}

function statusOf(deny: true | number): number {
  return deny === true ? 0 : deny;
}

function matchOf({ host, path, method, header, from, source, port }: NonNullable<RuleEntry["match"]>): Match {
  const hosts = list(host).map((one) => one.toLowerCase());
  const paths = list(path).map(pathOf);
  const sources = list(source).map((text) => parsePrefix(text)!);
  return {
    hosts: hosts.includes("*") ? [] : [...new Set(hosts)],
    // Every path begins with `/`, and what is none (`*` of OPTIONS) is meant as well.
    paths: paths.some(({ kind, value }) => kind === "prefix" && value === "/") ? [] : paths,
    methods: [...new Set(list(method).map((one) => one.toUpperCase()))],
    headers: Object.entries(header ?? {}).map(([name, value]) => ({
      name: name.toLowerCase(),
      value: typeof value === "string" ? value : null,
    })),
    from: [...new Set(list(from))],
    sources,
    ports: [...new Set(list(port))],
  };
}

function list<T>(given: T | T[] | undefined): T[] {
  return given === undefined ? [] : Array.isArray(given) ? given : [given];
}

function pathOf(entry: PathEntry): PathMatch {
  if (typeof entry !== "string" && entry.exact !== undefined) return { kind: "exact", value: entry.exact };
  const prefix = typeof entry === "string" ? entry : entry.prefix!;
  return { kind: "prefix", value: prefix.replace(/\/+$/, "") || "/" };
}

function actsOf(entry: RuleEntry["do"]): Acts {
  if (typeof entry === "string") return entry === "deny" ? { ...allow, deny: 0 } : allow;
  const { deny, set, remove, route, limit, count, sample } = entry;
  return {
    deny: deny === undefined ? null : statusOf(deny),
    headers: [
      ...list(remove).map((name) => [name.toLowerCase(), null] as const),
      ...Object.entries(set ?? {}).map(([name, value]) => [name.toLowerCase(), value] as const),
    ],
    route: route ?? "",
    limit: limit === undefined ? null : { intervalNs: intervalOf(limit), burst: limit.burst ?? limit.requests },
    count: count ?? false,
    sample: sample === undefined ? 0 : Math.max(1, Math.round(sample * 2 ** 32)),
  };
}

function intervalOf({ requests, per }: { readonly requests: number; readonly per: string }): bigint {
  const ns = BigInt(Math.round(durationMs(per) * 1e6)) / BigInt(requests);
  return ns > 0n ? ns : 1n;
}
