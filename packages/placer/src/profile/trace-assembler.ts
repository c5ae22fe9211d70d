/** Puts spans of a trace together that come scattered. @module */
import type { Span } from "./span.ts";

/** How much is held. */
export interface AssemblerOptions {
  /** Spans of open traces; beyond, the traces that were quiet longest are taken as whole. 100 000 unless told. */
  readonly mostSpans?: number;
  /** A trace is whole, or must be taken as such. */
  readonly trace: (spans: readonly Span[]) => void;
}

/** Ids of traces that were taken as whole and are remembered, to tell spans that come too late. */
const remembered = 100_000;

/**
 * Collects spans by trace in bounded memory.
 *
 * OTLP writes spans in batches of one service each, and nothing says that a trace is whole. So traces stay open until too many spans are held.
 */
export class TraceAssembler {
  readonly #options: Required<AssemblerOptions>;
  readonly #open = new Map<string, Span[]>();
  readonly #closed = new Set<string>();
  #held = 0;
  /** Spans that came after their trace had been taken as whole; they are left out. */
  lateSpans = 0;

  constructor(options: AssemblerOptions) {
    this.#options = { mostSpans: 100_000, ...options };
  }

  /** Takes a span in. */
  add(traceId: string, span: Span): void {
    const spans = this.#open.get(traceId) ?? [];
    if (this.#closed.has(traceId)) this.lateSpans++;
    // Set anew, a trace goes to the end: the first is the one that was quiet longest.
    this.#open.delete(traceId);
    this.#open.set(traceId, spans);
    spans.push(span);
    this.#held++;
    while (this.#held > this.#options.mostSpans) this.#close(this.#open.keys().next().value!);
  }

  /** All are whole now. */
  end(): void {
    for (const traceId of [...this.#open.keys()]) this.#close(traceId);
  }

  #close(traceId: string): void {
    const spans = this.#open.get(traceId)!;
    this.#open.delete(traceId);
    this.#held -= spans.length;
    if (this.#closed.size >= remembered) this.#closed.delete(this.#closed.values().next().value!);
    // The rest of a trace that was closed before would be counted as one more: it is left out.
    if (this.#closed.has(traceId)) return;
    this.#closed.add(traceId);
    this.#options.trace(spans);
  }
}
