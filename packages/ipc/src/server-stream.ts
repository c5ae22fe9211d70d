/** The server's side of one subscription: events leave as fast as the client takes them, and no faster. @module */
import { type ServerMessage, type Stream, streamCredit, toWire, validate } from "./protocol.ts";

/** One running subscription. */
export interface ServerStream {
  /** The client consumed so many events. */
  readonly credit: (events: number) => void;
  /** The client went away or lost interest. */
  readonly cancel: () => void;
}

/** What a subscription needs of its connection. */
export interface SendStreamOptions {
  readonly id: number;
  /** Of the method, for errors. */
  readonly name: string;
  readonly schema: Stream<unknown, unknown>;
  readonly source: AsyncIterable<unknown>;
  /** Aborted when the stream ends, for whatever reason. */
  readonly controller: AbortController;
  readonly send: (message: ServerMessage) => void;
  readonly onDrop: () => void;
}

/** Sends what `source` yields. */
export function sendStream({ id, name, schema, source, controller, send, onDrop }: SendStreamOptions): ServerStream {
  const { event, overflow } = schema;
  const { signal } = controller;
  let credit = streamCredit;
  let dropped = 0;
  let refilled = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => refilled.resolve());

  const pump = async () => {
    let turns = 0;
    for await (const value of source) {
      // A source that always has a next event would starve the sockets: let them run now and then.
      if (++turns % streamCredit === 0) await new Promise(setImmediate);
      while (credit === 0 && overflow === "wait" && !signal.aborted) {
        refilled = Promise.withResolvers();
        await refilled.promise;
      }
      if (signal.aborted) return;
      if (credit === 0) {
        dropped++; // the client is slow and the source must not wait for it: counted, and told with the next event
        onDrop();
        continue;
      }
      credit--;
      send({ t: "event", id, event: validate(event, value, `${name}: bad event`), ...(dropped ? { dropped } : {}) });
      dropped = 0;
    }
    send({ t: "end", id, ...(dropped ? { dropped } : {}) });
  };
  pump()
    .catch((error: unknown) => signal.aborted || send({ t: "error", id, error: toWire(error) }))
    .finally(() => controller.abort());

  return {
    credit(events) {
      credit = Math.min(credit + events, streamCredit);
      refilled.resolve();
    },
    cancel: () => controller.abort(),
  };
}
