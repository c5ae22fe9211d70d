/** A run of mqtt.sh as text. @module */
import type { Target } from "./judge.ts";
import { brokerNames, pointTitle } from "./mqtt-names.ts";
import type { BrokerFigures, MqttPoint } from "./mqtt-points.ts";

const count = (value: number): string => (Number.isFinite(value) ? Math.round(value).toLocaleString("en-US") : "never");
const times = (value: number | undefined): string => (value === undefined ? "" : `${value.toFixed(2)} ×`);
const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;

interface Column {
  readonly title: string;
  readonly width: number;
  readonly value: (figures: BrokerFigures) => string;
}

const columns: readonly Column[] = [
  { title: "messages/s", width: 13, value: (f) => count(f.perSecond.median) },
  { title: "ratio", width: 10, value: (f) => times(f.ratio?.median) },
  { title: "broker µs", width: 11, value: (f) => f.brokerUs.median.toFixed(2) },
  { title: "ratio", width: 9, value: (f) => times(f.cpuRatio?.median) },
  { title: "p50 µs", width: 11, value: (f) => count(f.p50Us.median) },
  { title: "ratio", width: 9, value: (f) => times(f.p50Ratio?.median) },
  { title: "p99 µs", width: 11, value: (f) => count(f.p99Us.median) },
  { title: "ratio", width: 9, value: (f) => times(f.p99Ratio?.median) },
  { title: "p99/p50", width: 9, value: (f) => (Number.isFinite(f.tail.median) ? f.tail.median.toFixed(2) : "") },
  { title: "broker", width: 8, value: (f) => percent(f.brokerBusy) },
  { title: "load", width: 7, value: (f) => percent(f.generatorBusy) + (f.saturated > 0 ? "!" : "") },
];

const nameWidth = Math.max(...Object.values(brokerNames).map((name) => name.length));

function notes(f: BrokerFigures): string {
  const parts: string[] = [];
  if (f.redirected !== undefined) parts.push(`redirected ${f.redirected.toFixed(2)}`);
  for (const [name, n] of Object.entries(f.passed)) if (n >= 0.01) parts.push(`${name} ${n.toFixed(2)}`);
  if (f.lost > 0) parts.push(`${f.lost} LOST or late`);
  return parts.length > 0 ? `  ${parts.join(", ")}` : "";
}

/**
 * Targets as text, and how many are met; shared with the capacity runs.
 *
 * @param colour Whether the reader is a terminal.
 */
export function renderTargets(targets: readonly Target[], colour: boolean): string {
  const paint = (code: number, text: string): string => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
  const width = Math.max(...targets.map((t) => t.name.length));
  const mark = { met: paint(32, "met    "), missed: paint(31, "MISSED "), "no data": paint(2, "no data") } as const;
  const having = (state: Target["state"]): number => targets.filter((t) => t.state === state).length;
  return [
    paint(1, "Targets"),
    ...targets.map((t) => `  ${mark[t.state]} ${t.name.padEnd(width)}  ${t.want.padEnd(9)}  ${t.measured}`),
    "",
    `${having("met")} of ${targets.length} targets met, ${having("missed")} MISSED, ${having("no data")} without data`,
    "",
  ].join("\n");
}

/**
 * Every point, one line a broker; ratios are over mosquitto on TCP of the same repetition.
 *
 * @example
 * ```ts
 * process.stdout.write(renderMqttTable(toMqttPoints(samples)));
 * ```
 */
export function renderMqttTable(points: readonly MqttPoint[]): string {
  const head = "".padEnd(nameWidth + 2) + columns.map(({ title, width }) => title.padStart(width)).join("");
  return points
    .flatMap(({ point, brokers }) => [
      pointTitle(point),
      head,
      ...Object.keys(brokerNames).flatMap((mode) => {
        const f = brokers[mode];
        if (!f) return [];
        return [
          `  ${brokerNames[mode]!.padEnd(nameWidth)}${columns.map(({ width, value }) => value(f).padStart(width)).join("")}${notes(f)}`,
        ];
      }),
      "",
    ])
    .map((line) => `${line}\n`)
    .join("");
}
