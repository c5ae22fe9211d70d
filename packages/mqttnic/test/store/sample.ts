/** What the store's tests put into it. @module */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import type { Message } from "../../src/message.ts";
import type { RestoredSession, Store, StoredDelivery, StoredSession } from "../../src/store/store.ts";

/** A path for a store in a folder of its own, which goes with the test. */
export function storePath(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), "mqttnic-store-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "mqttnic.db");
}

export function message(fields: Partial<Message> = {}): Message {
  return {
    topic: "house/door",
    qos: 1,
    retain: false,
    payload: Buffer.from("open"),
    properties: Buffer.alloc(0),
    expiresAtMs: 0,
    from: "door",
    ...fields,
  };
}

export function session(clientId: string, fields: Partial<StoredSession> = {}): StoredSession {
  return { clientId, username: undefined, version: 5, expiryS: 0xffff_ffff, disconnectedAtMs: 0, will: undefined, ...fields };
}

export function delivery(sequence: number, fields: Partial<StoredDelivery> = {}): StoredDelivery {
  return { sequence, message: message(), qos: 1, retain: false, identifiers: [], state: "queued", packetId: 0, ...fields };
}

/** All that a store restores, by client id and by topic. */
export function everything(store: Store): { sessions: Map<string, RestoredSession>; retained: Map<string, Message> } {
  return {
    sessions: new Map(Array.from(store.sessions(), (restored) => [restored.session.clientId, restored])),
    retained: new Map(Array.from(store.retained(), (retained) => [retained.topic, retained])),
  };
}
