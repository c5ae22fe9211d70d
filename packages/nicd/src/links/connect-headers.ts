/**
 * What a CONNECT says of the caller, in the headers that ztunnel sends (`src/proxy/outbound.rs` in istio/ztunnel): `baggage` (W3C Baggage) with
 * `service.name`, `forwarded` (RFC 7239) with the client's address, `traceparent` (W3C Trace Context).
 *
 * Both ways of reading are strict: what has not exactly the expected form counts as not said.
 *
 * @module
 */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import { isIP } from "node:net";
import type { Caller } from "../caller.ts";
import { formatConnectTarget, parseConnectTarget } from "./connect-target.ts";

/** A service's name as `mesh.yaml` allows it. */
const serviceName = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const traceparentForm = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The headers for a stream to `target`. A caller whose service nobody knows is sent without one. */
export function connectHeaders(target: string, caller: Caller, traceparent: string): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {
    ":method": "CONNECT",
    ":authority": target,
    forwarded: `for=${forwardedNode(caller)}`,
  };
  if (caller.service !== "" && caller.by !== "nobody") headers.baggage = `service.name=${caller.service}`;
  if (traceparent !== "") headers.traceparent = traceparent;
  return headers;
}

/**
 * The caller as the peer tells it.
 *
 * @param peer - Address and port of the link's other end, for a peer that does not say whom it speaks for.
 * @param trusted - The peer is a node that has proved it. Else nothing that it says of the caller counts.
 */
export function callerFrom(headers: IncomingHttpHeaders, peer: { address: string; port: number }, trusted: boolean): Caller {
  if (!trusted) return { service: "", address: peer.address, port: peer.port, by: "nobody" };
  const service = serviceIn(headers.baggage);
  const { address, port } = addressIn(headers.forwarded) ?? peer;
  return { service, address, port, by: service === "" ? "nobody" : "link" };
}

/** The `traceparent` header; empty when there is none or it is not one. */
export function traceparentFrom(headers: IncomingHttpHeaders): string {
  const { traceparent } = headers;
  return typeof traceparent === "string" && traceparentForm.test(traceparent) ? traceparent : "";
}

/** RFC 7239 §6: an IPv6 address in brackets, quotes around a colon, the port only where it is known. */
function forwardedNode({ address, port }: Caller): string {
  if (isIP(address) === 0) return "unknown";
  const withPort = formatConnectTarget({ address, port });
  return `"${port === 0 ? withPort.slice(0, -2) : withPort}"`;
}

function serviceIn(baggage: string | string[] | undefined): string {
  if (baggage === undefined) return "";
  let found = "";
  for (const member of String(baggage).split(",")) {
    const [entry = ""] = member.split(";", 1);
    const equals = entry.indexOf("=");
    if (equals === -1 || entry.slice(0, equals).trim() !== "service.name") continue;
    // Said twice: which of the two is meant nobody knows.
    if (found !== "") return "";
    found = entry.slice(equals + 1).trim();
    if (!serviceName.test(found)) return "";
  }
  return found;
}

function addressIn(forwarded: string | string[] | undefined): { address: string; port: number } | null {
  // One hop only: the peer's own word. ztunnel sends `for=10.0.0.7` without a port.
  const match = /^for=(?:"([^"\\]{3,60})"|([0-9.]{7,15}))$/i.exec(String(forwarded ?? ""));
  if (match === null) return null;
  const value = match[1] ?? match[2] ?? "";
  const whole = parseConnectTarget(value);
  if (whole !== null) return whole;
  const bare = parseConnectTarget(`${value}:1`);
  return bare === null ? null : { address: bare.address, port: 0 };
}
