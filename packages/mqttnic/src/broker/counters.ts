/** What the broker counts, since its start. @module */

/** Plain numbers: they are counted on the way of every message. */
export class Counters {
  messagesReceived = 0;
  messagesSent = 0;
  publishReceived = 0;
  publishSent = 0;
  /** Messages that a subscriber did not get, whatever the reason. */
  publishDropped = 0;
  /** Of connections that are over: QoS 0 messages that were left out for clients which do not read. */
  slowDropped = 0;
  bytesReceived = 0;
  bytesSent = 0;
  publishBytesReceived = 0;
  publishBytesSent = 0;
  connectionsTotal = 0;
  clientsMost = 0;
  sessionsExpired = 0;
  /** How often a bound was reached, by its name in `limits`. */
  readonly limits: Map<string, number> = new Map();
  /** Connections refused or ended by us, by reason. */
  readonly refusals: Map<string, number> = new Map();

  limit(name: string): void {
    this.limits.set(name, (this.limits.get(name) ?? 0) + 1);
  }

  refused(reason: string): void {
    this.refusals.set(reason, (this.refusals.get(reason) ?? 0) + 1);
  }
}
