/** Quantities of Kubernetes: `500m`, `1.5Gi`, `1e3`, `100k`. [apimachinery/pkg/api/resource/quantity.go, grammar in the comment of Quantity] @module */

const suffixes: Readonly<Record<string, { readonly ten: number } | { readonly two: number }>> = {
  n: { ten: -9 },
  u: { ten: -6 },
  m: { ten: -3 },
  "": { ten: 0 },
  k: { ten: 3 },
  M: { ten: 6 },
  G: { ten: 9 },
  T: { ten: 12 },
  P: { ten: 15 },
  E: { ten: 18 },
  Ki: { two: 10 },
  Mi: { two: 20 },
  Gi: { two: 30 },
  Ti: { two: 40 },
  Pi: { two: 50 },
  Ei: { two: 60 },
};

/**
 * Reads a quantity; undefined for what is none, and for negative ones, which no request may have.
 *
 * @example
 * ```ts
 * kubernetesQuantity("1.5Gi"); // 1610612736
 * ```
 */
export function kubernetesQuantity(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) && value >= 0 ? value : undefined;
  if (typeof value !== "string") return undefined;
  const [, digits, exponent, suffix = ""] = /^\+?(\d+\.?\d*|\.\d+)(?:[eE]([+-]?\d{1,3})|([numkMGTPE]|[KMGTPE]i)?)$/.exec(value) ?? [];
  if (digits === undefined) return undefined;
  const scale = suffixes[suffix]!;
  if ("two" in scale) return Number(digits) * 2 ** scale.two;
  const quantity = Number(`${digits}e${Number(exponent ?? 0) + scale.ten}`);
  return Number.isFinite(quantity) ? quantity : undefined;
}
