/**
 * WASI preview 1 as far as the run-times of languages need it: standard output goes to the log, clocks and random bytes are there, files and sockets
 * are not. Answers as Envoy's, but `poll_oneoff`, without which Go's scheduler gives up, and `proc_exit`, which ends the filter.
 *
 * Source: WASI snapshot preview 1, `typenames.witx`.
 *
 * @module
 */
import { randomFillSync } from "node:crypto";
import { logLevels } from "../../abi/types.ts";
import { GuestExit } from "../filter-trap.ts";
import { type Vm, work } from "../vm.ts";
import type { HostFunctions } from "./host-functions.ts";

const errno = { success: 0, badf: 8, fault: 21, inval: 28, noent: 44, nosys: 52, notsup: 58, notcapable: 76 } as const;

/** Of one `fd_write` and `poll_oneoff`. */
const mostVectors = 1024;
const mostSubscriptions = 64;

/** Functions that answer one and the same, whatever they are asked. */
const absent: Readonly<Record<string, number>> = {
  fd_advise: errno.nosys,
  fd_allocate: errno.nosys,
  fd_close: errno.success,
  fd_datasync: errno.nosys,
  fd_fdstat_set_flags: errno.nosys,
  fd_fdstat_set_rights: errno.nosys,
  fd_filestat_get: errno.nosys,
  fd_filestat_set_size: errno.nosys,
  fd_filestat_set_times: errno.nosys,
  fd_pread: errno.nosys,
  // A C library looks for directories from number 3 on until it is told that there is none.
  fd_prestat_get: errno.badf,
  fd_prestat_dir_name: errno.nosys,
  fd_pwrite: errno.nosys,
  fd_read: errno.nosys,
  fd_readdir: errno.nosys,
  fd_renumber: errno.nosys,
  fd_seek: errno.success,
  fd_sync: errno.nosys,
  fd_tell: errno.nosys,
  path_create_directory: errno.nosys,
  path_filestat_get: errno.nosys,
  path_filestat_set_times: errno.nosys,
  path_link: errno.nosys,
  path_open: errno.noent,
  path_readlink: errno.nosys,
  path_remove_directory: errno.nosys,
  path_rename: errno.nosys,
  path_symlink: errno.nosys,
  path_unlink_file: errno.nosys,
  proc_raise: errno.nosys,
  sched_yield: errno.success,
  sock_accept: errno.nosys,
  sock_recv: errno.nosys,
  sock_send: errno.nosys,
  sock_shutdown: errno.nosys,
};

/** Bytes of one line of standard output; what is longer is cut. */
const longestOutput = 16 * 1024;

/** What is written to 1 is information, to 2 an error; a line's end is cut off. */
function logOutput(vm: Vm, file: number, parts: readonly Uint8Array[], bytes: number): void {
  const cut = Math.min(bytes, longestOutput);
  vm.spend(work.log + cut);
  const level = file === 1 ? "info" : "error";
  if (logLevels.indexOf(level) < logLevels.indexOf(vm.host.logLevel)) return;
  const line = Buffer.concat(parts, cut).toString("utf8");
  vm.host.log(level, line.endsWith("\n") ? line.slice(0, -1) : line);
}

/** @param monotonicNs A clock that never goes back. */
export function wasiFunctions(vm: Vm, monotonicNs: () => bigint = process.hrtime.bigint): HostFunctions {
  const { memory } = vm;
  const random = vm.allows("random");

  const answers = Object.fromEntries(
    Object.entries(absent).map(([name, answer]) => [
      name,
      () => {
        vm.spend(work.call);
        return answer;
      },
    ]),
  );

  /** The two numbers of `args_sizes_get` and `environ_sizes_get`: there are none. */
  const sizes = (countAt: number, bytesAt: number): number => {
    vm.spend(work.call);
    if (!memory.has(countAt >>> 0, 4) || !memory.has(bytesAt >>> 0, 4)) return errno.fault;
    memory.setU32(countAt >>> 0, 0);
    memory.setU32(bytesAt >>> 0, 0);
    return errno.success;
  };
  const none = (): number => {
    vm.spend(work.call);
    return errno.success;
  };

  return {
    ...answers,
    args_sizes_get: sizes,
    args_get: none,
    environ_sizes_get: sizes,
    environ_get: none,
    clock_time_get: (clock: number, _precision: bigint, timeAt: number) => {
      vm.spend(work.call);
      if (clock !== 0 && clock !== 1) return errno.notsup;
      if (!memory.has(timeAt >>> 0, 8)) return errno.fault;
      memory.setU64(timeAt >>> 0, BigInt.asUintN(64, clock === 0 ? vm.host.nowNs() : monotonicNs()));
      return errno.success;
    },
    clock_res_get: (clock: number, resolutionAt: number) => {
      vm.spend(work.call);
      if (clock !== 0 && clock !== 1) return errno.notsup;
      if (!memory.has(resolutionAt >>> 0, 8)) return errno.fault;
      memory.setU64(resolutionAt >>> 0, 1n);
      return errno.success;
    },
    random_get: (at: number, length: number) => {
      const bytes = length >>> 0;
      if (!memory.has(at >>> 0, bytes)) return errno.fault;
      if (!random) {
        vm.denied++;
        return errno.notcapable;
      }
      if (bytes > vm.randomLeft) return errno.inval;
      vm.randomLeft -= bytes;
      vm.spend(work.call + bytes);
      randomFillSync(memory.slice(at >>> 0, bytes));
      return errno.success;
    },
    fd_write: (file: number, vectorsAt: number, count: number, writtenAt: number) => {
      vm.spend(work.call);
      if (file !== 1 && file !== 2) return errno.badf;
      const vectors = count >>> 0;
      if (vectors > mostVectors) return errno.inval;
      if (!memory.has(vectorsAt >>> 0, 8 * vectors) || !memory.has(writtenAt >>> 0, 4)) return errno.fault;
      let written = 0;
      const parts: Uint8Array[] = [];
      for (let index = 0; index < vectors; index++) {
        const at = memory.getU32((vectorsAt >>> 0) + 8 * index);
        const length = memory.getU32((vectorsAt >>> 0) + 8 * index + 4);
        if (!memory.has(at, length)) return errno.fault;
        written += length;
        if (written > 0x7fff_ffff) return errno.inval;
        parts.push(memory.slice(at, length));
      }
      logOutput(vm, file, parts, written);
      memory.setU32(writtenAt >>> 0, written);
      return errno.success;
    },
    fd_fdstat_get: (file: number, statAt: number) => {
      vm.spend(work.call);
      if (file !== 1 && file !== 2) return errno.badf;
      if (!memory.has(statAt >>> 0, 24)) return errno.fault;
      for (let at = 0; at < 24; at += 4) memory.setU32((statAt >>> 0) + at, 0);
      // Rights: to write, and nothing else.
      memory.setU64((statAt >>> 0) + 8, 64n);
      return errno.success;
    },
    poll_oneoff: (subscriptionsAt: number, eventsAt: number, count: number, eventCountAt: number) => {
      vm.spend(work.call);
      const subscriptions = count >>> 0;
      if (subscriptions === 0 || subscriptions > mostSubscriptions) return errno.inval;
      const inside =
        memory.has(subscriptionsAt >>> 0, 48 * subscriptions) &&
        memory.has(eventsAt >>> 0, 32 * subscriptions) &&
        memory.has(eventCountAt >>> 0, 4);
      if (!inside) return errno.fault;
      // A callback never waits: each clock has run out, and each file is ready, at once.
      for (let index = 0; index < subscriptions; index++) {
        const from = (subscriptionsAt >>> 0) + 48 * index;
        const [low, high, type] = [memory.getU32(from), memory.getU32(from + 4), memory.getU32(from + 8) & 0xff];
        const to = (eventsAt >>> 0) + 32 * index;
        for (let at = 0; at < 32; at += 4) memory.setU32(to + at, 0);
        memory.setU32(to, low);
        memory.setU32(to + 4, high);
        memory.setU32(to + 8, type << 16);
      }
      memory.setU32(eventCountAt >>> 0, subscriptions);
      return errno.success;
    },
    proc_exit: (code: number) => {
      throw new GuestExit(code);
    },
  };
}
