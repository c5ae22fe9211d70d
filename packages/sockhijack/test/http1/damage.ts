/** Turns valid conversations into hostile ones: bytes flipped, framing contradicted, other protocols in the place of heads. @module */
import type { Run } from "../http/cutting.ts";
import type { Random } from "../http/random.ts";

/** Lines that servers read in more than one way, or not at all. */
const lines = [
  "Content-Length: 5",
  "Content-Length: 0",
  "content-length : 5",
  "Content-Length:5 5",
  "Content-Length: 5, 5",
  "Content-Length: +5",
  "Content-Length: 0x5",
  "Content-Length: -1",
  "Content-Length: 18446744073709551621",
  "Content-Length: 0000000000000000000005",
  "Content-Length:",
  "Content-Length",
  "Content\rLength: 5",
  "Content-Length\0: 5",
  "Content-Length\x1a 5",
  " Content-Length: 5",
  "X: y\rContent-Length: 5",
  "X: y\nContent-Length: 5",
  "Transfer-Encoding: chunked",
  "Transfer-Encoding : chunked",
  "Transfer-Encoding: identity",
  "Transfer-Encoding: xchunked",
  "Transfer-Encoding: chunked, identity",
  "Transfer-Encoding: chunked, chunked",
  "Transfer-Encoding: gzip chunked",
  "Transfer-Encoding: \xec chunked",
  "Transfer-Encoding: gzip,      chunked",
  "Transfer-Encoding:      chunked",
  "Transfer-Encoding: chunked      ",
  "Transfer-Encoding:\tchunked \t",
  "Transfer-Encoding: chunked;q=1",
  "Transfer-Encoding: x: chunked",
  "Transfer-Encoding\0: chunked",
  "Transfer\rEncoding: chunked",
  "X: y\r\n\tfolded: z",
  "X: y\r\n traceparent: z",
  ": no name",
  " ",
  "no colon",
  "X: \0",
  "X: y\r\n\r\nGET /inner HTTP/1.1",
  "traceparent : 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  "traceparent\x1a 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  "Connection: close",
  "Upgrade: h2c\r\nConnection: Upgrade",
  "Expect: 100-continue",
];

/** What is not HTTP/1.1, or nearly. */
const strangers = [
  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03GET / HTTP/1.1\r\n\r\n",
  "*2\r\n$3\r\nGET\r\n$1\r\nx\r\n",
  "220 mail.mesh ESMTP\r\n",
  "EHLO mesh\r\n",
  "SSH-2.0-OpenSSH_9.6\r\n",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "HTTP/1.1 200 OK\r\n\r\n",
  "HTTP/1.0 200 OK\r\n\r\n",
  "HTTP/1.1 2000 OK\r\n\r\n",
  "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
  "HTTP/1.1 99 Low\r\n\r\n",
  "HTTP/1.1 101 Switching\r\n\r\n",
  "GET / HTTP/1.0\r\n\r\n",
  "GET / HTTP/1.2\r\n\r\n",
  "GET /\r\n",
  "GET  /two HTTP/1.1\r\n\r\n",
  "GET /a b HTTP/1.1\r\n\r\n",
  "GET  HTTP/1.1\r\n\r\n",
  "get / HTTP/1.1\r\n\r\n",
  "GET / HTTP/1.1\n\n",
  "GET / HTTP/1.1\r\r\n\r\n",
  "\r\nGET / HTTP/1.1\r\n\r\n",
  "\r\n\r\n",
  "\n",
  "\0",
  "AVERYLONGMETHODNAME / HTTP/1.1\r\n\r\n",
  `GET / HTTP/1.1\r\nX: ${"v".repeat(9000)}\r\n\r\n`,
  `GET /${"v".repeat(9000)} HTTP/1.1\r\n\r\n`,
  "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
  "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
  "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n",
  "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;\nx\r\nhello\r\n0\r\n\r\n",
  "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n",
  "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n",
  "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n",
  "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\r\n0\r\n\r\n",
  "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\n\r\nGET / HTTP/1.1\r\n\r\n\r\n",
  "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\rz\r\n\r\n",
  "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
];

function crlf(text: string, random: Random): number | undefined {
  const places = [...text.matchAll(/\r\n/g)].map(({ index }) => index);
  return places.length > 0 ? random.pick(places) : undefined;
}

/** Puts a line after another one, of a head or of what looks like one in a body. */
function insertLine(text: string, random: Random): string {
  const at = crlf(text, random);
  return at === undefined ? text : `${text.slice(0, at + 2)}${random.pick(lines)}${text.slice(at)}`;
}

/** One kind of damage each: text in, text out. */
const kinds: ((text: string, random: Random) => string)[] = [
  (text, random) => {
    const at = random.int(text.length);
    return text.slice(0, at) + String.fromCharCode(random.int(256)) + text.slice(at + random.int(3));
  },
  insertLine,
  insertLine,
  insertLine,
  insertLine,
  (text, random) => {
    const at = crlf(text, random);
    return at === undefined
      ? text
      : text.slice(0, at) + random.pick(["\n", "\r", "\r\r\n", "\n\r", "\r\n ", "\r\n\r\n", ""]) + text.slice(at + 2);
  },
  (text, random) => random.pick(strangers) + text,
  (text, random) => text + random.pick(strangers),
  (_, random) => random.pick(strangers),
  (text, random) => {
    const at = random.int(text.length);
    return text.slice(0, at) + random.pick(strangers) + text.slice(at);
  },
  (text, random) => text.slice(0, random.int(text.length) + 1),
  (text) => text + text,
];

/** The same runs, one to three of them damaged. */
export function damage(random: Random, runs: readonly Run[]): Run[] {
  const damaged = [...runs];
  for (let times = 1 + random.int(3); times > 0; times--) {
    const index = random.int(random.chance(60) ? Math.min(2, damaged.length) : damaged.length);
    const { stream, bytes } = damaged[index]!;
    damaged[index] = { stream, bytes: Buffer.from(random.pick(kinds)(bytes.toString("latin1"), random), "latin1") };
  }
  const left = damaged.filter(({ bytes }) => bytes.length > 0);
  // A server that speaks before its client has said anything is heard or not by the way it takes: corpus/smtp.txt.
  return left.slice(left.findIndex(({ stream }) => stream === 0));
}
