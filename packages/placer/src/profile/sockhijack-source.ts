/** Traffic by sockhijack's live matrix. @module */
import { setTimeout as sleep } from "node:timers/promises";
import { MitsuError } from "@mitsu/cli/error";
import { type Client, connect, type SockhijackProtocol, sockhijack } from "@mitsu/ipc";
import { type CellDelta, MatrixDeltas } from "./matrix-deltas.ts";
import type { Observation, ObservedEdge, ReadOptions } from "./observation.ts";

/** How it is measured. */
export interface SockhijackOptions extends ReadOptions {
  readonly socket: string;
  readonly seconds: number;
  /** Monotonic, nanoseconds. */
  readonly nowNs: () => bigint;
  /** Share of a service's requests that are traced, 0 to 1; undefined when the catalog does not say. */
  readonly samplingOf?: (service: string) => number | undefined;
}

/** Between two readings; a reading in between costs the daemon one scan, and finds a restart. */
const intervalMs = 1000;
const startHint = "start it: sockhijack daemon";
/** What the daemon's absence looks like, as it is started anew. */
const awayCodes: readonly string[] = ["ERR_DAEMON_DOWN", "ERR_IPC_CLOSED", "ERR_DAEMON_STOPPING"];

/**
 * Reads the matrix over a time.
 *
 * Bytes and connections are counted by the kernel, all of them. Of messages it counts those that were redirected. What went by TCP meanwhile is
 * estimated: as many messages as its bytes make at the mean size of the pair's redirected ones, else of all redirected ones there were, and never
 * fewer than two a connection, or two a traced request (one over the sampling share, where the catalog tells it). Such a pair is marked as estimated.
 *
 * @throws {MitsuError} `ERR_DAEMON_DOWN` when nobody listens as it begins; ended half-way, what was read is kept.
 */
export async function observeSockhijack(options: SockhijackOptions): Promise<Observation> {
  const { socket, seconds, nowNs, signal, progress } = options;
  const deltas = new MatrixDeltas();
  const requests = new Map<string, number>();
  const notices: string[] = [];
  let records = 0;
  let client: Client<SockhijackProtocol> | undefined = await connect(socket, sockhijack, { startHint });
  const watches: Promise<void>[] = [];
  const read = async (): Promise<void> => {
    try {
      if (!client) {
        client = await connect(socket, sockhijack, { startHint });
        watches.push(countRequests(client, requests, options));
      }
      deltas.add((await client.call("matrix", {})).cells, client.daemon.pid);
      records++;
    } catch (error) {
      if (records === 0 || !(error instanceof MitsuError && awayCodes.includes(error.code))) throw error;
      client?.close();
      client = undefined;
    }
  };
  let lastNs = nowNs();
  const beganNs = lastNs;
  const elapsed = (): number => Number(lastNs - beganNs) / 1e9;
  try {
    watches.push(countRequests(client, requests, options));
    await read();
    while (!signal.aborted && elapsed() < seconds) {
      await sleep(Math.min(intervalMs, Math.max(1, (seconds - elapsed()) * 1000)), undefined, { signal }).catch(() => {});
      await read();
      lastNs = nowNs();
      progress(`sockhijack: ${elapsed().toFixed(1)} of ${seconds} s`);
    }
  } finally {
    if (!client) notices.push("sockhijack went away and did not come back; what was read until then is kept");
    client?.close();
    await Promise.all(watches);
  }
  if (deltas.resets > 0) notices.push(`sockhijack was started anew ${deltas.resets} times; what passed right before is missing`);
  const all = deltas.all().filter(({ bytes, connections }) => bytes > 0 || connections > 0);
  // A client without a service is a program outside of the mesh: there is nothing to place.
  const inside = all.filter(({ from, to }) => from !== "" && to !== "" && from !== to);
  const outside = all.filter(({ from }) => from === "").reduce((sum, { bytes }) => sum + bytes, 0);
  if (outside > 0) notices.push(`${outside} bytes came from programs that belong to no service; they were left out`);
  const edges = inside.map((delta) => edgeOf(delta, Math.max(elapsed(), 1e-3), deltas.meanMessageBytes(), requests));
  const estimated = edges.filter((edge) => edge.estimated).length;
  if (estimated > 0) {
    notices.push(
      `messages of ${estimated} of ${edges.length} pairs are partly estimated: sockhijack counts messages that it redirects, and bytes of all`,
    );
  }
  return { source: "sockhijack", kind: "count", seconds: elapsed(), edges, services: [], records, skipped: 0, notices };
}

function edgeOf(
  { from, to, bytes, messages, redirectedBytes, connections }: CellDelta,
  seconds: number,
  meanBytes: number | null,
  requests: ReadonlyMap<string, number>,
): ObservedEdge {
  const byTcp = Math.max(0, bytes - redirectedBytes);
  const size = messages > 0 && redirectedBytes > 0 ? redirectedBytes / messages : meanBytes;
  const asked = requests.get(JSON.stringify([from, to])) ?? 0;
  const fromBytes = messages + (byTcp > 0 && size ? byTcp / size : 0);
  const least = byTcp > 0 ? 2 * Math.max(connections, asked) : 0;
  // A few bytes of a greeting that went by TCP before the sockets were coupled do not make a count an estimate.
  const estimated = byTcp > 0.01 * bytes;
  return { from, to, messagesPerSecond: Math.max(fromBytes, least) / seconds, bytesPerSecond: bytes / seconds, estimated };
}

/** Counts traced requests of each pair until the stream ends; without tracing none come. */
async function countRequests(
  client: Client<SockhijackProtocol>,
  requests: Map<string, number>,
  { samplingOf }: Pick<SockhijackOptions, "samplingOf">,
): Promise<void> {
  try {
    for await (const { client: from, server: to } of client.subscribe("exchanges", {})) {
      const share = samplingOf?.(from.service);
      const key = JSON.stringify([from.service, to.service]);
      requests.set(key, (requests.get(key) ?? 0) + (share ? 1 / share : 1));
    }
  } catch {
    // The connection ended, or a daemon without tracing: the matrix is what counts, this is beside it.
  }
}
