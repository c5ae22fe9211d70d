/** Spans as a receiver that others wrote hands them out again: OTLP's JSON, made flat. Source: OTLP 1.9, "JSON Protobuf Encoding". @module */

/** A span as it was stored. */
export interface StoredSpan {
  readonly resource: Readonly<Record<string, unknown>>;
  /** `name@version`. */
  readonly scope: string;
  readonly name: string;
  /** `SpanKind`: 2 a server's, 3 a client's. */
  readonly kind: number;
  /** Hexadecimal digits, as the other ids. */
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for a root. */
  readonly parentSpanId: string;
  readonly startNs: bigint;
  readonly endNs: bigint;
  /** Values in their own type: text, number or boolean. */
  readonly attributes: Readonly<Record<string, unknown>>;
  /** `StatusCode`: 0 unset, 2 an error. */
  readonly status: number;
}

/** `TracesData`, as far as it is used here. */
export interface TracesData {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeSpans: readonly {
      readonly scope: { readonly name: string; readonly version: string };
      readonly spans: readonly JsonSpan[];
    }[];
  }[];
}

interface JsonSpan extends Pick<StoredSpan, "name" | "kind" | "traceId" | "spanId"> {
  readonly parentSpanId?: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly KeyValue[];
  readonly status?: { readonly code?: number };
}

interface KeyValue {
  readonly key: string;
  /** One of `stringValue`, `boolValue`, `intValue` (decimal digits), `doubleValue`. */
  readonly value: Readonly<Record<string, unknown>>;
}

/** All spans of a document, in its order. */
export function storedSpans({ resourceSpans }: TracesData): StoredSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ scope, spans }) =>
      spans.map((span) => ({
        resource: flat(resource.attributes),
        scope: `${scope.name}@${scope.version}`,
        name: span.name,
        kind: span.kind,
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId ?? "",
        startNs: BigInt(span.startTimeUnixNano),
        endNs: BigInt(span.endTimeUnixNano),
        attributes: flat(span.attributes),
        status: span.status?.code ?? 0,
      })),
    ),
  );
}

function flat(attributes: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value: { intValue, ...other } }) => [key, intValue === undefined ? Object.values(other)[0] : Number(intValue)]),
  );
}
