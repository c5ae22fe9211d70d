/** What keeps a rule from devices that see connections, not requests. @module */
import type { StagedRule } from "./back-end.ts";
import type { Match } from "./ir.ts";

/**
 * Why such a device cannot do a rule: what it says of requests, or what it does beyond letting pass and refusing.
 *
 * @returns undefined where nothing speaks against it.
 */
export function beyondConnections({ rule: { match, acts }, pass }: StagedRule, when: string): string | undefined {
  const seen = (["hosts", "paths", "methods", "headers"] as const satisfies readonly (keyof Match)[]).filter(
    (field) => match[field].length > 0,
  );
  if (seen.length > 0)
    return `decides ${when}, before there is a request: it sees no ${seen.map((field) => field.slice(0, -1)).join(", ")}`;
  if (pass) return undefined;
  const beyond = [
    ...(acts.deny !== null && acts.deny !== 0 ? [`answer with status ${acts.deny}`] : []),
    ...(acts.headers.length > 0 ? ["change headers"] : []),
    ...(acts.route === "" ? [] : ["route"]),
    ...(acts.limit === null ? [] : ["limit requests"]),
    ...(acts.count ? ["count by rule"] : []),
    ...(acts.sample === 0 ? [] : ["sample"]),
  ];
  return beyond.length === 0 ? undefined : `decides ${when}: it cannot ${beyond.join(", ")}`;
}
