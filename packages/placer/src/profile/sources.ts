/** The sources that a profile is asked for, and how they run: files one after the other, then what is measured live, all at the same time. @module */
import type { Catalog } from "@mitsu/catalog";
import { type Env, progress } from "@mitsu/cli";
import type { AddressBook } from "./address-book.ts";
import { type CgroupTarget, observeCgroups } from "./cgroup-source.ts";
import type { Observation, ReadOptions } from "./observation.ts";
import { observeInterface, observePcap } from "./packet-source.ts";
import { observeSockhijack } from "./sockhijack-source.ts";
import { observeTraces, type TraceFile } from "./trace-source.ts";

/** What is asked for. */
export interface SourcesAsked {
  /** Its socket; undefined for not. */
  readonly sockhijack: string | undefined;
  /** An interface. */
  readonly capture: string | undefined;
  readonly pcap: readonly string[];
  readonly traces: readonly TraceFile[];
  readonly cgroups: readonly CgroupTarget[];
  readonly seconds: number;
  readonly perSecond: number | undefined;
}

/** What the sources work with. */
export interface SourcesContext {
  readonly env: Env;
  readonly book: AddressBook;
  readonly catalog: Catalog | undefined;
  /** Ends measuring early. */
  readonly signal: AbortSignal;
}

/**
 * Runs all sources. When the signal aborts, what was measured until then is returned; when one fails, the others end.
 *
 * @throws the first failure of a source.
 */
export async function observeAll(asked: SourcesAsked, { env, book, catalog, signal }: SourcesContext): Promise<Observation[]> {
  const failure = new AbortController();
  const line = progress(env);
  const texts = new Map<string, string>();
  const options = (name: string): ReadOptions => ({
    signal: AbortSignal.any([signal, failure.signal]),
    progress: (text) => {
      texts.set(name, text);
      line.update([...texts.values()].join(" · "));
    },
  });
  const { seconds, perSecond, traces } = asked;
  const { nowNs } = env;
  const observations: Observation[] = [];
  try {
    for (const path of asked.pcap.filter((one) => one !== "-")) {
      if (!signal.aborted) observations.push(await observePcap(path, { book, ...options("pcap") }));
    }
    if (traces.length > 0 && !signal.aborted) observations.push(await observeTraces(traces, { env, perSecond, ...options("traces") }));
    texts.clear();
    if (signal.aborted) return observations;
    const live: Promise<Observation>[] = [];
    if (asked.sockhijack !== undefined) {
      const samplingOf = (name: string): number | undefined => catalog?.services.find((one) => one.name === name)?.tracing.sampling;
      live.push(observeSockhijack({ socket: asked.sockhijack, seconds, nowNs, samplingOf, ...options("sockhijack") }));
    }
    if (asked.capture !== undefined) live.push(observeInterface(asked.capture, { book, seconds, nowNs, ...options("capture") }));
    if (asked.pcap.includes("-")) live.push(observePcap("-", { book, ...options("stdin") }));
    if (asked.cgroups.length > 0) live.push(observeCgroups(asked.cgroups, { seconds, nowNs, ...options("cgroup") }));
    // One failure ends the others, and only then is it thrown: nothing goes on measuring behind an error message.
    const ended = await Promise.allSettled(
      live.map((one) =>
        one.catch((error: unknown) => {
          failure.abort();
          throw error;
        }),
      ),
    );
    for (const one of ended) {
      if (one.status === "rejected") throw one.reason;
      observations.push(one.value);
    }
    return observations;
  } finally {
    line.done();
  }
}
