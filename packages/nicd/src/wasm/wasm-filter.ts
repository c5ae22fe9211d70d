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

  constructor(slot: FilterSlot) {
    this.name = slot.name;
    this.slot = slot;
  }

  onRequestHead(x: LiveExchange): Verdict {
    const machine = this.slot.pick();
    if (machine === null) return this.#absent(x);
    const stream = new HttpStream(x, machine, this);
    if (x.kept === null) x.kept = [stream];
    else x.kept.push(stream);
    return stream.requestHead();
  }

  onResponseHead(x: LiveExchange): Verdict {
    return this.#streamOf(x)?.responseHead() ?? verdict.continue;
  }

  changesRequest(x: LiveExchange): boolean {
    return this.#streamOf(x)?.changesRequest ?? false;
  }

  changesResponse(x: LiveExchange): boolean {
    return this.#streamOf(x)?.changesResponse ?? false;
  }

  changeRequest(x: LiveExchange, next: BodySink): BodyStage {
    return this.#streamOf(x)!.changeRequest(next);
  }

  changeResponse(x: LiveExchange, next: BodySink): BodyStage {
    return this.#streamOf(x)!.changeResponse(next);
  }

  onEnd(x: LiveExchange): void {
    this.#streamOf(x)?.end();
  }

  #streamOf({ kept }: LiveExchange): HttpStream | undefined {
    if (kept !== null) for (const one of kept) if (one.keeper === this) return one as HttpStream;
    return undefined;
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
