/** An ACL file's answers by going through all of its lines, as mosquitto's manual reads: what the compiled ACL must equal. @module */
import type { AclRule } from "../../src/security/acl-file.ts";

/** Whether a filter matches a topic. [MQTT 5.0 §4.7] */
export function filterMatches(filter: readonly string[], topic: readonly string[]): boolean {
  if (topic[0]!.startsWith("$") && (filter[0] === "+" || filter[0] === "#")) return false;
  for (const [at, level] of filter.entries()) {
    if (level === "#") return true;
    if (at >= topic.length || (level !== "+" && level !== topic[at])) return false;
  }
  return filter.length === topic.length;
}

/** The line that decides, negative when it denies; 0 for none. */
export function naiveAcl(
  rules: readonly AclRule[],
  access: "read" | "write",
  username: string | undefined,
  clientId: string,
  topic: string,
): number {
  const levels = topic.split("/");
  const mine = rules.filter(({ of }) => (username === undefined ? of === "anonymous" : typeof of === "object" && of.user === username));
  const wild = /[+#]/.test(clientId) || /[+#]/.test(username ?? "");
  const everybody = wild ? [] : rules.filter(({ of }) => of === "everybody");
  for (const section of [mine, everybody]) {
    for (const wanted of ["deny", access]) {
      for (const rule of section) {
        if (rule.access !== wanted && !(wanted !== "deny" && rule.access === "readwrite")) continue;
        const filter = section === everybody ? filled(rule, clientId, username) : rule.filter.split("/");
        if (filter && filterMatches(filter, levels)) return wanted === "deny" ? -rule.line : rule.line;
      }
    }
  }
  return 0;
}

/** undefined when a name does not fit: none, or one with several levels (or `$` first) where the rule grants. */
function filled({ filter, access }: AclRule, clientId: string, username: string | undefined): string[] | undefined {
  const levels: string[] = [];
  for (const [at, level] of filter.split("/").entries()) {
    const name = level === "%c" ? clientId : level === "%u" ? username : level;
    if (name === undefined || ((level === "%c" || level === "%u") && name === "")) return undefined;
    if (name !== level && access !== "deny" && (name.includes("/") || (at === 0 && name.startsWith("$")))) return undefined;
    levels.push(...name.split("/"));
  }
  return levels;
}
