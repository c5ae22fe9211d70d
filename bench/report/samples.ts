/** Raw lines of `lib/measure.py` and `lib/daemon.py`, turned into numbers. @module */

/** What `lib/measure.py` writes, one line a measurement; `output` is what the load generator printed. */
interface RawMeasurement {
  readonly phase: string;
  readonly rep: number;
  readonly mode: string;
  readonly size: string;
  readonly connections: number;
  readonly requests?: number;
  readonly exit: number;
  readonly wallSeconds: number;
  readonly cpuSeconds: Readonly<Record<string, number>>;
  readonly foreignCpuSeconds: number;
  readonly stealSeconds: number;
  readonly segments: number;
  readonly steady: { readonly segments: number; readonly seconds: number } | null;
  readonly counters?: Readonly<Record<string, number>>;
  /** What OTLP receivers counted; empty without one. */
  readonly received?: { readonly spans?: number };
  readonly daemonRssMb?: number;
  readonly output: string;
}

/** One measurement of one mode. An operation is a request; for `iperf` it is a MiB carried. */
export interface Sample {
  readonly phase: string;
  readonly rep: number;
  readonly mode: string;
  /** Response bytes, a redis command, or `stream`. */
  readonly size: string;
  readonly connections: number;
  /** Operations a second; for `iperf` Gbit/s. */
  readonly throughput: number;
  readonly meanUs?: number;
  readonly p50Us?: number;
  readonly p99Us?: number;
  /** Of open loops only. */
  readonly p999Us?: number;
  /** CPU µs an operation: each role's, and `total`, in which the receiver of spans is not: it stands for a back end elsewhere. */
  readonly cpuUs: Readonly<Record<string, number>>;
  /** TCP segments an operation in the steady window (the whole run when it was too short for one). */
  readonly segments: number;
  /** The same over the whole run, connections' first moments included. */
  readonly segmentsWholeRun: number;
  /** Socket errors, answers other than 2xx, and in the open loop what had no answer 1 s after the end. */
  readonly errors: number;
  /** What the daemon counted in the kernel, an operation: `redirected`, `pass_in_flight` …; empty without a daemon. */
  readonly counters: Readonly<Record<string, number>>;
  /** Spans an operation that arrived at the receiver. */
  readonly spans?: number;
  /** Resident set of the daemons right after the load, in MB (10⁶ bytes); 0 without one. */
  readonly daemonRssMb: number;
  /** CPU time of other programs and of the hypervisor, as a share of one CPU. */
  readonly foreignCpu: number;
}

/** A command that failed instead of giving a time. */
export interface Failure {
  readonly failed: string;
  readonly exit: number;
  readonly stderr: string;
}

/** The daemon's own figures, from `lib/daemon.py`; times in ms, memory in MB (10⁶ bytes). */
export interface DaemonFigures {
  readonly idleRssMb: number;
  readonly idleCpuPercent: number;
  readonly helpMs: readonly (number | Failure)[];
  readonly attach: readonly { readonly statusMs: number | Failure; readonly attachMs: number | Failure }[];
}

/** What one check of nic-path.sh found: figures by name, which depend on the phase (`lib/nic-*.py`, `lib/keep-alive.c`). */
export interface Check {
  readonly phase: string;
  readonly rep: number;
  readonly mode: string;
  readonly check: Readonly<Record<string, unknown>>;
}

/** Everything one run measured. */
export interface Measurements {
  readonly samples: readonly Sample[];
  /** Lines whose generator failed, named as `phase mode size × connections`. */
  readonly failed: readonly string[];
  readonly daemon: DaemonFigures | undefined;
  /** Empty but for nic-path.sh. */
  readonly checks: readonly Check[];
}

interface Figures {
  readonly throughput: number;
  readonly operations: number;
  readonly meanUs?: number;
  readonly p50Us?: number;
  readonly p99Us?: number;
  readonly p999Us?: number;
  readonly errors: number;
}

/** wrk (through `lib/wrk-json.lua`) and `lib/open-loop.c` print the same fields. */
function httpFigures(output: string): Figures {
  const r = JSON.parse(output.slice(output.indexOf('{"requests"'))) as Record<string, number>;
  const { requests = 0, seconds = 1, meanUs, p50Us = 0, p99Us = 0, p999Us, errors = 0, unanswered = 0 } = r;
  return {
    throughput: requests / seconds,
    operations: requests,
    ...(meanUs !== undefined && { meanUs }),
    p50Us,
    p99Us,
    ...(p999Us !== undefined && { p999Us }),
    errors: errors + unanswered,
  };
}

/** Last line of `redis-benchmark --csv`: test, rps, then avg, min, p50, p95, p99, max in ms. */
function redisFigures(output: string, requests: number): Figures {
  const cells = (output.trim().split("\n").at(-1) ?? "").split(",").map((cell) => Number(cell.replaceAll('"', "")));
  const [, throughput = Number.NaN, , , p50 = Number.NaN, , p99 = Number.NaN] = cells;
  return { throughput, operations: requests, p50Us: p50 * 1000, p99Us: p99 * 1000, errors: 0 };
}

function iperfFigures(output: string): Figures {
  const { bits_per_second: bits, bytes } = JSON.parse(output).end.sum_received as { bits_per_second: number; bytes: number };
  return { throughput: bits / 1e9, operations: bytes / 2 ** 20, errors: 0 };
}

function toSample(raw: RawMeasurement): Sample {
  const figures =
    raw.phase === "redis"
      ? redisFigures(raw.output, raw.requests ?? 0)
      : raw.phase === "iperf"
        ? iperfFigures(raw.output)
        : httpFigures(raw.output);
  const { operations, throughput, errors } = figures;
  if (!(operations > 0 && throughput > 0)) throw new RangeError(`no operation counted in ${JSON.stringify(raw).slice(0, 200)}`);
  const cpuUs: Record<string, number> = { total: 0 };
  for (const [role, seconds] of Object.entries(raw.cpuSeconds)) {
    cpuUs[role] = (seconds * 1e6) / operations;
    if (role !== "receiver") cpuUs.total = cpuUs.total! + cpuUs[role];
  }
  const segmentsWholeRun = raw.segments / operations;
  // iperf3 and redis-benchmark spend some of the wall time on set-up; requests spread over the rest, which overstates segments slightly.
  const inSteady = raw.steady && (operations / raw.wallSeconds) * raw.steady.seconds;
  return {
    phase: raw.phase,
    rep: raw.rep,
    mode: raw.mode,
    size: raw.size,
    connections: raw.connections,
    throughput,
    ...(figures.meanUs !== undefined && { meanUs: figures.meanUs }),
    ...(figures.p50Us !== undefined && figures.p99Us !== undefined && { p50Us: figures.p50Us, p99Us: figures.p99Us }),
    ...(figures.p999Us !== undefined && { p999Us: figures.p999Us }),
    cpuUs,
    segments: raw.steady && inSteady ? raw.steady.segments / inSteady : segmentsWholeRun,
    segmentsWholeRun,
    errors,
    counters: Object.fromEntries(Object.entries(raw.counters ?? {}).map(([name, n]) => [name, n / operations])),
    ...(raw.received?.spans !== undefined && { spans: raw.received.spans / operations }),
    daemonRssMb: raw.daemonRssMb ?? 0,
    foreignCpu: (raw.foreignCpuSeconds + raw.stealSeconds) / raw.wallSeconds,
  };
}

/**
 * Reads a run's raw file.
 *
 * @param text JSON lines of `lib/measure.py` and `lib/daemon.py`, in any order.
 * @throws {SyntaxError} on a line that is not JSON; {RangeError} on a measurement in which nothing was carried.
 * @example
 * ```ts
 * const { samples } = parseMeasurements(readFileSync("raw.jsonl", "utf8"));
 * ```
 */
export function parseMeasurements(text: string): Measurements {
  const samples: Sample[] = [];
  const failed: string[] = [];
  const checks: Check[] = [];
  let daemon: DaemonFigures | undefined;
  for (const line of text.split("\n").filter(Boolean)) {
    const raw = JSON.parse(line) as RawMeasurement & DaemonFigures & Check;
    if (raw.check) checks.push(raw);
    else if (raw.phase === "daemon") daemon = raw;
    else if (raw.exit === 0) samples.push(toSample(raw));
    else failed.push(`${raw.phase} ${raw.mode} ${raw.size} × ${raw.connections}`);
  }
  return { samples, failed, daemon, checks };
}
