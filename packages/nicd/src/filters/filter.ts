/** The interface of everything that sees or changes requests on their way: built-in functions, and WebAssembly filters. @module */
import type { LiveExchange, Verdict } from "../live-exchange.ts";
import type { BodySink, BodyStage } from "./body-stage.ts";

/**
 * One link of a chain. Request callbacks run in the chain's order, answer callbacks in the opposite one. A callback that is missing costs nothing.
 * A filter holds no state of one exchange in itself: it has many at a time.
 *
 * @example
 * ```ts
 * const teapot: Filter = {
 *   name: "teapot",
 *   onRequestHead: (x) =>
 *     x.request.path === "/tea" ? x.respond({ status: 418, flag: "", body: "short and stout" }) : verdict.continue,
 * };
 * ```
 */
export interface Filter {
  readonly name: string;
  /** The head is whole, and the route is chosen; nothing has been sent on. */
  onRequestHead?(x: LiveExchange): Verdict;
  /**
   * A piece of the body, without chunk framing. `data` is valid during the call only. `stop` holds it back, and all behind it, until `resume`,
   * within the buffer limit of the route.
   */
  onRequestData?(x: LiveExchange, data: Uint8Array, last: boolean): Verdict;
  /** The answer's head is whole, and nothing of it was sent. Not called for 1xx. */
  onResponseHead?(x: LiveExchange): Verdict;
  onResponseData?(x: LiveExchange, data: Uint8Array, last: boolean): Verdict;
  /** Whether it puts a stage into the way of this request's body. Asked when the head has passed all filters, if there is a body; makes nothing. */
  changesRequest?(x: LiveExchange): boolean;
  changesResponse?(x: LiveExchange): boolean;
  /** The stage of a filter that said so: it may change the body, hold it back, or end it with trailers. */
  changeRequest?(x: LiveExchange, next: BodySink): BodyStage;
  changeResponse?(x: LiveExchange, next: BodySink): BodyStage;
  /** The exchange is over, well or not. Called once for each exchange whose onRequestHead chain was begun. */
  onEnd?(x: LiveExchange): void;
}
