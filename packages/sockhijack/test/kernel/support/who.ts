/** Servers that say who they are, to see which one was reached. @module */
import type { Namespace } from "./namespace.ts";
import type { Program } from "./program.ts";
import type { Sandbox } from "./sandbox.ts";
import { python } from "./servers.ts";

const script = new URL("who.py", import.meta.url).pathname;

/** Command of a server that names itself; see `who.py`. */
export function who(
  name: string,
  port: number | readonly number[],
  { protocol = "tcp", address = "::" }: { readonly protocol?: "tcp" | "udp"; readonly address?: string } = {},
): string[] {
  return [python, "-u", script, name, protocol, address, ...[port].flat().map(String)];
}

/** Starts one under `run` and waits until it is a replica. */
export async function startWho(
  sandbox: Sandbox,
  service: string,
  command: readonly string[],
  { replicas = 1, within }: { readonly replicas?: number; readonly within?: Namespace } = {},
): Promise<Program> {
  const program = sandbox.run(service, command, { within });
  await program.says(/^ready/m);
  await sandbox.serving(service.split(":")[0]!, replicas);
  return program;
}
