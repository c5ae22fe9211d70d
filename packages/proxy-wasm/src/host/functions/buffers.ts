/** Host functions of buffers: bodies, TCP data, bodies of calls, configurations. @module */
import { type BufferType, bufferType, status } from "../../abi/types.ts";
import { fixedBytes } from "../callback-data.ts";
import type { ByteBuffer } from "../stream.ts";
import { type Vm, work } from "../vm.ts";
import type { HostFunctions } from "./host-functions.ts";

const nothing = fixedBytes(new Uint8Array(0));

/** See the module. */
export function bufferFunctions(vm: Vm): HostFunctions {
  const { memory, limits } = vm;
  const body = vm.allows("body");
  const tcp = vm.allows("tcp");
  const vmConfiguration = fixedBytes(vm.options.vmConfiguration);

  /** Bodies and TCP data are capabilities of their own. */
  const denied = (type: number): boolean => {
    if (type > 3 || (type < 2 ? body : tcp)) return false;
    vm.denied++;
    return true;
  };

  const buffer = (type: number): ByteBuffer | null => {
    if (type === bufferType.vmConfiguration) return vmConfiguration;
    // Envoy: what a stream will have but has not yet reads as empty, and so do the arguments of no call.
    if (type > 3) return vm.data.buffer(type as BufferType) ?? (type === bufferType.callData ? nothing : null);
    const { stream } = vm.effective;
    return stream === null ? null : (stream.buffer(type as BufferType) ?? nothing);
  };

  return {
    proxy_get_buffer_status: (type: number, sizeAt: number, flagsAt: number) => {
      vm.spend(work.call);
      if (!memory.has(sizeAt >>> 0, 4) || !memory.has(flagsAt >>> 0, 4)) return status.invalidMemoryAccess;
      if (type >>> 0 > bufferType.callData) return status.badArgument;
      if (denied(type >>> 0)) return status.unimplemented;
      const source = buffer(type >>> 0);
      if (source === null) return status.notFound;
      memory.setU32(sizeAt >>> 0, source.length);
      memory.setU32(flagsAt >>> 0, 0);
      return status.ok;
    },
    proxy_get_buffer_bytes: (type: number, start: number, most: number, pointerAt: number, lengthAt: number) => {
      vm.spend(work.call);
      if (type >>> 0 > bufferType.callData) return status.badArgument;
      if (denied(type >>> 0)) return status.unimplemented;
      const source = buffer(type >>> 0);
      if (source === null) return status.notFound;
      const from = Math.min(start >>> 0, source.length);
      const length = Math.min(most >>> 0, source.length - from);
      vm.spend(length);
      if (length === 0) return memory.giveText("", pointerAt >>> 0, lengthAt >>> 0);
      return memory.give(source.slice(from, length), pointerAt >>> 0, lengthAt >>> 0);
    },
    proxy_set_buffer_bytes: (type: number, start: number, length: number, at: number, size: number) => {
      const bytes = size >>> 0;
      if (!memory.has(at >>> 0, bytes)) return status.invalidMemoryAccess;
      vm.spend(work.call + bytes);
      if (type >>> 0 > bufferType.callData) return status.badArgument;
      if (denied(type >>> 0)) return status.unimplemented;
      const target = buffer(type >>> 0);
      if (target === null) return status.notFound;
      if (target.splice === undefined || vm.effective.readOnly) return status.badArgument;
      // As the specification has it, also in the middle, where Envoy answers badArgument.
      const from = Math.min(start >>> 0, target.length);
      const removed = Math.min(length >>> 0, target.length - from);
      vm.spend(target.length);
      if (bytes > removed && target.length - removed + bytes > limits.bodyBytes) return status.badArgument;
      target.splice(from, removed, memory.copy(at >>> 0, bytes));
      return status.ok;
    },
    // 0.1.0 has no buffers for configurations.
    proxy_get_configuration: (pointerAt: number, lengthAt: number) => {
      vm.spend(work.call);
      const source = vm.data.buffer(bufferType.pluginConfiguration) ?? vmConfiguration;
      vm.spend(source.length);
      return memory.give(source.slice(0, source.length), pointerAt >>> 0, lengthAt >>> 0);
    },
  };
}
