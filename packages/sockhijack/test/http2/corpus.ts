/**
 * Reads the hand-made connections of corpus/: `# ` lines say what is expected, `> ` and `< ` lines what client and server send: PREFACE; or
 * a frame, as its type, its flags, its stream and a colon; or `bytes:`. What follows is in hexadecimal, or text in quotes; 9000*61 is a
 * byte that comes 9000 times. Lengths are not written: frames have those of their payloads.
 * @module
 */
import { readdirSync, readFileSync } from "node:fs";
import type { Run } from "../http/cutting.ts";
import { opaque } from "../http/harness.ts";
import { flags, frame, preface, type } from "./frame.ts";

export interface Example {
  readonly name: string;
  readonly runs: Run[];
  /** Why it is left alone in the end (`# opaque`), or 0. */
  readonly opaque: number;
  /** "number whole request-bytes answer-bytes", or aborted, in their order (`# stream`). */
  readonly streams: string[];
  /** How many requests get a traceparent, and how many of those that might do not, when each run is sent in one piece (`# injected`, `# left`). */
  readonly injected: number;
  readonly left: number;
  /** Whether nghttp2 takes the requests (`# nghttp2 takes`, `# nghttp2 refuses`). */
  readonly taken: boolean;
}

/** @throws on what is neither hexadecimal nor text. */
function payload(where: string, text: string): Buffer {
  const parts: Buffer[] = [];
  for (const [word] of text.matchAll(/"[^"]*"|\S+/g)) {
    const [, times = "1", byte = ""] = /^(?:(\d+)\*)?([0-9a-f]{2})$/.exec(word) ?? [];
    if (word.startsWith('"')) parts.push(Buffer.from(word.slice(1, -1), "latin1"));
    else if (byte === "") throw new SyntaxError(`${where}: neither a byte in hexadecimal nor text: ${word}`);
    else parts.push(Buffer.alloc(Number(times), Number.parseInt(byte, 16)));
  }
  return Buffer.concat(parts);
}

/** @throws on a line that is no frame. */
function sent(where: string, line: string): Buffer {
  if (line === "PREFACE") return preface;
  const [, head, rest] = /^([^:"]+):(.*)$/.exec(line) ?? [];
  if (head === undefined) throw new SyntaxError(`${where}: no frame: ${line}`);
  if (head === "bytes") return payload(where, rest!);
  const [kind = "", ...more] = head.split(" ");
  const stream = Number(more.pop());
  const flag = more.reduce((sum, name) => sum | (flags[name as keyof typeof flags] ?? Number.NaN), 0);
  const number = kind in type ? type[kind as keyof typeof type] : Number(kind);
  if (Number.isNaN(number) || Number.isNaN(stream) || more.some((name) => !(name in flags)))
    throw new SyntaxError(`${where}: no frame: ${line}`);
  return frame(number, flag, stream, payload(where, rest!));
}

/** @throws on a line that is none of the format's. */
function parse(name: string, text: string): Example {
  const runs: { stream: 0 | 1; bytes: Buffer }[] = [];
  const said = new Map<string, string[]>();
  for (const line of text.split("\n").filter((line) => line !== "")) {
    const [, kind, rest] = /^([#><]) (.*)$/.exec(line) ?? [];
    if (kind === undefined) throw new SyntaxError(`corpus/${name}: not a line of a corpus file: ${line}`);
    if (kind === "#") {
      const [word = "", ...values] = rest!.split(" ");
      said.set(word, [...(said.get(word) ?? []), values.join(" ")]);
      continue;
    }
    const bytes = sent(`corpus/${name}`, rest!);
    const stream = kind === ">" ? 0 : 1;
    const last = runs.at(-1);
    if (last?.stream === stream) last.bytes = Buffer.concat([last.bytes, bytes]);
    else runs.push({ stream, bytes });
  }
  const one = (word: string) => said.get(word)?.[0] ?? "";
  const why = (one("opaque") || "no") as keyof typeof opaque;
  if (!(why in opaque)) throw new SyntaxError(`corpus/${name}: no such reason: ${why}`);
  return {
    ...{ name, runs, opaque: opaque[why], streams: said.get("stream") ?? [] },
    ...{ injected: Number(one("injected")), left: Number(one("left")), taken: one("nghttp2") === "takes" },
  };
}

export function readCorpus(): Example[] {
  const folder = new URL("corpus/", import.meta.url);
  return readdirSync(folder)
    .sort()
    .map((name) => parse(name, readFileSync(new URL(name, folder), "utf8")));
}
