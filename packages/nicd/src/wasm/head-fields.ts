/** Heads of an exchange as filters in WebAssembly see them: with pseudo-headers, as in HTTP/2. @module */
import type { FieldMap } from "@mitsu/proxy-wasm";
import type { MessageHead, RequestHead, ResponseHead } from "../message-head.ts";

type Pair = readonly [name: string, value: string];

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** A request's target or authority: anything else would end the line, or part it anew. */
const inLine = /^[!-~\u0080-\u00ff]+$/;

/** Which heads have gone: those are not to be changed any more. */
export interface SentHeads {
  readonly requestSent: boolean;
  readonly responseSent: boolean;
}

/** What HTTP/2 says in pseudo-headers, of one kind of head. */
interface PseudoHeaders<Head extends MessageHead> {
  has(name: string): boolean;
  get(head: Head, name: string): string | undefined;
  pairs(head: Head): Pair[];
  /** What would be no first line any more is not taken over. */
  set(head: Head, name: string, value: string): void;
  /** Pseudo-headers and fields. */
  count(head: Head): number;
  /** The head has gone: it is not to be changed any more. */
  isSent(sent: SentHeads): boolean;
}

/** A head's fields: pseudo-headers first. */
class HeadFields<Head extends MessageHead> implements FieldMap {
  readonly #head: Head;
  readonly #pseudo: PseudoHeaders<Head>;
  readonly #sent: SentHeads;

  constructor(head: Head, pseudo: PseudoHeaders<Head>, sent: SentHeads) {
    this.#head = head;
    this.#pseudo = pseudo;
    this.#sent = sent;
  }

  get readOnly(): boolean {
    return this.#pseudo.isSent(this.#sent);
  }

  get count(): number {
    return this.#pseudo.count(this.#head);
  }

  get(name: string): string | undefined {
    return this.#pseudo.has(name) ? this.#pseudo.get(this.#head, name) : this.#head.get(name);
  }

  pairs(): Pair[] {
    const pairs = this.#pseudo.pairs(this.#head);
    for (const pair of this.#head.entries()) if (!this.#pseudo.has(pair[0]) && pair[0] !== "content-length") pairs.push(pair);
    const length = this.#head.get("content-length");
    if (length !== undefined) pairs.push(["content-length", length]);
    return pairs;
  }

  set(name: string, value: string): void {
    if (this.#pseudo.has(name)) this.#pseudo.set(this.#head, name, value);
    else this.#head.set(name, value);
  }

  add(name: string, value: string): void {
    if (this.#pseudo.has(name)) this.#pseudo.set(this.#head, name, value);
    else this.#head.add(name, value);
  }

  remove(name: string): void {
    // A message cannot be without what its pseudo-headers say.
    if (!this.#pseudo.has(name)) this.#head.remove(name);
  }

  replaceAll(pairs: readonly Pair[]): void {
    for (const [name] of [...this.#head.entries()]) if (!this.#pseudo.has(name)) this.#head.remove(name);
    for (const [name, value] of pairs) this.add(name, value);
  }
}

/** A request's fields. `host` is `:authority`. */
export function requestFields(head: RequestHead, sent: SentHeads): FieldMap {
  return new HeadFields(head, ofRequest, sent);
}

/** An answer's fields. */
export function responseFields(head: ResponseHead, sent: SentHeads): FieldMap {
  return new HeadFields(head, ofResponse, sent);
}

const ofRequest: PseudoHeaders<RequestHead> = {
  isSent: ({ requestSent }) => requestSent,
  has: (name) => name.charCodeAt(0) === 58 || name === "host",
  count: (head) => head.count(false) + 4,
  get(head, name) {
    switch (name) {
      case ":path":
        return head.path;
      case ":method":
        return head.method;
      case ":authority":
      case "host":
        return head.authority;
      case ":scheme":
        return "http";
    }
    return undefined;
  },
  pairs: ({ authority, path, method }) => [
    [":authority", authority],
    [":path", path],
    [":method", method],
    [":scheme", "http"],
  ],
  set(head, name, value) {
    switch (name) {
      case ":path":
        if (inLine.test(value) && (value.startsWith("/") || value === "*")) head.path = value;
        break;
      case ":method":
        // What a tunnel is, and whether an answer has a body, was decided by the method that came.
        if (token.test(value) && value !== "CONNECT" && value !== "HEAD" && head.method !== "HEAD") head.method = value;
        break;
      case ":authority":
      case "host":
        if (inLine.test(value)) head.authority = value;
    }
  },
};

const ofResponse: PseudoHeaders<ResponseHead> = {
  isSent: ({ responseSent }) => responseSent,
  has: (name) => name.charCodeAt(0) === 58,
  count: (head) => head.count(true) + 1,
  get: ({ status }, name) => (name === ":status" ? String(status) : undefined),
  pairs: ({ status }) => [[":status", String(status)]],
  set(head, name, value) {
    // 1xx, 204 and 304 have no body: an answer that has one cannot become one of them, nor the other way round.
    const status = Number(value);
    if (name === ":status" && /^[2-5]\d\d$/.test(value) && isBodiless(status) === isBodiless(head.status)) head.status = status;
  },
};

function isBodiless(status: number): boolean {
  return status < 200 || status === 204 || status === 304;
}
