/** Host functions of maps: heads, trailers, metadata of calls. @module */
import { fieldName, fieldValue } from "../../abi/field.ts";
import { decodePairs, encodedPairsBytes, encodePairs, type Pair } from "../../abi/map.ts";
import { type MapType, mapType, type Status, status } from "../../abi/types.ts";
import type { FieldMap } from "../stream.ts";
import { type Vm, work } from "../vm.ts";
import type { HostFunctions } from "./host-functions.ts";

/** Fields that a guest wrote in serialised form, with names that no message may carry refused and values made harmless; null for bytes that are no map. */
export function readPairs(vm: Vm, at: number, length: number): Pair[] | null {
  if (length > vm.limits.mapBytes) return null;
  const pairs = decodePairs(vm.memory.slice(at, length));
  if (pairs === null) return null;
  vm.spend(work.pair * pairs.length);
  const clean: Pair[] = [];
  for (const [name, value] of pairs) {
    const field = fieldName(name);
    if (field === undefined) return null;
    clean.push([field, fieldValue(value)]);
  }
  return clean;
}

/** See the module. */
export function headerFunctions(vm: Vm): HostFunctions {
  const { memory, limits } = vm;
  const missingIsEmpty = vm.abi === "0.1.0";
  const trailers = vm.allows("trailers");

  /** Denied, as trailers are a capability of their own. */
  const denied = (map: number): boolean => {
    if (trailers || (map !== mapType.requestTrailers && map !== mapType.responseTrailers)) return false;
    vm.denied++;
    return true;
  };

  const fields = (map: number): FieldMap | null => {
    const type = (map >>> 0) as MapType;
    if (type >= 4) return vm.data.fields(type);
    const { stream } = vm.effective;
    return stream === null ? null : stream.fields(type);
  };

  /** Whether the guest may write so much; counts it. */
  const mayWrite = (map: FieldMap, bytes: number): boolean => {
    const context = vm.effective;
    if (context.readOnly || map.readOnly === true) return false;
    context.written += bytes;
    return context.written <= limits.mapBytes;
  };

  const write = (append: boolean, map: number, nameAt: number, nameLength: number, valueAt: number, valueLength: number): Status => {
    if (!memory.has(nameAt, nameLength) || !memory.has(valueAt, valueLength)) return status.invalidMemoryAccess;
    vm.spend(work.field + nameLength + valueLength);
    if (denied(map)) return status.unimplemented;
    const target = fields(map);
    if (target === null || !mayWrite(target, nameLength + valueLength)) return status.badArgument;
    const name = memory.name(nameAt, nameLength);
    if (name === undefined) return status.badArgument;
    if (append) target.add(name, memory.value(valueAt, valueLength));
    else target.set(name, memory.value(valueAt, valueLength));
    return status.ok;
  };

  return {
    proxy_get_header_map_value: (map: number, nameAt: number, nameLength: number, pointerAt: number, lengthAt: number) => {
      if (!memory.has(nameAt >>> 0, nameLength >>> 0)) return status.invalidMemoryAccess;
      vm.spend(work.field + (nameLength >>> 0));
      if (denied(map)) return status.unimplemented;
      const source = fields(map);
      if (source === null) return status.badArgument;
      const name = memory.name(nameAt >>> 0, nameLength >>> 0);
      const value = name === undefined ? undefined : source.get(name);
      if (value === undefined) return missingIsEmpty ? memory.giveText("", pointerAt >>> 0, lengthAt >>> 0) : status.notFound;
      vm.spend(value.length);
      return memory.giveText(value, pointerAt >>> 0, lengthAt >>> 0);
    },
    proxy_add_header_map_value: (map: number, nameAt: number, nameLength: number, valueAt: number, valueLength: number) =>
      write(true, map, nameAt >>> 0, nameLength >>> 0, valueAt >>> 0, valueLength >>> 0),
    proxy_replace_header_map_value: (map: number, nameAt: number, nameLength: number, valueAt: number, valueLength: number) =>
      write(false, map, nameAt >>> 0, nameLength >>> 0, valueAt >>> 0, valueLength >>> 0),
    proxy_remove_header_map_value: (map: number, nameAt: number, nameLength: number) => {
      if (!memory.has(nameAt >>> 0, nameLength >>> 0)) return status.invalidMemoryAccess;
      vm.spend(work.field + (nameLength >>> 0));
      if (denied(map)) return status.unimplemented;
      const target = fields(map);
      if (target === null || !mayWrite(target, 0)) return status.badArgument;
      const name = memory.name(nameAt >>> 0, nameLength >>> 0);
      if (name !== undefined) target.remove(name);
      return status.ok;
    },
    proxy_get_header_map_pairs: (map: number, pointerAt: number, lengthAt: number) => {
      vm.spend(work.call);
      if (map >>> 0 > 7) return status.badArgument;
      if (denied(map)) return status.unimplemented;
      const source = fields(map);
      // Envoy: a map that is not at hand reads as nothing, while its single values are bad arguments.
      if (source === null) return memory.giveText("", pointerAt >>> 0, lengthAt >>> 0);
      const pairs = source.pairs();
      vm.spend(work.pair * pairs.length);
      const bytes = encodedPairsBytes(pairs);
      if (bytes > limits.mapBytes) return status.internalFailure;
      vm.spend(bytes);
      return memory.give(encodePairs(pairs), pointerAt >>> 0, lengthAt >>> 0);
    },
    proxy_set_header_map_pairs: (map: number, at: number, length: number) => {
      if (!memory.has(at >>> 0, length >>> 0)) return status.invalidMemoryAccess;
      vm.spend(work.call + 4 * (length >>> 0));
      if (denied(map)) return status.unimplemented;
      const target = fields(map);
      if (target === null || !mayWrite(target, length >>> 0)) return status.badArgument;
      const pairs = readPairs(vm, at >>> 0, length >>> 0);
      if (pairs === null) return status.badArgument;
      target.replaceAll(pairs);
      return status.ok;
    },
    proxy_get_header_map_size: (map: number, sizeAt: number) => {
      vm.spend(work.call);
      if (!memory.has(sizeAt >>> 0, 4)) return status.invalidMemoryAccess;
      if (denied(map)) return status.unimplemented;
      const source = fields(map);
      if (source === null) return status.badArgument;
      // Envoy: bytes of names and values, without the lengths and NULs of the serialised form, which the specification counts.
      const pairs = source.pairs();
      vm.spend(work.pair * pairs.length);
      let bytes = 0;
      for (const [name, value] of pairs) bytes += name.length + value.length;
      memory.setU32(sizeAt >>> 0, bytes);
      return status.ok;
    },
  };
}
