/** Spans and resources as OTLP writes them as JSON. @module */
import { factsOf, type Span, type Tags } from "./span.ts";

/** A span with the trace it belongs to. */
export interface TracedSpan {
  readonly traceId: string;
  /** `service` is empty: the resource tells it. */
  readonly span: Span;
}

type Json = unknown;
const isObject = (value: Json): value is Record<string, Json> => typeof value === "object" && value !== null && !Array.isArray(value);
const kinds = ["unknown", "internal", "server", "client", "producer", "consumer"] as const;

/** A key in either of protobuf's JSON forms: `traceId`, `trace_id`. */
function field(object: Record<string, Json>, name: string): Json {
  return object[name] ?? object[name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)];
}

/** OTLP writes ids in hexadecimal, protobuf's own JSON form in base64: told apart by their length. */
function idOf(value: Json, bytes: number): string | null {
  if (typeof value !== "string" || value === "") return null;
  if (value.length === bytes * 2 && /^[0-9a-f]+$/i.test(value)) return /^0+$/.test(value) ? null : value.toLowerCase();
  const decoded = Buffer.from(value, "base64");
  return decoded.length === bytes && !decoded.every((byte) => byte === 0) ? decoded.toString("hex") : null;
}

function scalar(value: Json): string | number | boolean | undefined {
  if (!isObject(value)) return undefined;
  for (const key of ["stringValue", "intValue", "doubleValue", "boolValue"]) {
    const found = field(value, key);
    if (typeof found === "string" || typeof found === "number" || typeof found === "boolean") return found;
  }
  return undefined;
}

function tagsOf(attributes: Json): Tags {
  const tags = new Map<string, string | number | boolean>();
  for (const attribute of Array.isArray(attributes) ? attributes : []) {
    const value = isObject(attribute) ? scalar(attribute.value) : undefined;
    if (value !== undefined && isObject(attribute) && typeof attribute.key === "string") tags.set(attribute.key, value);
  }
  return (key) => tags.get(key);
}

/** Microseconds of nanoseconds, which JSON has as text since they need 64 bits. */
function micros(value: Json): number {
  if (typeof value === "number") return value / 1000;
  return typeof value === "string" && /^\d{1,20}$/.test(value)
    ? Number(BigInt(value) / 1000n) + Number(BigInt(value) % 1000n) / 1000
    : Number.NaN;
}

function kindOf(value: Json): Span["kind"] {
  if (typeof value === "string" && /^SPAN_KIND_/.test(value)) {
    const name = value.slice("SPAN_KIND_".length).toLowerCase();
    return kinds.find((kind) => kind === name) ?? "unknown";
  }
  return kinds[Number(value ?? 0)] ?? "unknown";
}

/** Probability of OpenTelemetry's consistent sampling: `ot=th:8` rejects the lower half of all. [OpenTelemetry, tracestate handling] */
function thresholdShare(traceState: Json): number | null {
  const digits = typeof traceState === "string" ? /(?:^|,)\s*ot=(?:[^,]*;)?th:([0-9a-f]{1,14})(?:[;,]|$)/.exec(traceState)?.[1] : undefined;
  return digits === undefined ? null : 1 - Number.parseInt(digits.padEnd(14, "0"), 16) / 2 ** 56;
}

/**
 * Reads an element of `spans`.
 *
 * @returns null when it lacks an id or a time.
 * @throws {SyntaxError} when it is no JSON.
 * @see opentelemetry-proto: docs/specification.md, JSON Protobuf Encoding
 */
export function otlpSpan(text: string): TracedSpan | null {
  const span = JSON.parse(text) as Json;
  if (!isObject(span)) return null;
  const traceId = idOf(field(span, "traceId"), 16);
  const id = idOf(field(span, "spanId"), 8);
  const startUs = micros(field(span, "startTimeUnixNano"));
  const endUs = micros(field(span, "endTimeUnixNano"));
  if (traceId === null || id === null || !Number.isFinite(startUs) || !Number.isFinite(endUs)) return null;
  const facts = factsOf(tagsOf(span.attributes));
  return {
    traceId,
    span: {
      id,
      parent: idOf(field(span, "parentSpanId"), 8),
      service: "",
      operation: typeof span.name === "string" ? span.name : "",
      kind: kindOf(span.kind),
      startUs,
      durationUs: endUs - startUs,
      ...facts,
      sampling: facts.sampling ?? thresholdShare(field(span, "traceState")),
    },
  };
}

/** The service that a `resource` names; `unknown_service` when it names none, as OpenTelemetry does. @throws {SyntaxError} when it is no JSON. */
export function otlpService(text: string): string {
  const resource = JSON.parse(text) as Json;
  const name = isObject(resource) ? tagsOf(resource.attributes)("service.name") : undefined;
  return name === undefined || name === "" ? "unknown_service" : String(name);
}
