/** A filter in WebAssembly as a link of chains. @module */
import type { BodySink, BodyStage } from "../filters/body-stage.ts";
import type { Filter } from "../filters/filter.ts";
import { flag, type LiveExchange, type Verdict, verdict } from "../live-exchange.ts";
import type { FilterSlot } from "./filter-slot.ts";
import { HttpStream } from "./http-stream.ts";

/** One for each filter of a worker, in as many chains as want it. */
export class WasmFilter implements Filter {
  readonly name: string;
  readonly slot: FilterSlot;
  readonly #streams = new Map<number, HttpStream>();

  constructor(slot: FilterSlot) {
    this.name = slot.name;
    this.slot = slot;
  }

  onRequestHead(x: LiveExchange): Verdict {
    const machine = this.slot.pick();
    if (machine === null) return this.#absent(x);
    const stream = new HttpStream(x, machine);
    this.#streams.set(x.id, stream);
    return stream.requestHead();
  }

  onResponseHead(x: LiveExchange): Verdict {
    return this.#streams.get(x.id)?.responseHead() ?? verdict.continue;
  }

  changeRequest(x: LiveExchange, next: BodySink): BodyStage | null {
    return this.#streams.get(x.id)?.changeRequest(next) ?? null;
  }

  changeResponse(x: LiveExchange, next: BodySink): BodyStage | null {
    return this.#streams.get(x.id)?.changeResponse(next) ?? null;
  }

  onEnd(x: LiveExchange): void {
    const stream = this.#streams.get(x.id);
    if (stream === undefined) return;
    this.#streams.delete(x.id);
    stream.end();
  }

  /** Its machine has stopped badly, and the next one is not there yet. */
  #absent(x: LiveExchange): Verdict {
    this.slot.failures++;
    if (this.slot.version.spec.onFailure === "open") return verdict.continue;
    return x.respond({
      status: 500,
      flag: flag.filterFailed,
      body: `filter ${this.name} is not there: it stopped, and is started again in a while`,
    });
  }
}
