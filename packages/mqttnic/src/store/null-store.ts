/** The store of `--persistence off`. @module */
import type { Store } from "./store.ts";

const nothing = (): void => {};

/** A store that keeps nothing and finds nothing. */
export function nullStore(): Store {
  return {
    sessions: () => [],
    retained: () => [],
    putSession: nothing,
    deleteSession: nothing,
    putSubscription: nothing,
    deleteSubscription: nothing,
    putDelivery: nothing,
    updateDelivery: nothing,
    deleteDelivery: nothing,
    addReceived: nothing,
    deleteReceived: nothing,
    putRetained: nothing,
    deleteRetained: nothing,
    commit: nothing,
    sizeBytes: () => 0,
    compact: nothing,
    close: nothing,
  };
}
