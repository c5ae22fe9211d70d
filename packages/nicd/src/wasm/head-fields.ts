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

/** What the two kinds have in common: pseudo-headers first, then the fields. */
abstract class HeadFields implements FieldMap {
  protected readonly head: MessageHead;

  constructor(head: MessageHead) {
    this.head = head;
  }

  abstract readonly readOnly: boolean;

  abstract readonly count: number;

  get(name: string): string | undefined {
    return this.isPseudo(name) ? this.pseudo(name) : this.head.get(name);
  }

  pairs(): Pair[] {
    const pairs = this.pseudos();
    for (const pair of this.head.entries()) if (!this.isPseudo(pair[0]) && pair[0] !== "content-length") pairs.push(pair);
    const length = this.head.get("content-length");
    if (length !== undefined) pairs.push(["content-length", length]);
    return pairs;
  }

  set(name: string, value: string): void {
    if (this.isPseudo(name)) this.setPseudo(name, value);
    else this.head.set(name, value);
  }

  add(name: string, value: string): void {
    if (this.isPseudo(name)) this.setPseudo(name, value);
    else this.head.add(name, value);
  }

  remove(name: string): void {
    // A message cannot be without what its pseudo-headers say.
    if (!this.isPseudo(name)) this.head.remove(name);
  }

  replaceAll(pairs: readonly Pair[]): void {
    for (const [name] of [...this.head.entries()]) if (!this.isPseudo(name)) this.head.remove(name);
    for (const [name, value] of pairs) this.add(name, value);
  }

  protected abstract isPseudo(name: string): boolean;
  protected abstract pseudo(name: string): string | undefined;
  protected abstract pseudos(): Pair[];
  protected abstract setPseudo(name: string, value: string): void;
}

/** A request's. `host` is `:authority`. What would be no request line any more is not taken over. */
export class RequestFields extends HeadFields {
  readonly #head: RequestHead;
  readonly #sent: SentHeads;

  constructor(head: RequestHead, sent: SentHeads) {
    super(head);
    this.#head = head;
    this.#sent = sent;
  }

  get readOnly(): boolean {
    return this.#sent.requestSent;
  }

  get count(): number {
    return this.#head.count(false) + 4;
  }

  protected isPseudo(name: string): boolean {
    return name.charCodeAt(0) === 58 || name === "host";
  }

  protected pseudo(name: string): string | undefined {
    switch (name) {
      case ":path":
        return this.#head.path;
      case ":method":
        return this.#head.method;
      case ":authority":
      case "host":
        return this.#head.authority;
      case ":scheme":
        return "http";
    }
    return undefined;
  }

  protected pseudos(): Pair[] {
    const { authority, path, method } = this.#head;
    return [
      [":authority", authority],
      [":path", path],
      [":method", method],
      [":scheme", "http"],
    ];
  }

  protected setPseudo(name: string, value: string): void {
    switch (name) {
      case ":path":
        if (inLine.test(value) && (value.startsWith("/") || value === "*")) this.#head.path = value;
        break;
      case ":method":
        // What a tunnel is, and whether an answer has a body, was decided by the method that came.
        if (token.test(value) && value !== "CONNECT" && value !== "HEAD" && this.#head.method !== "HEAD") this.#head.method = value;
        break;
      case ":authority":
      case "host":
        if (inLine.test(value)) this.#head.authority = value;
    }
  }
}

/** An answer's. */
export class ResponseFields extends HeadFields {
  readonly #head: ResponseHead;
  readonly #sent: SentHeads;

  constructor(head: ResponseHead, sent: SentHeads) {
    super(head);
    this.#head = head;
    this.#sent = sent;
  }

  get readOnly(): boolean {
    return this.#sent.responseSent;
  }

  get count(): number {
    return this.#head.count(true) + 1;
  }

  protected isPseudo(name: string): boolean {
    return name.charCodeAt(0) === 58;
  }

  protected pseudo(name: string): string | undefined {
    return name === ":status" ? String(this.#head.status) : undefined;
  }

  protected pseudos(): Pair[] {
    return [[":status", String(this.#head.status)]];
  }

  protected setPseudo(name: string, value: string): void {
    // 1xx, 204 and 304 have no body: an answer that has one cannot become one of them, nor the other way round.
    const status = Number(value);
    if (name === ":status" && /^[2-5]\d\d$/.test(value) && isBodiless(status) === isBodiless(this.#head.status)) this.#head.status = status;
  }
}

function isBodiless(status: number): boolean {
  return status < 200 || status === 204 || status === 304;
}
