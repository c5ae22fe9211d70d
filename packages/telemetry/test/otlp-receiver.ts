/** A collector for tests: it decodes with the schema that OpenTelemetry generates from its .proto files, not with what the exporter uses. @module */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import type { ExecutionContext } from "ava";
import root from "otlp-decoder/build/src/generated/root.js";

/** The package types its generated code as an empty root. */
const { ExportTraceServiceRequest, ExportTraceServiceResponse } = (root as unknown as Generated).opentelemetry.proto.collector.trace.v1;

/** What pbjs makes of a message, as far as it is used here. */
interface Message {
  readonly encode: (fields: object) => { readonly finish: () => Uint8Array };
  readonly decode: (bytes: Uint8Array) => object;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the schema says
  readonly toObject: (message: object, options: object) => any;
}

interface Generated {
  readonly opentelemetry: {
    readonly proto: {
      readonly collector: {
        readonly trace: { readonly v1: { readonly ExportTraceServiceRequest: Message; readonly ExportTraceServiceResponse: Message } };
      };
    };
  };
}

/** A span as it went over the wire, flat. */
export interface ReceivedSpan {
  readonly resource: Readonly<Record<string, unknown>>;
  readonly scope: string;
  readonly name: string;
  readonly kind: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  /** Decimal digits. */
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly status: { readonly code?: string; readonly message?: string };
}

/** One POST. */
export interface ReceivedPost {
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  /** Of the groups by resource: how many there were. */
  readonly resources: number;
  readonly spans: readonly ReceivedSpan[];
}

/** The receiver, and what it got. */
export interface OtlpReceiver {
  readonly endpoint: string;
  readonly posts: ReceivedPost[];
  readonly close: () => Promise<void>;
}

/** What a 200 carries when the receiver did not take all. */
export function partialAnswer(rejectedSpans: number, errorMessage: string): Uint8Array {
  return ExportTraceServiceResponse.encode({ partialSuccess: { rejectedSpans, errorMessage } }).finish();
}

/**
 * Listens until the test ends.
 *
 * @param answer Called for each POST, from 0 on; answers 200 unless given.
 */
export async function otlpReceiver(
  t: ExecutionContext,
  answer = (response: ServerResponse, _post: number): void => void response.end(),
): Promise<OtlpReceiver> {
  const posts: ReceivedPost[] = [];
  const server = createServer((request, response) => {
    const chunks: Uint8Array[] = [];
    request.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      const bytes = request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body;
      posts.push({ path: request.url, headers: request.headers, ...decode(bytes) });
      answer(response, posts.length - 1);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  t.teardown(close);
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, posts, close };
}

interface KeyValue {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

function decode(bytes: Uint8Array): Pick<ReceivedPost, "resources" | "spans"> {
  const options = { longs: String, enums: String, bytes: String };
  const message = ExportTraceServiceRequest.toObject(ExportTraceServiceRequest.decode(bytes), options);
  const spans: ReceivedSpan[] = [];
  for (const { resource, scopeSpans } of message.resourceSpans) {
    for (const { scope, spans: group } of scopeSpans) {
      for (const span of group) {
        spans.push({
          ...span,
          resource: flat(resource.attributes),
          scope: `${scope.name}@${scope.version}`,
          traceId: hex(span.traceId),
          spanId: hex(span.spanId),
          parentSpanId: hex(span.parentSpanId),
          attributes: flat(span.attributes),
        });
      }
    }
  }
  return { resources: message.resourceSpans.length, spans };
}

const hex = (base64 = ""): string => Buffer.from(base64, "base64").toString("hex");

/** Values keep their kind: an integer comes as text (64 bits), a double as a number. */
function flat(attributes: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
