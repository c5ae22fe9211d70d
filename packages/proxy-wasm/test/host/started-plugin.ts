/** Starts plugins of tests from WAT and from binaries. @module */
import { createRequire } from "node:module";
import { webAssembly } from "../../src/host/web-assembly.ts";
import {
  type AbiVersion,
  defaultLimits,
  type FilterModule,
  type Limits,
  type Plugin,
  type PluginOptions,
  startPlugin,
} from "../../src/mod.ts";
import { instrument } from "../../src/module/instrument.ts";
import { FakeHost } from "./fake-host.ts";

interface Wabt {
  parseWat(
    name: string,
    text: string,
    features: Readonly<Record<string, boolean>>,
  ): { toBinary(options: { readonly write_debug_names: boolean }): { readonly buffer: Uint8Array<ArrayBuffer> }; destroy(): void };
}

const require = createRequire(import.meta.url);
const wabt = await (require("wabt") as () => Promise<Wabt>)();

/** Compiles WAT. */
export function assemble(text: string): Uint8Array<ArrayBuffer> {
  const module = wabt.parseWat("test.wat", text, { mutable_globals: true, bulk_memory: true, sign_extension: true });
  try {
    return new Uint8Array(module.toBinary({ write_debug_names: true }).buffer);
  } finally {
    module.destroy();
  }
}

/** A binary with fuel in it. What a module of a filter must have is not looked at here. */
export function filterModule(bytes: Uint8Array<ArrayBuffer>, limits: Limits = defaultLimits): FilterModule {
  const compiled = new webAssembly.Module(instrument(bytes, { memoryBytes: limits.memoryBytes, startFuel: limits.startFuel }));
  const text = Buffer.from(bytes).toString("latin1");
  const abi = (["0.1.0", "0.2.0", "0.2.1"] as const).find((version) => text.includes(`proxy_abi_version_${version.replaceAll(".", "_")}`));
  const imports = webAssembly.Module.imports(compiled).map(({ module, name }) => `${module}.${name}`);
  return {
    info: {
      abi: (abi ?? "0.2.1") as AbiVersion,
      imports,
      importTypes: [],
      manifest: null,
      exports: [],
      capabilities: [],
      memory: { initial: 1, maximum: null },
      sha256: "",
      sizeBytes: bytes.length,
    },
    compiled,
  };
}

/** How {@link start} starts. */
export type StartOptions = Partial<Omit<PluginOptions, "limits">> & { readonly limits?: Partial<Limits>; readonly host?: FakeHost };

/** Starts a filter from its binary or WAT. */
export function start(
  source: string | Uint8Array<ArrayBuffer>,
  options: StartOptions = {},
): { readonly plugin: Plugin; readonly host: FakeHost } {
  const { host = new FakeHost(), limits: some, ...rest } = options;
  const limits = { ...defaultLimits, ...some };
  const module = filterModule(typeof source === "string" ? assemble(source) : source, limits);
  const full: PluginOptions = {
    name: "test",
    rootId: "",
    vmId: "",
    configuration: Buffer.from("hello"),
    vmConfiguration: Buffer.from("vm-config"),
    capabilities: "all",
    ...rest,
    limits,
  };
  return { plugin: startPlugin(module, full, host), host };
}
