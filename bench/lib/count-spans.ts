/** Counts the spans of an OTLP export without building any object of it: the sink of a benchmark must cost little. @module */

/** A length-delimited field of a protobuf message. */
interface Field {
  readonly number: number;
  readonly from: number;
  readonly to: number;
}

const wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** Reads a varint; lengths and tags stay below 2³¹ here. */
function varint(body: Uint8Array, at: number): { readonly value: number; readonly next: number } {
  let value = 0;
  for (let shift = 0, i = at; ; shift += 7, i++) {
    const byte = body[i];
    if (byte === undefined) throw new RangeError(`OTLP body ends inside a varint at byte ${at}`);
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return { value, next: i + 1 };
  }
}

/** The length-delimited fields between two offsets; others are stepped over. */
function* fields(body: Uint8Array, from: number, to: number): Generator<Field> {
  for (let at = from; at < to; ) {
    const tag = varint(body, at);
    at = tag.next;
    const kind = tag.value & 7;
    if (kind === wire.varint) at = varint(body, at).next;
    else if (kind === wire.fixed64) at += 8;
    else if (kind === wire.fixed32) at += 4;
    else if (kind === wire.bytes) {
      const length = varint(body, at);
      at = length.next + length.value;
      if (at > to) throw new RangeError(`OTLP body: a field of ${length.value} bytes at byte ${length.next} leaves its message`);
      yield { number: tag.value >>> 3, from: length.next, to: at };
    } else throw new RangeError(`OTLP body: unknown wire type ${kind} at byte ${at}`);
  }
}

/** `ExportTraceServiceRequest.resource_spans` = 1, `ResourceSpans.scope_spans` = 2, `ScopeSpans.spans` = 2. */
const path = [1, 2, 2] as const;

function countProtobuf(body: Uint8Array, from: number, to: number, depth: number): number {
  let count = 0;
  for (const field of fields(body, from, to)) {
    if (field.number !== path[depth]) continue;
    count += depth === path.length - 1 ? 1 : countProtobuf(body, field.from, field.to, depth + 1);
  }
  return count;
}

/** Every span has this key once, and neither an event nor a link has it. */
const jsonKey = '"startTimeUnixNano"';

function countJson(body: Uint8Array): number {
  const text = Buffer.from(body.buffer, body.byteOffset, body.length);
  let count = 0;
  for (let at = text.indexOf(jsonKey); at >= 0; at = text.indexOf(jsonKey, at + jsonKey.length)) count++;
  return count;
}

/**
 * Spans in the body of an OTLP/HTTP request to `/v1/traces`.
 *
 * @param body Uncompressed.
 * @param contentType `application/json` is read as JSON, everything else as protobuf.
 * @throws {RangeError} on a body that is not protobuf, with the offset.
 * @example
 * ```ts
 * countSpans(await body(request), request.headers["content-type"] ?? "");
 * ```
 * Source: opentelemetry-proto 1.x, `collector/trace/v1/trace_service.proto`, `trace/v1/trace.proto`.
 */
export function countSpans(body: Uint8Array, contentType: string): number {
  return contentType.startsWith("application/json") ? countJson(body) : countProtobuf(body, 0, body.length, 0);
}
