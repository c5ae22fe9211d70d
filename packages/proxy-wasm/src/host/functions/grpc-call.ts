/** Host functions of gRPC calls and streams. @module */
import { grpcUpstream } from "../../abi/grpc-service.ts";
import type { Pair } from "../../abi/map.ts";
import { bufferType, mapType, type Status, status } from "../../abi/types.ts";
import { CallbackData, fixedBytes } from "../callback-data.ts";
import { type CallKind, type Calls, callKind, kindOf } from "../calls.ts";
import { FieldList } from "../field-list.ts";
import type { GrpcEvents } from "../plugin-host.ts";
import { type Callback, type Vm, work } from "../vm.ts";
import { readPairs } from "./headers.ts";
import type { HostFunctions } from "./host-functions.ts";

/** Bytes of names of services and methods. */
const longestName = 4096;

/** The guest's callbacks, which run on the root context; each looked up when the guest is there. */
export interface GrpcCallbacks {
  readonly initialMetadata: Callback;
  readonly message: Callback;
  readonly trailingMetadata: Callback;
  readonly close: Callback;
}

/** See the module. */
export function grpcCallFunctions(vm: Vm, calls: Calls, callbacks: () => GrpcCallbacks): HostFunctions {
  const { memory, host, limits } = vm;

  const events = (id: number): GrpcEvents => ({
    onInitialMetadata: (pairs) => {
      if (!calls.grpc.has(id)) return;
      const data = new CallbackData({ [mapType.grpcCallInitialMetadata]: new FieldList(pairs, true) }, {});
      vm.deliver("proxy_on_grpc_receive_initial_metadata", callbacks().initialMetadata, data, id, pairs.length);
    },
    onMessage: (message) => {
      if (!calls.grpc.has(id)) return;
      const data = new CallbackData({}, { [bufferType.grpcCallMessage]: fixedBytes(message) });
      vm.deliver("proxy_on_grpc_receive", callbacks().message, data, id, message.length);
    },
    onTrailingMetadata: (pairs) => {
      if (!calls.grpc.has(id)) return;
      const data = new CallbackData({ [mapType.grpcCallTrailingMetadata]: new FieldList(pairs, true) }, {});
      vm.deliver("proxy_on_grpc_receive_trailing_metadata", callbacks().trailingMetadata, data, id, pairs.length);
    },
    onClose: (code, message) => {
      if (!calls.grpc.delete(id)) return;
      vm.deliver("proxy_on_grpc_close", callbacks().close, new CallbackData({}, {}, code, message), id, code);
    },
  });

  /** Pairs of places and lengths: upstream, service, method, metadata and maybe a message. */
  const open = (kind: CallKind, places: readonly number[], timeoutMs: number, idAt: number): Status => {
    let bytes = 0;
    if (!memory.has(idAt, 4)) return status.invalidMemoryAccess;
    for (let index = 0; index < places.length; index += 2) {
      const length = places[index + 1]! >>> 0;
      if (!memory.has(places[index]! >>> 0, length)) return status.invalidMemoryAccess;
      bytes += length;
    }
    vm.spend(work.effect + bytes);
    const [
      upstreamAt,
      upstreamLength,
      serviceAt,
      serviceLength,
      methodAt,
      methodLength,
      metadataAt,
      metadataLength,
      messageAt,
      messageLength,
    ] = places.map((place) => place >>> 0) as [number, number, number, number, number, number, number, number, number?, number?];
    memory.setU32(idAt, 0);
    if (upstreamLength > longestName || serviceLength > longestName || methodLength > longestName) return status.badArgument;
    if ((messageLength ?? 0) > limits.bodyBytes) return status.badArgument;
    const metadata: Pair[] | null = readPairs(vm, metadataAt, metadataLength);
    if (metadata === null) return status.badArgument;
    if (calls.size >= limits.calls || vm.closed) return status.internalFailure;
    const id = calls.next(kind);
    calls.grpc.set(id, null);
    const handle = host.grpcCall(
      {
        upstream: grpcUpstream(memory.slice(upstreamAt, upstreamLength)),
        service: memory.text(serviceAt, serviceLength),
        method: memory.text(methodAt, methodLength),
        metadata,
        message: messageAt === undefined ? null : memory.copy(messageAt, messageLength ?? 0),
        timeoutMs,
      },
      events(id),
    );
    if (handle === null) {
      calls.grpc.delete(id);
      // Envoy: a service that is neither a known cluster nor a message that says one.
      return status.parseFailure;
    }
    if (calls.grpc.has(id)) calls.grpc.set(id, handle);
    memory.setU32(idAt, id);
    return status.ok;
  };

  /** Ends a call: `badArgument` for a number of no gRPC call, `notFound` for one that is over. */
  const end = (id: number, how: "close" | "cancel"): Status => {
    vm.spend(work.effect);
    const kind = kindOf(id >>> 0);
    if (kind === undefined || kind === callKind.http) return status.badArgument;
    const handle = calls.grpc.get(id >>> 0);
    if (handle === undefined) return status.notFound;
    if (how === "close" && kind === callKind.grpcStream) {
      handle?.close();
      return status.ok;
    }
    // Nothing comes of a call that was given up, proxy_on_grpc_close neither.
    calls.grpc.delete(id >>> 0);
    handle?.cancel();
    return status.ok;
  };

  return {
    // Each comes in a second form, without metadata: that of ABI 0.1.0, and of the AssemblyScript SDK 1.2.3 to this day.
    proxy_grpc_call: (...parameters: number[]) => {
      const { length } = parameters;
      if (length !== 12 && length !== 10) return status.unimplemented;
      const places = length === 12 ? parameters.slice(0, 10) : [...parameters.slice(0, 6), 0, 0, ...parameters.slice(6, 8)];
      return open(callKind.grpcCall, places, parameters[length - 2]! >>> 0, parameters[length - 1]! >>> 0);
    },
    proxy_grpc_stream: (...parameters: number[]) => {
      const { length } = parameters;
      if (length !== 9 && length !== 7) return status.unimplemented;
      const places = length === 9 ? parameters.slice(0, 8) : [...parameters.slice(0, 6), 0, 0];
      return open(callKind.grpcStream, places, 0, parameters[length - 1]! >>> 0);
    },
    proxy_grpc_send: (id: number, at: number, length: number, endOfStream: number) => {
      if (!memory.has(at >>> 0, length >>> 0)) return status.invalidMemoryAccess;
      vm.spend(work.effect + (length >>> 0));
      if (kindOf(id >>> 0) !== callKind.grpcStream || length >>> 0 > limits.bodyBytes) return status.badArgument;
      const handle = calls.grpc.get(id >>> 0);
      if (handle === undefined || handle === null) return status.notFound;
      handle.send(memory.copy(at >>> 0, length >>> 0), endOfStream !== 0);
      return status.ok;
    },
    proxy_grpc_close: (id: number) => end(id, "close"),
    proxy_grpc_cancel: (id: number) => end(id, "cancel"),
  };
}
