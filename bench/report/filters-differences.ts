/** The verdicts of several hosts beside each other, as Markdown. @module */
import type { Verdict } from "../../packages/meshfilters/src/conformance/judge.ts";

/** What one host was found to do. */
export interface HostVerdicts {
  readonly host: string;
  /** As the table's head has it. */
  readonly name: string;
  readonly verdicts: readonly Verdict[];
}

const begin = "<!-- differences: bench/filters-conformance.sh --write -->";
const end = "<!-- end of differences -->";
const abi = /-(\d)-(\d)-(\d)\//;

/** The part of a page between the markers, anew; undefined when it has not both, in order. */
export function withTable(page: string, table: string): string | undefined {
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  return from < 0 || to < from ? undefined : `${page.slice(0, from + begin.length)}\n\n${table}\n${page.slice(to)}`;
}

/** Names of checks in which nicd differs and Envoy, where it was judged, does not. */
export function differsAlone(hosts: readonly HostVerdicts[]): readonly string[] {
  const envoy = new Map(hosts.find(({ host }) => host === "envoy")?.verdicts.map(({ name, passed }) => [name, passed]));
  const nicd = hosts.find(({ host }) => host === "nicd")?.verdicts ?? [];
  return nicd.filter(({ name, passed }) => !passed && envoy.get(name) !== false).map(({ name }) => name);
}

/** Cells may hold what a host said. */
const cell = (text: string): string => `\`${text.replaceAll("`", "'").replaceAll("|", "\\|").replaceAll(/\s+/g, " ").slice(0, 90)}\``;

/**
 * A line of sums for each host, then a row for each check in which one differs. Checks that are alike in every ABI version share a row.
 *
 * @example
 * ```ts
 * process.stdout.write(conformanceTable([{ host: "nicd", name: "nicd", verdicts }]));
 * ```
 */
export function conformanceTable(hosts: readonly HostVerdicts[]): string {
  const sums = hosts.map(({ name, verdicts }) => {
    const passed = verdicts.filter((one) => one.passed).length;
    return `- ${name}: ${passed} of ${verdicts.length} checks pass.`;
  });
  const seen = hosts.map(({ verdicts }) => new Map(verdicts.map((one) => [one.name, one])));
  const names = [...new Set(seen.flatMap((verdicts) => [...verdicts.keys()]))].filter((name) =>
    seen.some((verdicts) => verdicts.get(name)?.passed === false),
  );
  const rows = new Map<string, { readonly versions: string[]; readonly cells: readonly string[] }>();
  for (const name of names) {
    const one = seen.map((verdicts) => verdicts.get(name)).find((verdict) => verdict !== undefined)!;
    const said = `${cell(one.expected)} (${one.authority}: ${one.clause.replaceAll("|", "\\|")})`;
    const found = seen.map((verdicts) => {
      const verdict = verdicts.get(name);
      return verdict === undefined ? "" : verdict.passed ? "as said" : cell(verdict.seen);
    });
    const cells = [name.replace(abi, "/"), said, ...found];
    const version = abi.exec(name)?.slice(1).join(".");
    const row = rows.get(cells.join("|")) ?? { versions: [], cells };
    if (version !== undefined) row.versions.push(version);
    rows.set(cells.join("|"), row);
  }
  const lines = [...rows.values()].map(({ versions, cells: [check, ...others] }) => {
    const which = versions.length === 0 || versions.length === 3 ? "" : ` (ABI ${versions.join(", ")})`;
    return [`${check}${which}`, ...others];
  });
  const table = lines.length === 0 ? [] : ["", ...aligned([["Check", "What is said", ...hosts.map(({ name }) => name)], ...lines])];
  return `${[...sums, ...table].join("\n")}\n`;
}

/** A table, its head first, as Biome's formatter has it: each column as wide as its widest cell. */
function aligned(rows: readonly (readonly string[])[]): readonly string[] {
  const [head = [], ...others] = rows;
  const widths = head.map((_, column) => Math.max(3, ...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[], fill: string): string =>
    `| ${cells.map((text, column) => text.padEnd(widths[column]!, fill)).join(" | ")} |`;
  return [
    line(head, " "),
    line(
      head.map(() => ""),
      "-",
    ),
    ...others.map((row) => line(row, " ")),
  ];
}
