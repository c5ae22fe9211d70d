/** gRPC's status codes: their names, and which are errors of whom. Source: grpc/grpc, doc/statuscodes.md. @module */

const names = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

type Name = (typeof names)[number];
const codeOf = (name: Name): number => names.indexOf(name);
const unknown = codeOf("UNKNOWN");

/** Codes that are the server's fault. Source: OpenTelemetry semantic conventions 1.45, "gRPC". */
const serverErrors: ReadonlySet<number> = new Set(
  (["UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"] as const).map(codeOf),
);

/** What a client makes of an answer without a gRPC status; another is UNKNOWN. Source: grpc/grpc, doc/http-grpc-status-mapping.md. */
const ofHttp: Readonly<Record<number, Name>> = {
  400: "INTERNAL",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "UNIMPLEMENTED",
  429: "UNAVAILABLE",
  502: "UNAVAILABLE",
  503: "UNAVAILABLE",
  504: "UNAVAILABLE",
};

/** The status of a `grpc-status` header, 0 to 16; what is none of them counts as UNKNOWN, as it does for clients. */
export function grpcStatus(header: string): number {
  return /^\d{1,2}$/.test(header) && Number(header) < names.length ? Number(header) : unknown;
}

/** What a client of gRPC makes of an HTTP status, other than 200, that came instead. */
export function clientStatusOf(httpStatus: number): number {
  const name = ofHttp[httpStatus];
  return name === undefined ? unknown : codeOf(name);
}

/**
 * Name of a status.
 *
 * @example
 * ```ts
 * grpcStatusName(14); // "UNAVAILABLE"
 * ```
 */
export function grpcStatusName(status: number): string {
  return names[status] ?? String(status);
}

/** Is the status an error as seen from this end? Anything but OK is one for a client; a client's mistake is none for the server. */
export function isGrpcError(status: number, end: "client" | "server"): boolean {
  return end === "client" ? status !== 0 : serverErrors.has(status);
}

/** The server has no such method, or does not tell: its name is then the client's own invention. */
export const unimplemented: number = codeOf("UNIMPLEMENTED");
