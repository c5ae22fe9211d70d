/** One POST of OTLP/HTTP; what a status means is decided elsewhere. Source: OTLP 1.9, "OTLP/HTTP". @module */
import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { promisify } from "node:util";
import { gzip as gzipWithCallback } from "node:zlib";
import type { OtlpEndpoint } from "./otlp-endpoint.ts";

const gzip = promisify(gzipWithCallback);
/** An answer is a few bytes; a longer one is not read. */
const maxAnswerBytes = 64 * 1024;
/** Our own requests may pass through the mesh that is traced: not sampled, or each export would make a span to export. */
const notSampled = "00-6d697473756d697473756d697473756d-6d697473756d6974-00";

/** What came back. */
export interface OtlpAnswer {
  readonly status: number;
  readonly body: Uint8Array;
  /** The Retry-After header. */
  readonly retryAfter: string | undefined;
}

/** Sends a body; one connection is kept open. */
export class OtlpPost {
  readonly #endpoint: OtlpEndpoint;
  readonly #agent: HttpAgent;
  readonly #gzip: boolean;
  readonly #userAgent: string;

  constructor(endpoint: OtlpEndpoint, { gzip, userAgent }: { readonly gzip: boolean; readonly userAgent: string }) {
    this.#endpoint = endpoint;
    this.#gzip = gzip;
    this.#userAgent = userAgent;
    this.#agent =
      endpoint.url.protocol === "https:"
        ? new HttpsAgent({ keepAlive: true, maxSockets: 1 })
        : new HttpAgent({ keepAlive: true, maxSockets: 1 });
  }

  /**
   * POSTs protobuf and reads the answer.
   *
   * @throws {Error} as node:http does when the connection fails, when `timeoutMs` are over, and when `signal` aborts.
   */
  async send(body: Uint8Array, timeoutMs: number, signal: AbortSignal): Promise<OtlpAnswer> {
    signal.throwIfAborted();
    const { url, headers } = this.#endpoint;
    const bytes = this.#gzip ? await gzip(body) : body;
    const request = url.protocol === "https:" ? httpsRequest : httpRequest;
    const { promise, resolve, reject } = Promise.withResolvers<OtlpAnswer>();
    const sending = request(url, {
      method: "POST",
      agent: this.#agent,
      signal,
      headers: {
        "user-agent": this.#userAgent,
        traceparent: notSampled,
        ...headers,
        "content-type": "application/x-protobuf",
        "content-length": bytes.length,
        ...(this.#gzip ? { "content-encoding": "gzip" } : {}),
      },
    });
    // Over the whole exchange, unlike request.setTimeout(), which a byte now and then keeps off.
    const timer = setTimeout(() => sending.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    sending.on("error", reject);
    sending.on("response", (response) => {
      const chunks: Uint8Array[] = [];
      let length = 0;
      response.on("data", (chunk: Uint8Array) => {
        length += chunk.length;
        if (length <= maxAnswerBytes) chunks.push(chunk);
        else response.destroy(new Error(`the answer is longer than ${maxAnswerBytes} bytes`));
      });
      response.on("error", reject);
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks), retryAfter: response.headers["retry-after"] });
      });
    });
    sending.end(bytes);
    return promise.finally(() => clearTimeout(timer));
  }

  /** Closes the connection. */
  close(): void {
    this.#agent.destroy();
  }
}
