/** How modes, sizes and phases are called in tables and pictures. @module */

/** Modes in the order they are shown. */
export const modeNames: Readonly<Record<string, string>> = {
  plain: "plain loopback TCP",
  sockhijack: "sockhijack",
  haproxy1: "one HAProxy",
  haproxy2: "HAProxy pair",
  envoy2: "Envoy pair",
};

/** Phases in the order they are shown, with what one line of them is. */
export const phaseNames: Readonly<Record<string, string>> = {
  http: "HTTP on one host: nginx and wrk, closed loop",
  namespaces: "HTTP across two network namespaces (veth)",
  connect: "Connections: one request each (Connection: close)",
  open: "HTTP, open loop at 50 % of plain's rate",
  shared: "HTTP, open loop at a rate every mode carries",
  redis: "redis-benchmark, 1 KiB values",
  iperf: "iperf3, one stream",
};

const variants: Readonly<Record<string, string>> = { "-write": " by write()", "-after-bulk": " after bulk" };

/**
 * A response size for people: `64 B`, `4 KiB`, `256 KiB by write()`, `1 KiB after bulk`.
 *
 * @example
 * ```ts
 * sizeName("262144-write"); // "256 KiB by write()"
 * ```
 */
export function sizeName(size: string): string {
  const bytes = Number.parseInt(size, 10);
  if (Number.isNaN(bytes)) return size;
  const amount = bytes < 1024 ? `${bytes} B` : `${bytes / 1024} KiB`;
  return `${amount}${variants[size.slice(String(bytes).length)] ?? ""}`;
}
