/** What the access log says of a request. Names are stable; most are Envoy's and Istio's, so that what reads their logs reads ours. @module */
import { type Exchange, type ExchangeEnd, type Protocol, responseFlags } from "./exchange.ts";
import { redactedQuery } from "./url-redaction.ts";

/** One line. What is not known is null. */
export interface AccessRecord {
  /** When the request's head came: ISO 8601, UTC, milliseconds. */
  readonly start_time: string;
  readonly method: string | null;
  /** With its query, in which signatures of signed URLs are `REDACTED`; cut after 2048 characters. */
  readonly path: string | null;
  readonly protocol: Protocol;
  /** 0 when there was no answer. */
  readonly response_code: number;
  /** Envoy's, `-` for none. */
  readonly response_flags: string;
  /** 0 to 16; null for what is not gRPC. */
  readonly grpc_status: number | null;
  /** The request, with its head. */
  readonly bytes_received: number;
  /** The answer, with its head. */
  readonly bytes_sent: number;
  /** From the request's head to the answer's last byte, to the microsecond. */
  readonly duration_ms: number;
  /** Address and port of the replica that answered, or was tried last; null when none was. */
  readonly upstream_host: string | null;
  /** Service that the replica belongs to. */
  readonly upstream_service: string | null;
  /** Service that asked; null for a program outside the mesh. */
  readonly caller: string | null;
  /** Address and port of who asked. */
  readonly downstream_remote_address: string;
  /** Host as the client named it. */
  readonly authority: string | null;
  /** Null for a request that was refused before it had a trace. */
  readonly trace_id: string | null;
  /** Name of the route in the mesh's configuration. */
  readonly route: string | null;
  /** How often the request was sent on: 1 without retries, 0 when no replica saw it. */
  readonly tries: number;
}

const maxPath = 2048;
const noTraceId = "0".repeat(32);

/**
 * Makes the record of an exchange.
 *
 * @example
 * ```ts
 * JSON.stringify(accessRecord(exchange)); // {"start_time":"2026-01-01T00:00:00.000Z","method":"GET","path":"/cart",…}
 * ```
 */
export function accessRecord(exchange: Exchange): AccessRecord {
  const { client, server, startNs, endNs, method, target, traceId, tries = 1 } = exchange;
  return {
    start_time: new Date(Number(startNs / 1_000_000n)).toISOString(),
    method: method || null,
    path: redactedTarget(target) || null,
    protocol: exchange.protocol,
    response_code: exchange.status,
    response_flags: responseFlags(exchange) || "-",
    grpc_status: exchange.grpcStatus ?? null,
    bytes_received: exchange.requestBytes,
    bytes_sent: exchange.answerBytes,
    duration_ms: Number((endNs - startNs) / 1000n) / 1000,
    upstream_host: tries > 0 && server.address ? hostOf(server) : null,
    upstream_service: server.service || null,
    caller: client.service || null,
    downstream_remote_address: hostOf(client),
    authority: exchange.authority || null,
    trace_id: traceId === noTraceId ? null : traceId,
    route: exchange.route ?? null,
    tries,
  };
}

function redactedTarget(target: string): string {
  const cut = target.length > maxPath ? target.slice(0, maxPath) : target;
  const mark = cut.indexOf("?");
  return mark < 0 ? cut : cut.slice(0, mark + 1) + redactedQuery(cut.slice(mark + 1));
}

function hostOf({ address, port }: ExchangeEnd): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
