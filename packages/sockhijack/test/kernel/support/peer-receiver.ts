/** Receivers of spans that others wrote, as scripts/peer-receivers builds them; each is run on free ports until the test ends. @module */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { NotSupportedError } from "@mitsu/cli/error";
import { freePort } from "./free-port.ts";
import type { Sandbox } from "./sandbox.ts";
import { listening } from "./servers.ts";
import { type StoredSpan, storedSpans, type TracesData } from "./stored-span.ts";

/** A receiver that runs. */
export interface PeerReceiver {
  /** Base URL for `--otlp`. */
  readonly endpoint: string;
  /** All that it has of a trace now. */
  readonly spans: (traceId: string) => Promise<readonly StoredSpan[]>;
}

/** Jaeger, which answers questions too. */
export interface Jaeger extends PeerReceiver {
  /** Asks the API that Jaeger's own pages ask: `traces/<id>`, `services`. @returns its `data`. */
  readonly ask: <T>(path: string) => Promise<T>;
}

/**
 * Starts Jaeger with its spans in memory.
 *
 * @throws {NotSupportedError} when it is not built.
 */
export async function jaeger(sandbox: Sandbox): Promise<Jaeger> {
  const [otlp, http, grpc] = [await freePort(), await freePort(), await freePort()];
  const config = `service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines:
    traces: { receivers: [otlp], exporters: [jaeger_storage_exporter] }
  telemetry: { metrics: { level: none } }
extensions:
  jaeger_storage: { backends: { here: { memory: { max_traces: 1000 } } } }
  jaeger_query:
    storage: { traces: here }
    http: { endpoint: "127.0.0.1:${http}" }
    grpc: { endpoint: "127.0.0.1:${grpc}" }
receivers:
  otlp: { protocols: { http: { endpoint: "127.0.0.1:${otlp}" } } }
exporters:
  jaeger_storage_exporter: { trace_storage: here }
`;
  await start(sandbox, "jaeger", config, [otlp, http]);
  const get = async (path: string): Promise<Response> => fetch(`http://127.0.0.1:${http}/api/${path}`);
  return {
    endpoint: `http://127.0.0.1:${otlp}`,
    spans: async (traceId) => {
      const answer = await get(`v3/traces/${traceId}`);
      if (answer.status === 404) return []; // not there yet
      return storedSpans(((await answer.json()) as { result: TracesData }).result);
    },
    ask: async <T>(path: string) => ((await (await get(path)).json()) as { data: T }).data,
  };
}

/**
 * Starts the OpenTelemetry collector; what it takes goes to a file, one document a line.
 *
 * @throws {NotSupportedError} when it is not built.
 */
export async function collector(sandbox: Sandbox): Promise<PeerReceiver> {
  const otlp = await freePort();
  const file = join(sandbox.directory, "collected.json");
  const config = `service:
  pipelines:
    traces: { receivers: [otlp], exporters: [file] }
  telemetry: { metrics: { level: none } }
receivers:
  otlp: { protocols: { http: { endpoint: "127.0.0.1:${otlp}" } } }
exporters:
  file: { path: "${file}", flush_interval: 100ms }
`;
  await start(sandbox, "collector", config, [otlp]);
  return {
    endpoint: `http://127.0.0.1:${otlp}`,
    spans: async (traceId) => {
      // What follows the last line feed may be half a document.
      const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : [];
      return lines.flatMap((line) => storedSpans(JSON.parse(line))).filter((span) => span.traceId === traceId);
    },
  };
}

/** Both take a collector's command line. */
async function start(sandbox: Sandbox, name: string, config: string, ports: readonly number[]): Promise<void> {
  const binary = new URL(`../../../../../.cache/peers/${name}`, import.meta.url).pathname;
  if (!existsSync(binary)) throw new NotSupportedError(`${name} is not built`, "run scripts/peer-receivers, which needs Go");
  const program = sandbox.spawn([binary, "--config", sandbox.file(`${name}.yaml`, config)]);
  for (const port of ports) await listening(port, "127.0.0.1", program);
}
