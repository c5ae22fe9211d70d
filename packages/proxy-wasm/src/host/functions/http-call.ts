/** proxy_http_call. @module */
import { bufferType, mapType, status } from "../../abi/types.ts";
import { CallbackData, fixedBytes } from "../callback-data.ts";
import { type Calls, callKind } from "../calls.ts";
import { FieldList } from "../field-list.ts";
import type { HttpCallAnswer } from "../plugin-host.ts";
import { type Callback, type Vm, work } from "../vm.ts";
import { readPairs } from "./headers.ts";
import type { HostFunctions } from "./host-functions.ts";

/** Without these there is no request (Envoy). */
const required = [":method", ":path", ":authority"];

/** What `proxy_on_http_call_response` finds; of a failed call no fields, and the status that Envoy gives. */
function dataOf(answer: HttpCallAnswer | null): CallbackData {
  if (answer === null) return new CallbackData({}, {}, status.brokenConnection, "reset");
  return new CallbackData(
    {
      [mapType.httpCallResponseHeaders]: new FieldList(answer.headers, true),
      [mapType.httpCallResponseTrailers]: new FieldList(answer.trailers, true),
    },
    { [bufferType.httpCallResponseBody]: fixedBytes(answer.body) },
  );
}

/** @param answered The guest's `proxy_on_http_call_response`. It runs on the root context. */
export function httpCallFunctions(vm: Vm, calls: Calls, answered: () => Callback): HostFunctions {
  const { memory, host, limits } = vm;

  const deliver = (id: number, answer: HttpCallAnswer | null): void => {
    // Given up, or answered twice.
    if (!calls.http.delete(id)) return;
    const { headers, body, trailers } = answer ?? { headers: [], body: { length: 0 }, trailers: [] };
    vm.deliver("proxy_on_http_call_response", answered(), dataOf(answer), id, headers.length, body.length, trailers.length);
  };

  return {
    proxy_http_call: (
      upstreamAt: number,
      upstreamLength: number,
      headersAt: number,
      headersLength: number,
      bodyAt: number,
      bodyLength: number,
      trailersAt: number,
      trailersLength: number,
      timeoutMs: number,
      idAt: number,
    ) => {
      const bytes = bodyLength >>> 0;
      const inside =
        memory.has(upstreamAt >>> 0, upstreamLength >>> 0) &&
        memory.has(headersAt >>> 0, headersLength >>> 0) &&
        memory.has(bodyAt >>> 0, bytes) &&
        memory.has(trailersAt >>> 0, trailersLength >>> 0) &&
        memory.has(idAt >>> 0, 4);
      if (!inside) return status.invalidMemoryAccess;
      vm.spend(work.effect + (headersLength >>> 0) + bytes + (trailersLength >>> 0));
      memory.setU32(idAt >>> 0, 0);
      if (bytes > limits.bodyBytes || upstreamLength >>> 0 > 1024) return status.badArgument;
      const headers = readPairs(vm, headersAt >>> 0, headersLength >>> 0);
      const trailers = readPairs(vm, trailersAt >>> 0, trailersLength >>> 0);
      if (headers === null || trailers === null) return status.badArgument;
      if (!required.every((name) => headers.some((pair) => pair[0] === name))) return status.badArgument;
      if (calls.size >= limits.calls || vm.closed) return status.internalFailure;
      const id = calls.next(callKind.http);
      calls.http.set(id, null);
      const handle = host.httpCall(
        {
          upstream: memory.text(upstreamAt >>> 0, upstreamLength >>> 0),
          headers,
          body: memory.copy(bodyAt >>> 0, bytes),
          trailers,
          timeoutMs: timeoutMs >>> 0,
        },
        (answer) => deliver(id, answer),
      );
      if (handle === null) {
        calls.http.delete(id);
        return status.badArgument;
      }
      if (calls.http.has(id)) calls.http.set(id, handle);
      memory.setU32(idAt >>> 0, id);
      return status.ok;
    },
  };
}
