/** Host functions that let a stream go on, end it, or answer it. They take effect when the callback is over. @module */
import { type Status, type StreamType, status, streamType } from "../../abi/types.ts";
import { type Vm, work } from "../vm.ts";
import { readPairs } from "./headers.ts";
import type { HostFunctions } from "./host-functions.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: the details stand in a line of the access log, between spaces
const unloggable = /[\s\x00-\x1f\x7f]/g;

/** See the module. */
export function streamFunctions(vm: Vm): HostFunctions {
  const { memory, limits } = vm;

  const resume = (stream: StreamType): Status => {
    vm.spend(work.call);
    vm.defer({ what: "resume", context: vm.effective, stream });
    return status.ok;
  };

  return {
    proxy_continue_stream: (stream: number) => {
      if (stream >>> 0 > streamType.upstream) return status.badArgument;
      // Envoy has no upstream half to go on with, as it does not stop one.
      if (stream === streamType.upstream) return status.unimplemented;
      return resume(stream as StreamType);
    },
    proxy_continue_request: () => resume(streamType.request),
    proxy_continue_response: () => resume(streamType.response),
    proxy_close_stream: (stream: number) => {
      vm.spend(work.call);
      if (stream >>> 0 > streamType.upstream) return status.badArgument;
      vm.defer({ what: "close", context: vm.effective, stream: stream as StreamType });
      return status.ok;
    },
    proxy_clear_route_cache: () => {
      vm.spend(work.call);
      vm.effective.stream?.clearRoute?.();
      return status.ok;
    },
    proxy_send_local_response: (
      code: number,
      detailsAt: number,
      detailsLength: number,
      bodyAt: number,
      bodyLength: number,
      headersAt: number,
      headersLength: number,
      grpcStatus: number,
    ) => {
      const bytes = bodyLength >>> 0;
      const inside =
        memory.has(detailsAt >>> 0, detailsLength >>> 0) &&
        memory.has(bodyAt >>> 0, bytes) &&
        memory.has(headersAt >>> 0, headersLength >>> 0);
      if (!inside) return status.invalidMemoryAccess;
      vm.spend(work.effect + bytes + (headersLength >>> 0));
      const context = vm.effective;
      if (context.stream === null || context.readOnly || code < 200 || code > 599) return status.badArgument;
      if (bytes > limits.bodyBytes || detailsLength >>> 0 > limits.mapBytes) return status.badArgument;
      const headers = readPairs(vm, headersAt >>> 0, headersLength >>> 0);
      if (headers === null) return status.badArgument;
      // The first answer counts, as there is only one to give.
      if (context.responded) return status.ok;
      context.responded = true;
      vm.defer({
        what: "respond",
        context,
        response: {
          status: code,
          details: memory.text(detailsAt >>> 0, detailsLength >>> 0).replaceAll(unloggable, "_"),
          headers: headers.filter(([name]) => !name.startsWith(":")),
          body: memory.copy(bodyAt >>> 0, bytes),
          grpcStatus: grpcStatus >= 0 && grpcStatus <= 16 ? grpcStatus : -1,
        },
      });
      return status.ok;
    },
  };
}
