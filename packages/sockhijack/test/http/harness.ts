/** Runs bpf/trace.h natively over connections: compiles harness.c and speaks to it. @module */
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const source = new URL("harness.c", import.meta.url).pathname;

/** Which ends are on this node (`enum topology` in harness.c). */
export const topology = { bothHere: 0, clientHere: 1, serverHere: 2 } as const;
/** How a message travels (`enum way`): one of the first three, plus `twice` for segments that come again, plus `pieces` for one that lies in several, plus `late` for segments out of order. */
export const way = { redirected: 0, byTcp: 1, segments: 2, twice: 4, pieces: 8, late: 16 } as const;
/** Helpers that fail now and then (`enum fault` in kernel.h). */
export const fault = { push: 1, pull: 2, pop: 4, update: 8, read: 16, ring: 32 } as const;
export const flag = { sampled: 1, continued: 2, injected: 16 } as const;
/** `enum opaque` in sockhijack.h; `gone` when there is no connection any more. */
export const opaque = {
  no: 0,
  notHttp: 1,
  longHead: 2,
  badHead: 3,
  badChunk: 4,
  upgraded: 5,
  unasked: 6,
  deep: 7,
  gap: 8,
  badFrame: 9,
  gone: 255,
} as const;

/** What one end sends at once: stream 0 is requests, 1 answers. */
export interface Message {
  readonly stream: 0 | 1;
  readonly way: number;
  readonly bytes: Buffer;
}

export interface Connection {
  readonly topology: number;
  /** `enum trace`: 2 puts headers in. */
  readonly trace: number;
  readonly faults: number;
  /** How often faults come, in 1/256. */
  readonly rate: number;
  readonly seed: number;
  /** Of the traces that begin here, in 1/2^32; all when it is left out. */
  readonly sampling?: number;
  readonly messages: readonly Message[];
}

export interface Span {
  readonly status: number;
  readonly flags: number;
  readonly aborted: boolean;
  /** HTTP/2's; 0 of HTTP/1. */
  readonly stream: number;
  readonly method: string;
  readonly targetLength: number;
  readonly requestBytes: number;
  readonly answerBytes: number;
  readonly trace: string;
  readonly parent: string;
  readonly clientSpan: string;
  readonly serverSpan: string;
  /** The request line's beginning, 96 bytes. */
  readonly line: Buffer;
}

/** A frame with a header block, as the daemon is told of it. */
export interface Block {
  /** How many exchanges were told before it. */
  readonly after: number;
  readonly answers: boolean;
  readonly number: number;
  /** With its frame's header; empty: the connection is over. */
  readonly frame: Buffer;
}

export interface Outcome {
  /** What left the program for each message; `injections` are offsets into `bytes` at which it was made longer. */
  readonly messages: { readonly passed: boolean; readonly opaque: number; readonly injections: number[]; readonly bytes: Buffer }[];
  readonly opaque: number;
  readonly streams: readonly {
    readonly phase: number;
    readonly digits: number;
    readonly held: number;
    readonly frames: number;
    readonly left: bigint;
  }[];
  readonly counters: {
    readonly requests: number;
    readonly injected: number;
    readonly continued: number;
    readonly notInjected: number;
    readonly streamsFull: number;
  };
  /** What outlived both ends: 1 the connection, 2 a thread's note of it, 4 a head begun, 8 a stream. */
  readonly left: number;
  readonly spans: readonly Span[];
  readonly blocks: readonly Block[];
}

/** Reads little-endian numbers and bytes one after the other. */
class Reader {
  #at = 0;
  readonly #bytes: Buffer;
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }
  u8(): number {
    return this.take(1).readUInt8();
  }
  u32(): number {
    return this.take(4).readUInt32LE();
  }
  u64(): bigint {
    return this.take(8).readBigUInt64LE();
  }
  take(length: number): Buffer {
    const from = this.#at;
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new RangeError("the harness' answer ends too early");
    return this.#bytes.subarray(from, this.#at);
  }
  get done(): boolean {
    return this.#at === this.#bytes.length;
  }
}

function write({ topology, trace, faults, rate, seed, sampling = 2 ** 32 - 1, messages }: Connection): Buffer[] {
  const parts: Buffer[] = [];
  const begin = Buffer.from([67, topology, trace, faults, rate, 0, 0, 0, 0, 0, 0, 0, 0]);
  begin.writeUInt32LE(seed, 5);
  begin.writeUInt32LE(sampling, 9);
  parts.push(begin);
  for (const { stream, way, bytes } of messages) {
    const head = Buffer.from([77, stream, way, 0, 0, 0, 0]);
    head.writeUInt32LE(bytes.length, 3);
    parts.push(head, bytes);
  }
  parts.push(Buffer.from("E"));
  return parts;
}

function readSpan(from: Reader): Span {
  const [status, flags, ended, method, targetLength, stream] = [from.u32(), from.u32(), from.u32(), from.u32(), from.u32(), from.u32()];
  const [requestBytes, answerBytes] = [Number(from.u64()), Number(from.u64())];
  const ids = [16, 8, 8, 8].map((length) => from.take(length).toString("hex"));
  const line = from.take(96);
  return {
    ...{ status, flags, aborted: (ended & 256) !== 0, method: line.toString("latin1", 0, method), targetLength, requestBytes, answerBytes },
    ...{ stream, trace: ids[0]!, parent: ids[1]!, clientSpan: ids[2]!, serverSpan: ids[3]!, line },
  };
}

function readOutcome(from: Reader, messages: number): Outcome {
  const sent = Array.from({ length: messages }, () => {
    const passed = from.u8() === 1;
    const opaque = from.u8();
    const injections = Array.from({ length: from.u32() }, () => from.u32());
    return { passed, opaque, injections, bytes: from.take(from.u32()) };
  });
  const why = from.u8();
  const streams = [0, 1].map(() => ({ phase: from.u8(), digits: from.u8(), held: from.u32(), frames: from.u8(), left: from.u64() }));
  const counters = { requests: from.u32(), injected: from.u32(), continued: from.u32(), notInjected: from.u32(), streamsFull: from.u32() };
  const left = from.u8();
  const spans = Array.from({ length: from.u32() }, () => readSpan(from));
  const blocks = Array.from({ length: from.u32() }, () => ({
    after: from.u32(),
    answers: from.u8() === 1,
    number: from.u32(),
    frame: from.take(from.u32()),
  }));
  return { messages: sent, opaque: why, streams, counters, left, spans, blocks };
}

/** A compiled harness. */
export class Harness {
  readonly #program: string;
  constructor(program: string) {
    this.#program = program;
  }

  /** @throws when the program died, a sanitizer spoke, or it took longer than 20 s. */
  run(connections: readonly Connection[]): Outcome[] {
    // By files: pipes carry 64 KiB at a time.
    const [input, output] = [`${this.#program}.in`, `${this.#program}.out`];
    writeFileSync(input, Buffer.concat(connections.flatMap(write)));
    const [stdin, stdout] = [openSync(input, "r"), openSync(output, "w")];
    const { status, signal, stderr, error } = spawnSync(this.#program, [], { stdio: [stdin, stdout, "pipe"], timeout: 20_000 });
    closeSync(stdin);
    closeSync(stdout);
    if (error || status !== 0) throw new Error(`harness: ${error?.message ?? `status ${status}, signal ${signal}`}\n${stderr}`);
    const from = new Reader(readFileSync(output));
    const outcomes = connections.map(({ messages }) => readOutcome(from, messages.length));
    if (!from.done) throw new Error("harness: it said more than was asked");
    return outcomes;
  }
}

/** The machine's C compiler, if it has one. */
export function findCompiler(): string | undefined {
  return ["cc", "gcc", "clang"].find((name) => spawnSync(name, ["--version"]).status === 0);
}

/** Compiles both builds into a folder of their own. @throws with the compiler's words. */
export function compile(compiler: string): { plain: Harness; sanitized: Harness; [Symbol.dispose](): void } {
  const directory = mkdtempSync(join(tmpdir(), "mitsu-http-"));
  const build = (name: string, ...options: string[]): Harness => {
    const program = join(directory, name);
    const { status, stderr, error } = spawnSync(compiler, ["-Wall", "-Werror", ...options, "-o", program, source], { encoding: "utf8" });
    if (status !== 0) throw new Error(`cannot compile ${source}: ${error ?? stderr}`);
    return new Harness(program);
  };
  try {
    return {
      plain: build("plain", "-O2"),
      // Words are read at any byte, as BPF on x86 and arm64 may.
      sanitized: build("sanitized", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize=alignment", "-fno-sanitize-recover=all"),
      [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
    };
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}
