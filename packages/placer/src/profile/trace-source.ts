/** Traffic and demand by traces: Jaeger's JSON and OTLP JSON, of any size. @module */
import { createReadStream, statSync } from "node:fs";
import { basename } from "node:path";
import { type Env, formatBytes } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { jaegerTrace } from "./jaeger-trace.ts";
import { JsonScanner } from "./json-scanner.ts";
import type { Observation, ReadOptions } from "./observation.ts";
import { otlpService, otlpSpan, type TracedSpan } from "./otlp-span.ts";
import { TraceAssembler } from "./trace-assembler.ts";
import { TraceStatistics } from "./trace-statistics.ts";

/** A file of traces; `-` is stdin. */
export interface TraceFile {
  readonly form: "jaeger" | "otlp";
  readonly path: string;
}

/** How traces are read. */
export interface TraceOptions extends ReadOptions {
  readonly env: Pick<Env, "stdin">;
  /** Rate at which the traced requests arrive; from the traces unless given. */
  readonly perSecond: number | undefined;
}

/** Names of faults that are told of a file; the rest are counted. */
const toldFaults = 10;
const pieceBytes = 1 << 20;

/** What was read of a file. */
interface FileCounts {
  records: number;
  broken: number;
  skippedBytes: number;
  readonly faults: string[];
}

/**
 * Reads traces of all files into one observation: they are of the same requests.
 *
 * @throws {MitsuError} `ERR_TRACES_UNREADABLE` when a file cannot be read, or has no trace at all.
 */
export async function observeTraces(files: readonly TraceFile[], options: TraceOptions): Promise<Observation> {
  const statistics = new TraceStatistics();
  const notices: string[] = [];
  let [records, skipped] = [0, 0];
  for (const file of files) {
    if (options.signal.aborted) break;
    const name = file.path === "-" ? "stdin" : basename(file.path);
    const counts: FileCounts = { records: 0, broken: 0, skippedBytes: 0, faults: [] };
    const tracesBefore = statistics.traces;
    const read = file.form === "jaeger" ? jaegerScanner : otlpScanner;
    const scanner = read(statistics, `${file.form}:${name}`, counts);
    await scan(file.path, scanner, { ...options, show: (bytes) => `${name}: ${bytes}, ${statistics.traces - tracesBefore} traces` });
    notices.push(...fileNotices(name, counts));
    records += counts.records;
    skipped += counts.broken + counts.faults.length;
    if (statistics.traces === tracesBefore && !options.signal.aborted) throw noTraces(file, counts);
  }
  if (options.signal.aborted) notices.push(`interrupted after ${statistics.traces} traces`);
  const rate = statistics.rate(options.perSecond);
  return {
    source: files.map(({ form, path }) => `${form}:${path === "-" ? "stdin" : basename(path)}`).join(" "),
    kind: "sample",
    seconds: rate.spanSeconds,
    edges: statistics.edges(rate.perSecond),
    services: statistics.services(rate.perSecond),
    records,
    skipped: skipped + statistics.oddities.duplicateSpans,
    notices: [...notices, ...statisticsNotices(statistics, rate)],
  };
}

interface Scanner {
  readonly push: (piece: Uint8Array) => void;
  readonly end: () => void;
}

function note(counts: FileCounts, what: string): void {
  counts.broken++;
  if (counts.faults.length < toldFaults) counts.faults.push(what);
}

/** What both forms do with damaged text. */
function damage(counts: FileCounts): { readonly fault: (why: string, at: number) => void; readonly skipped: (bytes: number) => void } {
  return {
    fault: (why, at) => note(counts, `at byte ${at}: ${why}`),
    skipped: (bytes) => {
      counts.skippedBytes += bytes;
    },
  };
}

function jaegerScanner(statistics: TraceStatistics, source: string, counts: FileCounts): Scanner {
  return new JsonScanner({
    paths: ["data[]", "[]"],
    resync: {
      // Only traces, and not spans, have `spans` next to the id. Between them and the id nothing else stands, as Jaeger writes it.
      pattern: /\{\s{0,64}"traceID"\s{0,64}:\s{0,64}"[0-9a-fA-F]{1,32}"\s{0,64},\s{0,64}"spans"/,
      within: [
        { array: false, path: "" },
        { array: true, path: "data" },
      ],
    },
    ...damage(counts),
    value: (_path, text, at) => {
      counts.records++;
      try {
        const { spans, broken } = jaegerTrace(text);
        if (broken > 0) note(counts, `at byte ${at}: trace ${counts.records}: ${broken} spans lack an id, a time or a process`);
        statistics.add(spans, source);
      } catch (error) {
        note(counts, `at byte ${at}: trace ${counts.records}: ${(error as Error).message}`);
      }
    },
  });
}

const otlpPaths = [
  "resourceSpans[].resource",
  "resourceSpans[].scopeSpans[].spans[]",
  "resourceSpans[].instrumentationLibrarySpans[].spans[]", // until 2022
  "resource_spans[].resource",
  "resource_spans[].scope_spans[].spans[]",
];

function otlpScanner(statistics: TraceStatistics, source: string, counts: FileCounts): Scanner {
  const assembler = new TraceAssembler({ trace: (spans) => statistics.add(spans, source) });
  let service: string | null = null;
  let waiting: TracedSpan[] = [];
  const take = ({ traceId, span }: TracedSpan): void => assembler.add(traceId, { ...span, service: service ?? "unknown_service" });
  const flush = (): void => {
    for (const one of waiting) take(one);
    waiting = [];
  };
  const next = (): void => {
    flush();
    service = null;
  };
  const { fault, skipped } = damage(counts);
  const scanner = new JsonScanner({
    paths: otlpPaths,
    // One request a line, as the collector's file exporter writes them: a damaged line costs only itself.
    resync: { pattern: /(\n)\{\s{0,64}"resource_?[sS]pans"/, within: [] },
    skipped,
    fault: (why, at) => {
      fault(why, at);
      // Whose these spans are stood behind the damage.
      if (service === null) counts.broken += waiting.length;
      waiting = [];
      service = null;
    },
    leave: (path) => {
      if (path === "resourceSpans[]" || path === "resource_spans[]") next();
    },
    value: (path, text, at) => {
      try {
        if (path.endsWith(".resource")) {
          service = otlpService(text);
          flush();
          return;
        }
        counts.records++;
        const span = otlpSpan(text);
        if (!span) note(counts, `at byte ${at}: span ${counts.records} lacks an id or a time`);
        // The resource may stand after its spans.
        else if (service === null) waiting.push(span);
        else take(span);
      } catch (error) {
        note(counts, `at byte ${at}: span ${counts.records}: ${(error as Error).message}`);
      }
    },
  });
  return {
    push: (piece) => scanner.push(piece),
    end: () => {
      scanner.end();
      next();
      assembler.end();
      if (assembler.lateSpans > 0)
        counts.faults.push(`${assembler.lateSpans} spans came long after the rest of their traces and were left out`);
    },
  };
}

async function scan(
  path: string,
  scanner: Scanner,
  { env, signal, progress, show }: TraceOptions & { readonly show: (bytes: string) => string },
): Promise<void> {
  const size = path === "-" ? 0 : sizeOf(path);
  let read = 0;
  try {
    for await (const piece of path === "-" ? env.stdin : createReadStream(path, { highWaterMark: pieceBytes })) {
      scanner.push(piece as Uint8Array);
      read += (piece as Uint8Array).length;
      progress(show(`${formatBytes(read)}${size > 0 ? ` of ${formatBytes(size)}` : ""}`));
      if (signal.aborted) break;
    }
  } catch (cause) {
    throw unreadable(path, (cause as Error).message, cause);
  }
  scanner.end();
}

function sizeOf(path: string): number {
  try {
    const found = statSync(path);
    if (found.isDirectory()) throw new Error("it is a folder");
    return found.size;
  } catch (cause) {
    throw unreadable(path, (cause as NodeJS.ErrnoException).code === "ENOENT" ? "no such file" : (cause as Error).message, cause);
  }
}

function unreadable(path: string, why: string, cause?: unknown): MitsuError {
  return new MitsuError(`cannot read traces of ${path === "-" ? "stdin" : path}: ${why}`, {
    code: "ERR_TRACES_UNREADABLE",
    exit: exitStatus.data,
    hint: "name a file of traces, or - for stdin",
    cause,
  });
}

function noTraces({ form, path }: TraceFile, { faults }: FileCounts): MitsuError {
  const expected = { jaeger: "Jaeger's JSON has them in `data`", otlp: "OTLP JSON has spans in `resourceSpans`" }[form];
  return new MitsuError(`${path === "-" ? "stdin" : path} has no trace that can be read${faults[0] ? `: ${faults[0]}` : ""}`, {
    code: "ERR_TRACES_UNREADABLE",
    exit: exitStatus.data,
    hint: `${expected}; --jaeger and --otlp are for one form each`,
  });
}

function fileNotices(name: string, { broken, faults, skippedBytes, records }: FileCounts): string[] {
  return [
    ...faults.map((fault) => `${name}: ${fault}`),
    ...(broken > faults.length ? [`${name}: ${broken - faults.length} more places could not be read`] : []),
    ...(skippedBytes > 0 ? [`${name}: ${formatBytes(skippedBytes)} were skipped, of ${records} records read`] : []),
  ];
}

function statisticsNotices(statistics: TraceStatistics, rate: ReturnType<TraceStatistics["rate"]>): string[] {
  const { orphanSpans, duplicateSpans, negativeSpans, skewedSpans, cyclicSpans, namelessClients, callsWithoutBytes, calls } =
    statistics.oddities;
  const told = (count: number, text: string): string[] => (count > 0 ? [`${count} ${text}`] : []);
  return [
    ...told(orphanSpans, "spans name a parent that is not in their trace; they count as roots"),
    ...told(duplicateSpans, "spans have the id of another of the same service; they were left out"),
    ...told(negativeSpans, "spans end before they begin; they count as taking no time"),
    ...told(skewedSpans, "spans lie outside of their parents' time, as clocks differ; they were put into the middle of it"),
    ...told(cyclicSpans, "spans are their own ancestors; they count as roots"),
    ...told(namelessClients, "calls name nobody at the other end (peer.service, db.system): they are in no edge"),
    ...(callsWithoutBytes > 0 ? [`${callsWithoutBytes} of ${calls} calls tell no bytes: ${sizeHow(callsWithoutBytes, calls)}`] : []),
    ...told(statistics.mixedSampling, `of ${statistics.traces} traces tell their sampling; the others count once`),
    {
      told: `requests arrive at ${figure(rate.perSecond)}/s, as told`,
      traces: `requests arrive at ${figure(rate.perSecond)}/s, by ${statistics.traces} traces in ${figure(rate.spanSeconds)} s and their sampling`,
      guessed: "the traces do not tell at which rate requests arrive: 1/s is taken; give it with --per-second",
    }[rate.origin],
    "CPU demand from traces is an upper bound: it is the time in spans that no child covers, waiting included",
  ];
}

const figure = (value: number): string => String(Number(value.toPrecision(3)));
const sizeHow = (unknown: number, calls: number): string =>
  unknown === calls ? "edges have 0 bytes/s where no other source knows" : "they are taken to be like the others of their pair";
