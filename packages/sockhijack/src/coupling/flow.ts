/** Flows: the scan's lines of both ends of a connection, put together. @module */
import { isLoopback } from "../kernel/ip.ts";
import { fact, type SockRecord, stateFlag, tcpState } from "../kernel/layout.ts";

/** One connection with an end in an attached program; `server` is missing when the other end is elsewhere. */
export interface Flow {
  /** Cookie of the client's socket, also while a look misses the client of a coupled pair; else of the only one that is known. */
  readonly id: bigint;
  readonly client: SockRecord | undefined;
  readonly server: SockRecord | undefined;
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
const ownKey = (r: SockRecord): string => `${text(r.local_ip)}${text(r.remote_ip)}${r.local_port}:${r.remote_port}`;
const peerKey = (r: SockRecord): string => `${text(r.remote_ip)}${text(r.local_ip)}${r.remote_port}:${r.local_port}`;

/**
 * Are these the two ends of one connection? Their addresses mirror each other already. Loopback never leaves its namespace, and there
 * the addresses are enough. Across namespaces the same addresses may be in use twice, so both must also agree on the first sequence
 * number of each direction: 64 random bits (RFC 6528) that only the two ends of one connection share. A SYN may or may not be counted.
 */
function sameConnection(a: SockRecord, b: SockRecord): boolean {
  if (a.netns === b.netns) return true;
  if (isLoopback(a.local_ip) || isLoopback(a.remote_ip)) return false;
  const close = (x: number, y: number): boolean => (x - y + 1) >>> 0 <= 2;
  return close(a.stream_out, b.stream_in) && close(b.stream_out, a.stream_in);
}

function isClient(r: SockRecord, other: SockRecord | undefined, listening: ReadonlySet<string>): boolean {
  if (r.flags & stateFlag.client) return true;
  if (isEnrolled(r) || (other && other.flags & stateFlag.client)) return false;
  if (listening.has(`${r.netns}:${r.local_port}`)) return false;
  if (other && listening.has(`${other.netns}:${other.local_port}`)) return true;
  return r.local_port > r.remote_port; // connected before we came: servers have the lower port
}

/**
 * Puts the lines of a scan together into flows, one for each connection.
 *
 * @param records Lines of every namespace scanned; listeners among them tell servers from clients.
 * @example
 * ```ts
 * const flows = flowsOf(scan.read());
 * ```
 */
export function flowsOf(records: readonly SockRecord[]): Flow[] {
  const listening = new Set(records.filter((r) => r.state === tcpState.listen).map((r) => `${r.netns}:${r.local_port}`));
  const ends = records.filter((r) => r.state !== tcpState.listen && r.remote_port !== 0);
  const byKey = Map.groupBy(ends, ownKey);
  const done = new Set<bigint>();
  const flows: Flow[] = [];
  for (const end of ends) {
    if (done.has(end.cookie)) continue;
    done.add(end.cookie);
    const other = byKey.get(peerKey(end))?.find((r) => r.cookie !== end.cookie && !done.has(r.cookie) && sameConnection(end, r));
    if (other) done.add(other.cookie);
    const client = isClient(end, other, listening) ? end : other;
    const server = client === end ? other : end;
    const id = client?.cookie ?? (isEnrolled(server) ? server!.peer : 0n);
    flows.push({ id: id || server!.cookie, client, server });
  }
  return flows;
}

/** Is the socket in the kernel's socket map to be coupled? One that is there alone, for its requests to be traced, is not. */
export function isEnrolled(r: SockRecord | undefined): boolean {
  return r !== undefined && (r.facts & fact.enrolled) !== 0 && !(r.flags & stateFlag.injects);
}

/** Is it in the map alone, and should not be any more: no HTTP, or an option or a way of reading that the map cannot carry? */
export function shouldLeaveAlone(r: SockRecord, { redirect }: { readonly redirect: (service: number) => string }): boolean {
  if (!(r.flags & stateFlag.injects)) return false;
  const blocks = !(r.facts & fact.nonblock) && redirect(r.service) !== "on";
  return blocks || (r.flags & (stateFlag.spent | stateFlag.optedOut)) !== 0;
}
