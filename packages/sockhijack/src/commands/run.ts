/** `sockhijack run`: starts a program as a part of a service. @module */
import type { Context } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { become } from "../become.ts";
import { askOrStart } from "../client.ts";

/** Arguments of `run`. */
export interface RunArgs {
  readonly service: string;
  readonly redirect: "auto" | "on" | "off" | undefined;
}

/** `web`, `web:8080`, `web:80:8080`, `web:8080,9090`, `dns:53/udp` → the service and its ports. */
export function parseService(text: string): { readonly name: string; readonly ports: string[] } {
  const colon = text.indexOf(":");
  const name = colon < 0 ? text : text.slice(0, colon);
  const ports = colon < 0 ? [] : text.slice(colon + 1).split(",");
  const isPort = (n: string): boolean => Number(n) >= 1 && Number(n) <= 65535;
  const isMapping = (p: string): boolean => /^\d+(:\d+)?(\/(tcp|udp))?$/.test(p) && p.replace(/\/.*/, "").split(":").every(isPort);
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name) || !ports.every(isMapping)) {
    throw new MitsuError(`--service ${text}: expected NAME, NAME:PORT or NAME:PORT:TARGET`, {
      code: "ERR_SERVICE_NAME",
      exit: exitStatus.usage,
      hint: "for example web:8080, or web:80:8080,53/udp; names are lower-case letters, digits and hyphens",
    });
  }
  return { name, ports };
}

/** `sockhijack run`. */
export async function run(args: RunArgs, context: Context): Promise<number> {
  const { name, ports } = parseService(args.service);
  if (context.passthrough.length === 0) {
    throw new MitsuError("nothing to run", {
      code: "ERR_USAGE",
      exit: exitStatus.usage,
      hint: "sockhijack run --service web:8080 -- nginx -g 'daemon off;'",
    });
  }
  const joining = { service: name, ports, redirect: args.redirect, pid: process.pid };
  await askOrStart(context, (client) => client.call("join", joining, { timeoutMs: 15_000 }));
  return become(context.passthrough, context.env.vars);
}
