/** The head of a request or an answer, whatever protocol it came by. @module */

/**
 * Fields by lower-case name. What {@link MessageHead.set}, {@link MessageHead.add} and {@link MessageHead.remove} change is what goes on; the
 * bytes that came are not touched. Fields that frame a message or concern one connection are the proxy's own: changes of them are ignored. Values are
 * Latin-1 text without line ends.
 */
export interface MessageHead {
  /** The value of the first field of that name; undefined when there is none. */
  get(name: string): string | undefined;
  /** Every value of that name, in order. */
  all(name: string): readonly string[];
  has(name: string): boolean;
  /** How many fields {@link MessageHead.entries} gives. */
  readonly size: number;
  /** The same with Content-Length, which HTTP/2 has as a field too. @param host Whether Host is counted, which HTTP/2 has as a pseudo-header. */
  count(host: boolean): number;
  /** Puts one field in the place of all of that name. */
  set(name: string, value: string): void;
  /** Puts a further field behind all others. */
  add(name: string, value: string): void;
  /** Takes all fields of that name out. */
  remove(name: string): void;
  /** All fields in order, names in lower case, those of one connection (Connection, Transfer-Encoding, …) left out. Makes objects: not for the hot path. */
  entries(): Iterable<readonly [name: string, value: string]>;
}

/** A request's head. */
export interface RequestHead extends MessageHead {
  /** As sent: methods are case-sensitive (RFC 9110 §9.1). */
  method: string;
  /** Path with query, as in `:path`; `*` for `OPTIONS *`. */
  path: string;
  /** Host with port if there was one, as in `:authority`. */
  authority: string;
}

/** An answer's head. */
export interface ResponseHead extends MessageHead {
  /** 100 to 999. */
  status: number;
}
