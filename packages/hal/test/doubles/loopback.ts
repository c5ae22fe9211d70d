/** An engine whose messages come back at once, for tests. @module */
import { type AsyncMessage, type AsyncMessageSpec, type AsyncMessageState, asyncMessage } from "../../src/capabilities/async-message.ts";
import { cycleCost } from "../../src/device.ts";
import { type Provider, ProviderDevice } from "../../src/provider-device.ts";

function loopbackProvider(entries: number): Provider<AsyncMessageSpec, AsyncMessage, AsyncMessageState> {
  return {
    capability: asyncMessage,
    entries,
    limits: { payloadBytes: 64 },
    cost: () => cycleCost(4, 250),
    refuses: ({ payloadBytes }) => (payloadBytes > 64 ? `a message has 64 bytes at most, not ${payloadBytes}` : undefined),
    open({ entries: depth, address, payloadBytes }, state) {
      const received = [...state.received];
      let completed = [...state.completed];
      let nextTicket = state.nextTicket;
      return {
        operations: {
          send(_to, payload) {
            if (payload.length > payloadBytes) throw new RangeError(`${payload.length} bytes are more than ${payloadBytes}`);
            if (received.length >= depth || completed.length >= depth) return undefined;
            received.push({ from: address, payload: payload.slice() });
            completed.push(nextTicket);
            return nextTicket++;
          },
          completed() {
            const told = completed;
            completed = [];
            return told;
          },
          receive: () => received.shift(),
        },
        export: () => ({ nextTicket, sent: [], received: [...received], completed: [...completed] }),
      };
    },
  };
}

/** The engine as a device that passes for hardware. */
export function loopback(entries = 100, name = "loopback"): ProviderDevice {
  return new ProviderDevice({ name, kind: "hardware", version: "0" }, [loopbackProvider(entries)]);
}
