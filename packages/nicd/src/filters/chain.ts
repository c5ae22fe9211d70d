/** The filters that one route's requests pass. @module */
import { type LiveExchange, type Verdict, verdict } from "../live-exchange.ts";
import type { BodySink, BodyStage } from "./body-stage.ts";
import type { Filter } from "./filter.ts";
import { ObserverStage } from "./observer-stage.ts";

/**
 * Where a run of the chain came to, in one number, so that the core drives it without an object a request: the verdict in the lowest two bits,
 * above them the position to go on from after `resume`.
 */
export type Step = number;

/** `continue`: all filters were passed. */
export function verdictOf(step: Step): Verdict {
  return (step & 3) as Verdict;
}

/** Give it to the same method to go on. */
export function positionOf(step: Step): number {
  return step >> 2;
}

type With<Name extends keyof Filter> = Filter & Required<Pick<Filter, Name>>;

/**
 * Runs filters in order, answers' callbacks in the opposite one. A run ends at the first filter that does not say `continue`; after `stop` it goes
 * on behind this filter, for data with the same piece. Own answers pass {@link Chain.responseHead} of all filters like a replica's, as in Envoy.
 *
 * @example
 * ```ts
 * let step = chain.requestHead(x, 0);
 * // verdictOf(step) is stop; later, in resume():
 * step = chain.requestHead(x, positionOf(step));
 * ```
 */
export class Chain {
  readonly filters: readonly Filter[];
  /** False: no filter looks at request bodies, they may pass unseen. */
  readonly wantsRequestData: boolean;
  readonly wantsResponseData: boolean;
  readonly #requestHead: readonly With<"onRequestHead">[];
  readonly #requestData: readonly With<"onRequestData">[];
  readonly #responseHead: readonly With<"onResponseHead">[];
  readonly #responseData: readonly With<"onResponseData">[];
  readonly #end: readonly With<"onEnd">[];
  readonly #changesRequest: readonly With<"changesRequest">[];
  readonly #changesResponse: readonly With<"changesResponse">[];
  /** Those that look at bodies or change them. */
  readonly #bodyFilters: readonly Filter[];

  constructor(filters: readonly Filter[]) {
    this.filters = filters;
    this.#requestHead = having(filters, "onRequestHead");
    this.#requestData = having(filters, "onRequestData");
    this.#responseHead = having(filters, "onResponseHead").reverse();
    this.#responseData = having(filters, "onResponseData").reverse();
    this.#end = having(filters, "onEnd");
    this.#changesRequest = having(filters, "changesRequest");
    this.#changesResponse = having(filters, "changesResponse");
    this.#bodyFilters = filters.filter((one) => one.changesRequest ?? one.changesResponse ?? one.onRequestData ?? one.onResponseData);
    this.wantsRequestData = this.#requestData.length > 0;
    this.wantsResponseData = this.#responseData.length > 0;
  }

  /** @param from 0, or the position of the step before. */
  requestHead(x: LiveExchange, from: number): Step {
    const filters = this.#requestHead;
    for (let at = from; at < filters.length; at++) {
      const said = filters[at]!.onRequestHead(x);
      if (said !== verdict.continue) return stepAt(at, said);
    }
    return verdict.continue;
  }

  /** @param data Valid during the call only. @param from As in {@link Chain.requestHead}. */
  requestData(x: LiveExchange, data: Uint8Array, last: boolean, from: number): Step {
    const filters = this.#requestData;
    for (let at = from; at < filters.length; at++) {
      const said = filters[at]!.onRequestData(x, data, last);
      if (said !== verdict.continue) return stepAt(at, said);
    }
    return verdict.continue;
  }

  /** @param from As in {@link Chain.requestHead}. */
  responseHead(x: LiveExchange, from: number): Step {
    const filters = this.#responseHead;
    for (let at = from; at < filters.length; at++) {
      const said = filters[at]!.onResponseHead(x);
      if (said !== verdict.continue) return stepAt(at, said);
    }
    return verdict.continue;
  }

  /** @param data Valid during the call only. @param from As in {@link Chain.requestHead}. */
  responseData(x: LiveExchange, data: Uint8Array, last: boolean, from: number): Step {
    const filters = this.#responseData;
    for (let at = from; at < filters.length; at++) {
      const said = filters[at]!.onResponseData(x, data, last);
      if (said !== verdict.continue) return stepAt(at, said);
    }
    return verdict.continue;
  }

  /** A filter changes this request's body: without one, those that only look need no stages. */
  changesRequest(x: LiveExchange): boolean {
    for (const filter of this.#changesRequest) if (filter.changesRequest(x)) return true;
    return false;
  }

  /** The same of its answer's. */
  changesResponse(x: LiveExchange): boolean {
    for (const filter of this.#changesResponse) if (filter.changesResponse(x)) return true;
    return false;
  }

  /** The stages of a request's body, first to last. Built from the end, as each knows the next. */
  requestStages(x: LiveExchange, end: BodySink): BodyStage[] {
    const made: BodyStage[] = [];
    for (let at = this.#bodyFilters.length - 1; at >= 0; at--) {
      const filter = this.#bodyFilters[at]!;
      const next = made[0] ?? end;
      if (filter.changesRequest?.(x)) made.unshift(filter.changeRequest!(x, next));
      else if (filter.onRequestData) made.unshift(new ObserverStage(x, filter.onRequestData.bind(filter), next));
    }
    return made;
  }

  /** The same of an answer's body, which passes the filters in the opposite order. */
  responseStages(x: LiveExchange, end: BodySink): BodyStage[] {
    const made: BodyStage[] = [];
    for (const filter of this.#bodyFilters) {
      const next = made[0] ?? end;
      if (filter.changesResponse?.(x)) made.unshift(filter.changeResponse!(x, next));
      else if (filter.onResponseData) made.unshift(new ObserverStage(x, filter.onResponseData.bind(filter), next));
    }
    return made;
  }

  /** Call it once for each exchange whose `requestHead` was begun. */
  end(x: LiveExchange): void {
    for (const filter of this.#end) filter.onEnd(x);
  }
}

function stepAt(at: number, said: Verdict): Step {
  return ((at + 1) << 2) | said;
}

function having<Name extends keyof Filter>(filters: readonly Filter[], name: Name): With<Name>[] {
  return filters.filter((filter): filter is With<Name> => filter[name] !== undefined);
}
