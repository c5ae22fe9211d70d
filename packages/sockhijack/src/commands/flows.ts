/** `sockhijack flows` and `explain`: every connection of attached programs, and why it is carried as it is. @module */
import { type Column, type Context, formatBytes, json as jsonText, onSignals, table, watch } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { Flow } from "@mitsu/ipc";
import { daemonClient } from "../client.ts";

/** Arguments of `flows`. */
export interface FlowsArgs {
  readonly service: string | undefined;
  readonly watch: boolean;
  readonly intervalMs: number;
}

const end = ({ service, address, port }: Flow["client"]): string =>
  `${service || "-"} ${address.includes(":") ? `[${address}]` : address}:${port}`;

const columns: readonly Column<Flow>[] = [
  { header: "CLIENT", value: (f) => end(f.client) },
  { header: "SERVER", value: (f) => end(f.server) },
  { header: "STATE", value: (f) => f.state },
  { header: "REASON", value: (f) => (f.state === "redirected" && f.reason === "redirected" ? "" : f.reason) },
  { header: "OUT", value: (f) => formatBytes(f.bytesOut), align: "right" },
  { header: "IN", value: (f) => formatBytes(f.bytesIn), align: "right" },
  { header: "REDIRECTED", value: (f) => `${(f.redirectedShare * 100).toFixed(1)} %`, align: "right" },
  { header: "MESSAGES", value: (f) => String(f.messages), align: "right" },
  { header: "LATENCY", value: (f) => (f.latencyUs === null ? "-" : `${f.latencyUs.toFixed(1)} µs`), align: "right" },
];

/** `sockhijack flows`. */
export async function run(args: FlowsArgs, { env, json, socket }: Context): Promise<void> {
  using client = await daemonClient({ socket });
  const flows = async (): Promise<readonly Flow[]> => (await client.call("flows", { service: args.service })).flows;
  const block = async (): Promise<string> => {
    const all = await flows();
    return all.length === 0 ? "no open connections of attached programs\n" : table(all, columns, env.stdout);
  };
  if (args.watch) {
    using signals = onSignals(env);
    return watch(env, block, { intervalMs: args.intervalMs, signal: signals.signal });
  }
  if (json) env.stdout.write(jsonText({ flows: await flows() }));
  else env.stdout.write(await block());
}

/** Finds one flow by `port`, `address:port`, or both ends. */
export async function explain({ flow }: { readonly flow: string }, { env, json, socket }: Context): Promise<void> {
  using client = await daemonClient({ socket });
  const wanted = flow.split(/[\s,]+|->|→/).filter(Boolean);
  const names = (f: Flow): string[] =>
    [f.client, f.server].flatMap(({ service, address, port }) => [service, String(port), `${address}:${port}`, `[${address}]:${port}`]);
  const found = (await client.call("flows", {})).flows.filter((f) => wanted.every((part) => names(f).includes(part)));
  if (found.length === 0) {
    throw new MitsuError(`no open connection matches ${JSON.stringify(flow)}`, {
      code: "ERR_FLOW_UNKNOWN",
      exit: exitStatus.data,
      hint: "name it by a port, address:port or a service; see them all with `sockhijack flows`",
    });
  }
  if (json) return env.stdout.write(jsonText({ flows: found }));
  for (const f of found) {
    env.stdout.write(`${end(f.client)} → ${end(f.server)}\n  ${f.state}: ${f.explanation} (${f.reason})\n`);
    if (f.asked !== null) env.stdout.write(`  the program asked for ${f.asked}\n`);
    if (f.askedService !== null)
      env.stdout.write(`  of ${f.askedService}, whose connections pass nicd: what nicd sends on is a connection of its own\n`);
    env.stdout.write(
      `  ${formatBytes(f.bytesOut)} out, ${formatBytes(f.bytesIn)} in, ${(f.redirectedShare * 100).toFixed(1)} % redirected; ${f.messages} messages redirected, ${f.passed} by TCP while coupled, ${f.segments} TCP segments\n`,
    );
  }
}
