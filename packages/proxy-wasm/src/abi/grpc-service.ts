/** The service that a gRPC call names: plainly, or as Envoy's protobuf message `GrpcService`. @module */
import { readProto } from "./proto.ts";

function firstBytes(message: Uint8Array): Uint8Array | null {
  const value = readProto(message)?.find((field) => field.number === 1)?.value;
  return value instanceof Uint8Array ? value : null;
}

/**
 * Name of the upstream: of `GrpcService { envoy_grpc = 1 { cluster_name = 1 } }`, else the text itself.
 *
 * Source: envoy/config/core/v3/grpc_service.proto.
 */
export function grpcUpstream(bytes: Uint8Array): string {
  const envoyGrpc = firstBytes(bytes);
  const name = (envoyGrpc === null ? null : firstBytes(envoyGrpc)) ?? bytes;
  return Buffer.from(name.buffer, name.byteOffset, name.byteLength).toString("utf8");
}
