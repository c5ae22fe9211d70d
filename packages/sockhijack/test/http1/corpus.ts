/**
 * Reads the hand-made connections of corpus/: `# ` lines say what is expected, `> ` and `< ` lines what client and server send, with \r \n \t
 * and \xNN as escapes and nothing at their ends; `>9000 x` sends x 9000 times.
 * @module
 */
import { readdirSync, readFileSync } from "node:fs";
import type { Run } from "../http/cutting.ts";
import { opaque } from "../http/harness.ts";

export interface Example {
  readonly name: string;
  readonly runs: Run[];
  /** Why it is left alone in the end (`# opaque`), or 0. */
  readonly opaque: number;
  /** Whole exchanges: "METHOD target status request-bytes answer-bytes" (`# exchange`). */
  readonly exchanges: string[];
  /** How many requests get a header line, and how many our parent id, when sent in one piece (`# injected`, `# continued`). */
  readonly injected: number;
  readonly continued: number;
  /** Whether strict llhttp takes the requests (`# llhttp takes`, `# llhttp refuses`). */
  readonly taken: boolean;
}

function unescaped(text: string): string {
  return text.replace(/\\(?:x([0-9a-f]{2})|([rnt\\]))/g, (_, hex: string | undefined, letter: string) =>
    hex ? String.fromCharCode(Number.parseInt(hex, 16)) : { r: "\r", n: "\n", t: "\t", "\\": "\\" }[letter]!,
  );
}

/** @throws on a line that is none of the format's. */
function parse(name: string, text: string): Example {
  const runs: Run[] = [];
  const said = new Map<string, string[]>();
  for (const line of text.split("\n").filter((line) => line !== "")) {
    const [, kind, times, rest] = /^([#><])(\d*) (.*)$/.exec(line) ?? [];
    if (kind === undefined) throw new SyntaxError(`corpus/${name}: not a line of a corpus file: ${line}`);
    if (kind === "#") {
      const [word = "", ...values] = rest!.split(" ");
      said.set(word, [...(said.get(word) ?? []), values.join(" ")]);
      continue;
    }
    const bytes = Buffer.from(unescaped(rest!).repeat(times ? Number(times) : 1), "latin1");
    const stream = kind === ">" ? 0 : 1;
    const last = runs.at(-1);
    if (last?.stream === stream) runs[runs.length - 1] = { stream, bytes: Buffer.concat([last.bytes, bytes]) };
    else runs.push({ stream, bytes });
  }
  const one = (word: string) => said.get(word)?.[0] ?? "";
  const why = (one("opaque") || "no") as keyof typeof opaque;
  if (!(why in opaque)) throw new SyntaxError(`corpus/${name}: no such reason: ${why}`);
  return {
    ...{ name, runs, opaque: opaque[why], exchanges: said.get("exchange") ?? [] },
    ...{ injected: Number(one("injected")), continued: Number(one("continued")), taken: one("llhttp") === "takes" },
  };
}

export function readCorpus(): Example[] {
  const folder = new URL("corpus/", import.meta.url);
  return readdirSync(folder)
    .sort()
    .map((name) => parse(name, readFileSync(new URL(name, folder), "utf8")));
}
