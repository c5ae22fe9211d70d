/** Host functions of metrics. @module */
import { type MetricType, metricType, status } from "../../abi/types.ts";
import type { MetricHandle } from "../plugin-host.ts";
import { type Vm, work } from "../vm.ts";
import type { HostFunctions } from "./host-functions.ts";

const longestName = 1024;

/** Numbers of metrics as Envoy makes them: the type in the two low bits, and a count from 1, of that type, above. */
const numberOf = (count: number, type: MetricType): number => (count << 2) | type;

/** See the module. */
export function metricFunctions(vm: Vm): HostFunctions {
  const { memory, host, limits } = vm;
  const handles = new Map<number, MetricHandle>();
  const numbers = new Map<string, number>();
  const counts = [0, 0, 0];
  return {
    proxy_define_metric: (type: number, nameAt: number, nameLength: number, numberAt: number) => {
      if (!memory.has(nameAt >>> 0, nameLength >>> 0) || !memory.has(numberAt >>> 0, 4)) return status.invalidMemoryAccess;
      vm.spend(work.effect);
      if (type >>> 0 > metricType.histogram || nameLength >>> 0 > longestName) return status.badArgument;
      const name = memory.text(nameAt >>> 0, nameLength >>> 0);
      let number = numbers.get(name);
      if (number === undefined) {
        if (numbers.size >= limits.metrics) return status.internalFailure;
        const handle = host.metric(type as MetricType, name);
        if (handle === null) return status.internalFailure;
        counts[handle.type]! += 1;
        number = numberOf(counts[handle.type]!, handle.type);
        numbers.set(name, number);
        handles.set(number, handle);
      }
      if (handles.get(number)?.type !== type) return status.badArgument;
      memory.setU32(numberAt >>> 0, number);
      return status.ok;
    },
    proxy_increment_metric: (number: number, offset: bigint) => {
      vm.spend(work.call);
      const handle = handles.get(number >>> 0);
      if (handle === undefined) return status.notFound;
      if (handle.type === metricType.histogram || (handle.type === metricType.counter && offset <= 0n)) return status.badArgument;
      handle.increment(Number(offset));
      return status.ok;
    },
    proxy_record_metric: (number: number, value: bigint) => {
      vm.spend(work.call);
      const handle = handles.get(number >>> 0);
      if (handle === undefined) return status.notFound;
      const amount = Number(BigInt.asUintN(64, value));
      // Envoy: to record a counter is to add.
      if (handle.type === metricType.counter) handle.increment(amount);
      else handle.record(amount);
      return status.ok;
    },
    proxy_get_metric: (number: number, valueAt: number) => {
      vm.spend(work.call);
      if (!memory.has(valueAt >>> 0, 8)) return status.invalidMemoryAccess;
      const handle = handles.get(number >>> 0);
      if (handle === undefined) return status.notFound;
      if (handle.type === metricType.histogram) return status.badArgument;
      const value = handle.value();
      // A gauge below 0 wraps.
      memory.setU64(valueAt >>> 0, BigInt.asUintN(64, BigInt(Number.isFinite(value) ? Math.trunc(value) : 0)));
      return status.ok;
    },
  };
}
