/** CONNECT: who it is, whether it may come in, and what its session was. [MQTT 5.0 §3.1, §3.2] @module */
import { randomBytes } from "node:crypto";
import { Timer } from "@mitsu/reactor/timers";
import { type Connect, type Properties, packetType } from "../protocol/packet.ts";
import { reasonCode } from "../protocol/reason-code.ts";
import { levels } from "../protocol/topic.ts";
import type { AuthStep, Identity, Judgement } from "../security/security.ts";
import type { Connection } from "./connection.ts";
import { mostInflight, neverExpires } from "./session.ts";

/** Receive Maximum of clients that name none. [MQTT 5.0 §3.1.2.11.3] */
const mostReceive = 65_535;

/** Judges it; goes on in a later turn where that takes time. */
export function handleConnect(connection: Connection, packet: Connect): void {
  const { core } = connection;
  connection.version = packet.version;
  connection.state = "judged";
  connection.problemInformation = packet.properties.requestProblemInformation !== 0;
  connection.mostPacketBytes = packet.properties.maximumPacketBytes ?? 0;
  if (!core.doorman.admits(connection)) return;
  let { clientId } = packet;
  if (clientId === "") {
    // Older clients without a name have no session to come back to. [MQTT-3.1.3-8 of 3.1.1]
    const fits = core.config.emptyClientIds && (packet.version === 5 || (packet.version === 4 && packet.clean));
    if (!fits) {
      connection.fail(reasonCode.clientIdentifierNotValid, "[MQTT-3.1.3-8] a client id is needed", "client-id");
      return;
    }
    clientId = core.config.assignedIdPrefix + randomBytes(12).toString("hex");
  }
  connection.clientId = clientId;
  const { will } = packet;
  if (will) {
    const { listener } = connection.peer;
    const refusal =
      will.qos > listener.mostQos
        ? reasonCode.qosNotSupported
        : will.retain && !core.config.retainAvailable
          ? reasonCode.retainNotSupported
          : levels(will.topic) > core.topicLevels
            ? reasonCode.topicNameInvalid
            : 0;
    if (refusal > 0) {
      connection.fail(refusal, "the will is not possible here", "will");
      return;
    }
  }
  const attempt = { peer: connection.peer, clientId, username: packet.username, password: packet.password };
  const method = packet.properties.authenticationMethod;
  if (method !== undefined) {
    const known = core.security.method(method);
    if (!known) {
      connection.fail(reasonCode.badAuthenticationMethod, `[MQTT-4.12.0-1] no authentication method ${method}`, "auth-method");
      return;
    }
    connection.authMethod = method;
    connection.authExchange = known.begin(attempt);
    connection.whenAuthenticated = (identity, data) => open(connection, packet, identity, data);
    awaitStep(connection, packet.properties.authenticationData, connection.whenAuthenticated);
    return;
  }
  const { identity } = connection.peer;
  const known = identity === undefined ? undefined : core.identityOf(identity);
  const judgement: Judgement | Promise<Judgement> = known ? { ok: true, identity: known } : core.security.authenticate(attempt);
  if (judgement instanceof Promise) {
    judgement.then(
      (late) => {
        if (connection.state !== "judged") return;
        judged(connection, packet, late);
        connection.goOn();
      },
      (error: unknown) => refuse(connection, reasonCode.serverUnavailable, String(error)),
    );
  } else judged(connection, packet, judgement);
}

/** One step of an enhanced authentication; `done` gets who it is. */
export function awaitStep(
  connection: Connection,
  data: Buffer | undefined,
  done: (identity: Identity, data: Buffer | undefined) => void,
): void {
  const exchange = connection.authExchange!;
  const take = (step: AuthStep): void => {
    if (connection.state === "over") return;
    if (step.kind === "refused") {
      refuse(connection, step.reasonCode, step.why);
    } else if (step.kind === "continue") {
      const properties = { authenticationMethod: connection.authMethod!, authenticationData: step.data };
      connection.send({ type: packetType.auth, reasonCode: reasonCode.continueAuthentication, properties });
      // Its next packet is AUTH.
      if (!connection.session) connection.state = "new";
    } else {
      connection.authExchange = undefined;
      done(step.identity, step.data);
    }
  };
  const step = exchange.step(data);
  if (!(step instanceof Promise)) {
    take(step);
    return;
  }
  const before = connection.state;
  connection.state = "judged";
  step.then(
    (late) => {
      if (connection.state === "over") return;
      connection.state = before;
      take(late);
      if ((connection.state as string) !== "over") connection.goOn();
    },
    (error: unknown) => refuse(connection, reasonCode.serverUnavailable, String(error)),
  );
}

function judged(connection: Connection, packet: Connect, judgement: Judgement): void {
  if (judgement.ok) open(connection, packet, judgement.identity, undefined);
  else refuse(connection, judgement.reasonCode, judgement.why);
}

function refuse(connection: Connection, code: number, why: string): void {
  if (connection.state === "over") return;
  const { core } = connection;
  core.security.audit({ event: "refused", clientId: connection.clientId, username: undefined, from: connection.from, reason: why });
  core.log.info("client is refused", { client: connection.clientId, from: connection.from, why });
  // What was wrong is for the log: a client is told no more than the code.
  connection.fail(code, "not let in", "not-authorized");
}

/** It comes in. */
function open(connection: Connection, packet: Connect, identity: Identity, authData: Buffer | undefined): void {
  const { core, clientId } = connection;
  const { config } = core;
  const { listener } = connection.peer;
  const { properties } = packet;
  const now = core.nowMs();
  if (identity.untilMs > 0 && identity.untilMs <= now) {
    refuse(connection, reasonCode.notAuthorized, "its identity has ended");
    return;
  }
  if (packet.will && !core.security.acl.mayPublish(identity, clientId, listener.mountPoint + packet.will.topic)) {
    refuse(connection, reasonCode.notAuthorized, `its will may not be published to ${packet.will.topic}`);
    return;
  }
  const wanted = packet.version === 5 ? (properties.sessionExpiryIntervalS ?? 0) : packet.clean ? 0 : neverExpires;
  const most = config.limits.sessionExpiryS;
  const expiryS = most > 0 ? Math.min(wanted, most) : wanted;
  const keepAliveS =
    config.limits.keepAliveS > 0 && (packet.keepAliveS === 0 || packet.keepAliveS > config.limits.keepAliveS) && packet.version === 5
      ? config.limits.keepAliveS === 65_535
        ? packet.keepAliveS
        : config.limits.keepAliveS
      : packet.keepAliveS;
  connection.keepAliveS = keepAliveS;
  const most5 = config.limits.inflight > 0 ? config.limits.inflight : mostReceive;
  connection.quota = Math.min(properties.receiveMaximum ?? mostReceive, most5, mostInflight);
  connection.aliasesTaken = config.serverTopicAliases ? (properties.topicAliasMaximum ?? 0) : 0;
  connection.ownPackets = connection.aliasesTaken > 0 || connection.mostPacketBytes > 0 || listener.mountPoint !== "";
  connection.will = packet.will && { ...packet.will, topic: listener.mountPoint + packet.will.topic };
  const { session, present } = core.takeSession(connection, packet.clean, identity, expiryS);
  connection.session = session;
  connection.state = "open";
  session.connection = connection;
  if (packet.bridge) core.noteBridge(session);
  const told: Properties = {};
  if (packet.version === 5) {
    if (expiryS !== wanted) told.sessionExpiryIntervalS = expiryS;
    if (config.limits.receiveMaximum < mostReceive) told.receiveMaximum = config.limits.receiveMaximum;
    if (listener.mostQos < 2) told.maximumQos = listener.mostQos as 0 | 1;
    if (!config.retainAvailable) told.retainAvailable = 0;
    if (config.limits.packetBytes > 0) told.maximumPacketBytes = config.limits.packetBytes;
    if (clientId !== packet.clientId) told.assignedClientIdentifier = clientId;
    if (listener.topicAliases > 0) told.topicAliasMaximum = listener.topicAliases;
    if (keepAliveS !== packet.keepAliveS) told.serverKeepAliveS = keepAliveS;
    if (connection.authMethod !== undefined) told.authenticationMethod = connection.authMethod;
    if (authData !== undefined) told.authenticationData = authData;
  }
  connection.send({ type: packetType.connack, sessionPresent: present, reasonCode: reasonCode.success, properties: told });
  connection.startKeepAlive();
  if (identity.untilMs > 0) {
    const timer = new Timer(() => {
      const left = identity.untilMs - core.nowMs();
      if (left > 0) core.timers.arm(timer, Math.min(left, 2 ** 31));
      else connection.fail(reasonCode.maximumConnectTime, "its identity has ended", "identity-ended");
    });
    connection.untilTimer = timer;
    core.timers.arm(timer, Math.min(identity.untilMs - now, 2 ** 31));
  }
  core.opened(connection);
}
