/** A small protocol and a server for it on a socket of its own, for the tests of client and server. @module */
import { mkdtempSync, rmSync } from "node:fs";
import { createLog, MitsuError, NotSupportedError, type TestEnv, testEnv } from "@mitsu/cli";
import type { ExecutionContext } from "ava";
import { z } from "zod";
import {
  type Client,
  type ConnectOptions,
  connect,
  type Handlers,
  type Method,
  method,
  type ServeOptions,
  type Server,
  type Stream,
  serve,
  stream,
} from "../src/mod.ts";

/** One method or stream of each kind. */
export interface DemoProtocol {
  readonly add: Method<{ readonly a: number; readonly b: number }, { readonly sum: number }>;
  readonly fail: Method<{ readonly how: string }, { readonly never: true }>;
  readonly who: Method<Record<string, never>, { readonly pid: number; readonly uid: number }>;
  readonly hang: Method<Record<string, never>, { readonly never: true }>;
  readonly echo: Method<{ readonly text: string }, { readonly text: string }>;
  readonly lie: Method<Record<string, never>, { readonly number: number }>;
  readonly count: Stream<{ readonly to: number }, { readonly n: number }>;
  readonly countAll: Stream<{ readonly to: number }, { readonly n: number }>;
  readonly broken: Stream<Record<string, never>, { readonly n: number }>;
  readonly silent: Stream<Record<string, never>, { readonly n: number }>;
}

const nothing = z.strictObject({});
const never = z.object({ never: z.literal(true) });
const text = z.object({ text: z.string() });
const to = z.object({ to: z.int() });
const n = z.object({ n: z.int() });

/** The schemas of {@link DemoProtocol}. */
export const demo: DemoProtocol = {
  add: method(z.object({ a: z.number(), b: z.number() }), z.object({ sum: z.number() })),
  fail: method(z.object({ how: z.string() }), never),
  who: method(nothing, z.object({ pid: z.int(), uid: z.int() })),
  hang: method(nothing, never),
  echo: method(text, text),
  lie: method(nothing, z.object({ number: z.number() })),
  count: stream(to, n),
  countAll: stream(to, n, "wait"),
  broken: stream(nothing, n),
  silent: stream(nothing, n),
};

async function* upTo(limit: number): AsyncGenerator<{ n: number }> {
  for (let value = 1; value <= limit; value++) yield { n: value };
}

/** What a test sees of the daemon: which streams ended, and the log. */
export interface Fixture {
  readonly path: string;
  readonly server: Server;
  readonly env: TestEnv;
  /** Resolves when a `silent` stream's signal aborts. */
  readonly silentEnded: Promise<void>;
  readonly open: (options?: ConnectOptions) => Promise<Client<DemoProtocol>>;
}

/** A path in a directory of its own, removed with the test. */
export function socketPath(t: ExecutionContext): string {
  const directory = mkdtempSync("/tmp/mitsu-ipc-");
  t.teardown(() => rmSync(directory, { recursive: true }));
  return `${directory}/demo.sock`;
}

/** Serves {@link demo}. */
export async function fixture(t: ExecutionContext, options: Partial<ServeOptions<DemoProtocol>> = {}): Promise<Fixture> {
  const path = socketPath(t);
  const env = testEnv();
  const silentEnded = Promise.withResolvers<void>();
  const handlers: Handlers<DemoProtocol> = {
    add: ({ a, b }) => ({ sum: a + b }),
    fail: ({ how }) => {
      if (how === "unsupported") throw new NotSupportedError("no BTF", "boot another kernel");
      if (how === "plain") throw Object.assign(new Error("no file"), { code: "ENOENT" });
      throw new MitsuError("no such cgroup", { code: "ERR_CGROUP_MISSING", hint: "start the unit first", exit: 65 });
    },
    who: (_request, { peer }) => ({ pid: peer.pid, uid: peer.uid }),
    hang: () => new Promise(() => {}),
    echo: (request) => request,
    lie: () => ({ number: "one" }) as unknown as { number: number },
    count: ({ to: limit }) => upTo(limit),
    countAll: ({ to: limit }) => upTo(limit),
    async *broken() {
      yield { n: 1 };
      throw new MitsuError("the map is gone", { code: "ERR_X" });
    },
    async *silent(_request, { signal }) {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      silentEnded.resolve();
    },
  };
  const server = await serve({ listen: { path }, daemon: "demo", version: "1", protocol: demo, log: createLog(env), handlers, ...options });
  t.teardown(server.close);
  const open = async (connectOptions?: ConnectOptions) => {
    const client = await connect(path, demo, connectOptions);
    t.teardown(client.close);
    return client;
  };
  return { path, server, env, silentEnded: silentEnded.promise, open };
}
