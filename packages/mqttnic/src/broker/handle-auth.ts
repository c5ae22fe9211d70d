/** AUTH: enhanced authentication goes on, or begins again. [MQTT 5.0 §3.15, §4.12] @module */
import { type Auth, PacketError, packetType } from "../protocol/packet.ts";
import { reasonCode } from "../protocol/reason-code.ts";
import type { Connection } from "./connection.ts";
import { awaitStep } from "./handle-connect.ts";

/** @throws {PacketError} when no AUTH is due. */
export function handleAuth(connection: Connection, packet: Auth): void {
  const { core } = connection;
  const { authenticationMethod, authenticationData } = packet.properties;
  if (connection.authMethod === undefined || authenticationMethod !== connection.authMethod)
    throw new PacketError(reasonCode.protocolError, "[MQTT-4.12.0-5] an AUTH of another method, or without one agreed on");
  if (packet.reasonCode === reasonCode.reAuthenticate) {
    if (!connection.session)
      throw new PacketError(reasonCode.protocolError, "[MQTT-4.12.1-1] authentication cannot begin again before it has ended");
    const method = core.security.method(connection.authMethod);
    if (!method) throw new PacketError(reasonCode.notAuthorized, "the method is no longer possible");
    connection.authExchange = method.begin({
      peer: connection.peer,
      clientId: connection.clientId,
      username: connection.session.identity.username,
      password: undefined,
    });
  } else if (packet.reasonCode !== reasonCode.continueAuthentication || !connection.authExchange) {
    throw new PacketError(reasonCode.protocolError, "[MQTT-4.12.0-3] no authentication is on its way");
  }
  const open = connection.session !== undefined;
  awaitStep(connection, authenticationData, (identity, data) => {
    if (!open) {
      connection.whenAuthenticated!(identity, data);
      return;
    }
    const session = connection.session!;
    if (identity.username !== session.identity.username) {
      connection.fail(reasonCode.notAuthorized, "it authenticated as somebody else", "not-authorized");
      return;
    }
    session.identity = identity;
    core.accessChanged(connection);
    const properties = { authenticationMethod: connection.authMethod!, ...(data && { authenticationData: data }) };
    connection.send({ type: packetType.auth, reasonCode: reasonCode.success, properties });
  });
}
