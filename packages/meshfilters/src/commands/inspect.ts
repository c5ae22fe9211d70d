/** `meshfilters inspect`: what a module is and wants, without running it. @module */
import { type Context, formatBytes, print } from "@mitsu/cli";
import { inspectModule, type ModuleInfo, signedBy } from "@mitsu/proxy-wasm";
import { readInput } from "../files/read-file.ts";

interface Arguments {
  readonly module: string;
}

const pageBytes = 2 ** 16;

function wrapped(items: readonly string[], width: number): string {
  const lines = [""];
  for (const item of items) {
    const last = lines.length - 1;
    if (lines[last] !== "" && lines[last]!.length + item.length + 2 > width) lines.push(item);
    else lines[last] += lines[last] === "" ? item : `, ${item}`;
  }
  return lines.join(`\n${" ".repeat(14)}`);
}

function textOf(info: ModuleInfo, signer: string | null, columns: number): string {
  const { manifest, memory } = info;
  const callbacks = info.exports.filter((name) => name.startsWith("proxy_on_") && name !== "proxy_on_memory_allocate");
  const most = memory.maximum === null ? "no bound of its own" : formatBytes(memory.maximum * pageBytes);
  const rows: readonly (readonly [string, string])[] = [
    ["name", manifest === null ? "none: it has no manifest" : `${manifest.name} ${manifest.version}`],
    ["ABI", info.abi],
    ["size", `${formatBytes(info.sizeBytes)}, SHA-256 ${info.sha256}`],
    ["memory", `${formatBytes(memory.initial * pageBytes)} at first, at most: ${most}`],
    ["wants", wrapped(manifest?.capabilities ?? info.capabilities, columns - 14)],
    ["callbacks", wrapped(callbacks, columns - 14) || "none"],
    ["imports", wrapped(info.imports, columns - 14) || "none"],
    ["built by", manifest?.builder ?? "unknown"],
    ["source map", manifest?.sourceMap || "none"],
    ["signed by", signer === null ? "nobody" : `key ${signer}; meshfilters verify --key says whether rightly`],
  ];
  return rows.map(([name, value]) => `${`${name}:`.padEnd(14)}${value}\n`).join("");
}

/** A module that nicd would refuse is an error here too. */
export async function run({ module }: Arguments, context: Context): Promise<void> {
  const bytes = readInput(module, context.env);
  const info = inspectModule(bytes);
  const signer = signedBy(bytes);
  print(context, { ...info, signedBy: signer }, (_, out) => textOf(info, signer, Math.max(60, out.columns)));
}
