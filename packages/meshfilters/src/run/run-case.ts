/** Runs the steps of one test in a virtual machine of their own. @module */
import { type FilterModule, type Limits, type Plugin, startPlugin } from "@mitsu/proxy-wasm";
import type { Case, Settings, Step } from "./cases.ts";
import { checkHttp, checkTcp, type Difference } from "./check.ts";
import { type HttpOutcome, runHttp } from "./http-run.ts";
import { LocalHost, type LogLine } from "./local-host.ts";
import { runTcp, type TcpOutcome } from "./tcp-run.ts";

/** What came of a step. */
export interface StepResult {
  readonly http: HttpOutcome | null;
  readonly tcp: TcpOutcome | null;
  readonly logs: readonly LogLine[];
  readonly differences: readonly Difference[];
  /** Of all callbacks. */
  readonly fuel: number;
}

/** What came of a test. */
export interface CaseResult {
  readonly name: string;
  readonly passed: boolean;
  readonly steps: readonly StepResult[];
  /** What the filter logged before the first step. */
  readonly startLogs: readonly LogLine[];
}

/** A filter at work, and what surrounds it. */
export interface Started {
  readonly plugin: Plugin;
  readonly host: LocalHost;
}

/**
 * Starts a filter for a test.
 *
 * @throws {MitsuError} `ERR_FILTER_START`.
 */
export function startLocally(module: FilterModule, name: string, settings: Settings, limits: Limits): Started {
  const { rootId, vmId, configuration, capabilities, nowMs, shared, services } = settings;
  const host = new LocalHost({ vmId, nowMs });
  for (const [key, value] of shared) host.shared.set(key, value, 0);
  host.services = services;
  const options = { name, rootId, vmId, configuration, vmConfiguration: new Uint8Array(0), limits, capabilities };
  const plugin = startPlugin(module, options, host);
  host.attach(plugin);
  return { plugin, host };
}

function runStep({ plugin, host }: Started, step: Step, limits: Limits): StepResult {
  host.time.advance(step.afterMs);
  const logsFrom = host.logs.length;
  const callsFrom = host.calls.length;
  const before = plugin.counters.fuel;
  const http = step.http === null ? null : runHttp(plugin, host, step.http, limits.bodyBytes);
  const tcp = step.tcp === null ? null : runTcp(plugin, host, step.tcp);
  // What is due now: items of queues.
  host.time.advance(0);
  const effects = { logs: host.logs.slice(logsFrom), callsFrom };
  const differences = http === null ? checkTcp(step.expect, tcp!, host, effects) : checkHttp(step.expect, http, host, effects);
  return { http, tcp, logs: effects.logs, differences, fuel: plugin.counters.fuel - before };
}

/**
 * Runs a test. A step after a trap has a new virtual machine, as in nicd.
 *
 * @throws {MitsuError} `ERR_FILTER_START`.
 */
export function runCase(module: FilterModule, name: string, one: Case, limits: Limits): CaseResult {
  let started = startLocally(module, name, one.settings, limits);
  const startLogs = [...started.host.logs];
  const steps: StepResult[] = [];
  for (const step of one.steps)
    for (let time = 0; time < step.times; time++) {
      if (started.plugin.trapped !== null) started = startLocally(module, name, one.settings, limits);
      steps.push(runStep(started, step, limits));
    }
  if (started.plugin.trapped === null) started.plugin.stop();
  return { name: one.name, passed: steps.every(({ differences }) => differences.length === 0), steps, startLogs };
}
