/**
 * One exchange at one filter in WebAssembly: what the guest sees of it, and what its answers do to it. A few lines over 300: both ways of an exchange,
 * and every way to end one, have to agree on who waits for whom.
 * @module
 */
import {
  type Action,
  action,
  type BodyAction,
  type BufferType,
  type ByteBuffer,
  bodyAction,
  bufferType,
  type FieldMap,
  FilterTrap,
  type HttpContext,
  type LocalResponse,
  type MapType,
  mapType,
  type StreamHost,
  type StreamType,
  streamType,
} from "@mitsu/proxy-wasm";
import type { BodySink, BodyStage } from "../filters/body-stage.ts";
import { flag, type Half, type Kept, type LiveExchange, type OwnAnswer, type Verdict, verdict } from "../live-exchange.ts";
import { BodyPart, type BodyPartOwner } from "./body-part.ts";
import type { FilterMachine, MachineStream } from "./filter-machine.ts";
import { requestFields, responseFields, type SentHeads } from "./head-fields.ts";
import { getProperty, setProperty } from "./set-properties.ts";
import { exchangeProperty } from "./stream-properties.ts";

/** What one way of the exchange waits for. */
interface Way {
  readonly half: Half;
  /** The guest has stopped the head. */
  held: boolean;
  /** A callback is at work. */
  calling: boolean;
  /** The guest said in it that it goes on. */
  resumed: boolean;
  body: BodyPart | null;
}

const way = (half: Half): Way => ({ half, held: false, calling: false, resumed: false, body: null });

/** See the module. */
export class HttpStream implements StreamHost, MachineStream, Kept, SentHeads, BodyPartOwner {
  place = -1;
  readonly keeper: object;
  readonly machine: FilterMachine;
  requestSent = false;
  responseSent = false;
  readonly #x: LiveExchange;
  /** Null until the request's head is shown: the guest may fail in its creation already. */
  #context: HttpContext | null = null;
  readonly #request: Way = way("request");
  readonly #response: Way = way("response");
  #requestFields: FieldMap | null = null;
  #responseFields: FieldMap | null = null;
  #seesResponse = false;
  /** It has answered the exchange itself. */
  #answered = false;
  /** The guest is gone, and the exchange goes on without it. */
  #open = false;
  #ended = false;

  /** @param keeper The filter whose part of the exchange this is. */
  constructor(x: LiveExchange, machine: FilterMachine, keeper: object) {
    this.keeper = keeper;
    this.#x = x;
    this.machine = machine;
    machine.began(this);
  }

  // ── Called by the chain ──────────────────────────────────────────────────────────────────────────────────────────────────────

  requestHead(): Verdict {
    return this.#head(this.#request, "requestHeaders", this.#x.requestHasBody);
  }

  responseHead(): Verdict {
    // Its own answer to a request is shown to it as any other, one in the place of an answer that it has seen is not.
    if (this.#seesResponse || this.#open || this.machine.plugin.trapped !== null) return verdict.continue;
    this.#seesResponse = true;
    this.requestSent = true;
    return this.#head(this.#response, "responseHeaders", this.#x.responseHasBody);
  }

  get changesRequest(): boolean {
    const { requestBody, requestTrailers } = this.machine.plugin.callbacks;
    return !this.#open && (requestBody || requestTrailers);
  }

  get changesResponse(): boolean {
    const { responseBody, responseTrailers } = this.machine.plugin.callbacks;
    return !this.#open && !this.#answered && (responseBody || responseTrailers);
  }

  changeRequest(next: BodySink): BodyStage {
    return this.#stage(this.#request, next);
  }

  changeResponse(next: BodySink): BodyStage {
    return this.#stage(this.#response, next);
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.requestSent = this.responseSent = true;
    this.#request.body?.end();
    this.#response.body?.end();
    try {
      this.#context?.end();
    } catch (error) {
      if (!(error instanceof FilterTrap)) throw error;
    }
    this.machine.ended(this, this.#x.response?.status ?? 0);
  }

  /** The machine has trapped, in whatever callback: what waits for the guest would wait for ever. */
  onTrap(): void {
    if (this.#ended || this.#open || this.#answered) return;
    this.#fail();
  }

  #head(one: Way, callback: "requestHeaders" | "responseHeaders", hasBody: boolean): Verdict {
    const shown = this.#answered;
    const said = this.#call(one, callback, 0, !hasBody) as Action | null;
    if (this.#answered && !shown) return verdict.respond;
    // An answer of its own cannot be held back.
    if (said === null || shown) return verdict.continue;
    if (one.resumed || said === action.continue || said === action.endStream) {
      if (one === this.#request) this.#requestPassed();
      return verdict.continue;
    }
    one.held = true;
    if (said === action.stopAllIterationAndBuffer) this.#x.buffer(one.half, this.machine.plugin.options.limits.bodyBytes);
    return verdict.stop;
  }

  #stage(one: Way, next: BodySink): BodyStage {
    one.body = new BodyPart(this, one.half, next, this.machine.plugin.options.limits.bodyBytes);
    return one.body;
  }

  onBody(half: Half, size: number, last: boolean): BodyAction | null {
    if (this.#answered) return null;
    const one = this.#way(half);
    const said = this.#call(one, half === "request" ? "requestBody" : "responseBody", size, last) as BodyAction | null;
    if (said === null || this.#answered) return null;
    return one.resumed ? bodyAction.continue : said;
  }

  onTrailers(half: Half): boolean | null {
    if (this.#answered) return null;
    const one = this.#way(half);
    const said = this.#call(one, half === "request" ? "requestTrailers" : "responseTrailers", 0, true);
    return said === null || this.#answered ? null : one.resumed || said === action.continue;
  }

  onTooLong(half: Half): void {
    this.#answer(half === "request" ? requestTooLong : responseTooLong);
  }

  onRoom(half: Half): void {
    this.#x.resume(half);
  }

  #way(half: Half): Way {
    return half === "request" ? this.#request : this.#response;
  }

  /** Runs a callback. @returns What it says; null when there is nothing to be heeded: the exchange was answered, or the guest has failed. */
  #call(one: Way, callback: keyof HttpContext, size: number, last: boolean): number | null {
    if (this.#open || this.#ended) return null;
    one.calling = true;
    one.resumed = false;
    const fromMs = this.machine.sampled() ? performance.now() : 0;
    try {
      const said = this.#ask(callback, size, last);
      if (fromMs > 0) this.machine.took((performance.now() - fromMs) * 1e6);
      return said;
    } catch (error) {
      if (!(error instanceof FilterTrap)) throw error;
      this.#fail();
      return null;
    } finally {
      one.calling = false;
    }
  }

  #ask(callback: keyof HttpContext, size: number, last: boolean): number {
    switch (callback) {
      case "requestHeaders":
        this.#context = this.machine.plugin.openHttp(this);
        return this.#context.requestHeaders(last);
      case "responseHeaders":
        return this.#context!.responseHeaders(last);
      case "requestBody":
        return this.#context!.requestBody(size, last);
      case "responseBody":
        return this.#context!.responseBody(size, last);
      case "requestTrailers":
        return this.#context!.requestTrailers();
      case "responseTrailers":
        return this.#context!.responseTrailers();
    }
    return action.continue;
  }

  #requestPassed(): void {
    // With a stage of its own in the body's way the head may still wait for the body; without, it goes now.
    const { requestBody } = this.machine.plugin.callbacks;
    if (!requestBody || !this.#x.requestHasBody) this.requestSent = true;
  }

  #fail(): void {
    if (this.machine.onFailure === "closed") {
      this.#answer({ status: 500, flag: flag.filterFailed, body: `filter ${this.machine.name} failed` });
      return;
    }
    this.#open = true;
    for (const one of [this.#request, this.#response]) {
      one.body?.letPass();
      if (!one.held) continue;
      one.held = false;
      this.#x.resume(one.half);
    }
  }

  #answer(answer: OwnAnswer): void {
    this.#answered = true;
    this.#request.held = this.#response.held = false;
    this.#x.respond(answer);
  }

  // ── Called by the guest ──────────────────────────────────────────────────────────────────────────────────────────────────────

  fields(map: MapType): FieldMap | null {
    switch (map) {
      case mapType.requestHeaders:
        this.#requestFields ??= requestFields(this.#x.request, this);
        return this.#requestFields;
      case mapType.responseHeaders: {
        const { response } = this.#x;
        if (response === null) return null;
        this.#responseFields ??= responseFields(response, this);
        return this.#responseFields;
      }
      case mapType.requestTrailers:
        return this.#request.body?.trailerFields ?? null;
      case mapType.responseTrailers:
        return this.#response.body?.trailerFields ?? null;
      default:
        return null;
    }
  }

  buffer(type: BufferType): ByteBuffer | null {
    if (type === bufferType.requestBody) return this.#request.body?.buffer ?? null;
    if (type === bufferType.responseBody) return this.#response.body?.buffer ?? null;
    return null;
  }

  property(path: readonly string[]): Uint8Array | undefined {
    // What is built in cannot be overwritten.
    return exchangeProperty(this.#x, this.machine.trustDomain, path) ?? getProperty(this.#x, path);
  }

  setProperty(path: readonly string[], value: Uint8Array): boolean {
    return setProperty(this.#x, path, value);
  }

  respond({ status, headers, body, grpcStatus }: LocalResponse): boolean {
    if (this.#ended || this.#answered) return true;
    const isGrpc = grpcStatus >= 0 && (this.#x.request.get("content-type")?.startsWith("application/grpc") ?? false);
    const usual: [string, string][] =
      body.length > 0 && !headers.some(([name]) => name === "content-type") ? [["content-type", "text/plain"]] : [];
    const own = headers.filter(([name]) => !name.startsWith(":"));
    this.#answer(
      isGrpc
        ? {
            status: 200,
            flag: flag.none,
            body: "",
            bytes: new Uint8Array(0),
            headers: [
              ...own,
              ["content-type", "application/grpc"],
              ["grpc-status", String(grpcStatus)],
              ["grpc-message", grpcMessage(body)],
            ],
          }
        : { status, flag: flag.none, body: "", bytes: body, headers: [...own, ...usual] },
    );
    return true;
  }

  resume(stream: StreamType): void {
    const one = stream === streamType.request ? this.#request : stream === streamType.response ? this.#response : null;
    if (one === null || this.#ended || this.#answered) return;
    if (one.calling) one.resumed = true;
    else if (one.held) {
      one.held = false;
      if (one === this.#request) this.#requestPassed();
      this.#x.resume(one.half);
    } else one.body?.resume();
  }

  close(): void {
    if (this.#ended) return;
    this.#answered = true;
    this.#x.reset(flag.none);
  }

  clearRoute(): void {
    this.#x.chooseAgain();
  }
}

const requestTooLong: OwnAnswer = { status: 413, flag: flag.tooLarge, body: "Payload Too Large" };
const responseTooLong: OwnAnswer = { status: 500, flag: flag.tooLarge, body: "the answer is longer than its filter may hold back" };

/** Percent-encoded, as gRPC wants it. */
function grpcMessage(body: Uint8Array): string {
  return Buffer.from(body)
    .toString("latin1")
    .replace(/[^ -$&-~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`);
}
