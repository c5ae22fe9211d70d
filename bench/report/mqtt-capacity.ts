/** What mqtt-capacity.sh and mqtt-soak.sh found: memory of many connections, retained messages and subscriptions; a long run. @module */
import { judge, noData, type Target } from "./judge.ts";
import { brokerNames } from "./mqtt-names.ts";
import { spread } from "./points.ts";

/** One line of the raw file: what `lib/mqtt-load` or `match-rate.ts` printed. Figures depend on the mode. */
export interface CapacityLine {
  readonly broker: string;
  readonly exit: number;
  readonly result: Readonly<Record<string, unknown>> & { readonly mode: string };
}

/** What the targets want; a run with fewer is not judged as met. A bound of 20 000 open files leaves a few less for connections. */
const wanted = { idle: 19_000, retain: 1_000_000, subscriptions: 100_000, soakSeconds: 600, soakRate: 100_000 } as const;

const number = (value: unknown): number => Number(value ?? Number.NaN);
const count = (value: unknown): string => number(value).toLocaleString("en-US", { maximumFractionDigits: 0 });
const mb = (kib: unknown): number => (number(kib) * 1024) / 1e6;

/**
 * Reads a raw file.
 *
 * @throws {SyntaxError} on a line that is not JSON.
 */
export function parseCapacity(text: string): readonly CapacityLine[] {
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as CapacityLine);
}

/**
 * How fast memory grows, by least squares over the last four fifths of the samples, which are a second apart.
 *
 * @returns KiB a minute; 0 with fewer than three samples.
 * @example
 * ```ts
 * slopePerMinute([100, 101, 102, 103, 104]); // 60
 * ```
 */
export function slopePerMinute(residentKib: readonly number[]): number {
  const kept = residentKib.slice(Math.floor(residentKib.length / 5));
  if (kept.length < 3) return 0;
  const middle = (kept.length - 1) / 2;
  const mean = kept.reduce((sum, v) => sum + v, 0) / kept.length;
  let [above, below] = [0, 0];
  for (const [i, value] of kept.entries()) {
    above += (i - middle) * (value - mean);
    below += (i - middle) ** 2;
  }
  return (above / below) * 60;
}

type Result = CapacityLine["result"];
const inner = (r: Result, name: string): Readonly<Record<string, unknown>> => (r[name] ?? {}) as Readonly<Record<string, unknown>>;
const resident = (r: Result): readonly number[] => (r.residentKib ?? []) as readonly number[];

const says: Readonly<Record<string, (r: Result) => string>> = {
  idle: (r) =>
    `${number(r.kibEach).toFixed(2)} KiB for each of ${count(r.count)} connections${r.subscribed ? " with a subscription" : ""}; ${mb(r.baseKib).toFixed(0)} → ${mb(r.heldKib).toFixed(0)} MB, opened in ${number(r.openSeconds).toFixed(1)} s${number(r.unanswered) > 0 ? `, ${count(r.unanswered)} of ${count(r.asked)} asked are DEAD` : ""}`,
  retain: (r) =>
    `${mb(r.heldKib).toFixed(0)} MB with ${count(r.count)} of ${count(r.payloadBytes)} bytes (${mb(r.baseKib).toFixed(0)} before), ${count(r.bytesEach)} bytes each, stored in ${number(r.seconds).toFixed(1)} s; ${count(r.returned)} of ${count(r.asked)} asked for came${number(r.unacknowledged) > 0 ? `, ${count(r.unacknowledged)} NOT acknowledged` : ""}`,
  subscriptions: (r) =>
    `${count(r.count)} made in ${number(r.subscribeSeconds).toFixed(1)} s, ${count(r.bytesEach)} bytes each; a publish that one of them matches costs ${number(inner(r, "same").brokerUsEach).toFixed(1)} µs of CPU (same topics) or ${number(inner(r, "new").brokerUsEach).toFixed(1)} µs (always new)`,
  resume: (r) =>
    `accepts, and knows its sessions, ${number(r.seconds).toFixed(2)} s after its start${r.sessionPresent && r.matched ? "" : "; the session is NOT there"}`,
  match: (r) =>
    `a look-up takes ${number(r.cachedUs).toFixed(2)} µs cached, ${number(r.coldUs).toFixed(2)} µs cold, with ${count(r.count)} subscriptions`,
  soak: (r) =>
    `${count(r.perSecond)}/s for ${number(r.seconds).toFixed(0)} s, QoS ${r.qos}: ${count(r.lost)} lost, ${count(r.gaps)} gaps, ${count(r.repeated)} repeated, ${count(r.unacknowledged)} unacknowledged; p99 ${count(inner(r, "latency").p99Us)} µs; ${mb(resident(r).at(0)).toFixed(0)} → ${mb(resident(r).at(-1)).toFixed(0)} MB, ${slopePerMinute(resident(r)).toFixed(0)} KiB/min; broker ${number(r.brokerUsPerOperation).toFixed(2)} µs each${r.saturated ? "; the generator was at its limit" : ""}`,
};

const titles: Readonly<Record<string, string>> = {
  idle: "Idle connections",
  retain: "Retained messages",
  subscriptions: "Subscriptions with wildcards",
  resume: "Start with these subscriptions from the store",
  match: "Match, measured inside",
  soak: "Soak",
};

/** The lines as text, by what was measured, a broker a line. */
export function renderCapacity(lines: readonly CapacityLine[]): string {
  return Object.entries(titles)
    .flatMap(([mode, title]) => {
      const here = lines.filter((line) => line.result.mode === mode);
      if (here.length === 0) return [];
      const rows = here.map(({ broker, exit, result }) =>
        exit === 0
          ? `  ${(brokerNames[broker] ?? broker).padEnd(10)} ${says[mode]!(result)}`
          : `  ${(brokerNames[broker] ?? broker).padEnd(10)} FAILED: ${String(result.error ?? "")}`,
      );
      return [title, ...rows, ""];
    })
    .map((line) => `${line}\n`)
    .join("");
}

/** As it is, unless the run had less than the target wants: then met is not yet met. */
function unlessLess(target: Target, had: number, least: number, what: string): Target {
  if (target.state !== "met" || had >= least) return target;
  return { ...target, measured: `${target.measured} with ${count(had)} ${what}, not ${count(least)}`, state: "no data" };
}

/**
 * Judges mqttnic's lines; what was not measured says so and is never taken for met.
 *
 * @param kind `mqtt-capacity` or `mqtt-soak`: whose targets.
 */
export function judgeCapacity(lines: readonly CapacityLine[], kind: string): readonly Target[] {
  const one = (mode: string): Result | undefined =>
    lines.find((line) => line.broker === "mqttnic" && line.result.mode === mode && (mode !== "idle" || !line.result.subscribed))?.result;
  const failed = (mode: string): string | undefined => {
    const line = lines.find(({ broker, result, exit }) => broker === "mqttnic" && result.mode === mode && exit !== 0);
    return line && `failed: ${String(line.result.error ?? line.exit)}`;
  };
  const figure = (mode: string, value: (r: Result) => number) => {
    const r = one(mode);
    return r && !failed(mode) ? spread([value(r)]) : undefined;
  };
  if (kind === "mqtt-soak") return soakTargets(one("soak"), failed("soak"));
  const [idle, retain, subscriptions] = [one("idle"), one("retain"), one("subscriptions")];
  const dead = idle && number(idle.unanswered) > 0 ? says.idle!(idle) : failed("idle");
  const unstored = retain && (number(retain.returned) < number(retain.asked) || number(retain.unacknowledged) > 0);
  const resume = one("resume");
  return [
    unlessLess(
      judge(
        "20 000 idle connections, each",
        ["≤", 8, 1],
        figure("idle", (r) => number(r.kibEach)),
        " KiB",
        dead,
      ),
      number(idle?.count),
      wanted.idle,
      "connections",
    ),
    unlessLess(
      judge(
        "1 M retained messages, resident",
        ["≤", 600, 0],
        figure("retain", (r) => mb(r.heldKib)),
        " MB",
        unstored ? says.retain!(retain) : failed("retain"),
      ),
      number(retain?.count),
      wanted.retain,
      "messages",
    ),
    judge(
      "match with 100 k subscriptions, cached",
      ["≤", 2],
      figure("match", (r) => number(r.cachedUs)),
      " µs",
      failed("match"),
    ),
    judge(
      "match with 100 k subscriptions, cold",
      ["≤", 20],
      figure("match", (r) => number(r.coldUs)),
      " µs",
      failed("match"),
    ),
    unlessLess(
      judge(
        "start with 100 k subscriptions",
        ["≤", 3],
        figure("resume", (r) => number(r.seconds)),
        " s",
        resume && !(resume.sessionPresent && resume.matched) ? says.resume!(resume) : failed("resume"),
      ),
      number(subscriptions?.count),
      wanted.subscriptions,
      "subscriptions",
    ),
  ];
}

/** Flat: growth over what is left of ten minutes stays under a hundredth of the resident set. */
function soakTargets(r: Result | undefined, failure: string | undefined): readonly Target[] {
  const names = ["soak: messages lost", "soak: memory's growth in ten minutes, of the resident set", "soak: messages/s carried"] as const;
  if (!r || failure) {
    const wants = ["≤ 0", "≤ 1.0 %", "≥ 99000"] as const;
    return names.map((name, i) =>
      failure ? { name, want: wants[i]!, measured: failure, state: "missed" as const } : noData(name, wants[i]!),
    );
  }
  const memory = resident(r);
  const growth = ((slopePerMinute(memory) * 10) / (memory.at(-1) ?? 1)) * 100;
  const lost = number(r.lost) + number(r.gaps) + number(r.repeated) + number(r.bad) + number(r.unacknowledged);
  const long = (target: Target): Target => unlessLess(target, number(r.seconds), wanted.soakSeconds * 0.99, "seconds");
  return [
    long(judge(names[0], ["≤", 0, 0], spread([lost]), "", lost > 0 ? says.soak!(r) : undefined)),
    // A slope of a short run is mostly what a heap does in its first minutes: neither met nor missed.
    number(r.seconds) < wanted.soakSeconds * 0.99
      ? {
          ...noData(names[1], "≤ 1.0 %"),
          measured: `${growth.toFixed(1)} % with ${count(r.seconds)} seconds, not ${count(wanted.soakSeconds)}`,
        }
      : judge(names[1], ["≤", 1, 1], spread([growth]), " %"),
    judge(names[2], ["≥", wanted.soakRate * 0.99, 0], spread([number(r.perSecond)]), ""),
  ];
}
