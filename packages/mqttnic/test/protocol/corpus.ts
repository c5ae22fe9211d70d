/** Reads the packets in `test/corpus`; its README.md says how they are written. @module */
import { readdirSync, readFileSync } from "node:fs";
import type { ProtocolVersion } from "../../src/protocol/packet.ts";
import { variableIntegerBytes, writeVariableInteger } from "../../src/protocol/variable-integer.ts";

/** A line of the corpus. */
export interface CorpusPacket {
  readonly version: ProtocolVersion;
  /** undefined for a good packet. */
  readonly reasonCode: number | undefined;
  readonly title: string;
  readonly bytes: Buffer;
  readonly expected: unknown;
}

/** The bytes of a packet in the corpus's notation. @throws {Error} for anything that is not in it. */
export function packet(notation: string): Buffer {
  const open: Buffer[][] = [[]];
  for (const [token, text] of notation.matchAll(/"([^"]*)"|[{}]|(?:[0-9a-f]{2})+|\S+/g)) {
    const parts = open.at(-1)!;
    if (text !== undefined) {
      const bytes = Buffer.from(text);
      parts.push(Buffer.of(bytes.length >> 8, bytes.length & 0xff), bytes);
    } else if (token === "{") open.push([]);
    else if (token === "}") {
      const inner = Buffer.concat(open.pop()!);
      const length = Buffer.alloc(variableIntegerBytes(inner.length));
      writeVariableInteger(length, 0, inner.length);
      open.at(-1)!.push(length, inner);
    } else if (/^([0-9a-f]{2})+$/.test(token)) parts.push(Buffer.from(token, "hex"));
    else throw new Error(`"${token}" in ${notation}`);
  }
  if (open.length !== 1) throw new Error(`braces of ${notation}`);
  return Buffer.concat(open[0]!);
}

/** All lines of all files. @throws {Error} with file and line for one that cannot be read. */
export function readCorpus(): CorpusPacket[] {
  const folder = new URL("../corpus/", import.meta.url);
  const files = readdirSync(folder).filter((name) => name.endsWith(".txt"));
  return files.sort().flatMap((name) =>
    readFileSync(new URL(name, folder), "utf8")
      .split("\n")
      .flatMap((line, index) => readLine(line, `${name}:${index + 1}`)),
  );
}

function readLine(line: string, where: string): CorpusPacket[] {
  if (line === "" || line.startsWith("#")) return [];
  const found = /^([345]) (good|0x[0-9a-f]{2}) (.+?) \| (.+?)(?: => (.+))?$/.exec(line);
  if (!found) throw new Error(`${where}: cannot be read: ${line}`);
  const [, version, outcome, title, notation, expected] = found;
  return [
    {
      version: Number(version) as ProtocolVersion,
      reasonCode: outcome === "good" ? undefined : Number(outcome),
      title: title!,
      bytes: packet(notation!),
      expected: expected === undefined ? {} : JSON.parse(expected),
    },
  ];
}
