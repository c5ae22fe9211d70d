/** proxy_get_property, proxy_set_property. @module */
import { abstractProperties, decodePropertyPath, dottedPath } from "../../abi/property-path.ts";
import { textValue } from "../../abi/property-value.ts";
import { status } from "../../abi/types.ts";
import { type Vm, work } from "../vm.ts";
import type { HostFunctions } from "./host-functions.ts";

/** See the module. */
export function propertyFunctions(vm: Vm): HostFunctions {
  const { memory, limits, options, host } = vm;
  const own: ReadonlyMap<string, Uint8Array> = new Map([
    ["plugin_name", textValue(options.name)],
    ["plugin_root_id", textValue(options.rootId)],
    ["plugin_vm_id", textValue(options.vmId)],
  ]);

  const find = (path: readonly string[]): Uint8Array | undefined =>
    (path.length === 1 ? own.get(path[0]!) : undefined) ?? vm.effective.stream?.property(path) ?? host.property(path);

  return {
    proxy_get_property: (pathAt: number, pathLength: number, pointerAt: number, lengthAt: number) => {
      if (!memory.has(pathAt >>> 0, pathLength >>> 0)) return status.invalidMemoryAccess;
      vm.spend(work.property + work.pathByte * (pathLength >>> 0));
      const path = decodePropertyPath(memory.slice(pathAt >>> 0, pathLength >>> 0));
      if (path === null) return status.serializationFailure;
      let value = find(path);
      if (value === undefined) {
        const dotted = dottedPath(path);
        if (dotted !== null) value = find(dotted);
      }
      if (value === undefined) return path.length === 1 && abstractProperties.has(path[0]!) ? status.serializationFailure : status.notFound;
      vm.spend(value.length);
      return memory.give(value, pointerAt >>> 0, lengthAt >>> 0);
    },
    proxy_set_property: (pathAt: number, pathLength: number, at: number, length: number) => {
      if (!memory.has(pathAt >>> 0, pathLength >>> 0) || !memory.has(at >>> 0, length >>> 0)) return status.invalidMemoryAccess;
      vm.spend(work.property + work.pathByte * (pathLength >>> 0) + (length >>> 0));
      const path = decodePropertyPath(memory.slice(pathAt >>> 0, pathLength >>> 0));
      const { effective } = vm;
      if (path === null || effective.stream === null) return status.notFound;
      effective.written += (pathLength >>> 0) + (length >>> 0);
      if (effective.written > limits.mapBytes) return status.badArgument;
      return effective.stream.setProperty(path, memory.copy(at >>> 0, length >>> 0)) ? status.ok : status.notFound;
    },
  };
}
