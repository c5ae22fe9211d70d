/** Puts every request into a trace. @module */
import type { Tracing } from "@mitsu/catalog";
import { noTrace, readIncomingTrace, traceFlag, traceparentBytes, writeTraceparent } from "@mitsu/telemetry";
import { type LiveExchange, type Verdict, verdict } from "../live-exchange.ts";
import type { Filter } from "./filter.ts";
import type { Xoshiro128 } from "./xoshiro.ts";

const scratch = Buffer.alloc(traceparentBytes);

/**
 * Reads W3C's headers, else B3's, else begins a trace; the exchange becomes a span of it. With propagation `header` the replica is told by
 * `traceparent`; with `side-band` no byte changes. Whoever begins a trace decides whether it is sampled, by its id, so that every node would decide
 * alike; what a parent decided stays. Do not make one for `off`.
 */
export class Trace implements Filter {
  readonly name = "trace";
  readonly #tracing: Tracing;
  readonly #random: Xoshiro128;

  constructor(tracing: Tracing, random: Xoshiro128) {
    this.#tracing = tracing;
    this.#random = random;
  }

  onRequestHead(x: LiveExchange): Verdict {
    const { request, traceId, spanId, parentSpanId } = x;
    let flags = readIncomingTrace(request, traceId, parentSpanId);
    const decided = flags !== noTrace && (flags & traceFlag.undecided) === 0;
    const isNew = flags === noTrace || (flags & traceFlag.withoutIds) !== 0;
    if (flags === noTrace) flags = 0;
    if (isNew) {
      this.#random.fill(traceId);
      for (let n = 0; n < 8; n++) parentSpanId[n] = 0;
      flags |= traceFlag.random;
    }
    this.#random.fill(spanId);
    x.sampled = decided ? (flags & traceFlag.sampled) !== 0 : fractionOf(traceId) < this.#tracing.sampling;
    if (this.#tracing.propagation !== "header") return verdict.continue;
    // What other vendors noted belongs to a trace that this one is not (W3C Trace Context §3.3.1).
    if (isNew) request.remove("tracestate");
    const sent = (flags & traceFlag.random) | (x.sampled ? traceFlag.sampled : 0);
    writeTraceparent(scratch, 0, traceId, spanId, sent);
    request.set("traceparent", scratch.toString("latin1"));
    return verdict.continue;
  }
}

/** As telemetry's `traceFraction`: where the id lies between 0 and 1, by its last four bytes. */
function fractionOf(id: Uint8Array): number {
  return ((id[12]! | (id[13]! << 8) | (id[14]! << 16) | (id[15]! << 24)) >>> 0) / 2 ** 32;
}
