/** The moves of one node as a shell script, wave by wave. @module */
import type { MoveOrder } from "./move-order.ts";
import { shellQuoted } from "./shell-quoted.ts";

/** What a node does in one wave: starts first, then stops; what it waits for between. */
interface NodeWave {
  readonly starts: readonly { readonly unit: string; readonly why: string }[];
  readonly stops: readonly { readonly unit: string; readonly why: string }[];
  /** Nodes that take part in this wave besides. */
  readonly others: readonly string[];
}

/**
 * Writes the script of a node. It stops for Enter wherever another node must be ready first, so that running it on all nodes at once is safe.
 *
 * @returns null when the node has nothing to start or stop
 */
export function moveScript({ waves }: MoveOrder, node: string, unitOf: (replica: string) => string): string | null {
  const parts = waves.map((wave): NodeWave => {
    const starts: { unit: string; why: string }[] = [];
    const stops: { unit: string; why: string }[] = [];
    const others = new Set<string>();
    for (const step of wave) {
      const unit = shellQuoted(unitOf(step.replica));
      const from = step.kind === "start" ? null : step.from;
      const to = step.kind === "stop" ? null : step.to;
      for (const one of [from, to]) if (one !== null && one !== node) others.add(one);
      if (to === node) starts.push({ unit, why: from === null ? `${step.replica} starts here` : `${step.replica} comes from ${from}` });
      if (from === node) {
        const goes =
          to !== null
            ? `goes to ${to}`
            : step.kind === "stop" && step.pause
              ? "is stopped until it is started in a later wave"
              : "runs elsewhere now";
        stops.push({ unit, why: `${step.replica} ${goes}` });
      }
    }
    return { starts, stops, others: [...others].sort() };
  });
  const last = parts.findLastIndex(({ starts, stops }) => starts.length + stops.length > 0);
  if (last < 0) return null;
  const lines = [
    "#!/bin/sh",
    `# Moves of ${comment(node)}. Run it on every node; it waits for Enter where another node must be ready first.`,
    "set -e",
    `ready() { printf '%s: Enter when it is so ' "$1" >&2; read -r _ </dev/tty; }`,
    "systemctl daemon-reload",
  ];
  let behind = false;
  for (const [at, { starts, stops, others }] of parts.entries()) {
    if (at > last) break;
    if (starts.length + stops.length === 0) {
      behind ||= others.length > 0;
      continue;
    }
    lines.push("", `# Wave ${at + 1} of ${waves.length}`);
    if (at > 0 && (behind || parts[at - 1]!.others.length > 0)) lines.push(`ready ${shellQuoted(`wave ${at} has ended on every node`)}`);
    behind = false;
    for (const { unit, why } of starts) lines.push(`systemctl start ${unit} # ${comment(why)}`);
    if (stops.length > 0 && stops.some(({ why }) => why.includes(" goes to ")))
      lines.push(`ready ${shellQuoted(`what goes elsewhere in wave ${at + 1} runs there`)}`);
    for (const { unit, why } of stops) lines.push(`systemctl stop ${unit} # ${comment(why)}`);
  }
  return `${lines.join("\n")}\n`;
}

/** A name with a line's end would end the comment and be run. */
function comment(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, " ");
}
