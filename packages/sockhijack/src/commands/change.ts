/** `attach`, `detach`, `policy check`: what changes the mesh, and what it would allow. @module */
import { type Context, print } from "@mitsu/cli";
import { exitStatus } from "@mitsu/cli/error";
import { askOrStart, daemonClient } from "../client.ts";
import { parseService, tracingOf } from "./parse-service.ts";

/** `sockhijack attach`. */
export async function attach(
  args: {
    readonly target: string;
    readonly service: string;
    readonly redirect: "auto" | "on" | "off" | undefined;
    readonly tracing: "off" | "side-band" | "header" | undefined;
    readonly sampling: number;
  },
  context: Context,
): Promise<void> {
  const { name, ports } = parseService(args.service);
  const attaching = { target: args.target, service: name, ports, redirect: args.redirect, tracing: tracingOf(args) };
  const answer = await askOrStart(context, (client) => client.call("attach", attaching, { timeoutMs: 15_000 }));
  print(context, answer, ({ cgroup, tookMs }) => `${cgroup} is ${name} (attached in ${tookMs.toFixed(1)} ms)\n`);
}

/** `sockhijack detach`. */
export async function detach({ target }: { readonly target: string }, context: Context): Promise<void> {
  using client = await daemonClient(context);
  const answer = await client.call("detach", { target }, { timeoutMs: 30_000 });
  print(context, answer, ({ cgroups, tookMs }) => cgroups.map((c) => `${c} detached in ${tookMs.toFixed(1)} ms\n`).join(""));
}

/** `sockhijack policy check`: exit status 1 when the connection would be denied. */
export async function policyCheck(
  args: { readonly from: string; readonly to: string; readonly port: number },
  context: Context,
): Promise<number> {
  using client = await daemonClient(context);
  const from = args.from === "-" ? "" : args.from;
  const answer = await client.call("policyCheck", { from, to: args.to, port: args.port });
  print(context, answer, ({ action, rule }) => `${args.from} → ${args.to}:${args.port} ${action} (${rule})\n`);
  return answer.action === "allow" ? exitStatus.ok : exitStatus.failure;
}
