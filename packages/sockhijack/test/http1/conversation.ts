/** Generates connections of valid HTTP/1.1, and says of each head where it is and what may be done to it. @module */
import type { Run } from "../http/cutting.ts";
import type { Random } from "../http/random.ts";

/** A message's place in its direction's stream, in bytes. */
interface Place {
  readonly start: number;
  readonly headEnd: number;
  readonly end: number;
}

export interface RequestFacts extends Place {
  readonly method: string;
  readonly target: string;
  /** none: one is put in; valid: its parent becomes ours; left: nothing is done. */
  readonly traceparent: "none" | "valid" | "left";
  /** Where the valid traceparent's parent id begins. */
  readonly parentAt: number;
}

export interface AnswerFacts extends Place {
  readonly status: number;
}

export interface Conversation {
  readonly runs: Run[];
  readonly requests: RequestFacts[];
  /** Those that end a request: none of 1xx but 101. */
  readonly answers: AnswerFacts[];
  /** How many bytes of each stream are HTTP; what follows is a tunnel's. */
  readonly http: [number, number];
  readonly tunnel: boolean;
  /** The last answer ends with the connection. */
  readonly untilClose: boolean;
}

/** Text in bodies and tunnels that must not be taken for a head. */
const lookalikes = [
  "GET / HTTP/1.1\r\nHost: inner\r\n\r\n",
  "POST /x HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
  "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
  "\r\n\r\n",
  "0\r\n\r\n",
  "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n",
  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
  "5\r\nhello\r\n",
];

const fields = [
  "Host: shop.mesh",
  "User-Agent: curl/8.5.0",
  "Accept: */*",
  "Accept-Encoding:gzip",
  "Cookie: a=1; traceparent: no; b=2",
  "tracestate: congo=t61rcWkgMzE",
  "Traceparents: 00-x",
  "X-Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  "Content-Type: text/plain; charset=utf-8",
  "Content-Lengthy: 99",
  "X-Content-Length: 7",
  "Transfer-Encodings: chunked",
  "X-Transfer-Encoding: chunked",
  "TE: trailers",
  "A:",
  "B: ",
  "C: \t d",
  "Latin: \xe9\xff",
  "Date: Tue, 15 Nov 1994 08:12:31 GMT",
  "Content: length: 4",
  "Transfer-Encoding-Hint: chunked",
  "Trace: parent",
];

const methods = ["GET", "GET", "GET", "POST", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "M-SEARCH", "PROPFIND", "UNSUBSCRIBE"];

function anyCase(random: Random, name: string): string {
  const style = random.int(4);
  return style === 0 ? name.toLowerCase() : style === 1 ? name.toUpperCase() : name;
}

function body(random: Random, most: number): string {
  const length = random.chance(2) ? random.int(most * 40) : random.int(most);
  let text = "";
  while (text.length < length) {
    text += random.chance(40) ? random.pick(lookalikes) : String.fromCharCode(random.int(256)).repeat(1 + random.int(60));
  }
  return text.slice(0, length);
}

function chunked(random: Random): string {
  let text = "";
  for (let left = random.int(5); left > 0; left--) {
    const data = body(random, 80) || "x";
    const size = random.chance(20) ? data.length.toString(16).toUpperCase().padStart(6, "0") : data.length.toString(16);
    text += size + random.pick(["", "", "", ";a", ";a=b", ';q="x y;z"', ";one=1;two=2"]);
    text += `\r\n${data}\r\n`;
  }
  text += `${random.pick(["0", "0", "00"])}${random.pick(["", "", ";last"])}\r\n`;
  while (random.chance(20)) text += random.pick(["Digest: x", "Expires: never", "Content-MD5: 12", "T:"]).concat("\r\n");
  return `${text}\r\n`;
}

function traceparent(random: Random): { lines: string[]; kind: RequestFacts["traceparent"]; parentOffset: number } {
  const name = random.pick(["traceparent", "traceparent", "Traceparent", "TRACEPARENT", "TraceParent"]);
  const [trace, parent] = [`${random.hex(31)}1`, `${random.hex(15)}1`];
  const good = `00-${trace}-${parent}-0${random.int(2)}`;
  const which = random.int(100);
  if (which < 60) return { lines: [], kind: "none", parentOffset: 0 };
  if (which < 80) {
    const [before, after] = [random.pick(["", " ", " ", "  ", "\t", "    "]), random.pick(["", "", " ", "\t "])];
    return { lines: [`${name}:${before}${good}${after}`], kind: "valid", parentOffset: name.length + 1 + before.length + 36 };
  }
  const bad = random.pick([
    [good, good],
    [good, ""],
    [""],
    [good.slice(0, 54)],
    [`${good}0`],
    [`${good}-extra`],
    [good.toUpperCase().replace(/-0.$/, "-01").replace(/^00-./, "00-A")],
    [`01${good.slice(2)}`],
    [`ff${good.slice(2)}`],
    [`00-${"0".repeat(32)}-${parent}-01`],
    [`00-${trace}-${"0".repeat(16)}-01`],
    [`00-${trace}_${parent}-01`],
    [`00-${trace}-${parent}-0g`],
    [`00-g${trace.slice(1)}-${parent}-01`],
    ["     ".concat(good)],
  ]);
  return { lines: bad.map((value) => `${name}: ${value}`), kind: "left", parentOffset: 0 };
}

function someFields(random: Random): string[] {
  const lines = Array.from({ length: random.int(6) }, () => random.pick(fields));
  // Longer than the first look of 1024 bytes, and about as long as the window.
  if (random.chance(4)) lines.push(`X-Long: ${"v".repeat(900 + random.int(300))}`);
  else if (random.chance(2)) lines.push(`X-Long: ${"v\t".repeat(1000 + random.int(2500))}`);
  return lines;
}

function shuffle(random: Random, lines: string[]): string[] {
  for (let i = lines.length - 1; i > 0; i--) {
    const j = random.int(i + 1);
    [lines[i], lines[j]] = [lines[j]!, lines[i]!];
  }
  return lines;
}

/** Builds one conversation. */
class Builder {
  readonly runs: Run[] = [];
  readonly requests: RequestFacts[] = [];
  readonly answers: AnswerFacts[] = [];
  readonly length: [number, number] = [0, 0];
  readonly #random: Random;
  constructor(random: Random) {
    this.#random = random;
  }

  send(stream: 0 | 1, text: string): void {
    if (text === "") return;
    const bytes = Buffer.from(text, "latin1");
    this.length[stream] += bytes.length;
    const last = this.runs.at(-1);
    if (last?.stream === stream) this.runs[this.runs.length - 1] = { stream, bytes: Buffer.concat([last.bytes, bytes]) };
    else this.runs.push({ stream, bytes });
  }

  /** Sends a request, and when told to, waits for "100 Continue" before its body. */
  request(method: string, target: string, extra: readonly string[], content: "any" | "none"): void {
    const random = this.#random;
    const { lines, kind, parentOffset } = traceparent(random);
    const framing = content === "none" ? 0 : random.int(5);
    const text = framing === 3 ? body(random, 250) : framing === 4 ? chunked(random) : "";
    const named = [...extra, ...lines, ...someFields(random)];
    if (framing === 3)
      named.push(`${anyCase(random, "Content-Length")}:${random.pick(["", " ", " ", "  "])}${text.length}${random.pick(["", " "])}`);
    if (framing === 4)
      named.push(
        `${anyCase(random, "Transfer-Encoding")}: ${random.pick(["chunked", "chunked", "Chunked", "gzip, chunked", "gzip,chunked", "gzip ,\tchunked  "])}`,
      );
    const expects = framing >= 3 && random.chance(10);
    if (expects) named.push("Expect: 100-continue");
    const before = `${method} ${target} HTTP/1.1\r\n`;
    const head = `${before}${shuffle(random, named).join("\r\n")}${named.length > 0 ? "\r\n" : ""}\r\n`;
    const start = this.length[0];
    const at = kind === "valid" ? head.indexOf(`\r\n${lines[0]!}\r\n`) + 2 : 0;
    this.requests.push({
      ...{ method, target, traceparent: kind, start, headEnd: start + head.length, end: start + head.length + text.length },
      parentAt: start + at + parentOffset,
    });
    this.send(0, head);
    if (expects && this.requests.length === this.answers.length + 1) this.send(1, "HTTP/1.1 100 Continue\r\n\r\n");
    this.send(0, text);
  }

  /** Sends the answer to the oldest request without one. Returns whether it lasts until the connection closes. */
  answer(status: number, kind: "sized" | "until-close" | "bare"): boolean {
    const random = this.#random;
    const { method } = this.requests[this.answers.length]!;
    while (random.chance(8))
      this.send(1, random.pick(["HTTP/1.1 102 Processing\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"]));
    const named = someFields(random);
    const bodiless = method === "HEAD" || status === 204 || status === 304 || kind === "bare";
    let text = "";
    if (kind === "until-close") text = body(random, 300);
    else if (kind === "sized" && random.chance(40)) {
      text = chunked(random);
      if (status !== 204) named.push(`${anyCase(random, "Transfer-Encoding")}: chunked`);
    } else if (kind === "sized") {
      text = body(random, 300);
      if (status !== 204) named.push(`${anyCase(random, "Content-Length")}: ${text.length}`);
    }
    if (bodiless) text = "";
    const reason = random.pick([" OK", " Not Found At All", " "]);
    const head = `HTTP/1.1 ${status}${reason}\r\n${shuffle(random, named).join("\r\n")}${named.length > 0 ? "\r\n" : ""}\r\n`;
    const start = this.length[1];
    this.answers.push({ status, start, headEnd: start + head.length, end: start + head.length + text.length });
    this.send(1, head + text);
    return kind === "until-close" && !bodiless;
  }
}

const ordinary = [200, 200, 200, 201, 204, 301, 304, 404, 407, 500];

/** One connection of valid HTTP/1.1: up to six exchanges, some pipelined, and perhaps a tunnel in the end. */
export function conversation(random: Random): Conversation {
  const b = new Builder(random);
  let [tunnel, untilClose] = [false, false];
  for (let groups = 1 + random.int(3); groups > 0 && !tunnel && !untilClose; groups--) {
    if (groups === 1 && random.chance(14)) {
      const connect = random.chance(50);
      if (connect) b.request("CONNECT", "shop.mesh:443", ["Host: shop.mesh:443"], "none");
      else b.request("GET", "/chat", ["Upgrade: websocket", "Connection: Upgrade"], "none");
      if (random.chance(75)) {
        b.answer(connect ? 200 : 101, "bare");
        tunnel = true;
      } else b.answer(407, "sized"); // nothing more: after CONNECT, no request is looked for
      break;
    }
    const deep = random.chance(25) ? 1 + random.int(8) : 1;
    for (let i = 0; i < deep; i++) b.request(random.pick(methods), `/${random.hex(random.int(random.chance(10) ? 300 : 20))}`, [], "any");
    if (groups === 1 && random.chance(8)) break; // never answered
    for (let i = 0; i < deep && !untilClose; i++) {
      const last = groups === 1 && i === deep - 1;
      untilClose = b.answer(random.pick(ordinary), last && random.chance(15) ? "until-close" : "sized");
    }
  }
  const http: [number, number] = [...b.length];
  for (let i = tunnel ? random.int(4) : 0; i > 0; i--) b.send(random.int(2) as 0 | 1, body(random, 300));
  return { runs: b.runs, requests: b.requests, answers: b.answers, http, tunnel, untilClose };
}
