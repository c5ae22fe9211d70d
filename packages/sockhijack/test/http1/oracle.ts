/** What another parser finds in a stream: llhttp, as Node's own http runs it. @module */
import { createRequire } from "node:module";

type Parser = Record<number, unknown> & {
  initialize(type: number, resource: object, maxHeaderBytes: number, lenient: number): void;
  execute(bytes: Buffer): number | Error;
  finish(): Error | undefined;
  close(): void;
};

/** Node exports its binding of llhttp under this name for http alone, without types. */
const { HTTPParser, allMethods, methods } = createRequire(import.meta.url)("_http_common") as {
  HTTPParser: (new () => Parser) & {
    readonly [name in
      | "REQUEST"
      | "RESPONSE"
      | "kOnHeaders"
      | "kOnHeadersComplete"
      | "kOnBody"
      | "kOnMessageComplete"
      | "kLenientAll"
      | "kLenientChunkedLength"]: number;
  };
  allMethods?: readonly string[];
  methods: readonly string[];
};
/** All but one: with it, llhttp adds the digits of a trailer's Content-Length to the next message's. */
const leniences = HTTPParser.kLenientAll & ~HTTPParser.kLenientChunkedLength;
const names = allMethods ?? methods;

export interface Parsed {
  method: string;
  target: string;
  status: number;
  /** Names and values in turn, trailers last. */
  readonly headers: string[];
  body: string;
  complete: boolean;
}

export interface OracleOptions {
  readonly answers: boolean;
  readonly lenient?: boolean;
  /** Of the requests, in their order: answers to HEAD have no body, and CONNECT ends HTTP. */
  readonly methods?: readonly string[];
}

/** Parses one direction of a connection. */
export class Oracle {
  readonly messages: Parsed[] = [];
  /** Why it stopped: llhttp's code, or that the connection changed its protocol. */
  stopped = "";
  #answered = 0;
  readonly #restart: () => void;
  readonly #answers: boolean;
  readonly #parser = new HTTPParser();

  constructor({ answers, lenient = false, methods: asked = [] }: OracleOptions) {
    this.#answers = answers;
    let headers: string[] = [];
    let path = "";
    const parser = this.#parser;
    this.#restart = () => parser.initialize(answers ? HTTPParser.RESPONSE : HTTPParser.REQUEST, {}, 1 << 24, lenient ? leniences : 0);
    this.#restart();
    parser[HTTPParser.kOnHeaders] = (more: string[], url: string) => {
      headers.push(...more);
      path += url;
    };
    parser[HTTPParser.kOnHeadersComplete] = (
      ...[, , last, method, url, status = 0]: [major: 0, minor: 0, string[]?, number?, string?, number?]
    ) => {
      const message = { method: names[method ?? -1] ?? "", target: path + (url ?? ""), status, body: "", complete: false };
      this.messages.push({ ...message, headers: last ? [...headers, ...last] : headers });
      [headers, path] = [[], ""];
      if (answers && status >= 200) {
        const to = asked[this.#answered++];
        if (to === "HEAD") return 1;
        if (to === "CONNECT" && status < 300) return 2;
      }
      return 0;
    };
    parser[HTTPParser.kOnBody] = (bytes: Buffer) => {
      this.messages.at(-1)!.body += bytes.toString("latin1");
    };
    parser[HTTPParser.kOnMessageComplete] = () => {
      const message = this.messages.at(-1)!;
      message.complete = true;
      message.headers.push(...headers);
      [headers, path] = [[], ""];
    };
  }

  feed(bytes: Buffer): void {
    if (this.stopped || bytes.length === 0) return;
    const taken = this.#parser.execute(bytes);
    if (taken instanceof Error) this.stopped = (taken as Error & { code: string }).code;
    else if (taken < bytes.length) {
      // A request that asks for an upgrade is an ordinary one until the answer grants it.
      if (this.#answers || this.messages.at(-1)?.method === "CONNECT") this.stopped = "another protocol";
      else {
        this.#restart();
        this.feed(bytes.subarray(taken));
      }
    }
  }

  /** The connection closed. */
  finish(): void {
    if (!this.stopped) this.#parser.finish();
  }

  /** Nothing else frees the binding's memory. */
  [Symbol.dispose](): void {
    this.#parser.close();
  }
}
