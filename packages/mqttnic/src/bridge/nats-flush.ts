/** Waiting for a server of NATS. @module */
import { MitsuError } from "@mitsu/cli/error";
import type { NatsConnection } from "@nats-io/transport-node";

/** Flushes of one connection; those of the library alone never end when the connection does. */
export class NatsFlush {
  readonly #nats: NatsConnection;
  /** Not a race against `closed()`: that would keep something of each flush as long as the connection lives. */
  readonly #waiting = new Set<(error: Error) => void>();

  constructor(nats: NatsConnection) {
    this.#nats = nats;
    void nats.closed().then((error) => {
      const lost = error instanceof Error ? error : new MitsuError("the connection to NATS was closed", { code: "ERR_BRIDGE_CLOSED" });
      for (const fail of this.#waiting) fail(lost);
    });
  }

  /** Resolves when the server has all that was handed over before. @throws When the connection is lost first. */
  async flush(): Promise<void> {
    const lost = Promise.withResolvers<void>();
    this.#waiting.add(lost.reject);
    try {
      await Promise.race([this.#nats.flush(), lost.promise]);
    } finally {
      this.#waiting.delete(lost.reject);
    }
  }
}
