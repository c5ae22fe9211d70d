/**
 * Opens all of security as the configuration says. Who a client is, is asked in this order; the first that says something decides:
 *
 * 1. the client id must begin with `clientIdPrefix` (peers and in-process clients excepted);
 * 2. an in-process client is who it says it is;
 * 3. a client id `$mesh/…` is for peers of the mesh (`mesh-peer.ts`);
 * 4. a listener whose `certificateName` says so takes the name from the client's certificate (`certificate-name.ts`);
 * 5. a password that is a token, where there is `jwt` (`jwt.ts`);
 * 6. user name and password by the password file (`password-check.ts`);
 * 7. without a name: anonymous, where the listener lets them in. Where nothing checks passwords a name is taken as it is, as mosquitto does, and is
 *    what the ACL goes by: give an ACL file a password file beside it.
 * @module
 */
import { createHmac, randomBytes } from "node:crypto";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { SecurityConfig } from "../config/broker-config.ts";
import { compileAcl, type ExplainedAcl } from "./acl.ts";
import { aclFileKind, parseAclFile } from "./acl-file.ts";
import { type AuditLog, openAuditLog } from "./audit-log.ts";
import { certificateJudgement } from "./certificate-name.ts";
import { refusal } from "./judgement.ts";
import { type JwtCheck, looksLikeToken, openJwt } from "./jwt.ts";
import { meshJudgement } from "./mesh-peer.ts";
import { createPasswordCheck, type PasswordCheck } from "./password-check.ts";
import { type PasswordEntry, parsePasswordFile, passwordFileKind } from "./password-file.ts";
import { scramMethod } from "./scram-method.ts";
import type { AuthMethod, ConnectAttempt, Identity, Judgement, Security } from "./security.ts";
import { readBytes } from "./text-file.ts";

/** What the configuration does not say. */
export interface SecurityOptions {
  /** What peers of the mesh prove themselves by where there is no TLS. */
  readonly meshSecret: Buffer | undefined;
  /** Names of the mesh's other nodes; a client id `$mesh/<name>` is for them alone. */
  readonly meshNodes: readonly string[];
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** By what peers are known may change with the configuration. */
export type MeshAccess = Pick<SecurityOptions, "meshSecret" | "meshNodes">;

/** A {@link Security}, and what the daemon shows of it. */
export interface OpenedSecurity extends Security {
  /** Whether a client that came in with this identity still could: false when its user is no longer in the password file. Ask after a reload. */
  admits(identity: Identity): boolean;
  /** Lines of the audit log that were lost, because the disk was slower than the events. */
  readonly auditLinesLost: number;
}

/** One that can be changed as a whole. */
export interface ChangingSecurity extends OpenedSecurity {
  /**
   * Reads all that another configuration names; `take` puts it in force, `abandon` forgets it, and until then all is as it was.
   *
   * @param mesh - As before unless given.
   * @throws {MitsuError} with file and line when a file is wrong.
   */
  prepare(config: SecurityConfig, mesh?: MeshAccess): Promise<{ take(): void; abandon(): void }>;
}

/** All that the configuration and its files say; replaced as a whole. */
interface State {
  readonly config: SecurityConfig;
  readonly mesh: MeshAccess;
  readonly users: ReadonlyMap<string, PasswordEntry> | undefined;
  readonly passwords: PasswordCheck | undefined;
  readonly jwt: JwtCheck | undefined;
  readonly acl: ExplainedAcl;
}

async function readState(config: SecurityConfig, mesh: MeshAccess, now: () => number): Promise<State> {
  const { passwordFile, aclFile, jwt, scram } = config;
  if (scram && passwordFile === undefined) {
    throw new MitsuError("scram is on, but there is no password file", {
      code: "ERR_SCRAM_USERS",
      exit: exitStatus.config,
      hint: "name a password file; mqttnic passwd --scram writes its users",
    });
  }
  const users = passwordFile === undefined ? undefined : parsePasswordFile(passwordFile, await readBytes(passwordFileKind, passwordFile));
  const rules = aclFile === undefined ? undefined : parseAclFile(aclFile, await readBytes(aclFileKind, aclFile));
  return {
    config,
    mesh,
    users,
    passwords: users && createPasswordCheck(users),
    jwt: jwt && (await openJwt(jwt, now)),
    acl: compileAcl(rules),
  };
}

const named = (by: Identity["by"], username: string | undefined): Judgement => ({
  ok: true,
  identity: { username, by, untilMs: 0, peerNode: undefined },
});

/**
 * Reads all files.
 *
 * @throws {MitsuError} with file and line when one is wrong.
 * @example
 * ```ts
 * const security = await openSecurity(config.security, { meshSecret: undefined, meshNodes: [] });
 * const judgement = await security.authenticate({ peer, clientId, username, password });
 * ```
 */
export async function openSecurity(config: SecurityConfig, { now = Date.now, ...mesh }: SecurityOptions): Promise<ChangingSecurity> {
  let state = await readState(config, mesh, now);
  let audit = await auditLogOf(config, now);
  let linesLostBefore = 0;
  let generation = 0;
  let reloading: Promise<void> = Promise.resolve();
  const inventKey = randomBytes(32);

  /** What stands before names and passwords; undefined when those decide. */
  function byPeer(attempt: ConnectAttempt): Judgement | undefined {
    const { peer, clientId } = attempt;
    if (peer.identity !== undefined) return named("in-process", peer.identity);
    const peerNode = meshJudgement(attempt, state.mesh);
    if (peerNode) return peerNode;
    const { clientIdPrefix } = state.config;
    if (!clientId.startsWith(clientIdPrefix)) return refusal(0x87, `the client id does not begin with "${clientIdPrefix}"`);
    return certificateJudgement(peer);
  }

  function authenticate(attempt: ConnectAttempt): Judgement | Promise<Judgement> {
    const certain = byPeer(attempt);
    if (certain) return certain;
    const { username, password, peer } = attempt;
    const { jwt, passwords } = state;
    if (jwt && password && (!passwords || looksLikeToken(password))) return jwt.check(password, username);
    if (username !== undefined && passwords) {
      return password ? byPassword(attempt, passwords, username, password) : refusal(0x86, "a user name without a password");
    }
    if (username !== undefined && jwt) return refusal(0x86, "a user name without a token");
    const { anonymous } = peer.listener;
    if (anonymous === "yes" || (anonymous === "local" && peer.local)) return named("anonymous", username);
    return refusal(0x87, anonymous === "local" ? "anonymous clients may come from this machine only" : "anonymous clients are not allowed");
  }

  function byPassword(
    attempt: ConnectAttempt,
    passwords: PasswordCheck,
    username: string,
    password: Buffer,
  ): Judgement | Promise<Judgement> {
    const judge = (verdict: "right" | "wrong" | "busy"): Judgement | Promise<Judgement> => {
      // The files were read again while the hash was made: the old answer counts no more.
      if (state.passwords !== passwords) return authenticate(attempt);
      if (verdict === "right") return named("password", username);
      return verdict === "wrong" ? refusal(0x86, "wrong user name or password") : refusal(0x89, "too many passwords wait to be checked");
    };
    const verdict = passwords.check(username, password);
    if (typeof verdict === "string") return judge(verdict);
    // No memory for Argon2, for example: neither right nor wrong.
    return verdict.then(judge, (error: Error) => refusal(0x88, `the password could not be checked: ${error.message}`));
  }

  const scram: AuthMethod = scramMethod({
    byPeer,
    find(user) {
      const credential = state.users?.get(user)?.credential;
      return credential?.scheme === "scram-sha-256" ? credential : undefined;
    },
    inventSalt: (user) => createHmac("sha256", inventKey).update(user).digest().subarray(0, 16),
  });

  /** The same file is opened anew too, since it may have been renamed. */
  async function prepareAudit(next: SecurityConfig): Promise<{ swap(): void; abandon(): void } | undefined> {
    if (next.auditLog === state.config.auditLog) return audit?.prepareReopen();
    const opened = await auditLogOf(next, now);
    const swap = (): void => {
      linesLostBefore += audit?.linesLost ?? 0;
      audit?.close();
      audit = opened;
    };
    return { swap, abandon: () => opened?.close() };
  }

  async function prepare(next: SecurityConfig, peers: MeshAccess): Promise<{ take(): void; abandon(): void }> {
    const log = await prepareAudit(next);
    let read: State;
    try {
      read = await readState(next, peers, now);
    } catch (error) {
      log?.abandon();
      security.audit({ event: "reload", clientId: "", username: undefined, from: "", reason: (error as Error).message });
      throw error;
    }
    const take = (): void => {
      log?.swap();
      state = read;
      generation++;
      security.audit({ event: "reload", clientId: "", username: undefined, from: "" });
    };
    return { take, abandon: () => log?.abandon() };
  }

  const security: ChangingSecurity = {
    authenticate,
    method: (name) => (state.config.scram && name === scram.name ? scram : undefined),
    acl: {
      mayPublish: (who, clientId, topic) => state.acl.mayPublish(who, clientId, topic),
      mayReceive: (who, clientId, topic) => state.acl.mayReceive(who, clientId, topic),
      maySubscribe: (who, clientId, filter) => state.acl.maySubscribe(who, clientId, filter),
    },
    audit: (event) => audit?.write(event),
    admits: ({ by, username }) => (by !== "password" && by !== "scram") || state.users?.has(username ?? "") === true,
    prepare: (next, peers = state.mesh) => prepare(next, peers),
    reload() {
      // One after the other: each reads what is on the disk when its turn comes.
      const turn = reloading.then(async () => (await prepare(state.config, state.mesh)).take());
      reloading = turn.catch(() => {});
      return turn;
    },
    get generation() {
      return generation;
    },
    get auditLinesLost() {
      return linesLostBefore + (audit?.linesLost ?? 0);
    },
    close: () => audit?.close(),
  };
  return security;
}

async function auditLogOf({ auditLog }: SecurityConfig, now: () => number): Promise<AuditLog | undefined> {
  return auditLog === undefined ? undefined : openAuditLog(auditLog, now);
}
