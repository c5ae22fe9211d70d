/** Acknowledgements of this turn: they leave when what they acknowledge is in the store. @module */
import type { Connection } from "./connection.ts";
import type { Outbox } from "./outbox.ts";

/** Those of one turn, of several connections, in order. */
export class Acknowledgements {
  #bytes: Buffer = Buffer.allocUnsafeSlow(64 * 1024);
  #used = 0;
  /** Connection, and where its part begins and ends: three at a time. */
  #parts: (Connection | number)[] = [];
  #last: Connection | undefined;
  count = 0;

  /** PUBACK, PUBREC, PUBREL or PUBCOMP. */
  add(connection: Connection, type: 4 | 5 | 6 | 7, packetId: number, reasonCode: number): void {
    if (this.#used + 5 > this.#bytes.length) this.#grow();
    const bytes = this.#bytes;
    const start = this.#used;
    let at = start;
    bytes[at++] = (type << 4) | (type === 6 ? 2 : 0);
    bytes[at++] = reasonCode === 0 ? 2 : 3;
    bytes[at++] = packetId >> 8;
    bytes[at++] = packetId & 0xff;
    if (reasonCode !== 0) bytes[at++] = reasonCode;
    this.#used = at;
    this.count++;
    if (this.#last === connection) this.#parts[this.#parts.length - 1] = at;
    else this.#parts.push(connection, start, at);
    this.#last = connection;
  }

  /** Hands them over. */
  send(outbox: Outbox): void {
    const parts = this.#parts;
    for (let at = 0; at < parts.length; at += 3) {
      const connection = parts[at] as Connection;
      connection.unacknowledged = 0;
      if (connection.state === "open") outbox.toOne(connection, parts[at + 1] as number, parts[at + 2] as number, 0, false, this.#bytes);
    }
    this.#clear();
    // Where a plane goes on to refer to them, the next turn's must lie elsewhere.
    outbox.whenKept(() => {
      this.#bytes = Buffer.allocUnsafeSlow(this.#bytes.length);
    });
  }

  /** They must not be sent: what they would acknowledge is not kept. @returns Whose they were. */
  drop(): Set<Connection> {
    const connections = new Set<Connection>();
    for (let at = 0; at < this.#parts.length; at += 3) connections.add(this.#parts[at] as Connection);
    this.#clear();
    return connections;
  }

  #clear(): void {
    this.#parts = [];
    this.#last = undefined;
    this.#used = 0;
    this.count = 0;
  }

  #grow(): void {
    const bytes = Buffer.allocUnsafeSlow(this.#bytes.length * 2);
    this.#bytes.copy(bytes, 0, 0, this.#used);
    this.#bytes = bytes;
  }
}
