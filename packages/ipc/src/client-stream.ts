/** The client's side of one subscription: a queue that its credit bounds. @module */
import { type Stream, streamCredit, validate } from "./protocol.ts";

/** Events to loop over, once. */
export interface Subscription<Event> extends AsyncIterable<Event> {
  /** Events the daemon dropped so far because this loop was slow. */
  readonly dropped: () => number;
  /** Ends it from this side. */
  readonly cancel: () => void;
}

/** What the connection calls when messages for the stream arrive. */
export interface ClientStream {
  readonly event: (event: unknown, dropped: number) => void;
  readonly end: (dropped: number) => void;
  readonly fail: (error: Error) => void;
  readonly subscription: Subscription<never>;
}

/** What the stream needs of its connection. */
export interface StreamLink {
  readonly credit: (events: number) => void;
  readonly cancel: () => void;
  readonly ended: () => void;
}

/** Consumed events are reported in lots of this many: one small message for 64 events. */
const creditLot = streamCredit / 4;

/** Makes the queue of one subscription. */
export function clientStream(name: string, { event: schema }: Stream<unknown, never>, link: StreamLink): ClientStream {
  const queue: never[] = [];
  let dropped = 0;
  let consumed = 0;
  let finished: { readonly error?: Error } | undefined;
  let wake: (() => void) | undefined;
  const finish = (end: { readonly error?: Error }) => {
    finished ??= end;
    link.ended();
    wake?.();
  };
  const cancel = () => {
    if (!finished) link.cancel();
    finish({});
  };
  async function* events(): AsyncGenerator<never, void> {
    try {
      for (;;) {
        while (queue.length) {
          yield queue.shift()!;
          if (++consumed % creditLot === 0 && !finished) link.credit(creditLot);
        }
        if (finished?.error) throw finished.error;
        if (finished) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      cancel(); // the loop was left
    }
  }
  return {
    event(value, lost) {
      dropped += lost;
      queue.push(validate(schema, value, `${name}: bad event`));
      wake?.();
    },
    end(lost) {
      dropped += lost;
      finish({});
    },
    fail: (error) => finish({ error }),
    subscription: { [Symbol.asyncIterator]: events, dropped: () => dropped, cancel },
  };
}
