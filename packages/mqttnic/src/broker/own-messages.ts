/** Messages that come from no connection: wills, `$SYS`, aggregates. Routed as if a packet of each had come. @module */
import type { Qos } from "../message.ts";
import { bodyStart } from "../protocol/framing.ts";
import { newPublishFields, publishSize, writePublish } from "../protocol/publish-encode.ts";
import { scanPublish } from "../protocol/publish-scan.ts";
import type { Passing } from "./passing.ts";
import type { RouteCache } from "./route-cache.ts";
import type { Router } from "./router.ts";

/** One of them. */
export interface UnconnectedMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: Qos;
  readonly retain: boolean;
  /** In wire format; see `Message.properties`. */
  readonly properties: Buffer;
  /** -1 is never. */
  readonly expiryS: number;
  /** Client id of whose it is; empty for the broker. */
  readonly from: string;
}

/** Publishes them. */
export class OwnMessages {
  readonly #router: Router;
  readonly #routes: RouteCache;
  readonly #nowMs: () => number;
  readonly #retain: (passing: Passing) => void;
  readonly #fields = newPublishFields();
  /** That came up while another message was routed. */
  #postponed: UnconnectedMessage[] = [];

  constructor(router: Router, routes: RouteCache, nowMs: () => number, retain: (passing: Passing) => void) {
    this.#router = router;
    this.#routes = routes;
    this.#nowMs = nowMs;
    this.#retain = retain;
  }

  /** Publishes it now, or at the turn's end when a message is being routed. */
  publish(message: UnconnectedMessage): void {
    if (this.#router.busy) this.#postponed.push(message);
    else this.#publish(message);
  }

  /** The turn ends. */
  publishPostponed(): void {
    if (this.#postponed.length > 0) for (const message of this.#postponed.splice(0)) this.#publish(message);
  }

  #publish({ topic, payload, qos, retain, properties, expiryS, from }: UnconnectedMessage): void {
    const fields = this.#fields;
    fields.version = 5;
    fields.topic = topic;
    fields.qos = qos;
    fields.retain = retain;
    fields.packetId = qos > 0 ? 1 : 0;
    fields.properties = properties;
    fields.propertiesEnd = properties.length;
    fields.messageExpiryS = expiryS;
    fields.payload = payload;
    fields.payloadEnd = payload.length;
    const size = publishSize(fields);
    const packet = Buffer.allocUnsafe(size);
    writePublish(packet, 0, fields);
    const { passing } = this.#router;
    scanPublish(packet, 0, bodyStart(packet, 0), size, 5, passing.view);
    const route = this.#routes.of(topic);
    passing.topic = topic;
    passing.topicBytes = route.topicBytes;
    passing.publisher = undefined;
    passing.from = from;
    passing.nowMs = this.#nowMs();
    passing.begin(packet, 0, size, true, true);
    if (retain) this.#retain(passing);
    this.#router.route(route);
  }
}
