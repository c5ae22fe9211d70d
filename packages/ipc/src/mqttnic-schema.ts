/** What mqttnic can be asked: see `schema.ts`, which this is a part of. @module */
import { z } from "zod";
import { type PlacementStatus, placementStatus } from "./placement-schema.ts";
import { type Method, method } from "./protocol.ts";
import type { DaemonStatus } from "./schema.ts";

/** Answers of mqttnic's `status`; counters are since the start. */
export interface MqttnicStatus extends DaemonStatus {
  readonly node: string;
  /** The data plane of plain listeners: `net` where the native part could not be loaded. */
  readonly dataPlane: "net" | "epoll";
  readonly listening: readonly { readonly name: string; readonly address: string; readonly port: number; readonly transport: string }[];
  readonly connections: number;
  /** Sessions, of clients that are away too. */
  readonly sessions: number;
  readonly subscriptions: number;
  readonly sharedSubscriptions: number;
  /** Topics whose subscribers are known without a look-up. */
  readonly routes: number;
  readonly retained: number;
  readonly retainedBytes: number;
  readonly queued: number;
  readonly queuedBytes: number;
  readonly inflight: number;
  readonly messagesReceived: number;
  readonly messagesSent: number;
  readonly publishReceived: number;
  readonly publishSent: number;
  readonly publishDropped: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly residentBytes: number;
  /** Bytes on disk; null when nothing is kept. */
  readonly storeBytes: number | null;
  /** How often a bound was reached, by its name in `limits`. */
  readonly limits: Readonly<Record<string, number>>;
  /** Connections refused, by reason. */
  readonly refusals: Readonly<Record<string, number>>;
  readonly bridges: readonly MqttnicBridge[];
  /** With the data plane `rtl` only: else mqttnic's own tree does all. */
  readonly matching?: MqttnicMatching | undefined;
}

/** Where topics are matched with the data plane `rtl`. */
export interface MqttnicMatching {
  /** Bytes are carried by one of the other planes. */
  readonly dataPlane: "rtl";
  readonly filters: number;
  /** Those of the first piece of work, which is in hardware if there is one. */
  readonly placed: number;
  /** Those of the second, which is in software: they have more levels than fit, all entries were taken when they came, or they came a moment ago. */
  readonly beside: { readonly levels: number; readonly full: number; readonly new: number };
  /** Topics that were looked up; a topic whose route is kept is not looked up again. */
  readonly lookups: number;
  /** The retained messages of a filter are found by mqttnic's own tree of topics, whatever the plane. */
  readonly retained: "software";
  readonly placement: PlacementStatus;
}

/** A bridge, a peer of the mesh, or NATS. */
export interface MqttnicBridge {
  readonly name: string;
  readonly kind: "bridge" | "mesh" | "nats";
  readonly to: string;
  readonly state: "connecting" | "up" | "backing-off";
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly lastError: string | null;
}

/** A client: connected, or a session that waits for it. */
export interface MqttnicClient {
  readonly clientId: string;
  readonly username: string | null;
  readonly connected: boolean;
  /** `address:port` or the listener's name. */
  readonly from: string;
  readonly transport: string;
  readonly version: "3.1" | "3.1.1" | "5.0";
  readonly keepAliveS: number;
  /** null is for ever. */
  readonly expiryS: number | null;
  readonly connectedForMs: number;
  readonly subscriptions: number;
  readonly inflight: number;
  readonly queued: number;
  readonly queuedBytes: number;
  /** Bytes that its socket did not take yet. */
  readonly waitingBytes: number;
  readonly dropped: number;
}

/** One subscription of one client. */
export interface MqttnicSubscription {
  readonly clientId: string;
  readonly filter: string;
  readonly qos: 0 | 1 | 2;
  /** `no-local`, `retain-as-published`, `retain-handling=1`, `identifier=7`. */
  readonly options: readonly string[];
}

/** A retained message, the beginning of its payload. */
export interface MqttnicRetained {
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
  readonly bytes: number;
  readonly payload: Uint8Array;
  /** Milliseconds since 1970; null never. */
  readonly expiresAtMs: number | null;
}

type Nothing = Record<string, never>;

/** mqttnic's methods. */
export interface MqttnicProtocol {
  readonly status: Method<Nothing, MqttnicStatus>;
  readonly clients: Method<{ readonly limit: number }, { readonly clients: readonly MqttnicClient[] }>;
  /** Of all clients unless one is named. */
  readonly subscriptions: Method<
    { readonly clientId?: string | undefined; readonly limit: number },
    { readonly subscriptions: readonly MqttnicSubscription[] }
  >;
  /** Retained messages of matching topics, so many bytes of each payload. */
  readonly retained: Method<
    { readonly filter: string; readonly limit: number; readonly payloadBytes: number },
    { readonly messages: readonly MqttnicRetained[] }
  >;
  readonly disconnect: Method<{ readonly clientId: string }, { readonly done: boolean }>;
  readonly metrics: Method<Nothing, { readonly text: string }>;
  /** Reads configuration, passwords, ACL and certificates again, as SIGHUP does; an error says what is wrong, and the old ones stay. */
  readonly reload: Method<Nothing, Nothing>;
}

const nothing: z.ZodType<Nothing> = z.strictObject({});
const count = z.number().nonnegative();
const counts = z.record(z.string(), count);
const limit = z.int().min(1).max(1_000_000);
const qos = z.union([z.literal(0), z.literal(1), z.literal(2)]);

/** mqttnic: the broker. */
export const mqttnic: MqttnicProtocol = {
  status: method(
    nothing,
    z.object({
      version: z.string(),
      pid: z.int(),
      startedAtMs: z.number(),
      degraded: z.array(z.string()),
      node: z.string(),
      dataPlane: z.enum(["net", "epoll"]),
      listening: z.array(z.object({ name: z.string(), address: z.string(), port: z.int(), transport: z.string() })),
      connections: count,
      sessions: count,
      subscriptions: count,
      sharedSubscriptions: count,
      routes: count,
      retained: count,
      retainedBytes: count,
      queued: count,
      queuedBytes: count,
      inflight: count,
      messagesReceived: count,
      messagesSent: count,
      publishReceived: count,
      publishSent: count,
      publishDropped: count,
      bytesReceived: count,
      bytesSent: count,
      residentBytes: count,
      storeBytes: count.nullable(),
      limits: counts,
      refusals: counts,
      bridges: z.array(
        z.object({
          name: z.string(),
          kind: z.enum(["bridge", "mesh", "nats"]),
          to: z.string(),
          state: z.enum(["connecting", "up", "backing-off"]),
          messagesIn: count,
          messagesOut: count,
          lastError: z.string().nullable(),
        }),
      ),
      matching: z
        .object({
          dataPlane: z.literal("rtl"),
          filters: count,
          placed: count,
          beside: z.object({ levels: count, full: count, new: count }),
          lookups: count,
          retained: z.literal("software"),
          placement: placementStatus,
        })
        .optional(),
    }),
  ),
  clients: method(
    z.object({ limit }),
    z.object({
      clients: z.array(
        z.object({
          clientId: z.string(),
          username: z.string().nullable(),
          connected: z.boolean(),
          from: z.string(),
          transport: z.string(),
          version: z.enum(["3.1", "3.1.1", "5.0"]),
          keepAliveS: count,
          expiryS: count.nullable(),
          connectedForMs: count,
          subscriptions: count,
          inflight: count,
          queued: count,
          queuedBytes: count,
          waitingBytes: count,
          dropped: count,
        }),
      ),
    }),
  ),
  subscriptions: method(
    z.object({ clientId: z.string().optional(), limit }),
    z.object({
      subscriptions: z.array(z.object({ clientId: z.string(), filter: z.string(), qos, options: z.array(z.string()) })),
    }),
  ),
  retained: method(
    z.object({ filter: z.string().min(1), limit, payloadBytes: z.int().min(0).max(65_536) }),
    z.object({
      messages: z.array(
        z.object({ topic: z.string(), qos, bytes: count, payload: z.instanceof(Uint8Array), expiresAtMs: z.number().nullable() }),
      ),
    }),
  ),
  disconnect: method(z.object({ clientId: z.string() }), z.object({ done: z.boolean() })),
  metrics: method(nothing, z.object({ text: z.string() })),
  reload: method(nothing, nothing),
};
