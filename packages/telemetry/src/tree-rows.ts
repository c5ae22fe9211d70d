/** From a tree of spans to the rows in which it is drawn: both spans of a request, when both are here, are one row. @module */

import { type Exchange, type ExchangeEnd, isStatusLost } from "./exchange.ts";
import { grpcStatusName, isGrpcError } from "./grpc-status.ts";
import { serviceLabel } from "./service-label.ts";
import type { Span } from "./tree.ts";

/** One request. */
export interface TreeRow {
  readonly exchange: Exchange;
  /** The span that was told here, or both. */
  readonly client: Span | undefined;
  readonly server: Span | undefined;
  /** Box characters and what was asked: `└─ web → cart  GET /items`. */
  readonly text: string;
  /** `200`, `503`, gRPC's `UNAVAILABLE`, `none` without an answer, `?` where it was lost, with `aborted` where the connection ended first. */
  readonly status: string;
  /** The server or the connection is to blame. */
  readonly failed: boolean;
  /** The client is to blame. */
  readonly refused: boolean;
  /** What is to be said besides: how it was carried, and how its parent was found. */
  readonly marks: string;
}

/** Control characters from the network must not drive the terminal. */
const safe = (text: string): string => text.replace(/\p{Cc}/gu, "�");

/** A server outside the mesh has at least an address. */
function serverName({ service, address, port }: ExchangeEnd): string {
  return service || `${address.includes(":") ? `[${address}]` : address}:${port}`;
}

function statusOf(exchange: Exchange): string {
  const { status, grpcStatus, aborted } = exchange;
  const said = grpcStatus !== undefined ? grpcStatusName(grpcStatus) : status > 0 ? String(status) : isStatusLost(exchange) ? "?" : "";
  if (aborted) return said === "" ? "aborted" : `${said} aborted`;
  return said || "none";
}

/** Whose fault it was that a request failed; undefined when it did not. */
function faultOf(exchange: Exchange): "server" | "client" | undefined {
  const { status, grpcStatus, aborted } = exchange;
  if (aborted || status >= 500 || (status === 0 && !isStatusLost(exchange))) return "server";
  if (grpcStatus !== undefined) return isGrpcError(grpcStatus, "server") ? "server" : grpcStatus === 0 ? undefined : "client";
  return status >= 400 ? "client" : undefined;
}

/** gRPC's methods are all POST. */
function requestOf({ protocol, method, target }: Exchange): string {
  if (method === "" && target === "") return "(names lost)";
  return protocol === "grpc" ? `gRPC ${target.replace(/^\//, "")}` : `${method || "?"} ${target || "?"}`;
}

const linkMarks = {
  header: "by header",
  thread: "by thread",
  "side-band": "by side-band",
  ambiguous: "parent ambiguous",
  none: "",
} as const;

function marksOf({ redirected, security, link, flags, tries = 1 }: Exchange, orphan: boolean): string {
  return [
    redirected ? "redirected" : security === "mutual_tls" ? "mutual TLS" : "tcp",
    linkMarks[link],
    flags,
    tries > 1 ? `${tries} tries` : "",
    orphan ? "parent elsewhere" : "",
  ]
    .filter(Boolean)
    .join(", ");
}

/** Rows from top to bottom. */
export function treeRows(roots: readonly Span[]): TreeRow[] {
  const rows: TreeRow[] = [];
  const add = (span: Span, branch: string, indent: string, isRoot: boolean): void => {
    const { exchange } = span;
    const own = span.kind === "client" ? span.children.find((child) => child.kind === "server" && child.exchange === exchange) : undefined;
    const server = span.kind === "server" ? span : own;
    const fault = faultOf(exchange);
    rows.push({
      exchange,
      client: span.kind === "client" ? span : undefined,
      server,
      text: safe(`${branch}${serviceLabel(exchange.client.service)} → ${serverName(exchange.server)}  ${requestOf(exchange)}`),
      status: statusOf(exchange),
      failed: fault === "server",
      refused: fault === "client",
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
