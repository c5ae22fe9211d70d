/** What traces tell: who calls whom, and how much CPU time a service can have used at most. @module */
import type { Demand } from "../problem/problem.ts";
import type { ObservedEdge, ObservedService } from "./observation.ts";
import { type Interval, selfTimeUs } from "./self-time.ts";
import type { Span } from "./span.ts";

/** What was odd in traces; none of it is fatal. */
export interface TraceOddities {
  /** Spans whose parent is not in their trace. */
  orphanSpans: number;
  /** Spans with an id that another of the same service has; left out. */
  duplicateSpans: number;
  /** Spans that end before they begin; their time counts as 0. */
  negativeSpans: number;
  /** Spans that begin before their parent, or after its end, on another service's clock. */
  skewedSpans: number;
  /** Spans that are their own ancestors; taken as roots. */
  cyclicSpans: number;
  /** Client spans with no one at the other end, and no tag that names it. */
  namelessClients: number;
  /** Calls of which no tag tells the bytes. */
  callsWithoutBytes: number;
  calls: number;
  /** Traces without a sampling tag, while others have one. */
  unsampledTraces: number;
}

interface CallSum {
  readonly from: string;
  readonly to: string;
  messages: number;
  bytes: number;
  /** Calls of which the bytes are known, of all. */
  known: number;
  calls: number;
  readonly sources: Set<string>;
}

/** Sums over traces of the CPU time a service spent in one. */
interface BusySum {
  sum: number;
  squares: number;
}

/** Rates of the traced requests. */
export interface TraceRate {
  /** Traces each second, whether they were kept or not. */
  readonly perSecond: number;
  /** How it is known. */
  readonly origin: "told" | "traces" | "guessed";
  /** From the first trace's begin to the last one's. */
  readonly spanSeconds: number;
}

/** Spread of the standard normal distribution below which 95 and 99 % lie. */
const z95 = 1.645;
const z99 = 2.326;
/** Time over which busy cores are averaged, as a cgroup's samples are. */
const windowSeconds = 1;

/** Whether a span only waits for another service: its own time is the network's and the other's. */
function waits({ kind, operation }: Span): boolean {
  // Without a kind, the habit of OpenTracing's Thrift services: `compose_post_client` calls `compose_post_server`.
  return kind === "client" || kind === "producer" || (kind === "unknown" && operation.endsWith("_client"));
}

/**
 * Sums traces up, one after the other; none is kept.
 *
 * A call is a span whose parent is of another service: two messages, request and answer; one where the span consumes from a queue.
 * Where the traces are sampled, each counts for as many as its probability says.
 */
export class TraceStatistics {
  readonly oddities: TraceOddities = {
    orphanSpans: 0,
    duplicateSpans: 0,
    negativeSpans: 0,
    skewedSpans: 0,
    cyclicSpans: 0,
    namelessClients: 0,
    callsWithoutBytes: 0,
    calls: 0,
    unsampledTraces: 0,
  };
  readonly #calls = new Map<string, CallSum>();
  readonly #busy = new Map<string, BusySum>();
  traces = 0;
  spans = 0;
  #weight = 0;
  #sampledTraces = 0;
  #firstUs = Number.POSITIVE_INFINITY;
  #lastUs = Number.NEGATIVE_INFINITY;

  /** Takes a whole trace in. @param source As in an edge's `sources`. */
  add(spans: readonly Span[], source: string): void {
    if (spans.length === 0) return;
    const byId = this.#unique(spans);
    const all = [...byId.values()].flat();
    const parents = new Map(all.map((span) => [span, this.#parentOf(span, byId)]));
    this.#breakCycles(parents);
    const children = new Map<Span, Span[]>();
    for (const [span, parent] of parents) if (parent) children.set(parent, [...(children.get(parent) ?? []), span]);
    const sampling = all.find((span) => span.sampling !== null)?.sampling ?? null;
    const weight = sampling === null ? 1 : 1 / sampling;
    const startUs = all.reduce((least, span) => Math.min(least, span.startUs), Number.POSITIVE_INFINITY);
    this.traces++;
    this.spans += all.length;
    this.#weight += weight;
    if (sampling !== null) this.#sampledTraces++;
    this.#firstUs = Math.min(this.#firstUs, startUs);
    this.#lastUs = Math.max(this.#lastUs, startUs);
    for (const [span, parent] of parents) this.#call(span, parent, children.get(span) ?? [], weight, source);
    this.#addBusy(parents, children, weight);
  }

  /** How many of these requests arrive. @param perSecond As the user says; undefined to take it from the traces. */
  rate(perSecond: number | undefined): TraceRate {
    const spanSeconds = Math.max(0, (this.#lastUs - this.#firstUs) / 1e6) || 0;
    if (perSecond !== undefined) return { perSecond, origin: "told", spanSeconds };
    // n traces have n − 1 gaps between them.
    if (this.traces > 1 && spanSeconds > 0) {
      return { perSecond: (this.#weight * (this.traces - 1)) / this.traces / spanSeconds, origin: "traces", spanSeconds };
    }
    return { perSecond: 1, origin: "guessed", spanSeconds };
  }

  /** Traces of which a tag tells the probability, when there are also others. */
  get mixedSampling(): number {
    return this.#sampledTraces < this.traces ? this.#sampledTraces : 0;
  }

  /** Edges at a rate of traces each second. */
  edges(perSecond: number): ObservedEdge[] {
    const scale = this.#weight > 0 ? perSecond / this.#weight : 0;
    return [...this.#calls.values()].map(({ from, to, messages, bytes, known, calls, sources }) => ({
      from,
      to,
      messagesPerSecond: messages * scale,
      // Calls of unknown size are taken to be like those of known size.
      bytesPerSecond: known > 0 ? ((bytes * calls) / known) * scale : null,
      estimated: true,
      sources: [...sources],
    }));
  }

  /**
   * Services at a rate of traces each second, with the CPU time that their spans bound from above: waiting for a lock or a disk counts as well.
   *
   * Requests that arrive independently make the time spent in a window of a second a compound Poisson sum: its mean is λ·E[S], its variance λ·E[S²]
   * for a time S that one request takes, and its distribution is near the normal one; the percentiles are that one's.
   */
  services(perSecond: number): ObservedService[] {
    const scale = this.#weight > 0 ? perSecond / this.#weight : 0;
    return [...this.#busy].map(([name, { sum, squares }]) => {
      const mean = sum * scale;
      const spread = Math.sqrt((squares * scale) / windowSeconds);
      const cpu: Demand = { mean, p50: mean, p95: mean + z95 * spread, p99: mean + z99 * spread };
      return { name, demand: { cpu } };
    });
  }

  /** Spans by id; several of an id are of several services, which share it as Zipkin's do. */
  #unique(spans: readonly Span[]): Map<string, Span[]> {
    const byId = new Map<string, Span[]>();
    for (const span of spans) {
      if (span.durationUs < 0) this.oddities.negativeSpans++;
      const fit = span.durationUs < 0 ? { ...span, durationUs: 0 } : span;
      const same = byId.get(span.id);
      if (!same) byId.set(span.id, [fit]);
      else if (same.some(({ service }) => service === span.service)) this.oddities.duplicateSpans++;
      else if (waits(fit)) same.unshift(fit);
      else same.push(fit);
    }
    return byId;
  }

  #parentOf(span: Span, byId: ReadonlyMap<string, readonly Span[]>): Span | null {
    const shared = byId.get(span.id)!;
    const index = shared.indexOf(span);
    if (index > 0) return shared[index - 1]!; // the server's half of a shared span is the client half's child
    if (span.parent === null || span.parent === span.id) return null;
    const candidates = byId.get(span.parent);
    if (candidates) return candidates.find(({ service }) => service === span.service) ?? candidates.at(-1)!;
    this.oddities.orphanSpans++;
    return null;
  }

  #breakCycles(parents: Map<Span, Span | null>): void {
    const safe = new Set<Span>();
    for (const span of parents.keys()) {
      const path = new Set<Span>();
      let at: Span | null = span;
      while (at && !safe.has(at)) {
        if (path.has(at)) {
          this.oddities.cyclicSpans++;
          parents.set(at, null);
          break;
        }
        path.add(at);
        at = parents.get(at) ?? null;
      }
      for (const one of path) safe.add(one);
    }
  }

  #call(span: Span, parent: Span | null, children: readonly Span[], weight: number, source: string): void {
    if (parent && parent.service !== span.service) {
      const oneWay = span.kind === "consumer";
      const request = span.requestBytes ?? parent.requestBytes;
      const answer = oneWay ? 0 : (span.answerBytes ?? parent.answerBytes);
      this.#sum(parent.service, span.service, oneWay ? 1 : 2, sizeOf(request, answer), weight, source);
    }
    if (!waits(span) || children.some(({ service }) => service !== span.service)) return;
    if (children.length > 0 && span.peer === null) return; // a span around the one that calls
    if (span.peer === null) this.oddities.namelessClients++;
    else if (span.peer !== span.service) {
      const messages = span.kind === "producer" ? 1 : 2;
      this.#sum(span.service, span.peer, messages, sizeOf(span.requestBytes, span.answerBytes), weight, source);
    }
  }

  #sum(from: string, to: string, messages: number, bytes: number | null, weight: number, source: string): void {
    const key = JSON.stringify([from, to]);
    const sum = this.#calls.get(key) ?? { from, to, messages: 0, bytes: 0, known: 0, calls: 0, sources: new Set() };
    this.#calls.set(key, sum);
    this.oddities.calls++;
    sum.messages += messages * weight;
    sum.calls += weight;
    sum.sources.add(source);
    if (bytes === null) this.oddities.callsWithoutBytes++;
    else {
      sum.bytes += bytes * weight;
      sum.known += weight;
    }
  }

  #addBusy(parents: ReadonlyMap<Span, Span | null>, children: ReadonlyMap<Span, readonly Span[]>, weight: number): void {
    const inTrace = new Map<string, number>();
    for (const [span, parent] of parents) {
      if (parent && isSkewed(span, parent)) this.oddities.skewedSpans++;
      if (waits(span)) {
        if (!inTrace.has(span.service)) inTrace.set(span.service, 0);
        continue;
      }
      const below = (children.get(span) ?? []).map((child) => intervalWithin(child, span));
      inTrace.set(span.service, (inTrace.get(span.service) ?? 0) + selfTimeUs(intervalOf(span), below) / 1e6);
    }
    for (const [service, seconds] of inTrace) {
      const busy = this.#busy.get(service) ?? { sum: 0, squares: 0 };
      this.#busy.set(service, busy);
      busy.sum += seconds * weight;
      busy.squares += seconds * seconds * weight;
    }
  }
}

const sizeOf = (request: number | null, answer: number | null): number | null =>
  request === null && answer === null ? null : (request ?? 0) + (answer ?? 0);

const intervalOf = ({ startUs, durationUs }: Span): Interval => ({ from: startUs, to: startUs + durationUs });

/** Whether clocks disagree: a call cannot begin before its parent, or after its parent's end. What is asynchronous may end later. */
function isSkewed(child: Span, parent: Span): boolean {
  if (child.service === parent.service || child.kind === "consumer") return false;
  return child.startUs < parent.startUs || child.startUs > parent.startUs + parent.durationUs;
}

/** Where a child lies on its parent's clock: a skewed one is put into the middle, as Jaeger's adjuster does, since half of the rest went each way. */
function intervalWithin(child: Span, parent: Span): Interval {
  if (!isSkewed(child, parent)) return intervalOf(child);
  const from = parent.startUs + Math.max(0, (parent.durationUs - child.durationUs) / 2);
  return { from, to: from + child.durationUs };
}
