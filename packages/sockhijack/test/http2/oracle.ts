/** What another parser finds in a client's bytes: nghttp2, as Node's own http2 server runs it. @module */
import { performServerHandshake, type ServerHttp2Stream } from "node:http2";
import { Duplex } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import { frame, type } from "./frame.ts";
import type { Field } from "./hpack-encoder.ts";

export interface Read {
  readonly stream: number;
  readonly fields: Field[];
  readonly trailers: Field[];
  body: Buffer;
  ended: boolean;
}

export interface Reading {
  readonly requests: Read[];
  /** Why it read no further, or "". */
  readonly error: string;
}

const last = Buffer.from("lastping");

function pairs(raw: readonly string[]): Field[] {
  return Array.from({ length: raw.length / 2 }, (_, index) => [raw[2 * index]!, raw[2 * index + 1]!] as const);
}

/** Reads all of `bytes`, up to where nghttp2 finds fault with them. A frame more tells that it has come to their end. */
export async function readRequests(bytes: Buffer): Promise<Reading> {
  const requests: Read[] = [];
  let error = "";
  const written: Buffer[] = [];
  const duplex = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      written.push(chunk);
      done();
    },
  });
  const session = performServerHandshake(duplex, { settings: { initialWindowSize: 2 ** 24 } });
  session.on("error", (reason: Error & { code?: string }) => (error ||= reason.code ?? reason.message));
  session.on("stream", (stream: ServerHttp2Stream, _headers, _flags, raw: unknown) => {
    const one: Read = { stream: stream.id!, fields: pairs(raw as string[]), trailers: [], body: Buffer.alloc(0), ended: false };
    requests.push(one);
    stream.on("data", (chunk: Buffer) => {
      one.body = Buffer.concat([one.body, chunk]);
    });
    stream.on("trailers", (_trailers: unknown, _flags: unknown, raw: unknown) => one.trailers.push(...pairs(raw as string[])));
    stream.on("end", () => {
      one.ended = true;
    });
    stream.on("error", () => {});
  });
  session.setLocalWindowSize(2 ** 24);
  await turn();
  duplex.push(bytes);
  duplex.push(frame(type.PING, 0, 0, last));
  // Streams tell of what has been read a few turns later.
  for (let turns = 0, quiet = 0; turns < 1000 && quiet < 4; turns++) {
    await turn();
    if (error || session.destroyed || Buffer.concat(written).includes(last)) quiet++;
  }
  if (!error && !Buffer.concat(written).includes(last)) error = "it went no further";
  session.destroy();
  duplex.destroy();
  return { requests, error };
}
