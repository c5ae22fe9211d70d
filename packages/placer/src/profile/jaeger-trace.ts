/** One trace as Jaeger's query service and UI write it as JSON. @module */
import { factsOf, type Span } from "./span.ts";

/** What of a trace could be read. */
export interface ReadSpans {
  readonly spans: Span[];
  /** Spans that lack an id, a time or a process. */
  readonly broken: number;
}

type Json = unknown;
const isObject = (value: Json): value is Record<string, Json> => typeof value === "object" && value !== null && !Array.isArray(value);
const listOf = (value: Json): readonly Json[] => (Array.isArray(value) ? value : []);
const kinds: Readonly<Record<string, Span["kind"]>> = {
  client: "client",
  server: "server",
  producer: "producer",
  consumer: "consumer",
  internal: "internal",
};

/**
 * Reads a trace: an element of `data`. Parents are named by the first reference to a span of the trace, `CHILD_OF` before `FOLLOWS_FROM`;
 * that some exporters nest the whole parent there as well does not matter.
 *
 * @throws {SyntaxError} when it is no JSON; {TypeError} when it is not a trace.
 * @see jaeger: model/json/model.go
 */
export function jaegerTrace(text: string): ReadSpans {
  const trace = JSON.parse(text) as Json;
  if (!isObject(trace) || !Array.isArray(trace.spans)) throw new TypeError("it has no list `spans`");
  const processes = isObject(trace.processes) ? trace.processes : {};
  const read = trace.spans.map((span: Json) => (isObject(span) ? spanOf(span, processes) : null));
  return { spans: read.filter((span) => span !== null), broken: read.filter((span) => span === null).length };
}

function spanOf(span: Record<string, Json>, processes: Record<string, Json>): Span | null {
  const process = isObject(span.process) ? span.process : processes[String(span.processID)];
  const service = isObject(process) ? process.serviceName : undefined;
  const { spanID: id, startTime, duration, operationName } = span;
  if (typeof id !== "string" || id === "" || typeof service !== "string" || service === "") return null;
  if (!Number.isFinite(startTime) || !Number.isFinite(duration)) return null;
  const tags = new Map<string, string | number | boolean>();
  for (const tag of listOf(span.tags)) {
    if (isObject(tag) && typeof tag.key === "string" && ["string", "number", "boolean"].includes(typeof tag.value)) {
      tags.set(tag.key, tag.value as string | number | boolean);
    }
  }
  const operation = typeof operationName === "string" ? operationName : "";
  return {
    id,
    parent: parentOf(span),
    service,
    operation,
    kind: kinds[String(tags.get("span.kind") ?? "").toLowerCase()] ?? "unknown",
    startUs: startTime as number,
    durationUs: duration as number,
    ...factsOf((key) => tags.get(key)),
  };
}

function parentOf(span: Record<string, Json>): string | null {
  const references = listOf(span.references)
    .filter(isObject)
    .filter(({ spanID, traceID }) => typeof spanID === "string" && (traceID === undefined || traceID === span.traceID));
  const parent = references.find(({ refType }) => refType === "CHILD_OF") ?? references[0];
  if (parent) return parent.spanID as string;
  return typeof span.parentSpanID === "string" && span.parentSpanID !== "" ? span.parentSpanID : null; // the old form
}
