/** What a link server turned away, by reason. @module */

/** Reasons, in the order of a connection's life; the text is for people. */
export const refusalReasons = {
  handshake: "TLS handshake failed",
  "no-http2": "did not negotiate HTTP/2",
  "no-certificate": "showed no certificate",
  untrusted: "certificate signed by no trusted authority",
  expired: "certificate expired",
  "not-yet-valid": "certificate not yet valid",
  "no-spiffe-id": "certificate has no SPIFFE id of this mesh",
  "foreign-trust-domain": "certificate of another trust domain",
  "not-a-node": "certificate of a service, not of a node",
  protocol: "broke the rules of HTTP/2, or reset too many streams",
  method: "asked for something other than CONNECT",
  authority: "CONNECT to what is not address:port",
  "not-permitted": "CONNECT to what is no replica of this node",
  "connect-failed": "the replica did not take the connection",
  "connect-timeout": "the replica did not answer in time",
} as const;

/** One of {@link refusalReasons}. */
export type RefusalReason = keyof typeof refusalReasons;

/** Counts of refusals, and the last one. */
export class Refusals {
  readonly counts: Readonly<Record<RefusalReason, number>>;
  /** One line; empty when nothing was refused yet. */
  last = "";
  readonly #counts: Record<RefusalReason, number>;
  readonly #hear: (reason: RefusalReason, line: string) => void;

  /** @param hear - Hears of each, for the log: who it was and why. */
  constructor(hear: (reason: RefusalReason, line: string) => void = () => {}) {
    this.#counts = Object.fromEntries(Object.keys(refusalReasons).map((reason) => [reason, 0])) as Record<RefusalReason, number>;
    this.counts = this.#counts;
    this.#hear = hear;
  }

  /** @param who - Address of the peer. @param detail - What the reason's text does not say. */
  add(reason: RefusalReason, who: string, detail: string): void {
    this.#counts[reason]++;
    this.last = `${who}: ${refusalReasons[reason]}${detail === "" ? "" : ` (${detail})`}`;
    this.#hear(reason, this.last);
  }
}
