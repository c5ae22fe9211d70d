/** A context as host functions see it: the root, one HTTP exchange, or one TCP connection. @module */
import type { StreamHost } from "./stream.ts";

/** Number 1 is the root context of a plugin; those of streams follow and are not used twice. */
export class GuestContext {
  readonly id: number;
  /** Null of the root context. */
  readonly stream: StreamHost | null;
  /** Nothing may be changed any more: proxy_on_log and later. */
  readOnly = false;
  /** It has sent a local response. */
  responded = false;
  ended = false;
  /** Bytes of names and values that it wrote: see `Limits.mapBytes`. */
  written = 0;

  constructor(id: number, stream: StreamHost | null) {
    this.id = id;
    this.stream = stream;
  }
}
