/** A broker in this process for a test to push at: its bounds, its clocks, its store and its plane are the test's. @module */
import { createLog, testEnv } from "@mitsu/cli";
import type { ExecutionContext } from "ava";
import type { BrokerConfig, Limits, ListenerConfig } from "../../src/config/broker-config.ts";
import { defaultConfig, defaultLimits, defaultListener } from "../../src/config/defaults.ts";
import { type BrokerOptions, type OpenedBroker, openBroker } from "../../src/open-broker.ts";
import type { Version } from "../conformance/raw-client.ts";
import { Scene } from "../conformance/suite.ts";

/** What differs from the defaults. */
export interface RigOptions {
  readonly limits?: Partial<Limits>;
  readonly config?: Partial<BrokerConfig>;
  /** One each; the first is where {@link Rig.scene} goes unless told. Their ports are chosen by the kernel. */
  readonly listeners?: readonly Partial<ListenerConfig>[];
  readonly plane?: "epoll" | "net";
  readonly clock?: BrokerOptions["clock"];
  readonly wrapStore?: BrokerOptions["wrapStore"];
}

/** The broker. */
export interface Rig {
  readonly broker: OpenedBroker;
  readonly core: OpenedBroker["core"];
  /** Clients of a listener, with topics and ids of their own. */
  scene(version?: Version, listener?: number): Scene;
  /** What it logged. */
  logged(): string;
  /** Ends it before the test does. */
  close(): Promise<void>;
}

/** Opens it; it ends with the test, which fails when it met a fault of its own. */
export async function openRig(t: ExecutionContext, options: RigOptions = {}): Promise<Rig> {
  const env = testEnv({ now: Date.now });
  const listeners = (options.listeners ?? [{}]).map((one, index) => ({ ...defaultListener, name: `listener${index}`, port: 0, ...one }));
  const config = { ...defaultConfig, ...options.config, listeners, limits: { ...defaultLimits, ...options.limits } };
  const broker = await openBroker(config, {
    dataPlane: options.plane ?? "auto",
    log: createLog(env),
    about: { version: "0.0.0", pid: process.pid, startedAtMs: Date.now(), node: "test" },
    ...(options.clock && { clock: options.clock }),
    ...(options.wrapStore && { wrapStore: options.wrapStore }),
  });
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= broker.close(0);
    return closed;
  };
  t.teardown(async () => {
    await close();
    if (/a fault of the broker's own/.test(env.err())) throw new Error(env.err());
  });
  return {
    broker,
    core: broker.core,
    scene: (version = 5, listener = 0) =>
      new Scene(
        t,
        { kind: "mqttnic", host: "127.0.0.1", port: broker.listeners[listener]!.port, webSocketPort: undefined, stop: close },
        version,
      ),
    logged: () => env.err(),
    close,
  };
}

/** Clocks that stand until they are told that time passes; the broker looks at them ten times a second. */
export function standingClock(): { readonly clock: NonNullable<BrokerOptions["clock"]>; pass(ms: number): void } {
  let passed = 0;
  const from = Date.now();
  return {
    clock: { wallMs: () => from + passed, timeMs: () => 1_000_000 + passed },
    pass: (ms) => {
      passed += ms;
    },
  };
}

/** Waits, looking at each of the broker's turns, until something holds. @throws {Error} when it does not within 20 s. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 20_000;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Numbers of 0 to n - 1, the same in each run (mulberry32). */
export function randomOf(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % n;
  };
}
