/** How brokers and points of mqtt.sh are called in its table and pictures. @module */

/** In the order they are shown; `-redirect` has broker and clients as programs of sockhijack. */
export const brokerNames: Readonly<Record<string, string>> = {
  mqttnic: "mqttnic",
  "mqttnic-redirect": "mqttnic, redirected",
  mosquitto: "mosquitto",
  "mosquitto-redirect": "mosquitto, redirected",
  aedes: "aedes",
  floor: "floor",
  "floor-redirect": "floor, redirected",
};

/** What all ratios are over, of the same repetition: mosquitto on TCP. */
export const baseBroker = "mosquitto";

/** One point of mqtt.sh, taken apart. */
export type PointName =
  | {
      readonly kind: "fan";
      readonly shape: "fanout" | "fanin";
      readonly qos: "0" | "1" | "mixed";
      readonly window: number;
      readonly full: boolean;
    }
  | { readonly kind: "feedback"; readonly nodes: number; readonly rate: number };

/**
 * Takes a point's name apart.
 *
 * @throws {RangeError} when it is none.
 * @example
 * ```ts
 * parsePoint("fanout-q1-w16-full"); // { kind: "fan", shape: "fanout", qos: "1", window: 16, full: true }
 * parsePoint("feedback-64-500"); // { kind: "feedback", nodes: 64, rate: 500 }
 * ```
 */
export function parsePoint(name: string): PointName {
  const feedback = /^feedback-(\d+)-(\d+)$/.exec(name);
  if (feedback) return { kind: "feedback", nodes: Number(feedback[1]), rate: Number(feedback[2]) };
  const fan = /^(fanout|fanin)-(?:q([01])|(mixed))-w(\d+)(-full)?$/.exec(name);
  if (!fan) throw new RangeError(`${name} is no point of mqtt.sh`);
  return {
    kind: "fan",
    shape: fan[1] as "fanout" | "fanin",
    qos: (fan[2] ?? fan[3]) as "0" | "1" | "mixed",
    window: Number(fan[4]),
    full: fan[5] !== undefined,
  };
}

/**
 * A point for people.
 *
 * @example
 * ```ts
 * pointTitle("fanout-q1-w16-full"); // "1 → 100, QoS 1, 16 outstanding, full broker"
 * ```
 */
export function pointTitle(name: string): string {
  const point = parsePoint(name);
  if (point.kind === "feedback") return `feedback, ${point.nodes} nodes, ${point.rate} rounds/s`;
  const qos = point.qos === "mixed" ? "QoS 0, 1 and 2 mixed" : `QoS ${point.qos}`;
  const outstanding = point.window === 1 ? "one at a time" : `${point.window} outstanding`;
  return `${point.shape === "fanout" ? "1 → 100" : "100 → 1"}, ${qos}, ${outstanding}${point.full ? ", full broker" : ""}`;
}
