/** What one measurement of replica-selection.sh comes to: the clients' figures put together, and whether the machine spoiled them. @module */

/** What one `replica-load` prints. */
export interface LoadLine {
  readonly sent: number;
  readonly counted: number;
  readonly ok: number;
  readonly throughput: number;
  /** The client's own. */
  readonly cpuSeconds: number;
  readonly failed: Readonly<Record<string, number>>;
  /** Of the first failures: milliseconds from the beginning, and what it was. */
  readonly told: readonly (readonly [ms: number, why: string])[];
  readonly sumUs: number;
  readonly maxUs: number;
  /** Beyond its work, of the least delayed fiftieth: the way there and back. */
  readonly overUs: number;
  readonly lateUs: { readonly mean: number; readonly p99: number; readonly max: number };
  readonly replicas: Readonly<Record<string, number>>;
  /** Latencies: microseconds and how many. */
  readonly cells: readonly (readonly [us: number, count: number])[];
}

/** Figures of latency, milliseconds. */
export interface Latency {
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** All clients together. */
export interface Load {
  readonly sent: number;
  readonly counted: number;
  readonly ok: number;
  readonly failed: Readonly<Record<string, number>>;
  readonly told: LoadLine["told"];
  readonly throughput: number;
  readonly latency: Latency | null;
  readonly overMs: number;
  /** The latest client's. */
  readonly lateMs: { readonly mean: number; readonly p99: number; readonly max: number };
  /** Answers by replica's number. */
  readonly replicas: Readonly<Record<string, number>>;
}

/** Adds up counts by name. */
function added(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const one of all) for (const [name, count] of Object.entries(one)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}

/**
 * Puts clients' lines together; percentiles are of all requests, not means of percentiles.
 *
 * @example
 * ```ts
 * mergeLoads(lines).latency?.p99; // milliseconds
 * ```
 */
export function mergeLoads(lines: readonly LoadLine[]): Load {
  const total = (figure: (line: LoadLine) => number): number => lines.reduce((sum, line) => sum + figure(line), 0);
  const most = (figure: (line: LoadLine) => number): number => Math.max(...lines.map(figure));
  const cells = lines.flatMap((line) => line.cells).toSorted(([one], [other]) => one - other);
  const ok = total((line) => line.ok);
  const percentile = (share: number): number => {
    let soFar = 0;
    for (const [us, count] of cells) {
      soFar += count;
      if (soFar >= Math.ceil(share * ok)) return us / 1000;
    }
    return Number.NaN;
  };
  return {
    sent: total((line) => line.sent),
    counted: total((line) => line.counted),
    ok,
    failed: Object.fromEntries(Object.entries(added(lines.map((line) => line.failed))).filter(([, count]) => count > 0)),
    told: lines.flatMap((line) => line.told).toSorted(([one], [other]) => one - other),
    throughput: total((line) => line.throughput),
    latency:
      ok === 0
        ? null
        : {
            mean: total((line) => line.sumUs) / ok / 1000,
            p50: percentile(0.5),
            p90: percentile(0.9),
            p99: percentile(0.99),
            p999: percentile(0.999),
            max: most((line) => line.maxUs) / 1000,
          },
    overMs: lines.map((line) => line.overUs / 1000).toSorted((a, b) => a - b)[lines.length >> 1] ?? Number.NaN,
    lateMs: {
      mean: most((line) => line.lateUs.mean) / 1000,
      p99: most((line) => line.lateUs.p99) / 1000,
      max: most((line) => line.lateUs.max) / 1000,
    },
    replicas: added(lines.map((line) => line.replicas)),
  };
}

/** What the machine did meanwhile. */
export interface Machine {
  readonly wallSeconds: number;
  /** Busy seconds of all CPUs, and of these what programs of this run used. */
  readonly busySeconds: number;
  readonly ownSeconds: number;
  readonly stealSeconds: number;
}

/** Cores that others used: beyond it figures are theirs too. */
const othersMost = 0.3;
/** Share of the time that the hypervisor took. */
const stealMost = 0.01;
/** Requests were sent this late, milliseconds, and replicas ended work this late: a tenth of a request's work. */
const lateMost = { clientP99: 3, replicaMean: 1 } as const;

/** Why a measurement judges nothing; empty when nothing speaks against it. */
export function spoiledBy(load: Load, machine: Machine, replicaLateMeanMs: number): readonly string[] {
  const others = (machine.busySeconds - machine.ownSeconds) / machine.wallSeconds;
  const steal = machine.stealSeconds / machine.wallSeconds;
  return [
    ...(others > othersMost ? [`others used ${others.toFixed(2)} cores`] : []),
    ...(steal > stealMost ? [`the hypervisor took ${(steal * 100).toFixed(1)} %`] : []),
    ...(load.lateMs.p99 > lateMost.clientP99 ? [`a client sent late, p99 ${load.lateMs.p99.toFixed(1)} ms`] : []),
    ...(replicaLateMeanMs > lateMost.replicaMean ? [`a replica's timer came late, mean ${replicaLateMeanMs.toFixed(1)} ms`] : []),
  ];
}
