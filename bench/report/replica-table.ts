/** The text of replica-selection.sh: what was measured beside what was simulated, how far off that is, what it costs, targets. @module */
import type { Common, Seen } from "../lib/replica-selection-setting.ts";
import type { Target } from "./judge.ts";
import type { Order, Point, PredictionError } from "./replica-points.ts";
import { alikeWithin, figures, lowestOf, median, slopeOf } from "./replica-points.ts";

/** All that is printed. */
export interface SelectionReport {
  readonly common: Common;
  readonly seen: Seen;
  readonly points: readonly Point[];
  readonly errors: readonly PredictionError[];
  readonly orders: readonly Order[];
  readonly targets: readonly Target[];
}

const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
/** Three digits. */
const ms = (value: number | undefined): string =>
  value === undefined || Number.isNaN(value) ? "–" : value >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(3)));

/** Rows in columns of equal width, the first two to the left. */
function columns(header: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const widths = header.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at]!.length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => (at < 2 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!)))
      .join("  ")
      .trimEnd();
  return [line(header), ...rows.map(line)];
}

/** Measured, simulated, and how far that is off. */
function pair(point: Point, figure: "mean" | "p50" | "p99"): string {
  const measured = point.latency?.[figure];
  const told = point.simulated?.responseMs?.[figure];
  if (told === undefined) return ms(measured);
  const off = measured === undefined ? "" : ` ${told >= measured ? "+" : "−"}${percent(Math.abs(told / measured - 1))}`;
  return `${ms(measured)} | ${ms(told)}${off}`;
}

function settingOf({ first }: Point): string {
  const { scenario, load, brokerLost, intervalMs, how } = first;
  const rest = scenario === "age" ? (brokerLost ? ", broker lost" : `, every ${intervalMs} ms`) : how === null ? "" : `, ${how}`;
  return `${scenario} ${load}${rest}`;
}

function figuresText(points: readonly Point[]): readonly string[] {
  const rows = points.map((point) => {
    const { first, samples } = point;
    const base = points.find(
      (one) => one.first.policy === "round-robin" && one.first.scenario === first.scenario && one.first.load === first.load,
    );
    const over = base?.latency && point.latency ? (point.latency.p99 / base.latency.p99).toFixed(3) : "–";
    const told =
      base?.simulated?.responseMs && point.simulated?.responseMs
        ? ` | ${(point.simulated.responseMs.p99 / base.simulated.responseMs.p99).toFixed(3)}`
        : "";
    const age = samples.flatMap(({ ageMs }) => ageMs?.median ?? []);
    return [
      `${settingOf(point)}${point.spoiled ? " !" : ""}`,
      first.policy,
      pair(point, "mean"),
      pair(point, "p50"),
      pair(point, "p99"),
      ms(point.latency?.p999),
      `${over}${told}`,
      point.throughput.toFixed(1),
      String(point.failed),
      age.length === 0 ? "–" : ms(age.toSorted((a, b) => a - b)[age.length >> 1]),
    ];
  });
  return columns(
    [
      "setting, load",
      "policy",
      "mean [ms] seen | told",
      "p50 [ms]",
      "p99 [ms]",
      "p99.9",
      "p99/RR seen | told",
      "answers/s",
      "failed",
      "age [ms]",
    ],
    rows,
  );
}

/** CPU time of what selects. */
function costsText(points: readonly Point[], { nodes }: Common): readonly string[] {
  const rows = points
    .filter(
      ({ first }) => first.scenario === "varying" || first.scenario === "hog" || first.scenario === "equal" || first.scenario === "age",
    )
    .map((point) => {
      const sum = (figure: (sample: Point["samples"][number]) => number): number =>
        point.samples.reduce((all, one) => all + figure(one), 0);
      const wall = sum(({ machine }) => machine.wallSeconds);
      const share = (role: string): string => percent(sum(({ cpu }) => cpu[role] ?? 0) / wall);
      const carried = sum((one) => one.carried);
      const told = sum(({ messages }) => messages.sent);
      return [
        `${settingOf(point)}${point.spoiled ? " !" : ""}`,
        point.first.policy,
        carried === 0 ? "–" : ((sum(({ cpu }) => cpu.nicd ?? 0) / carried) * 1e6).toFixed(0),
        (sum(({ cpu }) => cpu.replicad ?? 0) / wall / nodes).toFixed(3),
        told === 0 ? "–" : ((sum(({ cpu }) => cpu.replicad ?? 0) / told) * 1e6).toFixed(0),
        (told / wall / nodes).toFixed(0),
        share("broker"),
        share("replicas"),
        (sum(({ startSeconds }) => startSeconds) / point.samples.length).toFixed(1),
      ];
    });
  if (rows.length === 0) return [];
  return [
    "",
    ...columns(
      [
        "setting, load",
        "policy",
        "nicd µs/request carried",
        "replicad cores/node",
        "µs/message told",
        "messages/s a node",
        "broker of a core",
        "replicas",
        "start [s]",
      ],
      rows,
    ),
  ];
}

function noticeText(points: readonly Point[]): readonly string[] {
  const deaths = points.flatMap(({ samples }) =>
    samples.flatMap(({ noted: { death } }) => {
      if (!death) return [];
      const after = (at: number | null): string => (at === null ? "never" : `${(at - death.killedMs).toFixed(0)} ms`);
      return [
        `dead: first failure after ${after(death.firstFailureMs)}, last request there after ${after(death.lastSentMs)}; back after ${after(death.backMs)}, restarted at ${after(death.restartedMs)}; share each half second since: ${death.shares.map((share) => share.toFixed(2)).join(" ")}`,
      ];
    }),
  );
  const memory = points.flatMap(({ first: { noted } }) =>
    Object.entries(noted.resident ?? {}).map(([program, series]) => {
      const { bytesPerSecond, mean } = slopeOf(series);
      const { first, last } = lowestOf(series);
      const growth = `${((bytesPerSecond * 600) / 1024).toFixed(0)} KiB in ten minutes by slope`;
      const lowest = `lowest of the first two minutes ${mib(first)}, of the last two ${mib(last)}`;
      const collected = noted.collected?.[program];
      const left = collected ? `; objects and buffers that are in use ${mib(collected[0])}, in the end ${mib(collected[1])}` : "";
      const open = noted.connections?.[program];
      const connections = open ? `, with ${open[0]} and ${open[1]} connections` : "";
      return `memory: ${program} ${mib(mean)}, ${growth}; ${lowest}${left}${connections}`;
    }),
  );
  const hogs = points.flatMap(({ first, samples }) => {
    const seen = samples.flatMap(({ noted }) => noted.hogs ?? []);
    const of = (figure: (one: (typeof seen)[number]) => number): string => median(seen.map(figure)).toFixed(2);
    if (seen.length === 0) return [];
    const on = `PSI ${of(({ on }) => on.cpuSome)}, throttled ${of(({ on }) => on.throttled)}`;
    const off = `PSI ${of(({ off }) => off.cpuSome)}, throttled ${of(({ off }) => off.throttled)}`;
    return [
      `hog ${first.policy}: antagonists burned ${percent(Number(of(({ onShare }) => onShare)))} of the time; with one ${on}, without ${off}`,
    ];
  });
  const told = points.flatMap(({ first, samples }) =>
    samples.flatMap(({ seen, degraded }) => [
      ...(seen.told.length > 0
        ? [
            `failed in ${first.scenario} ${first.policy}: ${seen.told
              .slice(0, 5)
              .map(([at, why]) => `${why} at ${at} ms`)
              .join(", ")}`,
          ]
        : []),
      ...(degraded.length > 0 && !first.brokerLost
        ? [`degraded in ${first.scenario} ${first.policy}: ${degraded.slice(0, 3).join("; ")}`]
        : []),
    ]),
  );
  const all = [...deaths, ...memory, ...hogs, ...new Set(told)];
  return all.length === 0 ? [] : ["", ...all];
}

/** As text. */
export function renderSelection({ common, seen, points, errors, orders, targets }: SelectionReport): string {
  const { nodes, replicas, workMs, dwellMs, broker, security } = common;
  const head = [
    `${nodes} nodes, ${replicas} replicas, ${workMs} ms of work, ${dwellMs} ms at each speed, ${broker}, links ${security}; simulated with ${seen.networkMs.toFixed(2)} ms one way and reports ${seen.delayMs.toFixed(2)} ms late, as seen`,
    "",
  ];
  const off = errors.map(
    ({ policy, by, compared }) =>
      `${policy}: predictions are off by ${figures.map((figure) => `${figure} ${percent(by[figure])}`).join(", ")}, median of ${compared}`,
  );
  const order = orders.flatMap((one) => [
    `order by ${one.figure} at 0.85, measured:  ${one.measured.join(" < ")}`,
    `                      simulated: ${one.simulated.join(" < ")}; ${one.inverted.length} of ${one.pairs} pairs the other way round, by more than ${percent(alikeWithin)} in both`,
  ]);
  const judged = targets.map(({ name, want, measured, state }) => {
    const sign = state === "met" ? "✓" : state === "missed" ? "✗" : "?";
    return `${sign} ${name}: ${want}: ${measured === "" ? "no data" : measured}${state === "missed" ? " MISSED" : ""}`;
  });
  return `${[...head, ...figuresText(points), ...costsText(points, common), ...noticeText(points), "", ...off, ...order, "", ...judged].join("\n")}\n`;
}
