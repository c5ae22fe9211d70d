/** Raw lines of mqtt.sh, turned into numbers: what `lib/mqtt-load` printed, and what `lib/measure.py` saw around it. @module */
import { parsePoint } from "./mqtt-names.ts";

/** Times of one measurement, µs. */
export interface Times {
  readonly count: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
  /** Every time to within 1.6 %, ascending: [µs, how many]. */
  readonly sorted: readonly (readonly [us: number, count: number])[];
}

/** One measurement of one broker. An operation is a message delivered; in feedback a state collected or an answer distributed. */
export interface MqttSample {
  readonly point: string;
  readonly rep: number;
  readonly mode: string;
  readonly perSecond: number;
  /** Of the broker's CPU, an operation. */
  readonly brokerUs: number;
  /** Share of its CPU that the broker used. */
  readonly brokerBusy: number;
  /** Share of its time that the generator had work. */
  readonly generatorBusy: number;
  /** The generator had no time left: what was measured is its limit. */
  readonly saturated: boolean;
  /** Latency of a delivery, or of feedback each node's time from its own publish to the answer. */
  readonly times: Times;
  /** Of feedback: from when the round was due until the last node had the answer. */
  readonly round: Times | undefined;
  /** Deliveries that never came; in feedback rounds that had not ended a second after the last was due, or never began. */
  readonly lost: number;
  /** Writes that sockhijack delivered past TCP, an operation, the warm-up's included; undefined without a daemon. */
  readonly redirected: number | undefined;
  /** Writes that sockhijack left to TCP, an operation, by its reason: `pass_in_flight` … */
  readonly passed: Readonly<Record<string, number>>;
  /** CPU time of other programs and of the hypervisor, as a share of one CPU. */
  readonly foreignCpu: number;
}

/** Everything one run of mqtt.sh measured. */
export interface MqttMeasurements {
  readonly samples: readonly MqttSample[];
  /** Lines whose generator failed: `point mode`. */
  readonly failed: readonly string[];
}

interface RawTimes {
  readonly count: number;
  readonly p50Us?: number;
  readonly p99Us?: number;
  readonly p999Us?: number;
  readonly maxUs?: number;
  readonly sorted: readonly (readonly [number, number])[];
}

/** What `lib/mqtt-load` prints in the modes fanout, fanin and feedback. */
interface Output {
  readonly seconds: number;
  readonly operations: number;
  /** Operations of the warm-up too. */
  readonly inAll: number;
  readonly perSecond: number;
  readonly brokerCpuSeconds: number;
  readonly brokerUsPerOperation: number;
  readonly generatorBusy: number;
  readonly saturated: boolean;
  readonly latency?: RawTimes;
  readonly collectToDistribute?: RawTimes;
  readonly round?: RawTimes;
  readonly lost?: number;
  readonly bad: number;
  readonly unstarted?: number;
  readonly unfinished?: number;
}

interface RawLine {
  readonly point: string;
  readonly rep: number;
  readonly mode: string;
  readonly exit: number;
  readonly wallSeconds: number;
  readonly foreignCpuSeconds: number;
  readonly stealSeconds: number;
  readonly counters?: Readonly<Record<string, number>>;
  readonly output: string;
}

/** A measurement in which nothing arrived has no times: for ever, so that no bound is met by it. */
function toTimes(raw: RawTimes | undefined): Times {
  const { POSITIVE_INFINITY: never } = Number;
  const { count = 0, p50Us = never, p99Us = never, p999Us = never, maxUs = never, sorted = [] } = raw ?? {};
  return { count, p50Us, p99Us, p999Us, maxUs, sorted };
}

function toSample(raw: RawLine): MqttSample {
  const output = JSON.parse(raw.output) as Output;
  const feedback = parsePoint(raw.point).kind === "feedback";
  return {
    point: raw.point,
    rep: raw.rep,
    mode: raw.mode,
    perSecond: output.perSecond,
    brokerUs: output.brokerUsPerOperation,
    brokerBusy: output.brokerCpuSeconds / output.seconds,
    generatorBusy: output.generatorBusy,
    saturated: output.saturated,
    times: toTimes(feedback ? output.collectToDistribute : output.latency),
    round: feedback ? toTimes(output.round) : undefined,
    lost: (output.lost ?? 0) + output.bad + (output.unstarted ?? 0) + (output.unfinished ?? 0),
    redirected: raw.mode.endsWith("-redirect") ? (raw.counters?.redirected ?? 0) / Math.max(1, output.inAll) : undefined,
    passed: Object.fromEntries(
      Object.entries(raw.counters ?? {}).flatMap(([name, n]) => (name.startsWith("pass_") ? [[name, n / Math.max(1, output.inAll)]] : [])),
    ),
    foreignCpu: (raw.foreignCpuSeconds + raw.stealSeconds) / raw.wallSeconds,
  };
}

/**
 * Reads a run's raw file.
 *
 * @param text JSON lines of `lib/measure.py`, in any order.
 * @throws {SyntaxError} on a line that is not JSON; {RangeError} on a point that mqtt.sh does not have.
 * @example
 * ```ts
 * const { samples } = parseMqtt(readFileSync("raw.jsonl", "utf8"));
 * ```
 */
export function parseMqtt(text: string): MqttMeasurements {
  const samples: MqttSample[] = [];
  const failed: string[] = [];
  for (const line of text.split("\n").filter(Boolean)) {
    const raw = JSON.parse(line) as RawLine;
    if (raw.exit === 0) samples.push(toSample(raw));
    else failed.push(`${raw.point} ${raw.mode}`);
  }
  return { samples, failed };
}
