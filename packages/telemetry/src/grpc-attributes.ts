/** Attributes of gRPC spans. Source: OpenTelemetry semantic conventions 1.45, "gRPC" and "RPC spans" (stable). @module */
import type { Attributes } from "@opentelemetry/api";
import type { Exchange } from "./exchange.ts";
import { grpcStatusName, isGrpcError, unimplemented } from "./grpc-status.ts";
import { abortedError } from "./http-attributes.ts";
import { otherRoute } from "./route.ts";

/** What stands for a method that the server is not known to have. */
const otherMethod = "_OTHER";

/** Why the call failed as seen from one end: the status's name, a value for `error.type`; undefined when it did not. */
export function grpcErrorType(exchange: Exchange, end: "client" | "server"): string | undefined {
  const { grpcStatus, aborted } = exchange;
  if (grpcStatus !== undefined && isGrpcError(grpcStatus, end)) return grpcStatusName(grpcStatus);
  return aborted ? abortedError : undefined;
}

/**
 * The method as it is to be told, `package.Service/Method`; `_OTHER` for what the server does not implement, and for what is past the
 * limit of its routes: clients ask for what they like.
 *
 * @param route Of the exchange's target, by a `RouteNames`.
 */
export function grpcMethod({ grpcStatus }: Exchange, route: string): string {
  return route === otherRoute || grpcStatus === unimplemented ? otherMethod : route.slice(1);
}

/** Name of both ends' spans: the method, or the system when that is unknown. Source: "RPC spans", Name. */
export function grpcSpanName(exchange: Exchange, route: string): string {
  const method = grpcMethod(exchange, route);
  return method === otherMethod ? "grpc" : method;
}

/** Adds what both ends' spans have. */
export function addGrpcAttributes(attributes: Attributes, exchange: Exchange, route: string): void {
  const method = grpcMethod(exchange, route);
  attributes["rpc.system.name"] = "grpc";
  attributes["rpc.method"] = method;
  if (method === otherMethod && exchange.target !== "") attributes["rpc.method_original"] = exchange.target.slice(1);
  if (exchange.grpcStatus !== undefined) attributes["rpc.status_code"] = grpcStatusName(exchange.grpcStatus);
}
