/** DISCONNECT from a client. [MQTT 5.0 §3.14] @module */
import { type Disconnect, PacketError } from "../protocol/packet.ts";
import { reasonCode } from "../protocol/reason-code.ts";
import type { Connection } from "./connection.ts";

/** It goes, and its will with it unless it says otherwise. @throws {PacketError} for an expiry of a session that had none. */
export function handleDisconnect(connection: Connection, packet: Disconnect): void {
  const session = connection.session!;
  const expiryS = packet.properties.sessionExpiryIntervalS;
  if (expiryS !== undefined) {
    if (session.expiryS === 0 && expiryS > 0)
      throw new PacketError(reasonCode.protocolError, "[MQTT-3.14.2-2] a session that was to end with its connection cannot be kept");
    connection.core.sessions.setExpiry(session, expiryS);
  }
  connection.close(packet.reasonCode !== reasonCode.success, "DISCONNECT");
}
