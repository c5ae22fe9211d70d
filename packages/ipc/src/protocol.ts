/** What a daemon's methods look like, and the envelopes they travel in. @module */
import { exitStatus, MitsuError, NotSupportedError } from "@mitsu/cli/error";
import { z } from "zod";

/** Version of the envelopes below; client and server must agree. Raise it when an envelope changes, not when a method is added. */
export const protocolVersion = 1;

/** A question with one answer. */
export interface Method<Request, Response> {
  readonly kind: "method";
  readonly request: z.ZodType<Request>;
  readonly response: z.ZodType<Response>;
}

/** A subscription: a request, then events until one side ends it. */
export interface Stream<Request, Event> {
  readonly kind: "stream";
  readonly request: z.ZodType<Request>;
  readonly event: z.ZodType<Event>;
  /** When the client is slow: `drop` events and count them, or let the source `wait`. */
  readonly overflow: "drop" | "wait";
}

/** All methods of one daemon by name. */
// biome-ignore lint/suspicious/noExplicitAny: a method of any types; each use narrows it
export type Protocol = Readonly<Record<string, Method<any, any> | Stream<any, any>>>;

/** Declares a method by the schemas of its request and response. */
export function method<Request, Response>(request: z.ZodType<Request>, response: z.ZodType<Response>): Method<Request, Response> {
  return { kind: "method", request, response };
}

/** Declares a stream by the schemas of its request and events; slow clients lose events unless `overflow` is `wait`. */
export function stream<Request, Event>(
  request: z.ZodType<Request>,
  event: z.ZodType<Event>,
  overflow: "drop" | "wait" = "drop",
): Stream<Request, Event> {
  return { kind: "stream", request, event, overflow };
}

/** Events a client takes before it must have consumed some: the bound of every queue. */
export const streamCredit = 256;

/** An error as it crosses the socket. */
export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly exit: number;
}

/** Client to server. `id` is chosen by the client and unique on its connection. */
export type ClientMessage =
  | { readonly t: "hello"; readonly protocol: number }
  | { readonly t: "call" | "subscribe"; readonly id: number; readonly method: string; readonly params?: unknown }
  | { readonly t: "credit"; readonly id: number; readonly events: number }
  | { readonly t: "cancel"; readonly id: number };

/** Server to client; `dropped` counts the events lost since the last one. */
export type ServerMessage =
  | { readonly t: "hello"; readonly protocol: number; readonly daemon: string; readonly version: string; readonly pid: number }
  | { readonly t: "result"; readonly id: number; readonly result?: unknown }
  | { readonly t: "event"; readonly id: number; readonly event?: unknown; readonly dropped?: number | undefined }
  | { readonly t: "end"; readonly id: number; readonly dropped?: number | undefined }
  | { readonly t: "error"; readonly id?: number | undefined; readonly error: WireError };

const id = z.int().nonnegative();
const wireError = z.object({ code: z.string(), message: z.string(), hint: z.string().optional(), exit: z.int().min(0).max(255) });

/** Validates what a client sent. */
export const clientMessage: z.ZodType<ClientMessage> = z.discriminatedUnion("t", [
  z.object({ t: z.literal("hello"), protocol: z.int() }),
  z.object({ t: z.literal(["call", "subscribe"]), id, method: z.string().max(100), params: z.unknown() }),
  z.object({ t: z.literal("credit"), id, events: z.int().min(1).max(streamCredit) }),
  z.object({ t: z.literal("cancel"), id }),
]);

/** Validates what a server sent. */
export const serverMessage: z.ZodType<ServerMessage> = z.discriminatedUnion("t", [
  z.object({ t: z.literal("hello"), protocol: z.int(), daemon: z.string(), version: z.string(), pid: z.int() }),
  z.object({ t: z.literal("result"), id, result: z.unknown() }),
  z.object({ t: z.literal("event"), id, event: z.unknown(), dropped: z.int().positive().optional() }),
  z.object({ t: z.literal("end"), id, dropped: z.int().positive().optional() }),
  z.object({ t: z.literal("error"), id: id.optional(), error: wireError }),
]);

/** Makes any error fit for the wire; stacks stay at home. */
export function toWire(error: unknown): WireError {
  if (error instanceof MitsuError)
    return { code: error.code, message: error.message, exit: error.exit, ...(error.hint ? { hint: error.hint } : {}) };
  const message = error instanceof Error ? error.message : String(error);
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return { code: typeof code === "string" ? code : "ERR_UNEXPECTED", message, exit: exitStatus.failure };
}

/** The error class again, with the code, hint and exit status it left with. */
export function fromWire({ code, message, hint, exit }: WireError): MitsuError {
  if (code === "ERR_NOT_SUPPORTED") return new NotSupportedError(message, hint ?? "");
  return new MitsuError(message, { code, exit, ...(hint ? { hint } : {}) });
}

/**
 * Checks a value at the border.
 *
 * @throws {MitsuError} `ERR_IPC_SCHEMA` that names the field: `flows: bad request: limit: expected number, received string`.
 */
export function validate<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.slice(0, 3).map(({ path, message }) => `${path.join(".") || "value"}: ${message}`);
  throw new MitsuError(`${what}: ${faults.join("; ")}`, {
    code: "ERR_IPC_SCHEMA",
    hint: "check that the command and the daemon have the same version",
    exit: exitStatus.data,
  });
}
