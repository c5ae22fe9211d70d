/** Puts a broker together: security, store, data planes, listeners. @module */
import type { Log } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { Reactor } from "@mitsu/reactor";
import { Core, type CoreOptions } from "./broker/core.ts";
import type { SubscriptionLeaf } from "./broker/subscription-tree.ts";
import type { BrokerConfig } from "./config/broker-config.ts";
import type { BoundListener, DataPlane } from "./data-plane/data-plane.ts";
import { NetPlane } from "./data-plane/net-plane.ts";
import { ListenerSet } from "./listener-set.ts";
import type { Matching } from "./matching/matching.ts";
import { type MeshAccess, type OpenedSecurity, openSecurity, type SecurityOptions } from "./security/open-security.ts";
import type { Store } from "./store/store.ts";

/** What the configuration does not say. */
export interface BrokerOptions {
  /**
   * `auto` falls back to `net` where the native part cannot be loaded, and says so. `rtl` carries bytes as `auto` does and matches topics in the RTL topic
   * matcher, which the environment's `MITSU_MQTT_PLANE=rtl` adds to each of the others.
   */
  readonly dataPlane: "auto" | "epoll" | "net" | "rtl";
  readonly log: Log;
  readonly about: CoreOptions["about"];
  readonly security?: Partial<SecurityOptions>;
  /** Instead of the process's clocks. */
  readonly clock?: Pick<CoreOptions, "wallMs" | "timeMs">;
  /** Told of the store once it is open. @returns What is used in its stead. */
  readonly wrapStore?: (store: Store) => Store;
}

/** A broker that listens. */
export interface OpenedBroker {
  readonly core: Core;
  readonly security: OpenedSecurity;
  readonly listeners: readonly BoundListener[];
  /**
   * Takes another configuration over: listeners that are new are opened, those gone are closed, files are read again.
   *
   * @param mesh - By what peers are known; as before unless given.
   * @throws {MitsuError} and leaves all as it was.
   */
  configure(config: BrokerConfig, mesh?: MeshAccess): Promise<void>;
  /** Says good-bye to all clients and ends. */
  close(graceMs: number): Promise<void>;
}

/**
 * Opens all of it, or nothing.
 *
 * @throws {MitsuError} what is wrong with a file, a port or the store.
 * @example
 * ```ts
 * const broker = await openBroker(defaultConfig, { dataPlane: "auto", log, about });
 * ```
 */
export async function openBroker(config: BrokerConfig, options: BrokerOptions): Promise<OpenedBroker> {
  const { log, about } = options;
  const matchesInRtl = asksForRtl(options);
  const security = await openSecurity(config.security, { meshSecret: undefined, meshNodes: [], ...options.security });
  const store = config.persistence.path === undefined ? undefined : await openStoreAt(config.persistence.path, config.persistence.sync);
  const matching = matchesInRtl ? await openRtlMatching(log) : undefined;
  const core = new Core({
    config,
    security,
    store: store && (options.wrapStore?.(store) ?? store),
    matching,
    log,
    about,
    ...options.clock,
  });
  const planes: { plane: DataPlane; stop: () => Promise<void> }[] = [];
  const listeners = new ListenerSet(() => planes.map(({ plane }) => plane));
  core.listening = () => listeners.bound;
  let configuring: Promise<void> = Promise.resolve();
  const configure = async (next: BrokerConfig, mesh: MeshAccess | undefined): Promise<void> => {
    const access = await security.prepare(next.security, mesh);
    try {
      await listeners.change(next.listeners);
    } catch (error) {
      access.abandon();
      throw error;
    }
    access.take();
    core.configure(next);
  };
  try {
    const epoll = options.dataPlane === "net" ? undefined : await openEpollPlane(core, options);
    if (epoll) planes.push(epoll);
    const net = new NetPlane(
      core.events(() => net),
      {
        onRefused: (_listener, reason) => core.counters.refused(reason),
        ...(config.limits.connectWithinMs > 0 && { openWithinMs: config.limits.connectWithinMs }),
        ...(config.limits.packetBytes > 0 && { webSocketMessageBytes: 2 * config.limits.packetBytes }),
      },
    );
    core.addPlane(net, (identity) => net.openStream(identity));
    planes.push({ plane: net, stop: () => net.stop() });
    await listeners.change(config.listeners);
    return {
      core,
      security,
      get listeners() {
        return listeners.bound;
      },
      configure: (next, mesh) => {
        // One after the other: two at once would each undo the other's.
        const turn = configuring.then(() => configure(next, mesh));
        configuring = turn.catch(() => {});
        return turn;
      },
      close: async (graceMs) => {
        // A listener may be closed only once its connections are.
        const closed = listeners.close();
        await core.drain(graceMs);
        for (const { stop } of planes) await stop();
        await closed;
        core.close();
        matching?.close();
        security.close();
      },
    };
  } catch (error) {
    await listeners.close().catch(() => {});
    for (const { stop } of planes) await stop();
    core.close();
    matching?.close();
    security.close();
    throw error;
  }
}

/** @throws {MitsuError} `ERR_MQTT_CONFIG` for another value of the variable than is known. */
function asksForRtl({ dataPlane }: BrokerOptions): boolean {
  const { MITSU_MQTT_PLANE: plane = "" } = process.env;
  if (plane !== "" && plane !== "rtl")
    throw new MitsuError(`MITSU_MQTT_PLANE=${plane}: there is no such plane to be added`, {
      code: "ERR_MQTT_CONFIG",
      exit: exitStatus.config,
      hint: "it is rtl, or not set; the others are chosen by --data-plane",
    });
  return dataPlane === "rtl" || plane === "rtl";
}

/** Modules that only this plane needs are not loaded for others. */
async function openRtlMatching(log: Log): Promise<Matching<SubscriptionLeaf>> {
  const { openMatching } = await import("./matching/matching.ts");
  return openMatching<SubscriptionLeaf>(log);
}

async function openStoreAt(path: string, sync: boolean): Promise<Store> {
  const { openStore } = await import("./store/open-store.ts");
  return openStore(path, { sync });
}

/** The quick plane; undefined where it is not possible and need not be. */
async function openEpollPlane(
  core: Core,
  { dataPlane, log }: BrokerOptions,
): Promise<{ plane: DataPlane; stop: () => Promise<void> } | undefined> {
  let reactor: Reactor | undefined;
  try {
    const [{ EpollPlane }, { Reactor: Made }] = await Promise.all([import("./data-plane/epoll-plane.ts"), import("@mitsu/reactor")]);
    reactor = await Made.open();
    const plane: DataPlane & { stop(): Promise<void> } = EpollPlane.open(
      reactor,
      core.events(() => plane),
    );
    const running = reactor;
    running.onFault = (error) => log.error("a fault of the broker's own", { error });
    running.run();
    core.addPlane(plane);
    return {
      plane,
      stop: async () => {
        await plane.stop();
        await running.stop();
      },
    };
  } catch (error) {
    await reactor?.stop();
    if (dataPlane === "epoll") throw error;
    log.warn("the epoll data plane is not possible here; Node's own sockets are used, which is slower", { error });
    core.degraded.add("data plane is net: the native part could not be loaded");
    return undefined;
  }
}
