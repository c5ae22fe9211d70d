/** Rules as entries of sockhijack's kernel map `policies`, which connect hooks ask. @module */
import { stringify } from "yaml";
import { type BackEnd, backEnd, type RuleArtifact, rowMeter, type StagedRule } from "../back-end.ts";
import { beyondConnections } from "../connection-rule.ts";
import { rowCount } from "../rule-rows.ts";

/** Rows of the map; sockhijack multiplies ours with the services that they guard. */
const mostRows = 65_536;
/** Numbers of rules that an action of the map has room for. */
const mostRules = 32_767;
/** Not more than the whole of connect's choice, which this is a part of (packages/sockhijack/src/devices/policy-rules.ts). */
const costNs = 126;

/**
 * The kernel.
 *
 * @param services That the rules guard; empty for all.
 */
export function kernelBackEnd(services: readonly string[]): BackEnd {
  return backEnd(0, {
    name: "kernel",
    kind: "software",
    entries: mostRows,
    limits: { rules: mostRules },
    cost: { ns: costNs },
    meter: () => {
      let rules = 0;
      const refuses = (staged: StagedRule): string | undefined =>
        beyondKernel(staged) ?? (rules++ < mostRules ? undefined : `numbers ${mostRules} rules at most`);
      return rowMeter(mostRows, ({ rule }) => rowCount(rule.match), refuses);
    },
    emit: (rules) => policies(services, rules),
  });
}

function beyondKernel(staged: StagedRule): string | undefined {
  const { match } = staged.rule;
  const beyond = beyondConnections(staged, "at connect");
  if (beyond !== undefined) return beyond;
  if (match.sources.length > 0) return "knows callers by their services, not by addresses";
  if (match.from.some((who) => who.startsWith("spiffe://"))) return "knows callers by their cgroups, not by SPIFFE ids";
  return undefined;
}

/** The rules as the policies of a mesh file; where none denies, mesh.yaml's own go on. */
function policies(services: readonly string[], rules: readonly StagedRule[]): RuleArtifact {
  const to = services.length === 0 ? "*" : services;
  const entries = rules.map(({ rule: { name, match, acts }, pass }) => ({
    name,
    from: match.from.length === 0 ? "*" : match.from,
    to,
    ...(match.ports.length === 0 ? {} : { ports: match.ports }),
    action: pass || acts.deny === null ? "allow" : "deny",
  }));
  // Names must be known: sockhijack takes the policies of the file and nothing else.
  const named = Object.fromEntries([...new Set([...services, ...rules.flatMap(({ rule }) => rule.match.from)])].map((name) => [name, {}]));
  const text = `# Made by meshfilters build. \`allow\` leaves the decision to mesh.yaml's own policies.\n${stringify({ version: 1, services: named, policies: entries }, { aliasDuplicateObjects: false })}`;
  return { suffix: ".policies.yaml", bytes: new TextEncoder().encode(text), install: "sockhijack daemon --rules" };
}
