/** `replicad explain`: the candidates for a service's next request, what they cost, and why one wins. @module */
import { type Context, type OutputStream, type Paint, painter, print } from "@mitsu/cli";
import type { ReplicadCandidate, ReplicadExplanation } from "@mitsu/ipc";
import { daemonClient } from "../client.ts";
import { fittingTable } from "./fitting-table.ts";
import { ageText, counted, msText, nodeText, numberText, percentText, plain, standingText } from "./quantity.ts";
import { type ServiceArgs, serviceRequest } from "./service-argument.ts";

/** `replicad explain`. @throws {MitsuError} the daemon's, for a service or port that the mesh does not have */
export async function run(args: ServiceArgs, context: Context): Promise<void> {
  const request = serviceRequest(args);
  using client = await daemonClient(context);
  const answer = await client.call("explain", request);
  print(context, answer, (value, out) => explanationText(value, args.key, out, painter(out, context.env.vars)));
}

function explanationText(explanation: ReplicadExplanation, key: string | undefined, out: OutputStream, paint: Paint): string {
  const { service, port, selector, options, clients, candidates, left } = explanation;
  const set = Object.entries(options).map(([name, value]) => `${name} ${value}`);
  return [
    `${paint("bold", plain(`${service}:${port}`))}, selector ${plain(selector)}, ${counted(clients, "client")}${key === undefined ? "" : `, key ${JSON.stringify(key)}`}`,
    ...(set.length > 0 ? [`options: ${plain(set.join(", "))}`] : []),
    "",
    ...(candidates.length === 0 ? [] : [candidatesText(explanation, out, paint)]),
    ...(left.length > 0
      ? ["left out:", ...left.map(({ replica, why }) => plain(`  ${replica.replica} (${nodeText(replica)}): ${why}`)), ""]
      : []),
    ...notices(explanation).map((notice) => paint("yellow", notice)),
    plain(explanation.why),
    "",
  ].join("\n");
}

function candidatesText({ candidates, unit }: ReplicadExplanation, out: OutputStream, paint: Paint): string {
  const text = fittingTable(
    candidates,
    [
      { header: "", value: ({ chosen }) => (chosen ? "→" : "") },
      { header: "REPLICA", value: ({ replica }) => replica },
      ...(unit === null
        ? []
        : [{ header: `COST [${unit}]`, value: ({ cost }: ReplicadCandidate) => costText(cost, unit), align: "right" } as const]),
      {
        header: "SHARE",
        value: ({ share }) => `${out.isTTY ? `${bar(share)} ` : ""}${percentText(share).padStart(3)} %`,
      },
      { header: "IN FLIGHT", value: ({ inFlight }) => numberText(inFlight), align: "right" },
      { header: "WORK [ms]", value: ({ serviceMs }) => msText(serviceMs), align: "right" },
      { header: "AGE", value: ({ ageMs }) => ageText(ageMs), align: "right" },
      { header: "STANDING", value: standingText, expendable: 1 },
      { header: "NODE", value: nodeText, expendable: 2 },
    ],
    out,
  );
  // The header's line is 0.
  return text
    .split("\n")
    .map((line, at) => (candidates[at - 1]?.chosen ? paint("bold", line) : line))
    .join("\n");
}

function costText(cost: number | null, unit: string): string {
  return unit === "ms" ? msText(cost) : numberText(cost);
}

const cells = 8;
const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** A share as a bar of eight cells. */
function bar(share: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * cells * 8);
  return `${"█".repeat(Math.floor(filled / 8))}${eighths[filled % 8]}`.padEnd(cells);
}

/** What a reader should know before believing the table. */
function notices({ candidates, left, panic, unit, clients }: ReplicadExplanation): string[] {
  const all = candidates.length + left.length;
  const best = candidates.find(({ chosen }) => chosen);
  const stale = best !== undefined && best.ageMs !== null && best.serviceMs !== null && best.ageMs > best.serviceMs;
  return [
    ...(candidates.length === 0 ? [`NONE of ${counted(all, "replica")} takes requests`] : []),
    ...(panic ? ["PANIC: too few replicas are healthy, so those that fail get requests too (panic-threshold)"] : []),
    ...(unit !== null && stale && clients > 1 && candidates.length > 2 && best.share > 0.5
      ? [
          `HERD: news of ${ageText(best.ageMs)} is older than a request takes (${msText(best.serviceMs)} ms), and ${counted(clients, "client")} may all send to ${best.replica} until the next`,
        ]
      : []),
  ];
}
