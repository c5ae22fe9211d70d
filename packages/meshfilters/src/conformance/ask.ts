/** One request to the host, and everything that came back. @module */
import { Agent, type IncomingMessage, request as send } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import type { Arrived } from "./upstream.ts";

/** What is asked. */
export interface Question {
  /** Which check the filter is to make: its header `x-check`. */
  readonly check: string;
  readonly method?: string;
  /** Name and value by turns, behind those that every request has. */
  readonly headers?: readonly string[];
  /** Sent with its length. */
  readonly body?: string;
  /** Sent as chunks, apart by some milliseconds. */
  readonly chunks?: readonly string[];
  readonly trailers?: readonly (readonly [string, string])[];
  /** What the upstream answers; see `upstream.ts`. */
  readonly answer?: string;
  /** How long to wait; 5000 unless told. */
  readonly timeoutMs?: number;
}

/** What came. */
export interface Answer {
  /** 0: none, and `error` says why. */
  readonly status: number;
  /** Name and value by turns. */
  readonly headers: readonly string[];
  readonly body: string;
  readonly trailers: readonly string[];
  readonly error: string;
  /** Until the answer's end, ms. */
  readonly tookMs: number;
}

/** Asks a filter. */
export type Ask = (filter: string, question: Question) => Promise<Answer>;

/** Between two chunks, so that a host reads them apart, ms. */
const chunkGapMs = 60;

/** The first value of a field; undefined when it is not there. */
export function field(headers: readonly string[], name: string): string | undefined {
  const at = headers.findIndex((key, place) => place % 2 === 0 && key.toLowerCase() === name);
  return at < 0 ? undefined : headers[at + 1];
}

/** All values of a field, joined by `|`; each may itself be a list. */
export function everyField(headers: readonly string[], name: string): string {
  return headers.filter((_, place) => place % 2 === 1 && headers[place - 1]!.toLowerCase() === name).join("|");
}

/** What an echoing upstream says that reached it; undefined when the answer is none of its. */
export function arrived({ status, body }: Answer): Arrived | undefined {
  if (status !== 200 || !body.startsWith("{")) return undefined;
  return JSON.parse(body) as Arrived;
}

async function read(response: IncomingMessage): Promise<Omit<Answer, "tookMs">> {
  let body = "";
  let error = "";
  response.setEncoding("latin1");
  try {
    for await (const text of response) body += text as string;
  } catch (cause) {
    error = `the answer was cut off (${(cause as NodeJS.ErrnoException).code})`;
  }
  return { status: response.statusCode!, headers: response.rawHeaders, body, trailers: response.rawTrailers, error };
}

/**
 * A client of a host: one kept connection for each filter, so that its requests meet the same virtual machine.
 *
 * @param base Where it listens: `http://127.0.0.1:18080`.
 */
export function createAsk(base: string): { readonly ask: Ask; readonly close: () => void } {
  const agents = new Map<string, Agent>();
  const agentOf = (filter: string): Agent => {
    const agent = agents.get(filter) ?? new Agent({ keepAlive: true, maxSockets: 1 });
    agents.set(filter, agent);
    return agent;
  };
  const ask: Ask = async (filter, { check, method, headers = [], body, chunks, trailers = [], answer, timeoutMs = 5000 }) => {
    const withBody = body !== undefined || chunks !== undefined;
    const began = performance.now();
    const fields = ["host", "kit.test", "x-check", check, "x-one", "1", "x-two", "a", "x-two", "b", "x-empty", "", ...headers];
    if (answer !== undefined) fields.push("x-answer", answer);
    if (body !== undefined) fields.push("content-length", String(Buffer.byteLength(body)));
    if (chunks !== undefined) fields.push("transfer-encoding", "chunked");
    if (trailers.length > 0) fields.push("trailer", trailers.map(([name]) => name).join(","));
    const request = send(`${base}/${filter}/x`, { method: method ?? (withBody ? "POST" : "GET"), agent: agentOf(filter), headers: fields });
    const signal = setTimeout(() => request.destroy(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs);
    try {
      const answered = new Promise<Omit<Answer, "tookMs">>((resolve, reject) => {
        request.on("response", (response) => resolve(read(response)));
        request.on("error", reject);
      });
      // Told by what is awaited below.
      answered.catch(() => {});
      if (chunks !== undefined) {
        request.flushHeaders();
        for (const chunk of chunks) {
          if (request.destroyed) break;
          request.write(chunk);
          await wait(chunkGapMs);
        }
      }
      if (trailers.length > 0) request.addTrailers(trailers.map(([name, value]): [string, string] => [name, value]));
      request.end(body);
      return { ...(await answered), tookMs: performance.now() - began };
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return { status: 0, headers: [], body: "", trailers: [], error: code ?? message, tookMs: performance.now() - began };
    } finally {
      clearTimeout(signal);
    }
  };
  const close = (): void => {
    for (const agent of agents.values()) agent.destroy();
  };
  return { ask, close };
}
