/** What the header blocks of one HTTP/2 stream say: request, answer, trailers. @module */
import { clientStatusOf, grpcStatus, parseTraceparent, type Traceparent } from "@mitsu/telemetry";

/** Names of the fields that are looked at. */
export const wantedFields: readonly string[] = [":method", ":path", ":authority", ":status", "content-type", "grpc-status", "traceparent"];
const [method, path, authority, status, contentType, grpc, traceparent] = wantedFields.keys();

/** `application/grpc`, also with `+proto`; not gRPC-Web, which has its status in the body. Source: gRPC over HTTP2, "Requests". */
const grpcType = /^application\/grpc(?:$|[+; ])/i;

/** A program may send names as long as it likes. */
const maxChars = { method: 32, target: 512, authority: 255 } as const;

/** HPACK carries any byte; HTTP allows none of these (RFC 9113 §8.2.1), and as JSON each would take six. */
function clean(value: string, chars: number): string {
  const text = value.slice(0, chars);
  return /\p{Cc}/u.test(text) ? text.replace(/\p{Cc}/gu, "�") : text;
}

/** Grows with each block; what was not seen is empty, 0 or undefined. */
export class StreamNames {
  method = "";
  /** Path with query; cut after 512 characters. */
  target = "";
  /** Host and port as the client named them, without credentials. */
  authority = "";
  /** The final one, once it has come. */
  status = 0;
  /** The request, or its answer, is gRPC's. */
  isGrpc = false;
  /** The program's own. */
  traceparent: Traceparent | undefined;
  #grpcStatus: number | undefined;
  /** Trailers of a request must not pass for its head. */
  #isAsked = false;

  /** gRPC's status as a client takes it: the server's, or what stands for an HTTP status other than 200. */
  get grpcStatus(): number | undefined {
    if (!this.isGrpc) return undefined;
    return this.#grpcStatus ?? (this.status > 200 ? clientStatusOf(this.status) : undefined);
  }

  /** A field, by its place in {@link wantedFields}. */
  tell(field: number, value: string, isAnswer: boolean): void {
    if (isAnswer) this.#answered(field, value);
    else if (!this.#isAsked) this.#asked(field, value);
  }

  /** A block has ended. */
  endBlock(isAnswer: boolean): void {
    if (!isAnswer) this.#isAsked = true;
  }

  #asked(field: number, value: string): void {
    if (field === method) this.method = clean(value, maxChars.method);
    else if (field === path) this.target = clean(value, maxChars.target);
    else if (field === authority) this.authority = clean(value.slice(value.lastIndexOf("@") + 1), maxChars.authority);
    else if (field === contentType) this.isGrpc ||= grpcType.test(value);
    else if (field === traceparent) this.traceparent = parseTraceparent(value);
  }

  #answered(field: number, value: string): void {
    // 1xx are followed by the final one; trailers have none (RFC 9113 §8.1).
    if (field === status && this.status < 200) this.status = /^[1-9]\d\d$/.test(value) ? Number(value) : 0;
    else if (field === contentType) this.isGrpc ||= grpcType.test(value);
    else if (field === grpc) this.#grpcStatus = grpcStatus(value);
  }
}
