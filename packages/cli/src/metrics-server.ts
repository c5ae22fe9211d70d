/** The HTTP side of a daemon's health: `/metrics`, `/healthz`, `/readyz`. @module */
import type { AddressInfo } from "node:net";
import { exitStatus, MitsuError } from "./error.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";

/** What to serve, and where. */
export interface MetricsServerOptions {
  /** `127.0.0.1:9101`, `[::1]:9101`; a port alone is on loopback. Port 0 takes any. */
  readonly listen: string;
  readonly metrics: Pick<Metrics, "text" | "contentType">;
  readonly log: Log;
  /** Further documents by path, such as `/metrics/requests`. */
  readonly pages?: Readonly<Record<string, { readonly contentType: string; readonly text: () => string }>>;
  /** False makes `/healthz` say 503: the daemon is beyond repair and wants a restart. */
  readonly healthy?: () => boolean;
  /** A reason why the daemon is not ready, for `/readyz`; undefined when it is. */
  readonly notReady?: () => string | undefined;
}

/** A listening metrics endpoint. */
export interface MetricsServer {
  readonly host: string;
  readonly port: number;
  readonly close: () => Promise<void>;
}

/** Splits `host:port`, `[v6]:port`, `:port` or `port`. @throws {MitsuError} `ERR_METRICS_ADDRESS`. */
export function parseListen(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:(?:\[([0-9a-f:.]+)\]|([^:\s[\]]*)):)?(\d{1,5})$/i.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65535) {
    throw new MitsuError(`cannot serve metrics on '${text}': not host:port`, {
      code: "ERR_METRICS_ADDRESS",
      hint: "such as 127.0.0.1:9101, [::1]:9101 or 9101",
      exit: exitStatus.usage,
    });
  }
  return { host: match[1] || match[2] || "127.0.0.1", port };
}

/**
 * Starts the endpoint.
 *
 * @throws {MitsuError} `ERR_METRICS_ADDRESS` for a malformed address, `ERR_METRICS_LISTEN` when the port is taken or forbidden.
 */
export async function serveMetrics({ listen, metrics, log, pages = {}, healthy, notReady }: MetricsServerOptions): Promise<MetricsServer> {
  const { host, port } = parseListen(listen);
  const { createServer } = await import("node:http");
  const answer = async (path: string): Promise<readonly [number, string, string]> => {
    if (path === "/metrics") return [200, metrics.contentType, await metrics.text()];
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
    if (page) return [200, page.contentType, page.text()];
    if (path === "/healthz") return (healthy?.() ?? true) ? [200, "text/plain", "ok\n"] : [503, "text/plain", "unhealthy\n"];
    if (path === "/readyz") {
      const reason = notReady?.();
      return reason === undefined ? [200, "text/plain", "ready\n"] : [503, "text/plain", `not ready: ${reason}\n`];
    }
    return [404, "text/plain", `try ${["/metrics", ...Object.keys(pages), "/healthz"].join(", ")} or /readyz\n`];
  };
  const server = createServer({ requestTimeout: 5000, headersTimeout: 5000 }, (request, response) => {
    const get = request.method === "GET" || request.method === "HEAD";
    const path = (request.url ?? "/").split("?", 1)[0]!;
    const result = get ? answer(path) : Promise.resolve([405, "text/plain", "GET only\n"] as const);
    result
      .catch((error: unknown) => {
        log.error("cannot collect metrics", { error });
        return [500, "text/plain", "cannot collect metrics; see the log\n"] as const;
      })
      .then(([status, type, text]) => response.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(text));
  });
  server.maxConnections = 64;
  await new Promise<void>((resolve, reject) => server.listen(port, host, resolve).once("error", reject)).catch((cause: Error) => {
    throw new MitsuError(`cannot serve metrics on ${listen}: ${cause.message}`, {
      code: "ERR_METRICS_LISTEN",
      hint: "choose another address with --metrics",
      exit: exitStatus.config,
      cause,
    });
  });
  const bound = server.address() as AddressInfo;
  log.info("serving metrics", { host: bound.address, port: bound.port });
  return {
    host: bound.address,
    port: bound.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
