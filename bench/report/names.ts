/** How modes, sizes and phases are called in tables and pictures. @module */

/** Modes in the order they are shown. */
export const modeNames: Readonly<Record<string, string>> = {
  plain: "plain loopback TCP",
  sockhijack: "sockhijack",
  haproxy1: "one HAProxy",
  haproxy2: "HAProxy pair",
  envoy2: "Envoy pair",
};

/** Modes of tracing.sh, in the order they are shown. */
export const tracingModeNames: Readonly<Record<string, string>> = {
  plain: "plain TCP",
  sockhijack: "sockhijack, untraced",
  "side-band": "sockhijack, side-band",
  header: "sockhijack, header",
  haproxy2: "HAProxy pair, header",
  envoy2: "Envoy pair, traced",
};

/** Routes of tracing.sh; with `-open` they are its open loops. */
export const routeNames = { http: "same node", namespaces: "two namespaces", nodes: "two nodes" } as const;

/** Phases of tracing.sh in the order they are shown. */
export const tracingPhaseNames: Readonly<Record<string, string>> = {
  http: "Same node: nginx and wrk on one loopback, closed loop",
  namespaces: "Two namespaces of one node (veth), closed loop",
  nodes: "Two nodes, a daemon each (veth, no redirect between), closed loop",
  "http-open": "Same node, open loop at a rate every mode carries",
  "namespaces-open": "Two namespaces of one node, open loop at a rate every mode carries",
  "nodes-open": "Two nodes, open loop at a rate every mode carries",
  spans: "Spans at full speed: same node, closed loop",
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
  const amount = bytes < 1024 ? `${bytes} B` : bytes < 1024 ** 2 ? `${bytes / 1024} KiB` : `${bytes / 1024 ** 2} MiB`;
  return `${amount}${variants[size.slice(String(bytes).length)] ?? ""}`;
}
