/** Puts spans of a trace together that come scattered. @module */
import type { Span } from "./span.ts";

/** How much is held. */
export interface AssemblerOptions {
  /** Spans of open traces; beyond, the traces that were quiet longest are taken as whole. 50 000 unless told. */
  readonly mostSpans?: number;
  /** A trace is whole, or must be taken as such. */
  readonly trace: (spans: readonly Span[]) => void;
}

/** Ids of traces that were taken as whole and are remembered at least, to tell spans that come too late. */
const remembered = 50_000;
/**
 * Share of the held spans that stays when there are too many. Traces are closed many at a time: a Map whose first key is taken again and again
 * walks over the places of all that were taken before.
 */
const kept = 0.75;

/**
 * Collects spans by trace in bounded memory.
 *
 * OTLP writes spans in batches of one service each, and nothing says that a trace is whole. So traces stay open until too many spans are held.
 */
export class TraceAssembler {
  readonly #options: Required<AssemblerOptions>;
  readonly #open = new Map<string, Span[]>();
  /** Closed traces, and those closed before them. */
  #closed = new Set<string>();
  #closedBefore = new Set<string>();
  #held = 0;
  /** Spans that came after their trace had been taken as whole; they are left out, since the rest would count as one more trace. */
  lateSpans = 0;

  constructor(options: AssemblerOptions) {
    this.#options = { mostSpans: 50_000, ...options };
  }

  /** Takes a span in. */
  add(traceId: string, span: Span): void {
    if (this.#closed.has(traceId) || this.#closedBefore.has(traceId)) {
      this.lateSpans++;
      return;
    }
    const spans = this.#open.get(traceId) ?? [];
    // Set anew, a trace goes to the end: the first is the one that was quiet longest.
    this.#open.delete(traceId);
    this.#open.set(traceId, spans);
    spans.push(span);
    this.#held++;
    if (this.#held > this.#options.mostSpans) this.#closeUntil(this.#options.mostSpans * kept);
  }

  /** All are whole now. */
  end(): void {
    this.#closeUntil(0);
  }

  #closeUntil(most: number): void {
    for (const [traceId, spans] of this.#open) {
      if (this.#held <= most) return;
      this.#open.delete(traceId);
      this.#held -= spans.length;
      if (this.#closed.size >= remembered) {
        this.#closedBefore = this.#closed;
        this.#closed = new Set();
      }
      this.#closed.add(traceId);
      this.#options.trace(spans);
    }
  }
}
