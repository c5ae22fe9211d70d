/** proxy_call_foreign_function. @module */
import { status } from "../../abi/types.ts";
import { foreignFunctions } from "../foreign-functions.ts";
import { type Vm, work } from "../vm.ts";
import type { HostFunctions } from "./host-functions.ts";

/** See the module. */
export function foreignCallFunctions(vm: Vm): HostFunctions {
  const { memory, host, limits } = vm;
  return {
    proxy_call_foreign_function: (
      nameAt: number,
      nameLength: number,
      argumentAt: number,
      argumentLength: number,
      pointerAt: number,
      lengthAt: number,
    ) => {
      const size = argumentLength >>> 0;
      if (!memory.has(nameAt >>> 0, nameLength >>> 0) || !memory.has(argumentAt >>> 0, size)) return status.invalidMemoryAccess;
      vm.spend(work.effect + size);
      if (nameLength >>> 0 > 256 || size > limits.bodyBytes) return status.badArgument;
      const name = memory.text(nameAt >>> 0, nameLength >>> 0);
      const argument = memory.copy(argumentAt >>> 0, size);
      let result: Uint8Array;
      const own = host.foreign(name);
      if (own !== undefined) {
        try {
          result = own(argument);
        } catch {
          return status.badArgument;
        }
      } else {
        const known = foreignFunctions.get(name);
        if (known === undefined) return status.notFound;
        vm.spend(work.heavyByte * size);
        const answer = known(argument, vm);
        if (typeof answer === "number") return answer;
        result = answer;
      }
      vm.spend(result.length);
      // Either pointer may be null, of a guest that does not want to know.
      if (pointerAt === 0 || lengthAt === 0) {
        if (lengthAt === 0) return status.ok;
        if (!memory.has(lengthAt >>> 0, 4)) return status.invalidMemoryAccess;
        memory.setU32(lengthAt >>> 0, result.length);
        return status.ok;
      }
      return memory.give(result, pointerAt >>> 0, lengthAt >>> 0);
    },
  };
}
