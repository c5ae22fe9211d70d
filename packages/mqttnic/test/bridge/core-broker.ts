/** Our own broker in this process, for tests of what connects several. */
import type { ExecutionContext } from "ava";
import type { BrokerConfig, Limits } from "../../src/config/broker-config.ts";
import { defaultConfig, defaultLimits, defaultListener } from "../../src/config/defaults.ts";
import { type OpenedBroker, openBroker } from "../../src/open-broker.ts";
import { quiet } from "./mosquitto.ts";

/** Peers' proof in tests. */
export const meshSecret = "a secret of the tests";

/** A broker on a port of loopback; ended with the test. */
export async function startCore(
  t: ExecutionContext,
  options: {
    readonly node?: string;
    readonly meshNodes?: readonly string[];
    readonly limits?: Partial<Limits>;
    readonly port?: number;
    readonly path?: string;
  } = {},
): Promise<OpenedBroker & { readonly port: number }> {
  const config: BrokerConfig = {
    ...defaultConfig,
    listeners: [{ ...defaultListener, port: options.port ?? 0 }],
    limits: { ...defaultLimits, queuedMessages: 100_000, ...options.limits },
    persistence: { path: options.path, sync: false },
    sysIntervalMs: 0,
  };
  const opened = await openBroker(config, {
    dataPlane: "net",
    log: quiet,
    about: { version: "0", pid: process.pid, startedAtMs: Date.now(), node: options.node ?? "here" },
    security: { meshSecret: Buffer.from(meshSecret), meshNodes: options.meshNodes ?? [] },
  });
  let closed: Promise<void> | undefined;
  const close = (graceMs: number): Promise<void> => {
    closed ??= opened.close(graceMs);
    return closed;
  };
  t.teardown(() => close(0));
  return { ...opened, close, port: opened.listeners[0]!.port };
}
