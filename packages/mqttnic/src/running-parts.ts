/** What works at a broker's side, by its configuration: bridges, the mesh, NATS, aggregates and `$SYS`. @module */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import type { Log } from "@mitsu/cli";
import type { MqttnicBridge } from "@mitsu/ipc";
import type { RunningAggregate } from "./aggregate/aggregate.ts";
import { systemClock } from "./aggregate/clock.ts";
import type { RunningBridge } from "./bridge/bridge.ts";
import type { RunningMesh } from "./bridge/mesh.ts";
import type { RunningNats } from "./bridge/nats.ts";
import type { Core } from "./broker/core.ts";
import type { AggregateConfig, BridgeConfig, BrokerConfig } from "./config/broker-config.ts";

/** All of them. Modules that a configuration does not ask for are not loaded. */
export class RunningParts {
  readonly #core: Core;
  readonly #log: Log;
  /** No other broker may have it, also not one on this node. */
  readonly #brokerId = randomUUID();
  readonly #bridges = new Map<string, { readonly bridge: RunningBridge; config: BridgeConfig }>();
  readonly #aggregates = new Map<string, { readonly aggregate: RunningAggregate; readonly config: AggregateConfig }>();
  #mesh: RunningMesh | undefined;
  #nats: { readonly running: RunningNats; readonly config: BrokerConfig["nats"] } | undefined;
  #sys: { readonly end: () => void; readonly intervalMs: number } | undefined;

  constructor(core: Core, log: Log) {
    this.#core = core;
    this.#log = log;
    core.bridges = () => this.status();
  }

  /** Starts what is new, stops what is gone, and changes what is there. @throws {MitsuError} for what cannot work; the rest goes on. */
  async configure(config: BrokerConfig): Promise<void> {
    const alsoWanted = config.aggregates.map(({ filter }) => filter);
    await this.#configureSys(config.sysIntervalMs);
    await this.#configureAggregates(config.aggregates);
    await this.#configureBridges(config.bridges);
    if (config.mesh) {
      if (this.#mesh) await this.#mesh.reload(config.mesh, alsoWanted);
      else {
        const { startMesh } = await import("./bridge/mesh.ts");
        this.#mesh = startMesh(this.#core, config.mesh, { log: this.#log, readFile: readFileSync, alsoWanted });
      }
    } else {
      await this.#mesh?.stop();
      this.#mesh = undefined;
    }
    if (isDeepStrictEqual(this.#nats?.config, config.nats)) return;
    await this.#nats?.running.stop();
    this.#nats = undefined;
    if (!config.nats) return;
    const { startNats } = await import("./bridge/nats.ts");
    const context = { log: this.#log, brokerId: this.#brokerId, readFile: readFileSync, alsoWanted };
    this.#nats = { running: startNats(this.#core, config.nats, context), config: config.nats };
  }

  /** Bridges, peers and NATS. */
  status(): MqttnicBridge[] {
    return [
      ...[...this.#bridges.values()].map(({ bridge }) => bridge.status()),
      ...(this.#mesh?.status() ?? []),
      ...(this.#nats ? [this.#nats.running.status()] : []),
    ];
  }

  async stop(): Promise<void> {
    this.#sys?.end();
    for (const { aggregate } of this.#aggregates.values()) aggregate.stop();
    await Promise.all([...[...this.#bridges.values()].map(({ bridge }) => bridge.stop()), this.#mesh?.stop(), this.#nats?.running.stop()]);
  }

  async #configureSys(intervalMs: number): Promise<void> {
    if (this.#sys?.intervalMs === intervalMs) return;
    this.#sys?.end();
    this.#sys = undefined;
    if (intervalMs === 0) return;
    const { startSysTopics } = await import("./sys-topics.ts");
    const end = startSysTopics(this.#core, intervalMs, systemClock, () => this.#core.counters);
    this.#sys = { end, intervalMs };
  }

  async #configureAggregates(wanted: readonly AggregateConfig[]): Promise<void> {
    for (const [name, { aggregate, config }] of this.#aggregates) {
      if (wanted.some((one) => isDeepStrictEqual(one, config))) continue;
      aggregate.stop();
      this.#aggregates.delete(name);
    }
    const added = wanted.filter(({ name }) => !this.#aggregates.has(name));
    if (added.length === 0) return;
    const { startAggregate } = await import("./aggregate/aggregate.ts");
    for (const config of added) this.#aggregates.set(config.name, { aggregate: startAggregate(this.#core, config, systemClock), config });
  }

  async #configureBridges(wanted: readonly BridgeConfig[]): Promise<void> {
    for (const [name, known] of this.#bridges) {
      const next = wanted.find((one) => one.name === name);
      if (!next) {
        this.#bridges.delete(name);
        await known.bridge.stop({ forget: true });
      } else if (!isDeepStrictEqual(next, known.config)) {
        known.bridge.reload(next);
        known.config = next;
      }
    }
    const added = wanted.filter(({ name }) => !this.#bridges.has(name));
    if (added.length === 0) return;
    const { startBridge } = await import("./bridge/bridge.ts");
    const context = { log: this.#log, brokerId: this.#brokerId, readFile: readFileSync };
    for (const config of added) this.#bridges.set(config.name, { bridge: startBridge(this.#core, config, context), config });
  }
}
