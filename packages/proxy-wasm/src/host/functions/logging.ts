/** proxy_log, proxy_get_log_level, proxy_get_current_time_nanoseconds, proxy_get_status. @module */
import { logLevels, status } from "../../abi/types.ts";
import { type Vm, work } from "../vm.ts";
import type { HostFunctions } from "./host-functions.ts";

/** Bytes of one line; what is longer is cut. */
const longestLine = 16 * 1024;

/** Logs for the guest when that level is wanted. */
export function logLine(vm: Vm, level: number, at: number, length: number): void {
  const name = logLevels[level];
  if (name === undefined || level < logLevels.indexOf(vm.host.logLevel)) return;
  const bytes = Math.min(length, longestLine);
  vm.spend(work.log + bytes);
  vm.host.log(name, vm.memory.text(at, bytes));
}

/** See the module. */
export function loggingFunctions(vm: Vm): HostFunctions {
  const { memory } = vm;
  return {
    proxy_log: (level: number, at: number, length: number) => {
      vm.spend(work.call);
      if (!memory.has(at >>> 0, length >>> 0)) return status.invalidMemoryAccess;
      if (level >>> 0 >= logLevels.length) return status.badArgument;
      logLine(vm, level, at >>> 0, length >>> 0);
      return status.ok;
    },
    proxy_get_log_level: (levelAt: number) => {
      vm.spend(work.call);
      if (!memory.has(levelAt >>> 0, 4)) return status.invalidMemoryAccess;
      memory.setU32(levelAt >>> 0, logLevels.indexOf(vm.host.logLevel));
      return status.ok;
    },
    proxy_get_current_time_nanoseconds: (timeAt: number) => {
      vm.spend(work.call);
      if (!memory.has(timeAt >>> 0, 8)) return status.invalidMemoryAccess;
      memory.setU64(timeAt >>> 0, BigInt.asUintN(64, vm.host.nowNs()));
      return status.ok;
    },
    proxy_get_status: (codeAt: number, textAt: number, lengthAt: number) => {
      vm.spend(work.call);
      if (!memory.has(codeAt >>> 0, 4)) return status.invalidMemoryAccess;
      const { statusCode, statusText } = vm.data;
      const given = memory.give(Buffer.from(statusText), textAt >>> 0, lengthAt >>> 0);
      if (given === status.ok) memory.setU32(codeAt >>> 0, statusCode);
      return given;
    },
  };
}
