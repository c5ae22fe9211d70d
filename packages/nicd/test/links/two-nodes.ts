/** What the tests of links share: certificates in a folder of their own, a server that echoes, a pool that calls it. */

import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ByteStream, ByteStreamEvents } from "@mitsu/reactor/byte-stream";
import type { ExecutionContext } from "ava";
import type { Caller } from "../../src/caller.ts";
import { checkIdentity, type Identity } from "../../src/certificates/identity.ts";
import { type Authority, issueInto, loadAuthority, makeAuthority, pathsIn, type SpiffeId } from "../../src/certificates/mod.ts";
import { type IncomingRequest, LinkPool, LinkServer, type LinkServerOptions } from "../../src/links/mod.ts";

export const trustDomain = "mesh.local";
export const caller: Caller = { service: "web", address: "10.1.0.5", port: 40000, by: "cgroup" };
export const target = "10.0.0.7:8080";

/** A folder that goes with the test. */
export async function folder(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "nicd-links-"));
  t.teardown(() => rm(dir, { recursive: true }));
  return dir;
}

/** A new authority, old enough to have signed what is over by now. */
export async function authorityIn(dir: string, domain: string = trustDomain): Promise<Authority> {
  await makeAuthority(dir, { trustDomain: domain, now: () => Date.now() - 10 * 86_400_000 });
  return loadAuthority(dir);
}

let version = 0;

/** Whom an identity is for, and when. */
export interface IdentityOptions {
  readonly kind?: SpiffeId["kind"];
  readonly now?: () => number;
  readonly days?: number;
}

/** An identity of its own folder below `dir`; `now` lets it be one of another time. */
export async function identityOf(dir: string, authority: Authority, name: string, options?: IdentityOptions): Promise<Identity> {
  const own = join(dir, `${name}-${++version}`);
  await issueInto(own, authority, { kind: "node", name, ...options });
  return identityIn(own, options?.now);
}

/** The identity in a folder. */
export function identityIn(dir: string, now: () => number = Date.now): Identity {
  const { certificate, key, authorities } = pathsIn(dir);
  const read = (path: string) => readFileSync(path, "utf8");
  return checkIdentity({ certificate: read(certificate), key: read(key), authorities: read(authorities) }, ++version, now());
}

/** Collects what happens on a stream. */
export class Watched implements ByteStreamEvents {
  stream!: ByteStream;
  readonly chunks: Buffer[] = [];
  bytes = 0;
  keep = true;
  ended = false;
  drains = 0;
  error: Error | null | undefined;
  readonly #closed = Promise.withResolvers<Error | null>();
  readonly #ended = Promise.withResolvers<void>();
  #waits: (() => void)[] = [];

  onData(buffer: Buffer, start: number, end: number): void {
    this.bytes += end - start;
    if (this.keep) this.chunks.push(Buffer.from(buffer.subarray(start, end)));
    this.#woken();
  }
  onEnd(): void {
    this.ended = true;
    this.#ended.resolve();
  }
  onDrain(): void {
    this.drains++;
    this.#woken();
  }
  onClose(error: Error | null): void {
    if (this.error !== undefined) throw new Error("onClose was called twice");
    this.error = error;
    this.#closed.resolve(error);
    this.#woken();
  }
  /** The error that it closed with. */
  closed(): Promise<Error | null> {
    return this.#closed.promise;
  }
  end(): Promise<void> {
    return this.#ended.promise;
  }
  text(): string {
    return Buffer.concat(this.chunks).toString("latin1");
  }
  /** Waits until something that happened makes it true. */
  async until(met: () => boolean): Promise<void> {
    while (!met()) {
      if (this.error !== undefined) throw this.error ?? new Error("closed meanwhile");
      await new Promise<void>((resolve) => this.#waits.push(resolve));
    }
  }
  #woken(): void {
    const waits = this.#waits;
    this.#waits = [];
    for (const wake of waits) wake();
  }
}

/** Answers each stream with what it gets, and ends when it ends; the request joins `seen`. */
export function echo(request: IncomingRequest, seen: IncomingRequest[] = []): void {
  seen.push(request);
  const held: ByteStream = request.accept({
    onData: (buffer, start, end) => void (held.write(buffer, start, end) || held.pause()),
    onDrain: () => held.resume(),
    onEnd: () => held.end(),
    onClose: () => {},
  });
}

/** Opens a stream and watches it. */
export function open(pool: LinkPool, port: number, text: string = "", to: string = target): Watched {
  const watched = new Watched();
  watched.stream = pool.open({ address: "127.0.0.1", port, node: "node-b" }, to, caller, watched);
  if (text !== "") watched.stream.write(Buffer.from(text), 0, Buffer.byteLength(text));
  return watched;
}

/** Two nodes that trust one another. */
export interface TwoNodes {
  readonly dir: string;
  readonly authority: Authority;
  /** May be replaced: new links use what stands here. */
  readonly identities: { a: Identity; b: Identity };
  readonly server: LinkServer;
  readonly port: number;
  readonly pool: LinkPool;
}

/** `node-a`, with a pool, calls `node-b`, with a server. */
export async function twoNodes(t: ExecutionContext, options?: Partial<LinkServerOptions>): Promise<TwoNodes> {
  const dir = await folder(t);
  const authority = await authorityIn(join(dir, "ca"));
  const identities = { a: await identityOf(dir, authority, "node-a"), b: await identityOf(dir, authority, "node-b") };
  const server = new LinkServer({
    security: { security: "mtls", trustDomain, identity: () => identities.b },
    permits: (to) => to === target,
    connect: (request) => echo(request),
    ...options,
  });
  const port = await server.listen(0, "127.0.0.1");
  const pool = new LinkPool({ security: "mtls", trustDomain, identity: () => identities.a }, { limits: options?.limits ?? {} });
  t.teardown(async () => {
    pool.close();
    await server.close();
  });
  return { dir, authority, identities, server, port, pool };
}

/** Turns the event loop until something is so. @throws when that takes over ten seconds. */
export async function until(met: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!met()) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ten seconds`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
