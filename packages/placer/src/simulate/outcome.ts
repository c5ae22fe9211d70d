/** What a simulation says of one rate. @module */

/** Response times, seconds, of requests that came in the time counted. */
export interface ResponseTimes {
  readonly mean: number;
  /** Half the width of the 95 % confidence interval of {@link mean}, by batch means. */
  readonly meanError: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly count: number;
}

/** What waits at a service. */
export interface ServiceQueue {
  readonly service: string;
  /** Calls each second. */
  readonly calls: number;
  /** Mean time for which a call waits for a worker, seconds. */
  readonly wait: number;
  /** Mean share of workers that are busy, or kept by calls that are out. */
  readonly busy: number;
}

/** One rate, one plan. */
export interface Outcome {
  /** Requests a second that come. */
  readonly rate: number;
  /** Requests a second that are answered. */
  readonly throughput: number;
  /** Null when it is saturated: a queue that grows has no response time, only an age. */
  readonly response: ResponseTimes | null;
  /** What is saturated; null when nothing is. */
  readonly saturated: string | null;
  /** Share of each node's cores in use. */
  readonly utilisation: readonly { readonly node: string; readonly share: number }[];
  readonly services: readonly ServiceQueue[];
  /** Mean of requests in flight. */
  readonly inFlight: number;
  /** Of calls between services, the share that stays on its node. */
  readonly onNode: number;
  /** Steps of the simulation. */
  readonly events: number;
}

const batches = 20;
/** Student's t, 19 degrees of freedom, 97.5 %. */
const t19 = 2.093;

/** Sums response times up, in the order in which the requests came. @param seconds Sorted in place. */
export function responseTimes(seconds: Float64Array, overhead: number): ResponseTimes {
  const count = seconds.length;
  const size = Math.floor(count / batches);
  const means = Array.from({ length: batches }, (_, b) => (size === 0 ? Number.NaN : meanOf(seconds.subarray(b * size, (b + 1) * size))));
  const mean = meanOf(seconds);
  const middle = means.reduce((sum, value) => sum + value, 0) / batches;
  const variance = means.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (batches - 1);
  seconds.sort();
  const at = (p: number): number => seconds[Math.max(0, Math.ceil(p * count) - 1)]! + overhead;
  return { mean: mean + overhead, meanError: t19 * Math.sqrt(variance / batches), p50: at(0.5), p95: at(0.95), p99: at(0.99), count };
}

function meanOf(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}
