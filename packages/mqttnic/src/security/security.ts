/** Who a client is, and what it may do. @module */
import type { Peer } from "../data-plane/data-plane.ts";

/** Who a client is to the broker. */
export interface Identity {
  /** undefined for an anonymous client. */
  readonly username: string | undefined;
  readonly by: "anonymous" | "password" | "certificate" | "jwt" | "scram" | "in-process" | "mesh";
  /** When it ends (a token's `exp`, a certificate's end): milliseconds since 1970; 0 never. The client is disconnected then. */
  readonly untilMs: number;
  /** A broker of the mesh: it gets what other clients publish here, and what it publishes goes to no other peer. */
  readonly peerNode: string | undefined;
}

/** A CONNECT to be judged. */
export interface ConnectAttempt {
  readonly peer: Peer;
  readonly clientId: string;
  readonly username: string | undefined;
  readonly password: Buffer | undefined;
}

/** `reasonCode` is MQTT 5.0's: 0x86 bad user name or password, 0x87 not authorized, 0x8C bad authentication method. */
export type Judgement =
  | { readonly ok: true; readonly identity: Identity }
  | { readonly ok: false; readonly reasonCode: number; readonly why: string };

/** One step of an enhanced authentication. [MQTT 5.0 §4.12] */
export type AuthStep =
  | { readonly kind: "continue"; readonly data: Buffer }
  | { readonly kind: "done"; readonly identity: Identity; readonly data: Buffer | undefined }
  | { readonly kind: "refused"; readonly reasonCode: number; readonly why: string };

/** One client's enhanced authentication on its way. */
export interface AuthExchange {
  step(data: Buffer | undefined): AuthStep | Promise<AuthStep>;
}

/** The plug-in point of enhanced authentication: a method, such as `SCRAM-SHA-256`. */
export interface AuthMethod {
  readonly name: string;
  begin(attempt: ConnectAttempt): AuthExchange;
}

/** Topic access; asked when a route is built or a topic is first published to, not for each message. */
export interface Acl {
  /** Whether it may publish to a topic. */
  mayPublish(who: Identity, clientId: string, topic: string): boolean;
  /** Whether it may get messages of a topic. */
  mayReceive(who: Identity, clientId: string, topic: string): boolean;
  /** Whether it may subscribe to a filter (without `$share/…/`). */
  maySubscribe(who: Identity, clientId: string, filter: string): boolean;
}

/** What is written to the audit log. */
export interface AuditEvent {
  readonly event: "connect" | "refused" | "disconnect" | "denied-publish" | "denied-subscribe" | "taken-over" | "reload";
  readonly clientId: string;
  readonly username: string | undefined;
  /** `address:port` or the listener's name. */
  readonly from: string;
  readonly reason?: string | undefined;
  readonly topic?: string | undefined;
}

/** All of security, made of the configuration; `reload` reads files again and keeps the old ones when they are wrong. */
export interface Security {
  authenticate(attempt: ConnectAttempt): Judgement | Promise<Judgement>;
  method(name: string): AuthMethod | undefined;
  readonly acl: Acl;
  audit(event: AuditEvent): void;
  /** @throws {MitsuError} with file and line when a file is wrong; what was in force stays. */
  reload(): Promise<void>;
  /** Counts up when access may have changed: routes and cached permissions are made anew. */
  readonly generation: number;
  close(): void;
}
