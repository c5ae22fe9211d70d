/** Asynchronous messages by the engines of rtl/async_mesh.sv, behind the same interface as in software. @module */
import {
  type AsyncMessage,
  type AsyncMessageSpec,
  type AsyncMessageState,
  asyncMessage,
  cycleCost,
  goneError,
  MessageNetwork,
  MessageRings,
  type NetworkPort,
  type Opened,
  type Provider,
  ProviderDevice,
} from "@mitsu/hal";
import { AsyncMesh } from "../../models/async_mesh.ts";
import { beats, framesOf, mostPayloadBytes } from "./async-message-lane.ts";
import { MeshDriver, MeshNode, meshShape } from "./async-message-mesh.ts";

/** The clock that costs are stated at, in MHz: an assumption, as the mesh was not placed and routed. */
export const meshClockMhz = 100;

/** Cycles that pass in a call: the mesh runs only while its hosts look at it. */
const callCycles = 16;

/** How the device is made. */
export interface AsyncMeshOptions {
  /** Among the devices of a placement; `rtl-async-mesh` unless told. */
  readonly name?: string;
  /** {@link meshClockMhz} unless told. */
  readonly clockMhz?: number;
  /** Cycles of each link, 1 to 255; 4 unless told. */
  readonly latency?: number;
  /** Which engines of other devices are within reach; none unless told. */
  readonly network?: MessageNetwork;
}

/**
 * The mesh as a provider: four engines, with rings of up to 64 messages. It resets the model.
 * Engines on the mesh reach each other by it, those of other devices of the network by the host's memory.
 * What a message costs is the cycles that it keeps its sender's link busy, with its frame.
 *
 * @param failed Called when the model ended: it is not asked again.
 */
export function asyncMessageProvider(
  model: AsyncMesh,
  {
    name = "rtl-async-mesh",
    clockMhz = meshClockMhz,
    latency = 4,
    network = new MessageNetwork(),
    failed,
  }: AsyncMeshOptions & { readonly failed?: (error: unknown) => void } = {},
): Provider<AsyncMessageSpec, AsyncMessage, AsyncMessageState> {
  if (!(clockMhz > 0)) throw new RangeError(`a clock is more than 0 MHz, not ${clockMhz}`);
  if (!Number.isInteger(latency) || latency < 1 || latency > 255) throw new RangeError(`a link has 1 to 255 cycles, not ${latency}`);
  const driver = new MeshDriver(model, latency);
  const counts = { sent: 0, received: 0, handed: 0 };
  const routes = (to: number): number => driver.engineOf(network.at(to));
  let isGone = false;
  const run = (until?: MeshNode): void => {
    if (isGone) throw goneError(name);
    try {
      driver.run(callCycles, routes, until);
    } catch (error) {
      isGone = true;
      failed?.(error);
      throw goneError(name, error);
    }
  };
  return {
    capability: asyncMessage,
    entries: meshShape.nodes * meshShape.depth,
    limits: { engines: meshShape.nodes, entriesOfEngine: meshShape.depth, payloadBytes: mostPayloadBytes },
    cost: (spec) => cycleCost(beats * framesOf(spec?.payloadBytes ?? 16), clockMhz),
    refuses({ entries, address, payloadBytes }, { session }) {
      if (entries > meshShape.depth) return `a ring has ${meshShape.depth} messages at most, not ${entries}`;
      if (payloadBytes > mostPayloadBytes) return `a message has ${mostPayloadBytes} bytes at most, not ${payloadBytes}`;
      return driver.hasRoom ? network.fault(address, session) : `all ${meshShape.nodes} engines are in use`;
    },
    open: (spec, state) => openEngine(spec, state),
    counters: () => ({ ...counts, ...driver.counts }),
  };

  function openEngine(spec: AsyncMessageSpec, state: AsyncMessageState): Opened<AsyncMessage, AsyncMessageState> {
    const rings = new MessageRings(spec, state);
    const port: NetworkPort = {
      address: spec.address,
      session: rings.session,
      accept: (from, message) => rings.accept(from, message),
      flush(to) {
        // On the mesh it goes in with the next cycles.
        if (routes(to) < 0) counts.handed += rings.deliver(port, to, network);
      },
    };
    const flushAll = (): void => {
      for (const to of [...rings.receivers]) port.flush(to);
    };
    const node = new MeshNode(rings, port);
    driver.join(node);
    network.attach(port);
    flushAll();
    return {
      operations: {
        send(to, payload) {
          run();
          const ticket = rings.submit(to, payload);
          if (ticket === undefined) return undefined;
          counts.sent++;
          port.flush(to);
          return ticket;
        },
        completed() {
          run();
          const told = rings.takeCompleted();
          if (told.length > 0) flushAll();
          return told;
        },
        receive() {
          let message = rings.receive(network);
          if (message === undefined) {
            node.hungry = true;
            try {
              run(node);
            } finally {
              node.hungry = false;
            }
            message = node.arrived;
            node.arrived = undefined;
          }
          if (message !== undefined) counts.received++;
          return message;
        },
      },
      export: () => rings.state(),
      close() {
        network.detach(port);
        if (isGone) return;
        try {
          driver.leave(node);
        } catch (error) {
          isGone = true;
          failed?.(error);
        }
      },
    };
  }
}

/**
 * A device over a model that nothing else uses; gone when the model fails.
 *
 * @example
 * ```ts
 * const device = asyncMessageDevice(await AsyncMesh.open());
 * const [one, other] = [1, 2].map((address) => device.install({ capability: asyncMessage, spec: { entries: 16, address, payloadBytes: 64 } }).operations);
 * one.send(2, Uint8Array.of(7));
 * other.receive(); // undefined until it has come, then { from: 1, payload: [7] }
 * ```
 */
export function asyncMessageDevice(model: AsyncMesh, options: AsyncMeshOptions = {}): ProviderDevice {
  const { name = "rtl-async-mesh" } = options;
  const device = new ProviderDevice({ name, kind: "hardware", version: "1" }, [
    asyncMessageProvider(model, { ...options, failed: () => device.setGone(true) }),
  ]);
  return device;
}

/** Opens the model and makes a device of it. @throws {MitsuError} `ERR_HDL_MODEL` where the model is not built. */
export async function openAsyncMessageDevice(options: AsyncMeshOptions = {}): Promise<ProviderDevice> {
  return asyncMessageDevice(await AsyncMesh.open(), options);
}
