/** Host functions of shared data and shared queues. @module */
import { status } from "../../abi/types.ts";
import { type Vm, work } from "../vm.ts";
import type { HostFunctions } from "./host-functions.ts";

const written = { ok: status.ok, casMismatch: status.casMismatch, full: status.internalFailure } as const;
const queued = { ok: status.ok, notFound: status.notFound, full: status.internalFailure } as const;

/** @param ready Told of each item of a queue that this plugin registered. */
export function sharedFunctions(vm: Vm, ready: (queue: number) => void): HostFunctions {
  const { memory, options } = vm;
  const { shared } = vm.host;
  return {
    // Keys are any bytes: Latin-1 keeps each apart from every other.
    proxy_get_shared_data: (keyAt: number, keyLength: number, pointerAt: number, lengthAt: number, casAt: number) => {
      if (!memory.has(keyAt >>> 0, keyLength >>> 0) || !memory.has(casAt >>> 0, 4)) return status.invalidMemoryAccess;
      vm.spend(work.call + (keyLength >>> 0));
      const entry = shared.get(memory.latin1(keyAt >>> 0, keyLength >>> 0));
      if (entry === undefined) return status.notFound;
      vm.spend(entry.value.length);
      const given = memory.give(entry.value, pointerAt >>> 0, lengthAt >>> 0);
      if (given === status.ok) memory.setU32(casAt >>> 0, entry.cas);
      return given;
    },
    proxy_set_shared_data: (keyAt: number, keyLength: number, at: number, length: number, cas: number) => {
      if (!memory.has(keyAt >>> 0, keyLength >>> 0) || !memory.has(at >>> 0, length >>> 0)) return status.invalidMemoryAccess;
      vm.spend(work.effect + (keyLength >>> 0) + (length >>> 0));
      return written[shared.set(memory.latin1(keyAt >>> 0, keyLength >>> 0), memory.copy(at >>> 0, length >>> 0), cas >>> 0)];
    },
    proxy_register_shared_queue: (nameAt: number, nameLength: number, queueAt: number) => {
      if (!memory.has(nameAt >>> 0, nameLength >>> 0) || !memory.has(queueAt >>> 0, 4)) return status.invalidMemoryAccess;
      vm.spend(work.effect + (nameLength >>> 0));
      const queue = shared.registerQueue(memory.latin1(nameAt >>> 0, nameLength >>> 0), ready);
      if (queue === 0) return status.internalFailure;
      memory.setU32(queueAt >>> 0, queue);
      return status.ok;
    },
    proxy_resolve_shared_queue: (vmAt: number, vmLength: number, nameAt: number, nameLength: number, queueAt: number) => {
      const inside = memory.has(vmAt >>> 0, vmLength >>> 0) && memory.has(nameAt >>> 0, nameLength >>> 0) && memory.has(queueAt >>> 0, 4);
      if (!inside) return status.invalidMemoryAccess;
      vm.spend(work.call + (vmLength >>> 0) + (nameLength >>> 0));
      const vmId = memory.text(vmAt >>> 0, vmLength >>> 0);
      const queue = shared.resolveQueue(vmId === "" ? options.vmId : vmId, memory.latin1(nameAt >>> 0, nameLength >>> 0));
      if (queue === undefined) return status.notFound;
      memory.setU32(queueAt >>> 0, queue);
      return status.ok;
    },
    proxy_enqueue_shared_queue: (queue: number, at: number, length: number) => {
      if (!memory.has(at >>> 0, length >>> 0)) return status.invalidMemoryAccess;
      vm.spend(work.effect + (length >>> 0));
      return queued[shared.enqueue(queue >>> 0, memory.copy(at >>> 0, length >>> 0))];
    },
    proxy_dequeue_shared_queue: (queue: number, pointerAt: number, lengthAt: number) => {
      vm.spend(work.call);
      // Before anything is taken out: an item that cannot be given would be lost.
      if (!memory.has(pointerAt >>> 0, 4) || !memory.has(lengthAt >>> 0, 4)) return status.invalidMemoryAccess;
      const item = shared.dequeue(queue >>> 0);
      if (item === "notFound") return status.notFound;
      if (item === "empty") return status.empty;
      vm.spend(item.length);
      return memory.give(item, pointerAt >>> 0, lengthAt >>> 0);
    },
  };
}
