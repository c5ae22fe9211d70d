/** A stand-in for nicd under `sockhijack run`, and what it says of its connections. @module */
import type { Namespace } from "./namespace.ts";
import type { Program } from "./program.ts";
import type { Sandbox } from "./sandbox.ts";

const script = new URL("nic-relay.ts", import.meta.url).pathname;
const compileCache = new URL("../../../../../scripts/compile-cache.mjs", import.meta.url).pathname;

/** One connection as the relay saw it. */
export interface Relayed {
  readonly caller: {
    readonly service: string;
    readonly asked: { readonly service: string; readonly address: string; readonly port: number };
  } | null;
  /** A second look, which must find nothing. */
  readonly again: null;
  /** The replica it was handed on to. */
  readonly to?: string;
  /** Address of the client. */
  readonly from: string;
}

/** Starts one as a service and waits until it is registered; see `nic-relay.ts`. */
export async function startRelay(
  sandbox: Sandbox,
  port: number,
  {
    service = "nicd",
    addresses = [],
    within,
    keep = false,
  }: { readonly service?: string; readonly addresses?: readonly string[]; readonly within?: Namespace; readonly keep?: boolean } = {},
): Promise<Program> {
  const command = [process.execPath, "--import", compileCache, script, sandbox.socket, String(port), ...addresses];
  const program = sandbox.run(service, command, { within, env: { KEEP: keep ? "1" : undefined } });
  await program.says(/^registered$/m);
  return program;
}

/** The connections it has accepted so far. */
export function relayed(relay: Program): readonly Relayed[] {
  return relay.stdout
    .split("\n")
    .filter((line) => line.startsWith('{"caller"'))
    .map((line) => JSON.parse(line) as Relayed);
}
