/** A run that was measured: how fast a real system answered, at which rate, and where its replicas were. @module */
import { runFile } from "./model-schema.ts";
import { readForm } from "./read-form.ts";

/** A run; response times in seconds. */
export interface MeasuredRun {
  readonly file: string;
  /** Requests a second, sent and answered. */
  readonly rate: number;
  readonly throughput: number;
  readonly response: { readonly mean: number; readonly p50: number; readonly p95: number; readonly p99: number };
  /** Cores used, by service; empty when it is not known. */
  readonly cpu: Readonly<Record<string, number>>;
  readonly assignment: Readonly<Record<string, string>>;
}

/** Share of the requests that must have been answered: of a queue that grows, response times say only how long one looked. */
const leastAnswered = 0.97;

/**
 * Reads a run file, JSON or YAML.
 *
 * @throws {MitsuError} `ERR_RUN_INVALID`, exit status 2, with line and field of every fault.
 */
export function parseRun(text: string, file: string): MeasuredRun {
  const { value, refuse } = readForm(text, file, runFile, "ERR_RUN_INVALID");
  const { rate, responseMs: ms, cpu, assignment } = value;
  const throughput = value.throughput ?? rate;
  const quantiles = [ms.p50, ms.p95, ms.p99];
  if (throughput < leastAnswered * rate) {
    const message = `${throughput} of ${rate} requests a second were answered: it was saturated, and cannot be fitted; measure at a lower rate`;
    refuse([{ path: ["throughput"], at: "value", message }]);
  }
  if (quantiles.some((value, i) => i > 0 && value < quantiles[i - 1]!))
    refuse([{ path: ["responseMs"], at: "value", message: "p50, p95 and p99 must ascend" }]);
  const response = { mean: ms.mean / 1e3, p50: ms.p50 / 1e3, p95: ms.p95 / 1e3, p99: ms.p99 / 1e3 };
  return { file, rate, throughput, response, cpu, assignment };
}
