/** `meshfilters verify`: whether a module can run, and who signed it. @module */
import { basename } from "node:path";
import { type Context, print } from "@mitsu/cli";
import { loadModule, verify } from "@mitsu/proxy-wasm";
import { readConfiguration, readInput } from "../files/read-file.ts";
import { startOfTimeMs } from "../run/local-host.ts";
import { startLocally } from "../run/run-case.ts";
import { type LimitArguments, limitsOf } from "./limits.ts";

interface Arguments extends LimitArguments {
  readonly module: string;
  readonly config: string | undefined;
  readonly rootId: string;
  readonly key: string | undefined;
}

/** Reads, checks the signature, and starts it once; what it calls at its start is not answered. */
export async function run(args: Arguments, context: Context): Promise<void> {
  const { env } = context;
  const limits = limitsOf(args);
  const bytes = readInput(args.module, env);
  const configuration = readConfiguration(args.config, env) ?? new Uint8Array(0);
  const signer = args.key === undefined ? null : verify(bytes, [readInput(args.key, env)]);
  const loaded = await loadModule(bytes, limits);
  const began = env.nowNs();
  const { plugin, host } = startLocally(
    loaded,
    loaded.info.manifest?.name ?? basename(args.module, ".wasm"),
    { configuration, rootId: args.rootId, vmId: "", capabilities: "all", services: {}, shared: new Map(), nowMs: startOfTimeMs },
    limits,
  );
  const startUs = Number(env.nowNs() - began) / 1e3;
  const { fuel } = plugin.counters;
  const { memoryBytes } = plugin;
  plugin.stop();
  print(
    context,
    {
      module: args.module,
      abi: loaded.info.abi,
      capabilities: loaded.info.capabilities,
      signer,
      startUs,
      startFuel: fuel,
      memoryBytes,
      logs: host.logs,
    },
    () =>
      [
        `${args.module}: ABI ${loaded.info.abi}, wants ${loaded.info.capabilities.join(", ")}`,
        `it starts, with ${fuel} units of fuel and ${memoryBytes / 2 ** 16} pages of memory`,
        signer === null ? "its signature was not asked for; give --key" : `signed by key ${signer}`,
        ...host.logs.map(({ level, text }) => `${level}: ${text}`),
      ]
        .map((line) => `${line}\n`)
        .join(""),
  );
}
