/** From a tree of spans to the rows in which it is drawn: both spans of a request, when both are here, are one row. @module */
import { nodeName } from "../graph/label.ts";
import type { Exchange, ExchangeEnd } from "./exchange.ts";
import type { Span } from "./tree.ts";

/** One request. */
export interface TreeRow {
  readonly exchange: Exchange;
  /** The span that was told here, or both. */
  readonly client: Span | undefined;
  readonly server: Span | undefined;
  /** Box characters and what was asked: `└─ web → cart  GET /items`. */
  readonly text: string;
  /** `200`, `503`, `none` without an answer, with `aborted` where the connection ended first. */
  readonly status: string;
  readonly failed: boolean;
  /** What is to be said besides: how it was carried, and how its parent was found. */
  readonly marks: string;
}

/** Control characters from the network must not drive the terminal. */
const safe = (text: string): string => text.replace(/\p{Cc}/gu, "�");

/** A server outside the mesh has at least an address. */
function serverName({ service, address, port }: ExchangeEnd): string {
  return service || `${address.includes(":") ? `[${address}]` : address}:${port}`;
}

function statusOf({ status, aborted }: Exchange): string {
  if (aborted) return status === 0 ? "aborted" : `${status} aborted`;
  return status === 0 ? "none" : String(status);
}

const linkMarks = { header: "by header", thread: "by thread", ambiguous: "parent ambiguous", none: "" } as const;

function marksOf({ redirected, link }: Exchange, orphan: boolean): string {
  return [redirected ? "redirected" : "tcp", linkMarks[link], orphan ? "parent elsewhere" : ""].filter(Boolean).join(", ");
}

/** Rows from top to bottom. */
export function treeRows(roots: readonly Span[]): TreeRow[] {
  const rows: TreeRow[] = [];
  const add = (span: Span, branch: string, indent: string, isRoot: boolean): void => {
    const { exchange } = span;
    const own = span.kind === "client" ? span.children.find((child) => child.kind === "server" && child.exchange === exchange) : undefined;
    const server = span.kind === "server" ? span : own;
    rows.push({
      exchange,
      client: span.kind === "client" ? span : undefined,
      server,
      text: safe(`${branch}${nodeName(exchange.client.service)} → ${serverName(exchange.server)}  ${exchange.method} ${exchange.target}`),
      status: statusOf(exchange),
      failed: exchange.aborted || exchange.status === 0 || exchange.status >= 500,
      marks: marksOf(exchange, isRoot && span.parentId !== undefined),
    });
    const children = [...span.children.filter((child) => child !== own), ...(own?.children ?? [])];
    children.sort((a, b) => (a.startNs < b.startNs ? -1 : a.startNs > b.startNs ? 1 : 0));
    for (const [index, child] of children.entries()) {
      const last = index === children.length - 1;
      add(child, `${indent}${last ? "└─" : "├─"} `, `${indent}${last ? "   " : "│  "}`, false);
    }
  };
  for (const root of roots) add(root, "", "", true);
  return rows;
}
