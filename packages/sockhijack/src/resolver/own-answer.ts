/** Answers queries for the mesh's own names. @module */
import { type Answer, AUTHORITATIVE_ANSWER, decode, encode, type OptAnswer, RECURSION_AVAILABLE, TRUNCATED_RESPONSE } from "dns-packet";
import type { OwnName } from "./own-name.ts";
import { bareAnswer, type DnsQuery, headerBytes } from "./query.ts";

/** Where names and addresses come from. */
export interface MeshNames {
  /** Labels of the domain, lower-case. */
  readonly domain: readonly string[];
  /** Addresses of a service, name without the domain; undefined when there is none. */
  readonly lookup: (name: string) => { readonly a: readonly string[]; readonly aaaa: readonly string[] } | undefined;
}

/** A finished answer and what it says. */
export interface OwnAnswer {
  readonly message: Buffer;
  readonly rcode: number;
}

/** Response codes (RFC 1035 §4.1.1, RFC 6891 §9 for BADVERS). */
export const rcodes = { noError: 0, formatError: 1, serverFailure: 2, nameError: 3, refused: 5, badVersion: 16 } as const;

/** Record types this resolver knows by number; every other type of an existing name gets NODATA. */
const types = { a: 1, soa: 6, ptr: 12, aaaa: 28, any: 255 } as const;
const classes = { in: 1, any: 255 } as const;

/** Services move: five seconds of caching, also for "no such name". */
const ttlSeconds = 5;
/** Offered by us, and the most we send by UDP (DNS flag day 2020): fits every path without fragments. */
const udpPayloadBytes = 1232;
const flagsFromQuery = 0x0110;

/**
 * Answers a query.
 *
 * @param own What the name is.
 * @param service For a reverse name, the service that its address belongs to.
 * @param transport By UDP, an answer longer than the client takes (512 bytes, or what its OPT says up to 1232) is cut (TC).
 * @throws whatever `lookup` throws.
 */
export function ownAnswer(
  query: DnsQuery,
  own: OwnName,
  service: string | undefined,
  names: MeshNames,
  transport: "udp" | "tcp",
): OwnAnswer {
  const edns = readEdns(query.message);
  if (edns === "malformed") return { message: bareAnswer(query.message, rcodes.formatError, query.question), rcode: rcodes.formatError };
  const limitBytes = transport === "tcp" ? 65535 : edns ? Math.min(udpPayloadBytes, Math.max(512, edns.udpPayloadSize)) : 512;
  const found = edns && edns.ednsVersion > 0 ? { rcode: rcodes.badVersion, answers: [] } : records(query, own, service, names);
  const negative = found.rcode === rcodes.nameError || (found.rcode === rcodes.noError && found.answers.length === 0);
  const authorities = negative && own.kind !== "reverse" ? [soa(names.domain)] : [];
  const full = assemble(query, edns, found.rcode, found.answers, authorities, 0);
  const message = full.length <= limitBytes ? full : assemble(query, edns, found.rcode, [], [], TRUNCATED_RESPONSE);
  return { message, rcode: found.rcode };
}

function records(query: DnsQuery, own: OwnName, service: string | undefined, names: MeshNames): { rcode: number; answers: Answer[] } {
  if (query.class !== classes.in && query.class !== classes.any) return { rcode: rcodes.refused, answers: [] };
  const name = query.labels.join(".");
  const wants = (type: number) => query.type === type || query.type === types.any;
  if (own.kind === "apex") return { rcode: rcodes.noError, answers: wants(types.soa) ? [soa(names.domain)] : [] };
  if (own.kind === "reverse") {
    const data = `${service}.${names.domain.join(".")}`;
    return { rcode: rcodes.noError, answers: wants(types.ptr) ? [{ name, type: "PTR", ttl: ttlSeconds, data }] : [] };
  }
  const addresses = names.lookup(own.name);
  if (!addresses) return { rcode: rcodes.nameError, answers: [] };
  const a = wants(types.a) ? addresses.a.map((data): Answer => ({ name, type: "A", ttl: ttlSeconds, data })) : [];
  const aaaa = wants(types.aaaa) ? addresses.aaaa.map((data): Answer => ({ name, type: "AAAA", ttl: ttlSeconds, data })) : [];
  return { rcode: rcodes.noError, answers: [...a, ...aaaa] };
}

/** Every negative answer carries it, with the time it may be cached for (RFC 2308 §3). */
function soa(domain: readonly string[]): Answer {
  const name = domain.join(".");
  const data = {
    mname: `ns.${name}`,
    rname: `hostmaster.${name}`,
    serial: 1,
    refresh: 3600,
    retry: 600,
    expire: 86400,
    minimum: ttlSeconds,
  };
  return { name, type: "SOA", ttl: ttlSeconds, data };
}

/** Encodes the records and puts the question in front of them byte for byte, so that its letter case survives (0x20). */
function assemble(
  query: DnsQuery,
  edns: OptAnswer | undefined,
  rcode: number,
  answers: Answer[],
  authorities: Answer[],
  extraFlags: number,
): Buffer {
  const flags = (query.flags & flagsFromQuery) | AUTHORITATIVE_ANSWER | RECURSION_AVAILABLE | extraFlags | (rcode & 0xf);
  const opt = {
    name: ".",
    type: "OPT",
    udpPayloadSize: udpPayloadBytes,
    extendedRcode: rcode >> 4,
    ednsVersion: 0,
    flags: (edns?.flags ?? 0) & 0x8000,
    flag_do: false,
    options: [],
  } as const;
  const body = encode({ type: "response", id: query.id, flags, answers, authorities, additionals: edns ? [{ ...opt, options: [] }] : [] });
  const message = Buffer.concat([body.subarray(0, headerBytes), query.question, body.subarray(headerBytes)]);
  message.writeUInt16BE(1, 4);
  return message;
}

/** The query's OPT record (RFC 6891), if it has one; more than one, or anything unreadable, is malformed. */
function readEdns(message: Buffer): OptAnswer | undefined | "malformed" {
  try {
    const found = (decode(message).additionals ?? []).filter((record): record is OptAnswer => record.type === "OPT");
    return found.length > 1 ? "malformed" : found[0];
  } catch {
    return "malformed";
  }
}
