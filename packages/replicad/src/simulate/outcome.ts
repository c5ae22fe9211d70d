/** What a run comes to. @module */

/** Figures of the requests that arrived after the warm-up; milliseconds. */
export interface Outcome {
  readonly selector: string;
  readonly load: number;
  readonly offeredPerSecond: number;
  readonly requests: number;
  /** From arrival at the client to the answer, retries included; null when nothing was answered. */
  readonly responseMs: ResponseTimes | null;
  /** Answers a second until the end of the run; what was still waiting then is not in it. */
  readonly throughputPerSecond: number;
  /** Requests whose last try failed. */
  readonly failures: number;
  readonly retries: number;
  /** Of what was sent, each server's part. */
  readonly shares: readonly number[];
  /**
   * Herd index: variance of the requests that a server gets within a feedback interval, over what it would be if they came at random one by one (Poisson: its mean).
   * 1 is Poisson, 0 a metronome; many clients that run to the same server between two reports make it large.
   */
  readonly herd: number;
  /** Mean number of requests between arrival and answer. */
  readonly inFlight: number;
  readonly probes: number;
  /** Requests sent to a server that was down, more than 100 ms after the first failure there was known. */
  readonly sentToDead: number;
  readonly events: number;
}

/** Response times, in milliseconds. */
export interface ResponseTimes {
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly most: number;
}

/** Names of the figures of {@link ResponseTimes}. */
export const responseNames: readonly (keyof ResponseTimes)[] = ["mean", "p50", "p90", "p99", "p999", "most"];

/**
 * The middle of some runs of one setting: of each figure its median, of servers' shares the first run's.
 *
 * @param runs One or more.
 */
export function medianOutcome(runs: readonly Outcome[]): Outcome {
  const middle = (figure: (run: Outcome) => number): number => median(runs.map(figure));
  const answered = runs.flatMap(({ responseMs }) => (responseMs ? [responseMs] : []));
  return {
    ...runs[0]!,
    requests: middle(({ requests }) => requests),
    responseMs:
      answered.length < runs.length
        ? null
        : (Object.fromEntries(responseNames.map((name) => [name, median(answered.map((one) => one[name]))])) as unknown as ResponseTimes),
    throughputPerSecond: middle(({ throughputPerSecond }) => throughputPerSecond),
    failures: middle(({ failures }) => failures),
    retries: middle(({ retries }) => retries),
    herd: middle(({ herd }) => herd),
    inFlight: middle(({ inFlight }) => inFlight),
    probes: middle(({ probes }) => probes),
    sentToDead: middle(({ sentToDead }) => sentToDead),
    events: middle(({ events }) => events),
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}
