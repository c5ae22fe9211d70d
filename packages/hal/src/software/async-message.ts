/** Asynchronous messages in software: rings in memory, and a message goes from one to the other as soon as there is room. @module */
import { type AsyncMessage, type AsyncMessageSpec, type AsyncMessageState, asyncMessage } from "../capabilities/async-message.ts";
import { MessageNetwork, type NetworkPort } from "../message-network.ts";
import { MessageRings } from "../message-rings.ts";
import { type Opened, type Provider, ProviderDevice } from "../provider-device.ts";

/** Engines as a provider; those of all devices of a network reach each other. */
export function asyncMessageProvider(
  network: MessageNetwork = new MessageNetwork(),
  entries: number = Number.POSITIVE_INFINITY,
): Provider<AsyncMessageSpec, AsyncMessage, AsyncMessageState> {
  const counts = { sent: 0, delivered: 0, received: 0 };
  return {
    capability: asyncMessage,
    entries,
    limits: { payloadBytes: 65_536 },
    // A message of 16 bytes from one engine to another, sent, received and completed, as test/costs.ts measures it on a slow core.
    cost: () => ({ ns: 300 }),
    refuses: ({ address }, { session }) => network.fault(address, session),
    open: (spec, state) => openEngine(spec, state, network, counts),
    counters: () => ({ ...counts }),
  };
}

/** Engines as a device. */
export function softwareAsyncMessage(
  entries: number = Number.POSITIVE_INFINITY,
  network: MessageNetwork = new MessageNetwork(),
  name = "software-async-message",
): ProviderDevice {
  return new ProviderDevice({ name, kind: "software", version: "1" }, [asyncMessageProvider(network, entries)]);
}

function openEngine(
  spec: AsyncMessageSpec,
  state: AsyncMessageState,
  network: MessageNetwork,
  counts: { sent: number; delivered: number; received: number },
): Opened<AsyncMessage, AsyncMessageState> {
  const rings = new MessageRings(spec, state);
  const port: NetworkPort = {
    address: spec.address,
    session: rings.session,
    accept: (from, message) => rings.accept(from, message),
    flush(to) {
      counts.delivered += rings.deliver(port, to, network);
    },
  };
  const flushAll = (): void => {
    for (const to of [...rings.receivers]) port.flush(to);
  };
  network.attach(port);
  flushAll();
  return {
    operations: {
      send(to, payload) {
        const ticket = rings.submit(to, payload);
        if (ticket === undefined) return undefined;
        counts.sent++;
        port.flush(to);
        return ticket;
      },
      completed() {
        const told = rings.takeCompleted();
        if (told.length > 0) flushAll();
        return told;
      },
      receive() {
        const message = rings.receive(network);
        if (message !== undefined) counts.received++;
        return message;
      },
    },
    export: () => rings.state(),
    close: () => network.detach(port),
  };
}
