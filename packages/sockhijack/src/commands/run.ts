/** `sockhijack run`: starts a program as a part of a service. @module */
import type { Context } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { become } from "../become.ts";
import { askOrStart } from "../client.ts";
import { parseService, tracingOf } from "./parse-service.ts";

/** Arguments of `run`. */
export interface RunArgs {
  readonly service: string;
  readonly redirect: "auto" | "on" | "off" | undefined;
  readonly tracing: "off" | "side-band" | "header" | undefined;
  readonly sampling: number;
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
  const joining = { service: name, ports, redirect: args.redirect, tracing: tracingOf(args), pid: process.pid };
  await askOrStart(context, (client) => client.call("join", joining, { timeoutMs: 15_000 }));
  return become(context.passthrough, context.env.vars);
}
