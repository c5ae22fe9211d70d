/** From the text of a model file to a model, and back. @module */
import type { Finding } from "@mitsu/catalog/document";
import { parseSeconds, secondsText } from "./duration-text.ts";
import type { Model, ModelLaw } from "./model.ts";
import type { LawForm, ModelFile } from "./model-file.ts";
import { modelFile } from "./model-schema.ts";
import { readForm } from "./read-form.ts";

const mostCalls = 100_000;

/**
 * Reads a model file.
 *
 * @throws {MitsuError} `ERR_MODEL_INVALID`, exit status 2, with line and field of every fault.
 */
export function parseModel(text: string, file: string): Model {
  const { value, refuse } = readForm(text, file, modelFile, "ERR_MODEL_INVALID");
  refuse(faultsOf(value));
  const shares = Object.values(value.requests).reduce((sum, { share }) => sum + share, 0);
  const cost = (path: { readonly message: string; readonly byte: string }) => ({
    message: parseSeconds(path.message),
    byte: parseSeconds(path.byte),
  });
  return {
    name: value.name,
    services: Object.entries(value.services).map(([name, service]) => ({ name, ...service })),
    operations: Object.entries(value.operations).map(([name, { service, cpu, wait, steps }]) => ({
      name,
      service,
      cpu: lawOf(cpu),
      wait: wait === undefined ? null : lawOf(wait),
      steps,
    })),
    requests: Object.entries(value.requests).map(([name, request]) => ({ name, ...request, share: request.share / shares })),
    costs: value.costs === undefined ? null : { local: cost(value.costs.local), remote: cost(value.costs.remote) },
    network: { local: parseSeconds(value.network.local), remote: parseSeconds(value.network.remote) },
    wake: parseSeconds(value.wake),
    scheduler: value.scheduler,
    overhead: parseSeconds(value.overhead),
    nodes: value.nodes ?? null,
    calibrated: value.calibrated,
  };
}

/** The file form of a model, as JSON; {@link parseModel} reads it back, figures to six digits. */
export function writeModel(model: Model): string {
  const cost = (path: { readonly message: number; readonly byte: number }) => ({
    message: secondsText(path.message),
    byte: secondsText(path.byte),
  });
  const form = {
    version: 1,
    name: model.name,
    calibrated: model.calibrated,
    services: Object.fromEntries(model.services.map(({ name, ...service }) => [name, service])),
    operations: Object.fromEntries(
      model.operations.map(({ name, service, cpu, wait, steps }) => [
        name,
        { service, cpu: lawForm(cpu), ...(wait && { wait: lawForm(wait) }), ...(steps.length > 0 && { steps }) },
      ]),
    ),
    requests: Object.fromEntries(model.requests.map(({ name, ...request }) => [name, request])),
    ...(model.costs && { costs: { local: cost(model.costs.local), remote: cost(model.costs.remote) } }),
    network: { local: secondsText(model.network.local), remote: secondsText(model.network.remote) },
    wake: secondsText(model.wake),
    scheduler: model.scheduler,
    overhead: secondsText(model.overhead),
    ...(model.nodes && { nodes: model.nodes }),
  };
  return `${JSON.stringify(form, null, 2)}\n`;
}

function lawOf(law: LawForm): ModelLaw {
  if (law.exponential !== undefined) return { kind: "exponential", mean: parseSeconds(law.exponential) };
  if (law.deterministic !== undefined) return { kind: "deterministic", mean: parseSeconds(law.deterministic) };
  if (law.lognormal) return { kind: "lognormal", mean: parseSeconds(law.lognormal.mean), cv: law.lognormal.cv };
  if (law.gamma) return { kind: "gamma", mean: parseSeconds(law.gamma.mean), cv: law.gamma.cv };
  if (law.samples) return { kind: "samples", values: law.samples.map(parseSeconds) };
  return { kind: "quantiles", points: law.quantiles!.map(([at, duration]) => [at, parseSeconds(duration)] as const) };
}

function lawForm(law: ModelLaw): object {
  if (law.kind === "samples") return { samples: law.values.map(secondsText) };
  if (law.kind === "quantiles") return { quantiles: law.points.map(([at, seconds]) => [at, secondsText(seconds)]) };
  if (law.kind === "lognormal" || law.kind === "gamma") return { [law.kind]: { mean: secondsText(law.mean), cv: law.cv } };
  return { [law.kind]: secondsText(law.mean) };
}

/** What the schema cannot see: names that lead nowhere, calls that never end. */
function faultsOf(file: ModelFile): Finding[] {
  const faults: Finding[] = [];
  const none = (what: string, all: object): string => `is no ${what}; there are ${Object.keys(all).slice(0, 12).join(", ") || "none"}`;
  if (Object.keys(file.requests).length === 0)
    faults.push({ path: ["requests"], at: "value", message: "there are no requests; give one at least" });
  for (const [name, request] of Object.entries(file.requests)) {
    if (!Object.hasOwn(file.operations, request.call))
      faults.push({ path: ["requests", name, "call"], at: "value", message: `"${request.call}" ${none("operation", file.operations)}` });
  }
  for (const [name, operation] of Object.entries(file.operations)) {
    const path = ["operations", name];
    if (!Object.hasOwn(file.services, operation.service))
      faults.push({ path: [...path, "service"], at: "value", message: `"${operation.service}" ${none("service", file.services)}` });
    for (const [s, step] of operation.steps.entries())
      for (const [c, { call }] of step.entries())
        if (!Object.hasOwn(file.operations, call))
          faults.push({ path: [...path, "steps", s, c, "call"], at: "value", message: `"${call}" ${none("operation", file.operations)}` });
    for (const field of ["cpu", "wait"] as const) faults.push(...lawFaults(operation[field], [...path, field]));
  }
  if (file.calibrated && file.calibrated.rates[0] > file.calibrated.rates[1])
    faults.push({ path: ["calibrated", "rates"], at: "value", message: "the larger rate comes first; give the least, then the largest" });
  if (faults.length === 0) faults.push(...cycleFaults(file));
  if (faults.length === 0) faults.push(...sizeFaults(file));
  return faults;
}

function lawFaults(law: LawForm | undefined, path: readonly string[]): Finding[] {
  const faults: Finding[] = [];
  for (const kind of ["lognormal", "gamma"] as const) {
    if (law?.[kind] && parseSeconds(law[kind].mean) === 0)
      faults.push({ path: [...path, kind, "mean"], at: "value", message: "is 0, which has no variation; give deterministic: 0s" });
  }
  for (const [i, [at, duration]] of (law?.quantiles ?? []).entries()) {
    const before = law!.quantiles![i - 1];
    if (before && (at < before[0] || parseSeconds(duration) < parseSeconds(before[1])))
      faults.push({
        path: [...path, "quantiles", i],
        at: "value",
        message: "is below the point before it; probabilities and durations must ascend",
      });
  }
  return faults;
}

/** An operation that leads to itself would make requests without end. */
function cycleFaults(file: ModelFile): Finding[] {
  const state = new Map<string, "open" | "done">();
  const visit = (name: string, way: readonly string[]): readonly string[] | null => {
    if (state.get(name) === "done") return null;
    if (state.get(name) === "open") return [...way.slice(way.indexOf(name)), name];
    state.set(name, "open");
    for (const { call } of file.operations[name]!.steps.flat()) {
      const cycle = visit(call, [...way, name]);
      if (cycle) return cycle;
    }
    state.set(name, "done");
    return null;
  };
  for (const name of Object.keys(file.operations)) {
    const cycle = visit(name, []);
    if (cycle) return [{ path: ["operations", cycle[0]!, "steps"], at: "value", message: `calls lead in a circle: ${cycle.join(" → ")}` }];
  }
  return [];
}

/** Calls that branch at every level soon are more than can be simulated. */
function sizeFaults(file: ModelFile): Finding[] {
  const known = new Map<string, number>();
  const calls = (name: string): number => {
    const before = known.get(name);
    if (before !== undefined) return before;
    const sum = file.operations[name]!.steps.flat().reduce((all, { call, times }) => all + times * calls(call), 1);
    known.set(name, sum);
    return sum;
  };
  return Object.entries(file.requests).flatMap(([name, { call }]) =>
    calls(call) <= mostCalls
      ? []
      : [
          {
            path: ["requests", name],
            at: "value" as const,
            message: `leads to ${calls(call).toPrecision(3)} calls; ${mostCalls} are the most a request may make`,
          },
        ],
  );
}
