/** Where each piece of work runs, why, at what cost, and who refused it. @module */
import { type OutputStream, table } from "@mitsu/cli";
import type { Cost, Identity, RefusalCode } from "./device.ts";

/** What a request lets a placement choose from. */
export const policies = ["auto", "hardware-only", "software-only"] as const;
/** One of {@link policies}. */
export type Policy = (typeof policies)[number];

/** Whether work of this policy may run on a device of this kind. */
export function policyAllows(policy: Policy, kind: Identity["kind"]): boolean {
  return policy === "auto" || policy === `${kind}-only`;
}

/** A device that did not take a piece of work. */
export interface Refusal {
  readonly device: string;
  readonly code: RefusalCode;
  readonly reason: string;
}

/** One piece of work. */
export interface ReportRow {
  /** What its owner calls it. */
  readonly work: string;
  /** With its version, from the second on. */
  readonly capability: string;
  readonly policy: Policy;
  /** Where it runs; undefined for nowhere, with its state kept. */
  readonly device: string | undefined;
  readonly kind: Identity["kind"] | undefined;
  /** Why there. */
  readonly why: string;
  /** Of one operation there. */
  readonly cost: Cost | undefined;
  /** Reserved for it. */
  readonly entries: number;
  /** Times that it has moved. */
  readonly moves: number;
  /** Who refused it when it was last placed. */
  readonly refused: readonly Refusal[];
}

/** All of it, as data. */
export interface PlacementReport {
  readonly work: readonly ReportRow[];
  /** What was skipped: offers and requests of unknown capabilities or versions. */
  readonly notices: readonly string[];
}

/**
 * The report for people.
 *
 * @example
 * ```ts
 * env.stdout.write(formatReport(placement.report(), env.stdout));
 * ```
 */
export function formatReport({ work, notices }: PlacementReport, out: OutputStream): string {
  const rows = table(
    work,
    [
      { header: "work", value: (row) => row.work },
      { header: "capability", value: (row) => row.capability },
      { header: "policy", value: (row) => row.policy },
      { header: "device", value: (row) => row.device ?? "-" },
      { header: "cost [ns]", value: (row) => (row.cost === undefined ? "-" : nanoseconds(row.cost)), align: "right" },
      { header: "cycles", value: (row) => row.cost?.cycles ?? "-", align: "right" },
      { header: "entries", value: (row) => row.entries },
      { header: "moves", value: (row) => row.moves },
      { header: "why", value: (row) => row.why },
      { header: "refused", value: (row) => row.refused.map(({ device, reason }) => `${device}: ${reason}`).join("; ") || "-" },
    ],
    out,
  );
  return rows + notices.map((notice) => `notice: ${notice}\n`).join("");
}

/** At most three digits behind the point. */
export function nanoseconds({ ns }: Cost): string {
  return String(Number(ns.toFixed(3)));
}
