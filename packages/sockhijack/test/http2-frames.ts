/** Frames of HTTP/2 for tests: made by hand, or caught between Node's own client and server. @module */
import { once } from "node:events";
import { type ClientHttp2Session, connect, createServer, type ServerHttp2Stream } from "node:http2";
import { type AddressInfo, connect as connectTcp, createServer as createTcp, type Server } from "node:net";
import type { ExecutionContext } from "ava";
import { headerBlock } from "../src/kernel/layout.ts";

/** Flags and types of RFC 9113 §6. */
export const h2 = { headers: 1, continuation: 9, endStream: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

/** One frame with its header. */
export function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A length of HPACK, below 127 + 128. */
const length = (bytes: number): number[] => (bytes < 127 ? [bytes] : [127, bytes - 127]);

/** Fields as literals; those that begin with `+` become entries of the dynamic table. RFC 7541 §6.2 */
export function literals(fields: Readonly<Record<string, string>>): Buffer {
  return Buffer.concat(
    Object.entries(fields).map(([key, value]) => {
      const name = key.replace(/^\+/, "");
      return Buffer.concat([
        Buffer.from([name === key ? 0 : 0x40, ...length(name.length)]),
        Buffer.from(name),
        Buffer.from(length(value.length)),
        Buffer.from(value),
      ]);
    }),
  );
}

/** A HEADERS frame with such fields. */
export function headers(stream: number, fields: Readonly<Record<string, string>>): Buffer {
  return frame(h2.headers, h2.endHeaders, stream, literals(fields));
}

/** The kernel's record of a frame; it stands at 8, as in a ring. */
export function blockRecord(told: {
  readonly connection?: number;
  readonly number: number;
  readonly answers?: boolean;
  readonly frame: Uint8Array;
}): DataView {
  const record = Buffer.alloc(8 + headerBlock.size + told.frame.length);
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  headerBlock.write(view, 8, {
    none: 0n,
    connection: BigInt(told.connection ?? 7),
    number: told.number,
    answers: told.answers ? 1 : 0,
    bytes: told.frame.length,
    pad: 0,
  });
  record.set(told.frame, 8 + headerBlock.size);
  return view;
}

/** A frame with a header block as it went over the wire. */
export interface CaughtFrame {
  readonly answers: boolean;
  readonly frame: Buffer;
}

/** What Node's client and server said to each other, in order. */
export interface Conversation {
  /** Frames with header blocks of both directions, each direction in its order. */
  readonly frames: readonly CaughtFrame[];
}

const listening = async (server: Pick<Server, "listen" | "address" | "once">): Promise<number> => {
  server.listen(0, "127.0.0.1");
  await once(server as Server, "listening");
  return (server.address() as AddressInfo).port;
};

/** Frames of types 1 and 9 in what one side sent. */
function headerFrames(sent: readonly Buffer[], answers: boolean): CaughtFrame[] {
  const bytes = Buffer.concat(sent);
  const found: CaughtFrame[] = [];
  let at = answers ? 0 : "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".length;
  while (at + 9 <= bytes.length) {
    const end = at + 9 + bytes.readUIntBE(at, 3);
    const type = bytes[at + 3];
    if (type === h2.headers || type === h2.continuation) found.push({ answers, frame: bytes.subarray(at, end) });
    at = end;
  }
  return found;
}

/** Lets Node's HTTP/2 client (nghttp2) talk to its server through a proxy that keeps the bytes. */
export async function converse(
  t: ExecutionContext,
  serve: (stream: ServerHttp2Stream, headers: Readonly<Record<string, unknown>>) => void,
  talk: (client: ClientHttp2Session) => Promise<void>,
): Promise<Conversation> {
  const server = createServer({ settings: { maxHeaderListSize: 1 << 20 } });
  server.on("stream", serve);
  const port = await listening(server);
  const asked: Buffer[] = [];
  const answered: Buffer[] = [];
  const proxy = createTcp((near) => {
    const far = connectTcp(port, "127.0.0.1");
    near.on("data", (bytes) => asked.push(bytes)).pipe(far);
    far.on("data", (bytes) => answered.push(bytes)).pipe(near);
    near.on("error", () => far.destroy());
    far.on("error", () => near.destroy());
  });
  const client = connect(`http://127.0.0.1:${await listening(proxy)}`);
  t.teardown(() => {
    client.destroy();
    proxy.close();
    server.close();
  });
  await talk(client);
  client.close();
  await once(client, "close");
  return { frames: [...headerFrames(asked, false), ...headerFrames(answered, true)] };
}
