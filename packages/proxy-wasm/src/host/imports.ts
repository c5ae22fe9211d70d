/** What a guest may import, bound to one virtual machine. @module */
import { exitStatus, MitsuError } from "@mitsu/cli";
import { capabilityOf } from "../abi/capability.ts";
import { status } from "../abi/types.ts";
import type { HostFunctions } from "./functions/host-functions.ts";
import { wasiFunctions } from "./functions/wasi.ts";
import { type Vm, work } from "./vm.ts";
import { type CompiledModule, type Imports, webAssembly } from "./web-assembly.ts";

/** Emscripten's, which C++ filters built with it import; neither needs to do anything here. */
const emscripten: HostFunctions = {
  emscripten_notify_memory_growth: () => 0,
  pthread_equal: (one: number, other: number) => (one === other ? 1 : 0),
};

/** In the place of a function beyond the filter's capabilities: answers that it is not there, and is counted. */
function withCapabilities(vm: Vm, functions: HostFunctions): HostFunctions {
  return Object.fromEntries(
    Object.entries(functions).map(([name, host]) => {
      const capability = capabilityOf[name];
      if (capability === undefined || vm.allows(capability)) return [name, host];
      const denied = (): number => {
        vm.spend(work.call);
        vm.denied++;
        return status.unimplemented;
      };
      return [name, denied];
    }),
  );
}

/**
 * What `module` imports, and nothing else.
 *
 * @param functions Of the module `env`.
 * @throws {MitsuError} `ERR_FILTER_IMPORT` for one that the host does not have.
 */
export function importsOf(vm: Vm, module: CompiledModule, functions: HostFunctions): Imports {
  const env = withCapabilities(vm, { ...functions, ...emscripten });
  const wasi = wasiFunctions(vm);
  const known: Readonly<Record<string, HostFunctions>> = { env, wasi_snapshot_preview1: wasi, wasi_unstable: wasi };
  const imports: Record<string, Record<string, unknown>> = {};
  for (const wanted of webAssembly.Module.imports(module)) {
    const found = Object.hasOwn(known, wanted.module) ? known[wanted.module] : undefined;
    const host = found !== undefined && wanted.kind === "function" && Object.hasOwn(found, wanted.name) ? found[wanted.name] : undefined;
    if (host === undefined) {
      throw new MitsuError(
        `cannot start filter ${vm.options.name}: it imports ${wanted.kind} ${wanted.module}.${wanted.name}, which no proxy-wasm host has`,
        {
          code: "ERR_FILTER_IMPORT",
          hint: "build it with a proxy-wasm SDK and without what only one vendor's host has",
          exit: exitStatus.data,
        },
      );
    }
    imports[wanted.module] ??= {};
    imports[wanted.module]![wanted.name] = host;
  }
  return imports;
}
