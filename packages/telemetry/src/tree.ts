/** From the exchanges of one trace to its tree of spans. @module */
import type { Exchange } from "./exchange.ts";

/** One service's part in an exchange, and what came of it. */
export interface Span {
  readonly kind: "client" | "server";
  readonly id: string;
  /** Undefined at the root of a trace. */
  readonly parentId: string | undefined;
  readonly exchange: Exchange;
  /** Nanoseconds since 1970; a server's span begins when its program reads the request. */
  readonly startNs: bigint;
  readonly endNs: bigint;
  /** In order of their begin. */
  readonly children: readonly Span[];
}

type Growing = Omit<Span, "children"> & { readonly children: Growing[] };

/** The one or two spans of an exchange: of an end that is not here, another node tells. */
function spansOf(exchange: Exchange): Growing[] {
  const { client, server, clientSpanId, serverSpanId, parentSpanId, startNs, readNs, endNs } = exchange;
  const spans: Growing[] = [];
  if (client.here) spans.push({ kind: "client", id: clientSpanId, parentId: parentSpanId, exchange, startNs, endNs, children: [] });
  if (server.here) {
    const parentId = client.here ? clientSpanId : parentSpanId;
    spans.push({ kind: "server", id: serverSpanId, parentId, exchange, startNs: readNs ?? startNs, endNs, children: [] });
  }
  return spans;
}

function byStart(a: Growing, b: Growing): number {
  if (a.startNs !== b.startNs) return a.startNs < b.startNs ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/**
 * Builds the tree. Spans whose parent is not among them are roots too; of those that are each other's parents, one is a root.
 *
 * @returns the roots in order of their begin.
 * @example
 * ```ts
 * const [root] = traceTree(trace.exchanges);
 * root?.children.length; // requests made while root's was answered
 * ```
 */
export function traceTree(exchanges: readonly Exchange[]): Span[] {
  const spans = exchanges.flatMap(spansOf).toSorted(byStart);
  const byId = new Map<string, Growing>();
  for (const span of spans) if (!byId.has(span.id)) byId.set(span.id, span);
  const parentOf = (span: Growing): Growing | undefined => (span.parentId === undefined ? undefined : byId.get(span.parentId));
  const roots: Growing[] = [];
  /** Spans that are known to hang below a root. */
  const rooted = new Set<Growing>();
  for (const span of spans) {
    const path = new Set<Growing>();
    let at: Growing | undefined = span;
    while (at && !rooted.has(at) && !path.has(at)) {
      path.add(at);
      at = parentOf(at);
    }
    // The way up came back to itself: the ring is opened where it was entered.
    const ring = at && path.has(at) ? at : undefined;
    for (const one of path) {
      rooted.add(one);
      const parent = one === ring ? undefined : parentOf(one);
      (parent?.children ?? roots).push(one);
    }
  }
  for (const { children } of spans) children.sort(byStart);
  return roots.toSorted(byStart);
}
