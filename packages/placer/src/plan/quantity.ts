/** Figures of resources as people read them. @module */
import { formatBytes } from "@mitsu/cli";
import type { Resource } from "../problem/problem.ts";

/** Up to `digits` significant digits, without trailing zeros or an exponent: `0.25`, `1500`, `12.5`. */
export function significant(value: number, digits = 4): string {
  if (!Number.isFinite(value)) return String(value);
  if (Math.abs(value) >= 10 ** (digits - 1)) return String(Math.round(value));
  const rounded = Number(value.toPrecision(digits));
  return Math.abs(rounded) > 0 && Math.abs(rounded) < 1e-6 ? rounded.toExponential() : String(rounded);
}

/** Share of one as percent with one decimal below ten: `7.5 %`, `88 %`, `105 %`; `∞ %` of a node that has nothing of it. */
export function percent(share: number): string {
  if (!Number.isFinite(share)) return "∞ %";
  const value = share * 100;
  return `${Math.abs(value) < 9.95 && value !== 0 ? value.toFixed(1) : value.toFixed(0)} %`;
}

/**
 * A figure of a resource with its unit.
 *
 * @example
 * ```ts
 * formatQuantity(2.5, "cores"); // "2.5 cores"
 * formatQuantity(3 * 1024 ** 3, "bytes"); // "3.00 GiB"
 * ```
 */
export function formatQuantity(value: number, unit: Resource["unit"]): string {
  if (unit === "bytes") return formatBytes(Math.round(value));
  if (unit === "share") return `${significant(value * 100)} % of the cluster`;
  return unit === "cores" ? `${significant(value)} ${value === 1 ? "core" : "cores"}` : significant(value);
}
