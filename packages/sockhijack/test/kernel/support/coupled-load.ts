/** nginx and wrk coupled by sockhijack: the load under which things are done to the daemon. @module */
import type { Flow } from "@mitsu/ipc";
import type { Sandbox } from "./sandbox.ts";
import type { NginxOptions } from "./servers.ts";
import { bodyOf, startNginx } from "./servers.ts";
import { Load } from "./wrk.ts";

/** How many connections the load holds. */
export const connections = 16;

/**
 * Starts both, and waits until every connection of wrk is redirected.
 *
 * @example
 * ```ts
 * const load = await coupledLoad(sandbox);
 * process.kill(await sandbox.daemonPid(), "SIGKILL");
 * t.like(await load.report(), flawless);
 * ```
 */
export async function coupledLoad(sandbox: Sandbox, options: Partial<NginxOptions> = {}): Promise<Load> {
  await startNginx(sandbox, options);
  const load = new Load(sandbox, { url: "http://web.mesh/", body: bodyOf("web"), connections });
  await allRedirected(sandbox);
  return load;
}

/** Waits until every connection of the load is redirected. */
export function allRedirected(sandbox: Sandbox): Promise<readonly Flow[]> {
  return sandbox.awaitFlows({ from: "client", to: "web", state: "redirected" }, connections);
}

/** Waits until redirected messages have flowed on each of the load's connections since `before`, or since their begin. */
export async function stillRedirecting(sandbox: Sandbox): Promise<boolean> {
  const counts = (flows: readonly Flow[]): Map<number, number> => new Map(flows.map(({ client, messages }) => [client.port, messages]));
  const before = counts(await allRedirected(sandbox));
  const after = counts(await allRedirected(sandbox));
  return [...after].every(([port, messages]) => messages > (before.get(port) ?? 0));
}
