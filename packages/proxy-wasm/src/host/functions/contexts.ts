/** proxy_set_effective_context, proxy_done, proxy_set_tick_period_milliseconds. @module */
import { status } from "../../abi/types.ts";
import { type Vm, work } from "../vm.ts";
import type { HostFunctions } from "./host-functions.ts";

/** See the module. */
export function contextFunctions(vm: Vm): HostFunctions {
  return {
    proxy_set_effective_context: (id: number) => {
      vm.spend(work.call);
      const context = vm.contexts.get(id >>> 0);
      if (context === undefined) return status.badArgument;
      vm.effective = context;
      return status.ok;
    },
    proxy_done: () => {
      vm.spend(work.call);
      if (!vm.donePending) return status.notFound;
      vm.donePending = false;
      vm.defer({ what: "done" });
      return status.ok;
    },
    proxy_set_tick_period_milliseconds: (periodMs: number) => {
      vm.spend(work.effect);
      vm.host.setTick(periodMs >>> 0);
      return status.ok;
    },
  };
}
