/** Turns as a busy broker makes them, the same for the same number, so that a test knows what a process that was killed had written. @module */
import type { DeliveryState, Store } from "../../src/store/store.ts";
import { delivery, message, session } from "./sample.ts";

/** Where a turn leaves its number. */
export const turnTopic = "test/turn";
const clients = 6;
const states: readonly DeliveryState[] = ["queued", "sent", "pubrel"];

/** Does what belongs to a turn, without its commit. */
export function randomTurn(store: Store, turn: number): void {
  const random = randomNumbers(turn);
  const client = (): string => `client${random(clients)}`;
  store.putRetained(message({ topic: turnTopic, payload: Buffer.from(String(turn)) }));
  if (turn <= clients) store.putSession(session(`client${turn - 1}`));
  for (let step = 0, steps = 1 + random(12); step < steps; step++) {
    switch (random(8)) {
      case 0: {
        const shared = message({ topic: `topic/${turn}/${step}`, payload: Buffer.alloc(random(300), turn) });
        for (let to = 0; to < clients; to++)
          store.putDelivery(`client${to}`, delivery(turn * 100 + step, { message: shared, identifiers: [to + 1] }));
        break;
      }
      case 1:
        store.putDelivery(
          client(),
          delivery(turn * 100 + step, { message: message({ topic: `one/${turn}` }), state: "sent", packetId: 1 + random(60_000) }),
        );
        break;
      case 2:
        for (let back = 0; back < 100; back++) {
          const sequence = (turn - random(8)) * 100 + random(12);
          if (random(4) > 0) store.deleteDelivery(client(), sequence);
          else store.updateDelivery(client(), sequence, states[random(3)]!, 1 + random(60_000));
        }
        break;
      case 3:
        store.addReceived(client(), 1 + random(20));
        break;
      case 4:
        store.deleteReceived(client(), 1 + random(20));
        break;
      case 5:
        store.putRetained(message({ topic: `retained/${random(50)}`, payload: Buffer.from(`${turn}/${step}`) }));
        store.deleteRetained(`retained/${random(50)}`);
        break;
      case 6:
        store.putSubscription(client(), `filter/${random(30)}`, {
          qos: 1,
          noLocal: false,
          retainAsPublished: false,
          retainHandling: 0,
          identifier: turn,
        });
        store.deleteSubscription(client(), `filter/${random(30)}`);
        break;
      default:
        if (random(10) === 0) {
          const gone = client();
          store.deleteSession(gone);
          store.putSession(session(gone, { username: `since ${turn}` }));
        }
    }
  }
}

/** Whole numbers below a bound, from a seed. [mulberry32] */
export function randomNumbers(seed: number): (below: number) => number {
  let state = (seed * 0x9e37_79b1) >>> 0;
  return (below) => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
