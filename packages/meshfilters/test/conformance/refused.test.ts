/** The kit's modules that no host may start. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MitsuError, NotSupportedError } from "@mitsu/cli";
import { defaultLimits, loadModule, type PluginHost, SharedMemories, startPlugin } from "@mitsu/proxy-wasm";
import test from "ava";
import { kitModules, refusedModules } from "../../src/conformance/kit-modules.ts";
import { kitFolder } from "./kit.ts";

const host = {
  log: () => {},
  logLevel: "error",
  nowNs: () => 0n,
  httpCall: () => null,
  grpcCall: () => null,
  shared: new SharedMemories().of(""),
  metric: () => null,
  setTick: () => {},
  property: () => undefined,
  foreign: () => undefined,
} satisfies PluginHost;

const nothing = new Uint8Array();
const options = {
  name: "kit",
  rootId: "",
  vmId: "",
  configuration: nothing,
  vmConfiguration: nothing,
  limits: defaultLimits,
  capabilities: "all",
} as const;

/** Why it is refused; undefined when it starts. */
async function refusal(file: string): Promise<MitsuError | undefined> {
  try {
    startPlugin(await loadModule(readFileSync(file), defaultLimits), options, host).stop();
    return undefined;
  } catch (error) {
    if (error instanceof MitsuError) return error;
    throw error;
  }
}

const reasons: Readonly<Record<string, RegExp>> = {
  "no-abi": /proxy_abi_version/,
  "unknown-import": /proxy_no_such_function/,
  "no-allocator": /malloc|proxy_on_memory_allocate/,
  "start-traps": /vm_start/,
  "start-spins": /fuel/,
  "vm-start-says-no": /proxy_on_vm_start answered false/,
  "configure-says-no": /proxy_on_configure answered false/,
};

test("@mitsu/proxy-wasm starts every module of the kit, and says of each that must not start why", async (t) => {
  let folder: string;
  try {
    folder = await kitFolder();
  } catch (error) {
    if (!(error instanceof NotSupportedError)) throw error;
    t.log(`skipped: ${error.message}`);
    return t.pass();
  }
  for (const { name } of kitModules) t.is(await refusal(join(folder, `${name}.wasm`)), undefined, name);
  for (const { name } of refusedModules) {
    const error = await refusal(join(folder, "refused", `${name}.wasm`));
    t.regex(error?.message ?? "it started", reasons[name]!, name);
    t.regex(error!.code, /^ERR_FILTER_/, name);
  }
});
